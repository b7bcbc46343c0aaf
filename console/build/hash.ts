/** The digest of the sources: what BUILD.json has, and what a test computes without Node. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

const ROOTS = ["src", "build"];
const FILES = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

export function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

function below(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? below(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

/** Types and tests leave no trace in what is built, so they are none of its sources. */
function leavesNoTrace(path: string): boolean {
  return path.endsWith(".d.ts") || /\.test\.tsx?$/.test(path);
}

export function sourcesDigest(root: string): string {
  const found = [...ROOTS.flatMap((name) => below(join(root, name))), ...FILES.map((name) => join(root, name))]
    .map((path) => relative(root, path).split(sep).join("/"))
    .filter((path) => !leavesNoTrace(path))
    .sort((a, b) => (a < b ? -1 : 1));
  return sha256(found.map((path) => `${sha256(readFileSync(join(root, path)))}  ${path}\n`).join(""));
}
