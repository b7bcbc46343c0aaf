/** A form made of a JSON Schema: native controls, in the groups of the server; a field is found by its path. */
import { useId, useState, type ReactNode } from "react";
import { Button, CheckField, SelectField, TextField } from "../components/controls";
import controls from "../components/controls.module.css";
import { t } from "../text/catalogue";
import { fieldsOf, groupsOf, pairsText, parseNames, parsePairs, resolve, type Config, type FormField, type Schema } from "./schema";
import styles from "./forms.module.css";

export interface FieldProblem {
  path: string;
  sentence: string;
}

interface FormProps {
  schema: Schema;
  config: Config;
  onChange: (config: Config) => void;
  /** Paths of secrets that are stored; they are never shown. */
  secretsSet?: readonly string[];
  problem?: FieldProblem | null;
}

const FOLDED = "Advanced";

export function SchemaForm({ schema, config, onChange, secretsSet = [], problem = null }: FormProps) {
  const groups = groupsOf(fieldsOf(schema, schema));
  const inside = (fields: readonly FormField[]) => <Fields fields={fields} root={schema} config={config} onChange={onChange} secretsSet={secretsSet} problem={problem} path="" />;
  return (
    <div className={styles.form}>
      {groups.map(([name, fields]) =>
        name === FOLDED ? (
          <details key={name} className={styles.folded} open={fields.some((one) => problem?.path.split(".")[0] === one.name) || undefined}>
            <summary>{name}</summary>
            <div className={styles.group}>{inside(fields)}</div>
          </details>
        ) : (
          <fieldset key={name} className={styles.group}>
            {name && <legend>{name}</legend>}
            {inside(fields)}
          </fieldset>
        ),
      )}
    </div>
  );
}

interface FieldsProps extends Omit<FormProps, "schema"> {
  fields: readonly FormField[];
  root: Schema;
  path: string;
}

function Fields({ fields, root, config, onChange, secretsSet = [], problem, path }: FieldsProps) {
  return fields.map((field) => {
    const here = path ? `${path}.${field.name}` : field.name;
    return (
      <Field
        key={field.name}
        field={field}
        root={root}
        path={here}
        value={config[field.name]}
        secretsSet={secretsSet}
        problem={problem}
        onChange={(value) => {
          onChange({ ...config, [field.name]: value });
        }}
      />
    );
  });
}

interface OneProps {
  field: FormField;
  root: Schema;
  path: string;
  value: unknown;
  secretsSet: readonly string[];
  problem: FieldProblem | null | undefined;
  onChange: (value: unknown) => void;
}

function Field({ field, root, path, value, secretsSet, problem, onChange }: OneProps) {
  const { schema, control, isRequired } = field;
  const title = `${schema.title ?? field.name}${isRequired ? ` ${t("form.required")}` : ""}`;
  const wrong = problem?.path === path ? problem.sentence : null;
  const initial = schema.default === undefined || schema.default === null || typeof schema.default === "object" ? "" : String(schema.default);
  const common = { label: title, help: schema.description && <Marked text={schema.description} />, problem: wrong, name: path, required: isRequired };
  switch (control) {
    case "choice":
      return <SelectField {...common} value={String(value ?? schema.default ?? "")} options={(schema.enum ?? []).map((one) => [String(one), String(one)])} onPick={onChange} />;
    case "flag":
      return <CheckField label={title} name={path} checked={Boolean(value ?? schema.default)} onChange={(event) => { onChange(event.target.checked); }} />;
    case "whole":
    case "number":
      return (
        <TextField {...common} type="number" step={control === "whole" ? 1 : "any"} min={schema.minimum} max={schema.maximum} placeholder={initial} value={typeof value === "number" ? value : ""} onChange={(event) => { onChange(event.target.value === "" ? undefined : Number(event.target.value)); }} />
      );
    case "secret":
      return <SecretField {...common} isSet={secretsSet.includes(path)} value={value} onChange={onChange} />;
    case "names":
      return <LinesField {...common} placeholder={t("form.onePerLine")} given={Array.isArray(value) ? value.join("\n") : ""} onLines={(text) => { onChange(parseNames(text)); }} />;
    case "pairs":
    case "secretPairs":
      return <LinesField {...common} isSecret={control === "secretPairs"} placeholder={t("form.pairs")} given={pairsText(value)} onLines={(text) => { onChange(parsePairs(text)); }} />;
    case "lines":
      return <LinesField {...common} given={typeof value === "string" ? value : ""} onLines={onChange} />;
    case "group":
      return (
        <fieldset className={styles.inner}>
          <legend>{title}</legend>
          <Fields fields={fieldsOf(schema, root)} root={root} config={(value ?? {}) as Config} onChange={onChange} secretsSet={secretsSet} problem={problem} path={path} />
        </fieldset>
      );
    case "list":
      return <ListField field={field} root={root} path={path} title={title} value={value} secretsSet={secretsSet} problem={problem} onChange={onChange} />;
    case "json":
      return <LinesField {...common} data-control="json" given={value === undefined ? "" : JSON.stringify(value)} onLines={(text) => { onChange(parsed(text)); }} />;
    case "text":
      return <TextField {...common} placeholder={initial} value={typeof value === "string" ? value : ""} onChange={(event) => { onChange(event.target.value); }} />;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A help text, in which `this` is code. */
export function Marked({ text }: { text: string }): ReactNode {
  return text.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));
}

interface CommonProps {
  label: string;
  help?: ReactNode;
  problem: string | null;
  name: string;
  required: boolean;
}

function SecretField({ isSet, value, onChange, ...common }: CommonProps & { isSet: boolean; value: unknown; onChange: (value: unknown) => void }) {
  const isRemoved = isSet && value === "";
  return (
    <div className={styles.secret}>
      <TextField
        {...common}
        type="password"
        autoComplete="new-password"
        placeholder={isRemoved ? t("form.secretRemoved") : isSet ? t("form.secretSet") : ""}
        value={typeof value === "string" ? value : ""}
        onChange={(event) => {
          onChange(event.target.value === "" && isSet ? undefined : event.target.value);
        }}
      />
      {isSet && (
        <Button
          onClick={() => {
            onChange(isRemoved ? undefined : "");
          }}
        >
          {isRemoved ? t("form.secretKeep") : t("form.secretRemove")}
        </Button>
      )}
    </div>
  );
}

interface LinesProps extends CommonProps {
  given: string;
  placeholder?: string;
  isSecret?: boolean;
  onLines: (text: string) => void;
  "data-control"?: string;
}

/** Lines as they are typed; what they mean goes out with each letter, and does not come back to change them. */
function LinesField({ label, help, problem, given, placeholder, isSecret = false, onLines, ...rest }: LinesProps) {
  const id = useId();
  const [typed, setTyped] = useState(given);
  return (
    <div className={controls.field}>
      <label className={controls.label} htmlFor={id}>
        {label}
      </label>
      <textarea
        {...rest}
        id={id}
        className={[controls.input, styles.lines, isSecret ? styles.covered : ""].join(" ")}
        rows={Math.min(8, Math.max(2, typed.split("\n").length))}
        placeholder={placeholder}
        value={typed}
        spellCheck={false}
        aria-invalid={problem ? true : undefined}
        aria-describedby={`${id}-help`}
        onChange={(event) => {
          setTyped(event.target.value);
          onLines(event.target.value);
        }}
      />
      <div id={`${id}-help`}>
        {problem && <p className={controls.problem}>{problem}</p>}
        {help && <p className={controls.help}>{help}</p>}
      </div>
    </div>
  );
}

function ListField({ field, root, path, title, value, secretsSet, problem, onChange }: OneProps & { title: string }) {
  const item = field.schema.items ? resolve(field.schema.items, root) : field.schema;
  const given = Array.isArray(value) ? (value as Config[]) : field.isRequired ? [{}] : [];
  return (
    <fieldset className={styles.inner}>
      <legend>{title}</legend>
      {field.schema.description && <p className={controls.help}><Marked text={field.schema.description} /></p>}
      {given.map((one, at) => (
        // What is at a place is edited there; the last one is taken away first.
        <fieldset key={at} className={styles.inner}>
          <legend>{t("form.item", { number: at + 1 })}</legend>
          <Fields
            fields={fieldsOf(item, root)}
            root={root}
            config={one}
            secretsSet={secretsSet}
            problem={problem}
            path={`${path}.${at}`}
            onChange={(next) => {
              onChange(given.map((other, place) => (place === at ? next : other)));
            }}
          />
        </fieldset>
      ))}
      <div className={controls.row}>
        <Button icon="plus" onClick={() => { onChange([...given, {}]); }}>
          {t("form.add")}
        </Button>
        {given.length > 1 && (
          <Button icon="minus" onClick={() => { onChange(given.slice(0, -1)); }}>
            {t("form.removeLast")}
          </Button>
        )}
      </div>
    </fieldset>
  );
}

/** Put the focus where somebody has to correct something; the nearest field there is. */
export function focusField(container: HTMLElement | null, path: string): void {
  const fields = [...(container?.querySelectorAll<HTMLElement>("[name]") ?? [])];
  const parts = path.split(".");
  for (let length = parts.length; length > 0; length -= 1) {
    const wanted = parts.slice(0, length).join(".");
    const found = fields.find((one) => one.getAttribute("name") === wanted) ?? fields.find((one) => one.getAttribute("name")?.startsWith(`${wanted}.`));
    if (found) {
      found.closest("details")?.setAttribute("open", "");
      found.focus();
      return;
    }
  }
}
