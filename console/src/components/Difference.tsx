/** What changed of something: the fields, as they were and as they are. */
import { visible } from "../text/format";
import layout from "./layout.module.css";

function shown(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}

export function Difference({ before, after }: { before: Record<string, unknown> | null; after: Record<string, unknown> | null }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter((name) => !["name_search", "last_seen_at"].includes(name));
  if (!before || !after) return null;
  return (
    <span className={layout.diff}>
      {names.slice(0, 4).map((name) => (
        <span key={name} title={`${name}: ${shown(before[name])} → ${shown(after[name])}`}>
          {name}: <s>{shown(before[name])}</s> → {shown(after[name])}
        </span>
      ))}
    </span>
  );
}
