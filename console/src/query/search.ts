/** What somebody types to find files: words, patterns, and `ext:dwg size:>1gb owner:"anna" kind:folder hash:… changed:>2026-01-01`. */

export interface FileSearch {
  q?: string;
  kind?: string[];
  owner?: string;
  hash?: string;
  min_size?: number;
  max_size?: number;
  changed_since?: string;
  changed_before?: string;
}

const TOKEN = /(\w+):("[^"]*"|\S+)|"([^"]*)"|(\S+)/g;
const FACTORS: Record<string, number> = { "": 1, b: 1, k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, g: 1e9, gb: 1e9, t: 1e12, tb: 1e12, p: 1e15, pb: 1e15 };
const KINDS = ["file", "folder", "shortcut", "document"];

export function sizeOf(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)([kmgtp]?b?)$/i.exec(text);
  return found ? Math.round(Number(found[1]) * (FACTORS[(found[2] ?? "").toLowerCase()] ?? 1)) : null;
}

export function dayOf(text: string): string | null {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? `${text}T00:00:00Z` : null;
}

type Take = (value: string, into: FileSearch & { ext?: string }) => boolean;

const TAKES: Record<string, Take> = {
  ext: (value, into) => {
    into.ext = value.replace(/^\./, "");
    return into.ext !== "";
  },
  owner: (value, into) => {
    into.owner = value;
    return value !== "";
  },
  hash: (value, into) => {
    into.hash = value;
    return value !== "";
  },
  kind: (value, into) => {
    if (!KINDS.includes(value)) return false;
    into.kind = [...(into.kind ?? []), value];
    return true;
  },
  size: (value, into) => {
    const size = sizeOf(value.replace(/^[<>]/, ""));
    if (size === null) return false;
    if (value.startsWith("<")) into.max_size = size;
    else if (value.startsWith(">")) into.min_size = size;
    else Object.assign(into, { min_size: size, max_size: size });
    return true;
  },
  changed: (value, into) => {
    const day = dayOf(value.replace(/^[<>]/, ""));
    if (day === null) return false;
    if (value.startsWith("<")) into.changed_before = day;
    else into.changed_since = day;
    return true;
  },
};

/** The filters of what was typed; what is no filter is looked for as it stands. */
export function parseSearch(text: string): FileSearch {
  const into: FileSearch & { ext?: string } = {};
  const words: string[] = [];
  for (const [whole, name, value, quoted, word] of text.matchAll(TOKEN)) {
    const given = value?.replace(/^"|"$/g, "") ?? "";
    const take = name ? TAKES[name.toLowerCase()] : undefined;
    if (take?.(given, into)) continue;
    words.push(quoted ?? word ?? whole);
  }
  const { ext, ...found } = into;
  const q = words.join(" ");
  if (ext) return { ...found, q: q.includes("*") ? q : q ? `*${q}*.${ext}` : `*.${ext}` };
  return q ? { ...found, q } : found;
}

/** Whether the server can number the rows: not where a pattern decides which are meant. */
export function hasNumbers(search: FileSearch): boolean {
  return !search.q || !/[*?[/]/.test(search.q);
}
