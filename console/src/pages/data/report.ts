/** What the report of a generation looks like: docs/quality-and-privacy.md describes it, the API leaves it open. */
import type { Plot } from "../../charts/plots";

export interface Measured {
  score: number;
  ceiling: number | null;
  floor: number | null;
}

export interface Sides {
  real: number;
  synthetic: number;
}

export interface HeatMapFacts {
  rows: string[];
  columns: string[];
  scores: (number | null)[][];
}

export interface PairFacts extends Measured {
  columns: string[];
}

export interface ColumnFacts extends Measured {
  name: string;
  kind: string;
  nulls: Sides;
  plot: Plot;
}

export interface TableFacts {
  name: string;
  rows: Sides;
  judged: boolean;
  scores: Record<string, Measured | null>;
  columns: ColumnFacts[];
  worst_pairs: PairFacts[];
  heat_map: HeatMapFacts;
}

export interface RelationFacts {
  label: string;
  child: string;
  parent: string;
  judged: boolean;
  rows: Sides;
  parents: Sides;
  scores: Record<string, Measured | null>;
  children_per_parent: Plot;
  children_by_group: (Measured & { column: string; groups: { group: string | null; share: number; real: number; synthetic: number }[] })[];
  worst_pairs: PairFacts[];
  heat_map: HeatMapFacts;
  family: (Measured & { column: string; real: number; synthetic: number })[];
}

export interface RuleFacts extends Measured {
  kind: string;
  table: string;
  columns: string[];
  operator: string | null;
  value: unknown;
  expression: string | null;
}

export interface GroupFacts extends Measured {
  name: string;
  title: string;
  place: string;
  judged: boolean;
  mean: number | null;
}

export interface QualityFacts {
  headline: (GroupFacts & { ceiling_headline: number | null; naive_headline: number | null }) | null;
  groups: GroupFacts[];
  tables: TableFacts[];
  relations: RelationFacts[];
  rules: RuleFacts[];
  usefulness: { table: string; column: string; trained_on_real: number; trained_on_synthetic: number; ratio: number } | null;
  notes: string[];
}

export interface TablePrivacyFacts {
  name: string;
  exact_rows: { synthetic: number; holdout: number };
  copies_rows: boolean;
  nearer_to_training: { value: number; low: number; high: number } | null;
  remembers: boolean;
  nndr: { synthetic: number; holdout: number };
  membership_auc: number;
  distant_rows: number;
  real_values: string[];
}

export interface PrivacyFacts {
  statements: string[];
  copies_rows: boolean;
  remembers: boolean;
  tables: TablePrivacyFacts[];
  not_measured: string[];
  copied_tables: string[];
  notes: string[];
}

/** A rule in words: its expression, a comparison, or its kind with its columns. */
export function ruleText(rule: { kind: string; columns: readonly string[]; operator?: string | null; value?: unknown; expression?: string | null }): string {
  if (rule.expression) return rule.expression;
  const [a = "", b = "", c = ""] = rule.columns;
  const others = rule.columns.slice(0, -1).join(", ");
  const bounds = rule.value !== null && typeof rule.value === "object" ? (rule.value as { min?: unknown; max?: unknown }) : {};
  switch (rule.kind) {
    case "at_most":
      return `${a} ≤ ${b}`;
    case "sum":
      return `${a} = ${b} + ${c}`;
    case "difference":
      return `${a} = ${b} − ${c}`;
    case "product":
      return `${a} = ${b} × ${c}`;
    case "lookup":
      return `${others} → ${rule.columns[rule.columns.length - 1] ?? ""}`;
    case "null_together":
      return `${rule.columns.join(", ")} are missing together`;
    case "unique":
      return `${rule.columns.join(", ")} is unique`;
    case "sign":
      return `${a} ${typeof rule.value === "string" ? rule.value : "≥"} 0`;
    case "sequence":
      return `${a} counts from 1 in each ${b}`;
    case "range":
      return [bounds.min === undefined || bounds.min === null ? "" : `${String(bounds.min)} ≤ `, a, bounds.max === undefined || bounds.max === null ? "" : ` ≤ ${String(bounds.max)}`].join("");
    case "allowed":
      return `${a} is one of ${Array.isArray(rule.value) ? rule.value.map(String).join(", ") : ""}`;
    case "compare":
      return `${a} ${rule.operator ?? "="} ${b || String(rule.value)}`;
    default:
      return `${rule.kind} ${rule.columns.join(", ")}`;
  }
}
