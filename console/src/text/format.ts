/** Numbers, sizes and moments for people. What is unknown says so. */

export const UNKNOWN = "unknown";

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : whole.format(value);
}

export function compact(value: number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : short.format(value);
}

export function share(value: number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : percent.format(value);
}

/** A number of bytes with three significant digits: `3.14 TB`. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return `${size.toFixed(digits)} ${UNITS[unit] ?? "B"}`;
}

/** `1 file`, `2 files`, `unknown files`. */
export function plural(value: number | null | undefined, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

let zone: string | undefined;

/** In which time zone moments are shown; undefined: that of this machine. */
export function showIn(timeZone: string | undefined): void {
  zone = timeZone;
}

function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-GB", { ...options, ...(zone ? { timeZone: zone } : {}) });
}

/** A moment to the minute: `3 Nov 2026, 14:02`. */
export function moment(value: string | number | Date | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  return formatter({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }).format(date);
}

export function day(value: string | number | Date): string {
  return formatter({ day: "numeric", month: "short", year: "numeric" }).format(new Date(value));
}

export function clockTime(value: string | number | Date): string {
  return formatter({ hour: "2-digit", minute: "2-digit" }).format(new Date(value));
}

const STEPS: [number, string][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [30.4, "day"],
  [12, "month"],
  [Number.POSITIVE_INFINITY, "year"],
];

/** How long ago, or until when: `2 minutes ago`, `in 3 hours`, `now`. */
export function ago(value: string | number | Date | null | undefined, now = Date.now()): string {
  if (value === null || value === undefined) return UNKNOWN;
  let distance = (new Date(value).getTime() - now) / 1000;
  if (Math.abs(distance) < 5) return "now";
  for (const [size, unit] of STEPS) {
    if (Math.abs(Math.round(distance)) < size) {
      const rounded = Math.round(Math.abs(distance));
      const spoken = `${whole.format(rounded)} ${unit}${rounded === 1 ? "" : "s"}`;
      return distance < 0 ? `${spoken} ago` : `in ${spoken}`;
    }
    distance /= size;
  }
  return UNKNOWN;
}

/** How long something took: `0.4 s`, `3 min 2 s`, `2 h 5 min`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
}

const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A name of a file as it is: what would be invisible, or turn the text around, is shown as its code. */
export function visible(name: string): string {
  return name.replace(HIDDEN, (letter) => `‹U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}›`);
}
