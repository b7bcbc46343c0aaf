/** The chosen table: what its columns are for, and so what comes out of them; its rules and conditions. */
import { useState } from "react";
import { Badge, Button, Card, CheckField, Muted, Row, SelectField, SmallTable, Stack, TextField, type Column } from "../../../components/controls";
import controls from "../../../components/controls.module.css";
import { t } from "../../../text/catalogue";
import { count, share, visible } from "../../../text/format";
import { ruleText } from "../report";
import { PERSON_KINDS, ROLES, columnKey, isRuleOn, roleOf, ruleKey, rowsAfter, strategyOf, type Condition, type Draft, type Found, type Rule, type SourceColumn, type SourceTable } from "./model";
import styles from "./config.module.css";

interface PanelProps {
  found: Found;
  table: SourceTable;
  draft: Draft;
  scale: number;
  onChange: (some: Partial<Draft>) => void;
}

export function TablePanel(props: PanelProps) {
  return (
    <Stack>
      <Columns {...props} />
      <Rules {...props} />
      <Conditions {...props} />
    </Stack>
  );
}

function Columns({ table, draft, scale, onChange }: PanelProps) {
  const isKept = draft.keep.includes(table.name);
  const { [table.name]: own, ...otherRows } = draft.rows;
  const after = rowsAfter([table], { ...draft, rows: otherRows }, scale).get(table.name) ?? null;
  const say = (column: SourceColumn, some: { role?: string; personKind?: string }) => {
    const { [columnKey(table.name, column.name)]: said, ...others } = draft.columns;
    const next = { ...said, ...some };
    const isAsFound = (next.role ?? column.role) === column.role && (next.personKind ?? column.personKind) === column.personKind;
    onChange({ columns: isAsFound ? others : { ...others, [columnKey(table.name, column.name)]: next } });
  };
  const columns: Column<SourceColumn>[] = [
    { id: "name", header: t("config.column"), cell: (one) => <><strong>{visible(one.name)}</strong> {table.primaryKey.includes(one.name) && <Badge tone="info">{t("config.key")}</Badge>}</> },
    { id: "type", header: t("config.type"), cell: (one) => <code>{visible(one.type)}</code> },
    { id: "role", header: t("config.role"), cell: (one) => <Role column={one} table={table.name} draft={draft} onSay={(some) => { say(one, some); }} /> },
    { id: "comes", header: t("config.comes"), cell: (one) => (isKept ? t("config.copied") : t(`config.strategy.${strategyOf(roleOf(one, table.name, draft).role)}`)) },
    { id: "nulls", header: t("config.nulls"), isNumber: true, cell: (one) => (one.nulls === null || !table.rows ? t("app.unknown") : share(one.nulls / table.rows)) },
  ];
  return (
    <Card title={t("config.columns", { table: visible(table.name) })}>
      <SmallTable label={t("config.columns", { table: visible(table.name) })} columns={columns} rows={table.columns} keyOf={(one) => one.name} />
      <div className={styles.tableChoices}>
        <TextField
          label={t("config.rowsExactly")}
          type="number"
          min={0}
          step={1}
          disabled={isKept}
          value={own ?? ""}
          help={t("config.rowsHint", { rows: count(after) })}
          onChange={(event) => { onChange({ rows: event.target.value === "" ? otherRows : { ...otherRows, [table.name]: Math.max(0, Math.round(Number(event.target.value))) } }); }}
        />
        <CheckField label={t("config.keep")} checked={isKept} onChange={(event) => { onChange({ keep: event.target.checked ? [...draft.keep, table.name] : draft.keep.filter((one) => one !== table.name) }); }} />
      </div>
    </Card>
  );
}

interface RoleProps {
  column: SourceColumn;
  table: string;
  draft: Draft;
  onSay: (some: { role?: string; personKind?: string }) => void;
}

function Role({ column, table, draft, onSay }: RoleProps) {
  const { role, personKind } = roleOf(column, table, draft);
  const name = visible(column.name);
  return (
    <span className={styles.role}>
      <select className={controls.input} aria-label={t("config.roleOf", { column: name })} value={role ?? ""} onChange={(event) => { onSay({ role: event.target.value }); }}>
        {column.role === null && <option value="">{t("config.notKnown")}</option>}
        {ROLES.map((one) => (
          <option key={one} value={one}>
            {one.replace("_", " ")}
          </option>
        ))}
      </select>
      {role === "person" && (
        <select className={controls.input} aria-label={t("config.kindOf", { column: name })} value={personKind ?? "full_name"} onChange={(event) => { onSay({ role: "person", personKind: event.target.value }); }}>
          {PERSON_KINDS.map((one) => (
            <option key={one} value={one}>
              {one.replace("_", " ")}
            </option>
          ))}
        </select>
      )}
    </span>
  );
}

function Rules({ found, table, draft, onChange }: PanelProps) {
  const [typed, setTyped] = useState("");
  const rules = found.rules.filter((one) => one.table === table.name);
  const added = draft.addedRules.filter((one) => one.table === table.name);
  const turn = (rule: Rule, isOn: boolean) => {
    const key = ruleKey(rule);
    const [off, on] = [draft.rulesOff.filter((one) => one !== key), draft.rulesOn.filter((one) => one !== key)];
    const isOnAnyway = rule.origin !== "proposed" && rule.origin !== "refused";
    onChange({ rulesOff: !isOn && isOnAnyway ? [...off, key] : off, rulesOn: isOn && !isOnAnyway ? [...on, key] : on });
  };
  const add = () => {
    const expression = typed.trim();
    if (!expression) return;
    onChange({ addedRules: [...draft.addedRules, { table: table.name, expression }] });
    setTyped("");
  };
  return (
    <Card title={t("config.rules", { table: visible(table.name) })}>
      {rules.length + added.length === 0 && <Muted>{t("config.noRules")}</Muted>}
      <ul className={styles.rules}>
        {rules.map((rule) => (
          <li key={ruleKey(rule)}>
            <CheckField label={visible(ruleText(rule))} checked={isRuleOn(rule, draft)} onChange={(event) => { turn(rule, event.target.checked); }} />
            <Muted>
              {rule.support !== null && t("config.ruleSupport", { rows: count(rule.support), share: share(rule.share) })}
              {rule.counterExamples.length > 0 && ` · ${t("config.ruleBroken", { examples: rule.counterExamples.slice(0, 2).map(visible).join("; ") })}`}
            </Muted>
          </li>
        ))}
        {added.map((rule) => (
          <li key={rule.expression} className={styles.addedRule}>
            <code>{visible(rule.expression)}</code>
            <Button look="quiet" icon="cross" name={t("config.removeRule", { rule: visible(rule.expression) })} onClick={() => { onChange({ addedRules: draft.addedRules.filter((one) => one !== rule) }); }} />
          </li>
        ))}
      </ul>
      <form className={styles.adding} onSubmit={(event) => { event.preventDefault(); add(); }}>
        <TextField label={t("config.addRule")} value={typed} placeholder={t("config.addRuleHint")} maxLength={2000} onChange={(event) => { setTyped(event.target.value); }} />
        <Button type="submit" icon="plus" disabled={typed.trim() === ""}>
          {t("config.add")}
        </Button>
      </form>
    </Card>
  );
}

const KINDS = ["is", "in", "between"] as const;

function conditionText(one: Condition): string {
  if (one.kind === "is") return `= ${one.value}`;
  if (one.kind === "in") return `∈ ${one.value}`;
  return [one.value && `≥ ${one.value}`, one.upper && `≤ ${one.upper}`].filter(Boolean).join(", ");
}

function Conditions({ table, draft, onChange }: PanelProps) {
  const empty = { column: table.columns[0]?.name ?? "", kind: "is" as Condition["kind"], value: "", upper: "" };
  const [next, setNext] = useState(empty);
  const own = draft.conditions.filter((one) => one.table === table.name);
  const isReady = next.column !== "" && (next.value.trim() !== "" || (next.kind === "between" && next.upper.trim() !== ""));
  return (
    <Card title={t("config.conditions")}>
      <Muted>{t("config.conditionsHint")}</Muted>
      {own.length > 0 && (
        <ul className={styles.rules}>
          {own.map((one) => (
            <li key={`${one.column} ${conditionText(one)}`} className={styles.addedRule}>
              <code>{visible(`${one.column} ${conditionText(one)}`)}</code>
              <Button look="quiet" icon="cross" name={t("config.removeCondition", { column: visible(one.column) })} onClick={() => { onChange({ conditions: draft.conditions.filter((other) => other !== one) }); }} />
            </li>
          ))}
        </ul>
      )}
      <form
        className={styles.adding}
        onSubmit={(event) => {
          event.preventDefault();
          if (!isReady) return;
          onChange({ conditions: [...draft.conditions.filter((one) => one.table !== table.name || one.column !== next.column), { table: table.name, ...next }] });
          setNext(empty);
        }}
      >
        <SelectField label={t("config.conditionColumn")} value={next.column} options={table.columns.map((one) => [one.name, visible(one.name)])} onPick={(column) => { setNext({ ...next, column }); }} />
        <SelectField label={t("config.conditionKind")} value={next.kind} options={KINDS.map((kind) => [kind, t(`config.${kind}`)])} onPick={(kind) => { setNext({ ...next, kind: KINDS.find((one) => one === kind) ?? "is" }); }} />
        <TextField label={next.kind === "between" ? t("config.from") : next.kind === "in" ? t("config.values") : t("config.value")} value={next.value} onChange={(event) => { setNext({ ...next, value: event.target.value }); }} />
        {next.kind === "between" && <TextField label={t("config.to")} value={next.upper} onChange={(event) => { setNext({ ...next, upper: event.target.value }); }} />}
        <Button type="submit" icon="plus" disabled={!isReady}>
          {t("config.add")}
        </Button>
      </form>
      <Row>
        <CheckField label={t("config.keepRare")} checked={draft.keepRare} onChange={(event) => { onChange({ keepRare: event.target.checked }); }} />
        <CheckField label={t("config.keepExtremes")} checked={draft.keepExtremes} onChange={(event) => { onChange({ keepExtremes: event.target.checked }); }} />
        <CheckField label={t("config.copyText")} checked={draft.copyText} onChange={(event) => { onChange({ copyText: event.target.checked }); }} />
      </Row>
    </Card>
  );
}
