/** The filters of the fields beside the search: what stands in the address, and what is asked with both. */
import { choice, text, whole } from "../../query/codec";
import { dayOf, sizeOf, type FileSearch } from "../../query/search";

export const KINDS = ["file", "folder", "shortcut", "document"] as const;

export const FILTERS = { kind: choice(["", ...KINDS], ""), owner: text(), min_size: whole(), changed_since: text() };

export interface Filters {
  kind: string;
  owner: string;
  min_size: number | null;
  changed_since: string;
}

export const NO_FILTERS: Filters = { kind: "", owner: "", min_size: null, changed_since: "" };

/** How many fields filter. */
export function filterCount(filters: Filters): number {
  return [filters.kind, filters.owner, filters.min_size, dayOf(filters.changed_since)].filter((one) => one !== "" && one !== null).length;
}

/** What was typed with what the fields say; of the same thing, what was typed counts. */
export function withFilters(search: FileSearch, filters: Filters): FileSearch {
  const since = dayOf(filters.changed_since);
  return {
    ...(filters.kind ? { kind: [filters.kind] } : {}),
    ...(filters.owner ? { owner: filters.owner } : {}),
    ...(filters.min_size === null ? {} : { min_size: filters.min_size }),
    ...(since ? { changed_since: since } : {}),
    ...search,
  };
}

const UNITS = [
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["kB", 1e3],
] as const;
const SHORT_DIGITS = 4;

/** Bytes as somebody types them, none lost: `1.5 GB`, `1234567 B`. */
export function sizeText(size: number | null): string {
  if (size === null) return "";
  for (const [unit, factor] of UNITS) {
    const shown = String(size / factor);
    if (size >= factor && shown.replace(".", "").length <= SHORT_DIGITS && sizeOf(`${shown}${unit}`) === size) return `${shown} ${unit}`;
  }
  return `${size} B`;
}

/** The bytes of what somebody typed; null for nothing, undefined for what is no size. */
export function sizeTyped(typed: string): number | null | undefined {
  const found = typed.replace(/\s+/g, "");
  return found === "" ? null : (sizeOf(found) ?? undefined);
}
