/** Says how a file is read: it is read at once, and stays as it was when it cannot be read so. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, call } from "../../../api/client";
import type { UploadOut } from "../../../api/types";
import { Failure } from "../../../components/Answer";
import { Banner, Button, SelectField, Stack, TextField } from "../../../components/controls";
import controls from "../../../components/controls.module.css";
import { Dialog } from "../../../components/Dialog";
import { toast } from "../../../components/toast";
import { t } from "../../../text/catalogue";
import { visible } from "../../../text/format";
import { choicesOf, formOf, type ReadingForm } from "./reading";

const ENCODINGS = ["utf-8", "cp1252", "iso-8859-1", "utf-16"] as const;

export function ReadingSheet({ upload, onClose }: { upload: UploadOut; onClose: () => void }) {
  const queries = useQueryClient();
  const [form, setForm] = useState(() => formOf(upload.reading));
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const name = visible(upload.original_name);
  const isWorkbook = upload.format === "excel";
  const edit = (some: Partial<ReadingForm>) => { setForm({ ...form, ...some }); };
  const read = async () => {
    setBusy(true);
    setError(null);
    try {
      await call("PUT /api/uploads/{upload_id}/reading", { path: { upload_id: upload.upload_id }, body: choicesOf(form) });
      await queries.invalidateQueries({ predicate: (query) => String(query.queryKey[0]).startsWith("GET /api/upload") });
      toast(t("reading.done", { name }));
      onClose();
    } catch (wrong) {
      setError(wrong instanceof ApiError ? wrong : new ApiError(0, String(wrong), "", null));
      setBusy(false);
    }
  };
  return (
    <Dialog
      isSheet
      title={t("reading.title", { name })}
      onClose={onClose}
      buttons={
        <>
          <Button onClick={onClose}>{t("app.cancel")}</Button>
          <Button look="primary" icon="check" disabled={isBusy} onClick={() => void read()}>
            {t("reading.do")}
          </Button>
        </>
      }
    >
      <Stack>
        <p>{t("reading.says")}</p>
        {upload.problem && <Banner tone="warn" title={visible(upload.problem)} />}
        {isWorkbook ? (
          <TextField label={t("reading.sheet")} value={form.sheet} help={t("reading.sheetHint")} maxLength={255} onChange={(event) => { edit({ sheet: event.target.value }); }} />
        ) : (
          <>
            <SelectField
              label={t("export.delimiter")}
              value={form.delimiter}
              options={[["", t("reading.found")], [",", t("export.comma")], [";", t("export.semicolon")], ["\t", t("export.tab")], ["|", t("export.pipe")], [":", t("reading.colon")], ...other(form.delimiter)]}
              onPick={(delimiter) => { edit({ delimiter }); }}
            />
            <SelectField label={t("reading.encoding")} value={form.encoding} options={[["", t("reading.found")], ...encodings(form.encoding).map((one) => [one, one] as const)]} onPick={(encoding) => { edit({ encoding }); }} />
          </>
        )}
        <TextField label={t("reading.headerRow")} type="number" min={0} max={1_000_000} value={form.headerRow} placeholder={t("reading.found")} help={t("reading.headerRowHint")} onChange={(event) => { edit({ headerRow: event.target.value }); }} />
        <label className={controls.field}>
          <span className={controls.label}>{t("reading.types")}</span>
          <textarea className={controls.input} rows={3} spellCheck={false} placeholder="postcode: text" value={form.types} onChange={(event) => { edit({ types: event.target.value }); }} />
        </label>
        {error && <Failure error={error} />}
      </Stack>
    </Dialog>
  );
}

const OFFERED = ["", ",", ";", "\t", "|", ":"];

/** One that was chosen elsewhere. */
function other(delimiter: string): [string, string][] {
  return OFFERED.includes(delimiter) ? [] : [[delimiter, delimiter]];
}

function encodings(chosen: string): string[] {
  return [...new Set([...ENCODINGS, chosen])].filter((one) => one !== "");
}
