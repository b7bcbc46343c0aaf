/** Every text of the console, typed: `t("health.title")`. A page has a file of its own in text/en. */
import { changes } from "./en/changes";
import { compare } from "./en/compare";
import { charts } from "./en/charts";
import { data } from "./en/data";
import { dataConfig } from "./en/dataConfig";
import { dataConnectors } from "./en/dataConnectors";
import { dataResults } from "./en/dataResults";
import { endpoints } from "./en/endpoints";
import { files } from "./en/files";
import { form } from "./en/form";
import { health } from "./en/health";
import { held } from "./en/held";
import { overview } from "./en/overview";
import { settings } from "./en/settings";
import { shell } from "./en/shell";

export const catalogue = { ...shell, ...health, ...files, ...changes, ...compare, ...settings, ...endpoints, ...held, ...overview, ...charts, ...data, ...dataConfig, ...dataConnectors, ...dataResults, ...form } as const;

export type TextKey = keyof typeof catalogue;

/** The text of a key, with `{name}` replaced. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  return catalogue[key].replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
