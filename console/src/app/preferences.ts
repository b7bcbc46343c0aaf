/** What a person chose for this browser: the theme in a cookie that the server reads, keys in the storage. */

import { showIn } from "../text/format";

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

export type Density = "comfortable" | "compact";
export type Zone = "system" | "UTC";

const DENSITY = "filesync.density";
const ZONE = "filesync.zone";

function remembered(name: string): string | null {
  try {
    // eslint-disable-next-line no-restricted-globals
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function remember(name: string, value: string): void {
  try {
    // eslint-disable-next-line no-restricted-globals
    localStorage.setItem(name, value);
  } catch {
    // it holds until the page is left
  }
}

export function density(): Density {
  return document.documentElement.dataset["density"] === "compact" ? "compact" : "comfortable";
}

export function chooseDensity(next: Density): void {
  document.documentElement.dataset["density"] = next;
  remember(DENSITY, next);
}

let zone: Zone = "system";

export function timeZone(): Zone {
  return zone;
}

export function chooseZone(next: Zone): void {
  zone = next;
  showIn(next === "UTC" ? "UTC" : undefined);
  remember(ZONE, next);
}

/** What was chosen before, before anything is shown. */
export function applyPreferences(): void {
  if (remembered(DENSITY) === "compact") document.documentElement.dataset["density"] = "compact";
  if (remembered(ZONE) === "UTC") {
    zone = "UTC";
    showIn("UTC");
  }
}

/** A moment as a field for dates and times has it, in the time zone that was chosen; and back. */
export function asFieldText(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const local = zone === "UTC" ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

export function momentOfField(text: string): string {
  const date = new Date(zone === "UTC" ? `${text}Z` : text);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}
