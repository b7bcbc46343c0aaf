/** The licences of everything that is in the bundle: they ask that their texts go with it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Locked {
  version: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
}

function textOf(folder: string): string {
  const file = existsSync(folder) ? readdirSync(folder).sort().find((name) => /^licen[cs]e/i.test(name)) : undefined;
  return file ? readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim() : "";
}

/** Each text once, above it the packages that it is of. */
export function licences(root: string): string {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, Locked> };
  const byText = new Map<string, string[]>();
  for (const [path, about] of Object.entries(lock.packages)) {
    if (!path || about.dev || about.optional) continue;
    const text = textOf(join(root, path));
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${about.version} (${about.license ?? "see below"})`]);
  }
  return [...byText].map(([text, names]) => `${names.join("\n")}\n\n${text}\n`).join(`\n${"-".repeat(72)}\n\n`);
}
