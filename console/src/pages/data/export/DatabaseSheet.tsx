/** Where a generation is written to: a PostgreSQL source, or a database that is described here and kept nowhere. */
import { useRef, useState } from "react";
import { ApiError, call } from "../../../api/client";
import { useApi } from "../../../api/queries";
import { Answer, Failure } from "../../../components/Answer";
import { Button, CheckField, Muted, SelectField, TextField } from "../../../components/controls";
import { Dialog } from "../../../components/Dialog";
import { SchemaForm, focusField, type FieldProblem } from "../../../forms/SchemaForm";
import type { Config, Schema } from "../../../forms/schema";
import { t } from "../../../text/catalogue";
import { DATABASE_KIND, connectionForm, missingIn, targetField, targetOf } from "./target";
import styles from "./export.module.css";

interface SheetProps {
  session: string;
  onClose: () => void;
  onOrdered: () => Promise<void>;
}

export function DatabaseSheet({ session, onClose, onOrdered }: SheetProps) {
  const connectors = useApi("GET /api/connectors/available");
  const sources = useApi("GET /api/sources");
  const form = useRef<HTMLDivElement>(null);
  const [source, setSource] = useState<string | null>(null);
  const [config, setConfig] = useState<Config>({});
  const [schema, setSchema] = useState("");
  const [hasKeys, setHasKeys] = useState(true);
  const [problem, setProblem] = useState<FieldProblem | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const known = (sources.data?.sources ?? []).filter((one) => one.type === DATABASE_KIND);
  const kind = connectors.data?.connectors.find((one) => one.type === DATABASE_KIND);
  const described = kind && connectionForm(kind.config_schema as Schema);
  const choice = { source: source ?? known[0]?.name ?? "", config, schema };
  const point = (path: string | null, sentence: string) => {
    if (!path) return;
    setProblem({ path, sentence });
    requestAnimationFrame(() => {
      focusField(form.current, path);
    });
  };
  const write = async () => {
    if (!described) return;
    setError(null);
    setProblem(null);
    const missing = missingIn(choice, described);
    if (missing) {
      point(missing, missing === "schema" ? t("export.schemaHint") : t("connectors.missing"));
      return;
    }
    setBusy(true);
    try {
      const body = { format: "database" as const, target: targetOf(choice, described), options: hasKeys ? {} : { constraints: false } };
      await call("POST /api/sdv/sessions/{session_id}/export", { path: { session_id: session }, body });
      await onOrdered();
      onClose();
    } catch (wrong) {
      const found = wrong instanceof ApiError ? wrong : new ApiError(0, String(wrong), "", null);
      setError(found);
      point(targetField(found.field), found.message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      isSheet
      title={t("export.databaseTitle")}
      onClose={onClose}
      buttons={
        <>
          <Button onClick={onClose}>{t("app.cancel")}</Button>
          <Button look="primary" icon="database" disabled={isBusy || !described} onClick={() => void write()}>
            {t("export.write")}
          </Button>
        </>
      }
    >
      <p>{t("export.databaseSays")}</p>
      <Answer query={sources} lines={3}>
        {() => (
          <Answer query={connectors} lines={3}>
            {() => (
              <div ref={form} className={styles.part}>
                <SelectField label={t("export.databaseOf")} name="source" value={choice.source} options={[...known.map((one) => [one.name, one.name] as const), ["", t("export.databaseOther")]]} onPick={setSource} problem={problem?.path === "source" ? problem.sentence : null} />
                {choice.source === "" && described && (
                  <>
                    <Muted>{t("export.databaseKept")}</Muted>
                    <SchemaForm schema={described} config={config} onChange={setConfig} problem={problem} />
                  </>
                )}
                <TextField label={t("export.schema")} name="schema" value={schema} required help={t("export.schemaHint")} problem={problem?.path === "schema" ? problem.sentence : null} onChange={(event) => { setSchema(event.target.value); }} />
                <CheckField label={t("export.constraints")} checked={hasKeys} onChange={(event) => { setHasKeys(event.target.checked); }} />
              </div>
            )}
          </Answer>
        )}
      </Answer>
      {error && <Failure error={error} />}
    </Dialog>
  );
}
