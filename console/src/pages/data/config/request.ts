/** The body of `POST /api/sdv/generate` that a configuration means: what was decided, and nothing that is as found anyway. */
import type { GenerationRequest, RequestedRelation, RequestedRule } from "../../../api/types";
import { columnKey, isRuleOn, relationKey, ruleKey, type BarValues, type Condition, type Draft, type Found, type Relation, type Rule } from "./model";

export interface Inputs {
  /** As uploading answered them: `uploads/…`. */
  paths: readonly string[];
  sources: readonly string[];
}

function relationships(relation: Relation, kind: string): RequestedRelation[] {
  return relation.childColumns.map((column, at) => ({
    source_table: relation.parent,
    source_column: relation.parentColumns[at] ?? column,
    target_table: relation.child,
    target_column: column,
    relationship_type: kind,
  }));
}

/** A value as it is meant: a number where it is one and where the column has numbers. */
export function parseValue(text: string, isNumber: boolean): string | number | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const number = Number(trimmed);
  return isNumber && Number.isFinite(number) ? number : trimmed;
}

function whereOf(condition: Condition, isNumber: boolean): unknown {
  if (condition.kind === "in") return condition.value.split(",").map((one) => parseValue(one, isNumber));
  if (condition.kind === "is") return parseValue(condition.value, isNumber);
  const [min, max] = [parseValue(condition.value, isNumber), parseValue(condition.upper, isNumber)];
  return { ...(min === null ? {} : { min }), ...(max === null ? {} : { max }) };
}

/** Conditions of one table belong together: a row has to satisfy all of them. */
export function conditionsOf(found: Found, conditions: readonly Condition[]): { table: string; where: Record<string, unknown> }[] {
  const byTable = new Map<string, Record<string, unknown>>();
  for (const one of conditions) {
    const column = found.tables.find((table) => table.name === one.table)?.columns.find((other) => other.name === one.column);
    if (!column) continue;
    const isNumber = /int|decimal|float|double|numeric|number/i.test(column.type);
    byTable.set(one.table, { ...byTable.get(one.table), [one.column]: whereOf(one, isNumber) });
  }
  return [...byTable].map(([table, where]) => ({ table, where }));
}

function ruleOf(rule: Rule, enabled: boolean): RequestedRule {
  return {
    table: rule.table,
    kind: rule.kind,
    columns: [...rule.columns],
    ...(rule.operator ? { op: rule.operator } : {}),
    ...(rule.value === null || rule.value === undefined ? {} : { value: rule.value }),
    ...(rule.expression ? { expression: rule.expression } : {}),
    enabled,
  };
}

export function requestOf(found: Found, draft: Draft, bar: BarValues, inputs: Inputs): GenerationRequest {
  const decided = found.relations.flatMap((relation) => {
    const said = draft.relations[relationKey(relation)];
    return said ? relationships(relation, said === "accepted" ? relation.multiplicity : "none") : [];
  });
  const columns = found.tables.flatMap((table) =>
    table.columns.flatMap((column) => {
      const said = draft.columns[columnKey(table.name, column.name)];
      return said ? [{ table: table.name, column: column.name, ...(said.role ? { role: said.role } : {}), ...(said.personKind ? { person_kind: said.personKind } : {}) }] : [];
    }),
  );
  const changed = found.rules.filter((rule) => draft.rulesOff.includes(ruleKey(rule)) || draft.rulesOn.includes(ruleKey(rule)));
  return {
    ...(inputs.paths.length > 0 ? { data_sources: [{ type: "local", config: {}, file_paths: [...inputs.paths] }] } : {}),
    ...(inputs.sources.length > 0 ? { sources: [...inputs.sources] } : {}),
    ...(decided.length > 0 ? { relationships: decided } : {}),
    ...(columns.length > 0 ? { columns } : {}),
    rules: [...changed.map((rule) => ruleOf(rule, isRuleOn(rule, draft))), ...draft.addedRules.map(({ table, expression }) => ({ table, kind: "sql", expression }))],
    conditions: conditionsOf(found, draft.conditions),
    rows: { ...draft.rows },
    keep: [...draft.keep],
    scale: bar.scale,
    random_seed: bar.seed,
    output_format: bar.format,
    engine: bar.engine,
    locale: bar.locale,
    quality_settings: { threshold: bar.threshold, include_relationships: true },
    privacy: { keep_rare: draft.keepRare, keep_extremes: draft.keepExtremes, copy_text: draft.copyText },
    wait_s: 0,
  };
}
