/** The first rows of a file that was sent. */
import { useState } from "react";
import { useApi } from "../../../api/queries";
import { Answer } from "../../../components/Answer";
import { Dialog } from "../../../components/Dialog";
import { Muted, SelectField, Stack } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import { visible } from "../../../text/format";
import { RowsTable } from "../cells";

const PAGE_ROWS = 20;

export function UploadPreview({ filename, name, onClose }: { filename: string; name: string; onClose: () => void }) {
  const [offset, setOffset] = useState(0);
  const [table, setTable] = useState<string | null>(null);
  const query = useApi("GET /api/upload/file/{filename}/content", { path: { filename }, query: { max_rows: PAGE_ROWS, offset, ...(table === null ? {} : { table }) } });
  return (
    <Dialog isSheet title={t("sources.previewTitle", { name: visible(name) })} onClose={onClose}>
      <Answer query={query} lines={12}>
        {(found) => (
          <Stack>
            {found.tables.length > 1 && <SelectField label={t("sources.previewTable")} value={found.table} options={found.tables.map((one) => [one, visible(one)])} onPick={(picked) => { setTable(picked); setOffset(0); }} />}
            {found.warnings.map((one, at) => (
              <Muted key={at}>{visible(one.message)}</Muted>
            ))}
            {found.masked.length > 0 && <Muted>{t("tables.masked")}</Muted>}
            <RowsTable label={t("sources.preview")} columns={found.columns} rows={found.content} offset={offset} total={found.total_rows} pageRows={PAGE_ROWS} onOffset={setOffset} />
          </Stack>
        )}
      </Answer>
    </Dialog>
  );
}
