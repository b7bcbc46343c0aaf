/** What is to be said of an export that was asked for, and whether it can still be cancelled. */
import type { SessionExport } from "../../../api/types";
import { t } from "../../../text/catalogue";
import { plural, visible } from "../../../text/format";

export function isGoingOn({ state }: Pick<SessionExport, "state">): boolean {
  return state === "queued" || state === "exporting" || state === "committing";
}

export function isCancellable(one: Pick<SessionExport, "state" | "cancel_asked">): boolean {
  return (one.state === "queued" || one.state === "exporting") && !one.cancel_asked;
}

function targetText(target: Readonly<Record<string, unknown>>): string {
  const config = (target["config"] ?? {}) as Record<string, unknown>;
  const place = target["source"] ?? [config["host"], config["database"]].filter(Boolean).join("/");
  return [place, target["schema"]].filter(Boolean).map(String).join(", ");
}

/** Where it goes, what came of it, what went wrong. */
export function notesOn(one: Pick<SessionExport, "state" | "target" | "cancel_asked" | "written" | "error" | "warnings">): string {
  const written = Object.entries(one.written ?? {}).map(([table, rows]) => `${table} ${plural(rows, "row")}`);
  const said = [
    one.target ? t("export.into", { target: targetText(one.target) }) : "",
    one.cancel_asked && isGoingOn(one) ? t("export.ending") : "",
    written.length > 0 ? t("export.written", { tables: written.join(", ") }) : "",
    one.error ?? "",
    ...one.warnings.map((warning) => warning.message),
  ];
  return said.filter((text) => text !== "").map(visible).join(" ") || "–";
}
