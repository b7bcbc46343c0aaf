/** A histogram of a column from what its profile has: the most frequent values, or how wide twentieths of the rows lie. */

export interface ProfileBar {
  label: string;
  /** How high it is drawn. */
  height: number;
  rows: number | null;
}

export interface ProfilePlot {
  kind: "values" | "density";
  bars: readonly ProfileBar[];
}

type Stats = Readonly<Record<string, unknown>>;

function position(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string") return null;
  const plain = Number(value);
  if (value.trim() !== "" && Number.isFinite(plain)) return plain;
  const moment = Date.parse(value);
  return Number.isNaN(moment) ? null : moment;
}

const BAR_COUNT = 20;

/** Twentieths of the rows, put into boxes of equal width: each lies evenly between its ends. */
export function densityOf(quantiles: readonly number[]): number[] {
  const [low, high] = [quantiles[0] ?? 0, quantiles[quantiles.length - 1] ?? 0];
  const width = (high - low) / BAR_COUNT;
  const share = 1 / Math.max(1, quantiles.length - 1);
  const boxes = new Array<number>(BAR_COUNT).fill(0);
  if (width <= 0) return boxes;
  for (let at = 0; at + 1 < quantiles.length; at += 1) {
    const [from, to] = [quantiles[at] ?? 0, quantiles[at + 1] ?? 0];
    for (let box = 0; box < BAR_COUNT; box += 1) {
      const [start, end] = [low + box * width, low + (box + 1) * width];
      const isPoint = to === from;
      const part = isPoint ? (from >= start && (from < end || box === BAR_COUNT - 1) ? 1 : 0) : Math.max(0, Math.min(end, to) - Math.max(start, from)) / (to - from);
      boxes[box] = (boxes[box] ?? 0) + share * part;
    }
  }
  return boxes;
}

function boundary(value: unknown): string {
  return typeof value === "number" ? new Intl.NumberFormat("en", { maximumSignificantDigits: 4 }).format(value) : String(value).replace(/T00:00:00.*$/, "");
}

/** What can be drawn of a column; null where its values are hidden or nothing repeats. */
export function profilePlot(stats: Stats): ProfilePlot | null {
  const top = Array.isArray(stats["top"]) ? (stats["top"] as { value: unknown; count: number }[]) : [];
  const distinct = typeof stats["distinct"] === "number" ? stats["distinct"] : 0;
  const quantiles = Array.isArray(stats["quantiles"]) ? (stats["quantiles"] as unknown[]).map(position).filter((one) => one !== null) : [];
  if (top.length > 0 && (distinct <= BAR_COUNT || quantiles.length < 3)) {
    return { kind: "values", bars: top.map((one) => ({ label: boundary(one.value), height: one.count, rows: one.count })) };
  }
  if (quantiles.length < 3) return null;
  const boxes = densityOf(quantiles);
  const whole = typeof stats["count"] === "number" ? stats["count"] - (typeof stats["nulls"] === "number" ? stats["nulls"] : 0) : null;
  if (!boxes.some((one) => one > 0)) return null;
  return { kind: "density", bars: boxes.map((height, at) => ({ label: at === 0 ? boundary(stats["min"]) : at === BAR_COUNT - 1 ? boundary(stats["max"]) : "", height, rows: whole === null ? null : Math.round(whole * height) })) };
}
