/** What may be chosen of each format, and what a format cannot hold. */
import type { SessionTable } from "../../../api/types";

export const FORMATS = ["parquet", "csv", "excel", "json", "sql"] as const;
export type Format = (typeof FORMATS)[number];

export interface ExportChoices {
  raw: boolean;
  delimiter: string;
  byte_order_mark: boolean;
  null_token: string;
  layout: string;
  overflow: string;
  dialect: string;
  constraints: boolean;
  deferrable: boolean;
  copy: boolean;
}

export const DEFAULTS: ExportChoices = {
  raw: false,
  delimiter: ",",
  byte_order_mark: false,
  null_token: "",
  layout: "object",
  overflow: "continue",
  dialect: "postgres",
  constraints: true,
  deferrable: false,
  copy: false,
};

export const OPTIONS: Readonly<Record<Format, readonly (keyof ExportChoices)[]>> = {
  parquet: [],
  csv: ["delimiter", "null_token", "byte_order_mark", "raw"],
  excel: ["overflow", "raw"],
  json: ["layout"],
  sql: ["dialect", "constraints", "deferrable", "copy"],
};

const SHEET_ROWS = 1_048_575; // and one of names

/** Tables that need more than one sheet of a workbook. */
export function sheetsOf(tables: readonly SessionTable[]): { table: string; count: number }[] {
  return tables.filter((one) => one.rows > SHEET_ROWS).map((one) => ({ table: one.name, count: Math.ceil(one.rows / SHEET_ROWS) }));
}

/** What is sent: the options of the format alone, and of those what is not as it would be anyway. */
export function chosenOptions(format: Format, choices: ExportChoices): Record<string, unknown> {
  return Object.fromEntries(OPTIONS[format].filter((name) => choices[name] !== DEFAULTS[name]).map((name) => [name, choices[name]]));
}
