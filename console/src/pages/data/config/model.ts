/** What is learned from, as the configuration knows it, and what somebody decided about it. */

export interface SourceColumn {
  name: string;
  type: string;
  role: string | null;
  personKind: string | null;
  nulls: number | null;
  distinct: number | null;
  isNullable: boolean;
}

export interface SourceTable {
  name: string;
  rows: number | null;
  columns: readonly SourceColumn[];
  primaryKey: readonly string[];
}

export type Origin = "declared" | "detected" | "proposed" | "refused";

export interface Relation {
  parent: string;
  parentColumns: readonly string[];
  child: string;
  childColumns: readonly string[];
  origin: Origin;
  multiplicity: string;
  score: number | null;
  inclusion: number | null;
}

export interface Rule {
  table: string;
  kind: string;
  columns: readonly string[];
  operator: string | null;
  value: unknown;
  expression: string | null;
  origin: Origin;
  support: number | null;
  share: number | null;
  counterExamples: readonly string[];
}

export interface Found {
  tables: readonly SourceTable[];
  relations: readonly Relation[];
  rules: readonly Rule[];
}

export const ROLES = ["key", "foreign_key", "category", "number", "datetime", "text", "person", "constant", "derived", "json", "binary"] as const;
export const PERSON_KINDS = ["first_name", "last_name", "full_name", "email", "phone", "street", "city", "postcode", "country", "company", "birth_date", "national_id", "iban", "card", "ip", "uuid", "url"] as const;
export const LOCALES = ["en_US", "en_GB", "de_DE", "de_AT", "de_CH", "fr_FR", "it_IT", "es_ES", "nl_NL", "pl_PL", "pt_BR", "sv_SE", "ja_JP"] as const;

export interface Condition {
  table: string;
  column: string;
  kind: "is" | "in" | "between";
  value: string;
  upper: string;
}

export interface Draft {
  /** By the name of the relation: what somebody said of it. */
  relations: Readonly<Record<string, "accepted" | "refused">>;
  columns: Readonly<Record<string, { role?: string; personKind?: string }>>;
  rulesOff: readonly string[];
  rulesOn: readonly string[];
  addedRules: readonly { table: string; expression: string }[];
  conditions: readonly Condition[];
  rows: Readonly<Record<string, number>>;
  keep: readonly string[];
  keepRare: boolean;
  keepExtremes: boolean;
  copyText: boolean;
}

export const EMPTY_DRAFT: Draft = { relations: {}, columns: {}, rulesOff: [], rulesOn: [], addedRules: [], conditions: [], rows: {}, keep: [], keepRare: false, keepExtremes: false, copyText: false };

export function relationKey(relation: Relation): string {
  return `${relation.child}(${relation.childColumns.join(",")}) -> ${relation.parent}(${relation.parentColumns.join(",")})`;
}

export function columnKey(table: string, column: string): string {
  return `${table}\n${column}`;
}

export function ruleKey(rule: Pick<Rule, "table" | "kind" | "columns" | "expression" | "operator">): string {
  return [rule.table, rule.kind, rule.columns.join(","), rule.operator ?? "", rule.expression ?? ""].join("\n");
}

/** Whether a relation is used: what was said of it, else what is declared or sure. */
export function isUsed(relation: Relation, draft: Draft): boolean {
  const said = draft.relations[relationKey(relation)];
  return said ? said === "accepted" : relation.origin === "declared" || relation.origin === "detected";
}

export function isRuleOn(rule: Rule, draft: Draft): boolean {
  const key = ruleKey(rule);
  return draft.rulesOn.includes(key) || (!draft.rulesOff.includes(key) && rule.origin !== "proposed" && rule.origin !== "refused");
}

/** The role of a column: what was said of it, else what it was found to be. */
export function roleOf(column: SourceColumn, table: string, draft: Draft): { role: string | null; personKind: string | null } {
  const said = draft.columns[columnKey(table, column.name)];
  return { role: said?.role ?? column.role, personKind: said?.personKind ?? column.personKind };
}

/** What comes out of a column, which follows from its role: docs/synthetic-data.md has the table. */
export function strategyOf(role: string | null): "unknown" | "made" | "follows" | "faker" | "real" | "between" | "derived" | "constant" | "words" {
  const found = { key: "made", foreign_key: "follows", person: "faker", category: "real", number: "between", datetime: "between", derived: "derived", constant: "constant", text: "words", json: "words", binary: "words" } as const;
  return role !== null && role in found ? found[role as keyof typeof found] : "unknown";
}

export interface BarValues {
  scale: number;
  seed: number;
  format: "json" | "csv" | "excel" | "sql" | "parquet";
  engine: "core" | "mostlyai";
  locale: string;
  threshold: number;
}

/** How many rows each table will have, as far as its own are known: `rows`, else what it has by the scale. */
export function rowsAfter(tables: readonly SourceTable[], draft: Draft, scale: number): Map<string, number | null> {
  return new Map(
    tables.map((table) => {
      const own = draft.rows[table.name];
      if (draft.keep.includes(table.name)) return [table.name, table.rows];
      return [table.name, own ?? (table.rows === null ? null : Math.max(1, Math.round(table.rows * scale)))];
    }),
  );
}

export interface Estimate {
  tables: number;
  rows: number | null;
  seconds: number | null;
  bytes: number | null;
}

const CELL_BYTES = { json: 20, csv: 8, excel: 7, sql: 10, parquet: 3 } as const;
const LEARNED_CELLS_PER_SECOND = 250_000;
const MADE_CELLS_PER_SECOND = 1_000_000;
const LEARNED_ROWS_MAX = 200_000;
const COLUMN_SECONDS = 0.12;
const STARTING_SECONDS = 2;

/** About what a generation costs. Learning and comparing look at samples of large tables; making does not. */
export function estimate(found: Found, draft: Draft, bar: BarValues): Estimate {
  const after = rowsAfter(found.tables, draft, bar.scale);
  let [rows, seconds, bytes] = [0, STARTING_SECONDS, 0];
  for (const table of found.tables) {
    const made = after.get(table.name);
    if (made === null || made === undefined || table.rows === null) return { tables: found.tables.length, rows: null, seconds: null, bytes: null };
    const width = Math.max(1, table.columns.length);
    rows += made;
    bytes += made * width * CELL_BYTES[bar.format];
    seconds += width * COLUMN_SECONDS + (Math.min(table.rows, LEARNED_ROWS_MAX) * width) / LEARNED_CELLS_PER_SECOND + (made * width) / MADE_CELLS_PER_SECOND;
  }
  return { tables: found.tables.length, rows, seconds, bytes };
}
