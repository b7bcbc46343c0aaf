/** The fourth tab: other formats with what each loses, and the files with what they are. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { addressOf, call, ApiError } from "../../../api/client";
import { useApi } from "../../../api/queries";
import type { SessionAnswer, SessionExport, SessionFile } from "../../../api/types";
import { useSession } from "../../../app/session";
import { Answer, Failure } from "../../../components/Answer";
import { Confirm } from "../../../components/Dialog";
import { copy } from "../../../components/clipboard";
import { Icon } from "../../../components/Icon";
import { State } from "../../../components/State";
import { toast } from "../../../components/toast";
import { Button, ButtonLink, Card, CheckField, Empty, Muted, SelectField, SmallTable, Stack, TextField, type Column } from "../../../components/controls";
import controls from "../../../components/controls.module.css";
import { choice } from "../../../query/codec";
import { useQueryState } from "../../../query/useQueryState";
import { t } from "../../../text/catalogue";
import { ago, bytes, count, moment, visible } from "../../../text/format";
import { DataPage } from "../DataPage";
import { useGeneration } from "../generation";
import { useTabAddress, useWizard } from "../wizard";
import { DatabaseSheet } from "./DatabaseSheet";
import { isCancellable, isGoingOn, notesOn } from "./exported";
import { DEFAULTS, FORMATS, OPTIONS, chosenOptions, sheetsOf, type ExportChoices, type Format } from "./formats";
import styles from "./export.module.css";

const CODEC = { format: choice(FORMATS, "csv") };
const DIALECTS = ["postgres", "mysql", "sqlite", "snowflake", "oracle", "tsql", "duckdb"] as const;

export default function ExportPage() {
  const [wizard] = useWizard();
  const address = useTabAddress();
  if (wizard.session) return <Generation key={wizard.session} id={wizard.session} />;
  return (
    <DataPage tab="export" title={t("export.title")}>
      <Empty title={t("export.choose")} hint={t("export.chooseHint")} action={<ButtonLink look="primary" to={address("sessions")}>{t("data.sessions")}</ButtonLink>} />
    </DataPage>
  );
}

function Generation({ id }: { id: string }) {
  const query = useGeneration(id);
  const address = useTabAddress();
  return (
    <DataPage tab="export" title={t("export.title")} asOf={query.dataUpdatedAt}>
      <Answer query={query} empty={(session) => (session.state === "completed" ? null : <Empty title={t("export.notYet")} hint={t("export.notYetHint")} action={<ButtonLink to={address("results")}>{t("data.results")}</ButtonLink>} />)}>
        {(session) => <Formats session={session} />}
      </Answer>
    </DataPage>
  );
}

function Formats({ session }: { session: SessionAnswer }) {
  const [values, change] = useQueryState(CODEC);
  const id = session.session_id;
  const [isWaiting, setWaiting] = useState(false);
  const files = useApi("GET /api/sdv/sessions/{session_id}/files", { path: { session_id: id } }, { everySeconds: isWaiting ? 1 : 30 });
  const isBusy = files.data?.exports.some((one) => isGoingOn(one)) ?? false;
  if (isBusy !== isWaiting && files.data && !files.isFetching) setWaiting(isBusy);
  return (
    <Stack>
      <fieldset className={styles.formats}>
        <legend className="visually-hidden">{t("export.formats")}</legend>
        {FORMATS.map((format) => (
          <label key={format} className={styles.format}>
            <input type="radio" name="format" value={format} checked={values.format === format} onChange={() => { change({ format }); }} />
            <strong>{t(`export.${format}`)}</strong>
            <span className={styles.loses}>
              {t(`export.${format}.loses`)}
              {format === "excel" && sheetsOf(session.tables).map((one) => ` ${t("export.sheets", { table: visible(one.table), count: one.count })}`)}
            </span>
          </label>
        ))}
      </fieldset>
      <Order key={values.format} id={id} format={values.format} onOrdered={() => { setWaiting(true); }} />
      <Answer query={files}>
        {(found) => (
          <Stack>
            {found.exports.length > 0 && <Exports id={id} exports={found.exports} />}
            <section className={styles.part}>
              <h2>{t("export.files")}</h2>
              <Muted>{t("export.manifestHint")}</Muted>
              {found.files.length === 0 ? <Empty title={t("export.noFiles")} /> : <SmallTable label={t("export.files")} columns={fileColumns(id)} rows={found.files} keyOf={(one) => one.name} />}
            </section>
          </Stack>
        )}
      </Answer>
    </Stack>
  );
}

function Order({ id, format, onOrdered }: { id: string; format: Format; onOrdered: () => void }) {
  const queries = useQueryClient();
  const { may_decide: mayDecide } = useSession();
  const [choices, setChoices] = useState(DEFAULTS);
  const [isBusy, setBusy] = useState(false);
  const [isWriting, setWriting] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const ordered = async () => {
    await queries.invalidateQueries({ queryKey: ["GET /api/sdv/sessions/{session_id}/files"] });
    onOrdered();
    toast(t("export.waits"));
  };
  const order = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await call("POST /api/sdv/sessions/{session_id}/export", { path: { session_id: id }, body: { format, options: chosenOptions(format, choices) } });
      await ordered();
    } catch (error) {
      setProblem(error instanceof ApiError ? error : new ApiError(0, String(error), "", null));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title={OPTIONS[format].length > 0 ? t("export.options") : undefined}>
      {OPTIONS[format].map((name) => (
        <Option key={name} name={name} choices={choices} onChange={(some) => { setChoices({ ...choices, ...some }); }} />
      ))}
      {problem && <Failure error={problem} />}
      <div className={controls.row}>
        <Button look="primary" icon="download" disabled={!mayDecide || isBusy} onClick={() => void order()}>
          {t("export.do", { format: t(`export.${format}`) })}
        </Button>
        <Button icon="database" disabled={!mayDecide} onClick={() => { setWriting(true); }}>
          {t("export.toDatabase")}
        </Button>
      </div>
      {isWriting && <DatabaseSheet session={id} onClose={() => { setWriting(false); }} onOrdered={ordered} />}
    </Card>
  );
}

function Option({ name, choices, onChange }: { name: keyof ExportChoices; choices: ExportChoices; onChange: (some: Partial<ExportChoices>) => void }) {
  const flags = { raw: "export.raw", byte_order_mark: "export.byteOrderMark", constraints: "export.constraints", deferrable: "export.deferrable", copy: "export.copy" } as const;
  if (name in flags) {
    const flag = name as keyof typeof flags;
    return <CheckField label={t(flags[flag])} checked={choices[flag]} onChange={(event) => { onChange({ [flag]: event.target.checked }); }} />;
  }
  if (name === "null_token") return <TextField label={t("export.nullToken")} value={choices.null_token} maxLength={20} onChange={(event) => { onChange({ null_token: event.target.value }); }} />;
  const lists = {
    delimiter: [t("export.delimiter"), [[",", t("export.comma")], [";", t("export.semicolon")], ["\t", t("export.tab")], ["|", t("export.pipe")]]],
    layout: [t("export.layout"), [["object", t("export.layoutObject")], ["ndjson", t("export.layoutLines")]]],
    overflow: [t("export.overflow"), [["continue", t("export.overflowContinue")], ["refuse", t("export.overflowRefuse")]]],
    dialect: [t("export.dialect"), DIALECTS.map((one) => [one, one] as const)],
  } as const;
  const list = name as keyof typeof lists;
  const [label, options] = lists[list];
  return <SelectField label={label} value={choices[list]} options={options} onPick={(value) => { onChange({ [list]: value }); }} />;
}

function Exports({ id, exports }: { id: string; exports: readonly SessionExport[] }) {
  const queries = useQueryClient();
  const { may_decide: mayDecide } = useSession();
  const [asked, setAsked] = useState<SessionExport | null>(null);
  return (
    <section className={styles.part}>
      <h2>{t("export.others")}</h2>
      <SmallTable
        label={t("export.others")}
        columns={[
          { id: "format", header: t("export.format"), cell: (one) => t(`export.${one.format}`) },
          { id: "state", header: t("export.state"), cell: (one) => <State state={one.state} /> },
          { id: "asked", header: t("export.asked"), cell: (one) => <span title={moment(one.created_at)}>{ago(one.created_at)}</span> },
          { id: "notes", header: t("export.problem"), cell: notesOn },
          {
            id: "actions",
            header: t("export.actions"),
            cell: (one) =>
              isCancellable(one) ? (
                <Button icon="cross" disabled={!mayDecide} aria-label={t("export.cancelOf", { format: t(`export.${one.format}`) })} onClick={() => { setAsked(one); }}>
                  {t("export.cancel")}
                </Button>
              ) : (
                "–"
              ),
          },
        ]}
        rows={[...exports].reverse()}
        keyOf={(one) => one.export_id}
      />
      {asked && (
        <Confirm
          title={t("export.cancelOf", { format: t(`export.${asked.format}`) })}
          action={t("export.cancelDo")}
          isDangerous
          onClose={() => { setAsked(null); }}
          onConfirm={async () => {
            await call("POST /api/sdv/sessions/{session_id}/exports/{export_id}/cancel", { path: { session_id: id, export_id: asked.export_id } });
            await queries.invalidateQueries({ queryKey: ["GET /api/sdv/sessions/{session_id}/files"] });
            toast(t("export.cancelled"));
          }}
        >
          <p>{t("export.cancelSays")}</p>
        </Confirm>
      )}
    </section>
  );
}

function fileColumns(id: string): Column<SessionFile>[] {
  const kind = (file: SessionFile) => (file.kind === "table" ? t("export.kindOf.table", { table: visible(file.table ?? "") }) : file.kind === "manifest" || file.kind === "report" ? t(`export.kindOf.${file.kind}`) : t("export.kindOf.export"));
  return [
    { id: "name", header: t("export.file"), cell: (file) => visible(file.name) },
    { id: "kind", header: t("export.kind"), cell: kind },
    { id: "size", header: t("export.size"), isNumber: true, cell: (file) => bytes(file.size) },
    { id: "rows", header: t("export.rows"), isNumber: true, cell: (file) => (file.rows === null ? "–" : count(file.rows)) },
    {
      id: "sha",
      header: t("export.sha"),
      cell: (file) => (
        <span className={styles.sha}>
          <code title={file.sha256}>{file.sha256.slice(0, 12)}…</code>
          <Button look="quiet" icon="copy" name={t("export.copySha", { name: visible(file.name) })} onClick={() => void copy(file.sha256)} />
        </span>
      ),
    },
    {
      id: "download",
      header: t("export.download"),
      cell: (file) => (
        <a className={controls.button} href={addressOf("GET /api/sdv/sessions/{session_id}/files/{name}", { session_id: id, name: file.name })} download={file.name.replaceAll("/", "_")} aria-label={`${t("export.download")} ${visible(file.name)}`}>
          <Icon name="download" /> {t("export.download")}
        </a>
      ),
    },
  ];
}
