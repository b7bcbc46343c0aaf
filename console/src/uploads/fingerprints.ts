/** By which upload a file goes on after the page was left: remembered by name, size and time, not by what is in it. */

const KEY = "filesync.uploads";
const KEPT_COUNT = 200;

export function fingerprint(file: { name: string; size: number; lastModified: number }): string {
  return `${file.size} ${file.lastModified} ${file.name}`;
}

/* A browser may forbid storage: then uploads go on until the page is left. */
let memory: Record<string, string> = {};

function read(): Record<string, string> {
  try {
    // eslint-disable-next-line no-restricted-globals
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return found !== null && typeof found === "object" && !Array.isArray(found) ? (found as Record<string, string>) : {};
  } catch {
    return memory;
  }
}

function write(all: Record<string, string>): void {
  memory = Object.fromEntries(Object.entries(all).slice(-KEPT_COUNT));
  try {
    // eslint-disable-next-line no-restricted-globals
    localStorage.setItem(KEY, JSON.stringify(memory));
  } catch {
    // it holds until the page is left
  }
}

/** The upload that was begun with a file, if there was one. */
export function recall(file: { name: string; size: number; lastModified: number }): string | undefined {
  const id = read()[fingerprint(file)];
  return typeof id === "string" && /^[0-9a-f]{32}$/.test(id) ? id : undefined;
}

export function remember(file: { name: string; size: number; lastModified: number }, id: string): void {
  write({ ...read(), [fingerprint(file)]: id });
}

/** Nothing goes on with this upload any more. */
export function forget(id: string): void {
  write(Object.fromEntries(Object.entries(read()).filter(([, one]) => one !== id)));
}
