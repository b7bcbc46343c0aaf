/** The form of a source, with its test: what was typed is never lost to a test, and a test says when it is out of date. */
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { ApiError, call } from "../../../api/client";
import type { ConnectionTest, ConnectorOut, SourceOut } from "../../../api/types";
import { Failure } from "../../../components/Answer";
import { Dialog } from "../../../components/Dialog";
import { toast } from "../../../components/toast";
import { Badge, Banner, Button, CheckField, Muted, Stack, TextField } from "../../../components/controls";
import { filled, lacking, type Config, type Schema } from "../../../forms/schema";
import { SchemaForm, focusField, type FieldProblem } from "../../../forms/SchemaForm";
import { fieldPath } from "../../../forms/fieldPath";
import { t } from "../../../text/catalogue";
import { plural, visible } from "../../../text/format";
import styles from "./sources.module.css";

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

interface SheetProps {
  connector: ConnectorOut;
  /** The source that is edited; a new one without it. */
  source?: SourceOut;
  onClose: () => void;
  onSaved: (name: string) => void;
}

interface Tested {
  answer: ConnectionTest;
  /** What was tested, as it was sent. */
  of: string;
}

export function SourceSheet({ connector, source, onClose, onSaved }: SheetProps) {
  const schema = connector.config_schema as Schema;
  const secrets = source?.secrets_set ?? [];
  const queries = useQueryClient();
  const form = useRef<HTMLDivElement>(null);
  const [name, setName] = useState(source?.name ?? "");
  const [config, setConfig] = useState<Config>(source?.config ?? {});
  const [problem, setProblem] = useState<FieldProblem | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState<"test" | "save" | null>(null);
  const [tested, setTested] = useState<Tested | null>(null);
  const sent = filled(config, schema, schema, secrets);
  const isStale = tested !== null && tested.of !== JSON.stringify(sent);
  const point = (path: string | null, sentence: string) => {
    if (!path) return;
    setProblem({ path, sentence });
    requestAnimationFrame(() => {
      focusField(form.current, path);
    });
  };
  const isComplete = () => {
    const missing = lacking(config, schema, schema);
    if (missing) point(missing, t("connectors.missing"));
    return missing === null;
  };
  const run = async (what: "test" | "save", work: () => Promise<void>) => {
    setBusy(what);
    setError(null);
    setProblem(null);
    try {
      await work();
    } catch (wrong) {
      const found = wrong instanceof ApiError ? wrong : new ApiError(0, String(wrong), "", null);
      setError(found.status === 412 ? new ApiError(412, t("connectors.changed"), t("connectors.changedHint"), found.requestId) : found);
      point(fieldPath(found.field), found.message);
    } finally {
      setBusy(null);
    }
  };
  const test = () => {
    if (!isComplete()) return;
    void run("test", async () => {
      const answer = await call("POST /api/connectors/test", { body: { type: connector.type, config: sent } });
      setTested({ answer, of: JSON.stringify(sent) });
      if (!answer.available) point(fieldPath(answer.field), answer.message);
    });
  };
  const save = () => {
    if (!NAME.test(name)) {
      point("source-name", t("connectors.nameHint"));
      return;
    }
    if (!isComplete()) return;
    void run("save", async () => {
      const body = { name, type: connector.type, config: sent };
      if (source) await call("PUT /api/sources/{name}", { path: { name: source.name }, body, headers: { "if-match": `"${source.revision ?? 0}"` } });
      else await call("POST /api/sources", { body });
      await queries.invalidateQueries({ queryKey: ["GET /api/sources"] });
      toast(t("connectors.saved", { name }));
      onSaved(name);
    });
  };
  const chosen = Array.isArray(config["tables"]) ? (config["tables"] as string[]) : [];
  return (
    <Dialog
      isSheet
      title={source ? t("connectors.editSheet", { name: visible(source.name) }) : t("connectors.sheet", { name: connector.name })}
      onClose={onClose}
      buttons={
        <>
          <Button icon="plug" disabled={busy !== null} onClick={test}>
            {t("connectors.test")}
          </Button>
          <Button look="primary" disabled={busy !== null} onClick={save}>
            {t("connectors.save")}
          </Button>
        </>
      }
    >
      <div ref={form}>
        <Stack>
          <Muted>{connector.description}</Muted>
          <TextField label={t("connectors.name")} name="source-name" help={t("connectors.nameHint")} problem={problem?.path === "source-name" ? problem.sentence : null} value={name} disabled={source !== undefined} maxLength={63} data-autofocus onChange={(event) => { setName(event.target.value); }} />
          <SchemaForm schema={schema} config={config} onChange={setConfig} secretsSet={secrets} problem={problem} />
          {busy === "test" && <Banner tone="info" title={t("connectors.testing")} />}
          {error && <Failure error={error} />}
          {tested && busy !== "test" && <TestResult answer={tested.answer} isStale={isStale} />}
          {tested?.answer.available && "tables" in (schema.properties ?? {}) && tested.answer.tables.length > 0 && (
            <fieldset className={styles.picks}>
              <legend>{t("connectors.tables")}</legend>
              <Muted>{t("connectors.allTables")}</Muted>
              {tested.answer.tables.map((table) => (
                <CheckField
                  key={table.name}
                  label={`${visible(table.name)}${table.rows_estimate === null ? "" : ` · ${t("connectors.rowsEstimate", { rows: plural(table.rows_estimate, "row") })}`}${table.readable ? "" : ` · ${table.problem ?? t("connectors.notReadable")}`}`}
                  disabled={!table.readable}
                  checked={chosen.includes(table.name)}
                  onChange={(event) => { setConfig({ ...config, tables: event.target.checked ? [...chosen, table.name] : chosen.filter((one) => one !== table.name) }); }}
                />
              ))}
            </fieldset>
          )}
        </Stack>
      </div>
    </Dialog>
  );
}

function TestResult({ answer, isStale }: { answer: ConnectionTest; isStale: boolean }) {
  return (
    <Banner tone={answer.available ? "ok" : "bad"} isAlert title={visible(answer.message)} action={isStale && <Badge tone="warn">{t("connectors.stale")}</Badge>} small={answer.server ? t("connectors.latency", { server: visible(answer.server), time: answer.latency_ms === null ? t("app.unknown") : Math.round(answer.latency_ms) }) : undefined}>
      {[answer.hint, ...answer.warnings].filter(Boolean).join(" ")}
    </Banner>
  );
}
