/** What the server says of tables that were chosen, as the configuration wants it. */
import type { TablesTogether } from "../../../api/types";
import { typeText } from "../typeText";
import type { Found } from "./model";

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

export function foundOf(answer: TablesTogether): Found {
  return {
    tables: answer.tables.map((table) => ({
      name: table.name,
      rows: table.rows,
      primaryKey: table.primary_key,
      columns: table.columns.map((column) => ({
        name: column.name,
        type: column.sql_type ?? typeText(column.type),
        role: column.role,
        personKind: column.person_kind,
        nulls: numberOf(column.stats["nulls"]),
        distinct: numberOf(column.stats["distinct"]),
        isNullable: column.nullable,
      })),
    })),
    relations: answer.relations.map((one) => ({
      parent: one.parent,
      parentColumns: one.parent_columns,
      child: one.child,
      childColumns: one.child_columns,
      origin: one.origin,
      multiplicity: one.multiplicity,
      score: one.score,
      inclusion: one.inclusion,
    })),
    rules: answer.rules.map((one) => ({
      table: one.table,
      kind: one.kind,
      columns: one.columns,
      operator: one.operator,
      value: one.value,
      expression: one.expression,
      origin: one.enabled || one.origin === "refused" ? one.origin : "proposed",
      support: one.support,
      share: one.share,
      counterExamples: one.counter_examples,
    })),
  };
}
