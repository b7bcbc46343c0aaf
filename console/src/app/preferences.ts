/** What a person chose for this browser: the theme in a cookie that the server reads, keys in the storage. */

export type Theme = "system" | "light" | "dark";

const COOKIE = "filesync_theme";
const KEYS = "filesync.keys";
const YEAR_SECONDS = 31_536_000;

export function theme(): Theme {
  const chosen = document.documentElement.className;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function chooseTheme(next: Theme): void {
  document.documentElement.className = next === "system" ? "" : next;
  const path = new URL(document.baseURI).pathname;
  const age = next === "system" ? 0 : YEAR_SECONDS;
  document.cookie = `${COOKIE}=${next}; Path=${path}; Max-Age=${age}; SameSite=Strict`;
}

/* A browser may forbid storage: then a choice holds until the page is left. */
let keysOff: boolean | undefined;

export function keysAreOff(): boolean {
  try {
    // eslint-disable-next-line no-restricted-globals
    keysOff ??= localStorage.getItem(KEYS) === "off";
  } catch {
    keysOff ??= false;
  }
  return keysOff;
}

export function switchKeys(off: boolean): void {
  keysOff = off;
  try {
    // eslint-disable-next-line no-restricted-globals
    localStorage.setItem(KEYS, off ? "off" : "on");
  } catch {
    // it holds until the page is left
  }
}
