/** Rows that were made, page by page. Real ones are never beside them. */
import { useApi } from "../../../api/queries";
import type { SessionAnswer } from "../../../api/types";
import { Answer } from "../../../components/Answer";
import { Empty, Row, SelectField, Stack } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import { visible } from "../../../text/format";
import { RowsTable } from "../cells";

const PAGE_ROWS = 100;

interface PreviewProps {
  session: SessionAnswer;
  table: string;
  offset: number;
  onChange: (some: { table?: string; offset?: number }) => void;
}

export function Preview({ session, table, offset, onChange }: PreviewProps) {
  const name = session.tables.find((one) => one.name === table)?.name ?? session.tables[0]?.name ?? "";
  const query = useApi("GET /api/sdv/sessions/{session_id}/rows", { path: { session_id: session.session_id }, query: { table: name, limit: PAGE_ROWS, offset } }, { enabled: name !== "" });
  if (name === "") return <Empty title={t("results.noTables")} />;
  return (
    <Stack>
      <Row>
        <SelectField label={t("results.table")} value={name} options={session.tables.map((one) => [one.name, visible(one.name)])} onPick={(picked) => { onChange({ table: picked, offset: 0 }); }} />
      </Row>
      <Answer query={query} lines={14}>
        {(found) => <RowsTable label={t("results.previewOf", { name: visible(name) })} columns={found.columns} rows={found.rows} offset={offset} total={found.total} pageRows={PAGE_ROWS} onOffset={(next) => { onChange({ offset: next }); }} />}
      </Answer>
    </Stack>
  );
}
