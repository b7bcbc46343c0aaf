/** How kinds of changes look: one order and colour everywhere. */
import type { Series } from "../charts/Charts";
import type { IconName } from "../components/Icon";
import type { Tone } from "../components/controls";

const LOOKS: Record<string, readonly [label: string, color: string, tone: Tone, icon: IconName]> = {
  added: ["added", "var(--chart-3)", "ok", "plus"],
  restored: ["restored", "var(--chart-3)", "ok", "plus"],
  modified: ["modified", "var(--chart-1)", "info", "edit"],
  updated: ["updated", "var(--chart-1)", "info", "edit"],
  moved: ["moved", "var(--chart-4)", "info", "move"],
  permissions_changed: ["permissions changed", "var(--chart-1)", "info", "person"],
  removed: ["removed", "var(--chart-2)", "bad", "minus"],
  left_scope: ["left scope", "var(--chart-2)", "warn", "minus"],
};

export const CHANGE_KINDS = ["added", "restored", "modified", "moved", "permissions_changed", "removed", "left_scope"] as const;

export function changeLabel(kind: string): string {
  return LOOKS[kind]?.[0] ?? kind.replaceAll("_", " ");
}

export function changeLook(kind: string): readonly [Tone, IconName] {
  const look = LOOKS[kind];
  return look ? [look[2], look[3]] : ["plain", "dot"];
}

/** The kinds that something has, as series of a chart, in the one order. */
export function changeSeries(counts: readonly Readonly<Record<string, number>>[]): Series[] {
  const there = new Set(counts.flatMap((one) => Object.keys(one).filter((kind) => (one[kind] ?? 0) > 0)));
  const known: string[] = Object.keys(LOOKS);
  const ordered = [...known.filter((kind) => there.has(kind)), ...[...there].filter((kind) => !known.includes(kind))];
  return ordered.map((kind) => ({ id: kind, label: changeLabel(kind), color: LOOKS[kind]?.[1] ?? "var(--chart-1)" }));
}
