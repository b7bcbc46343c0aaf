/** What comparisons are drawn from: shares of real and synthetic rows in the same boxes, as the quality report has them. */

export interface Plot {
  kind: string;
  labels?: readonly string[];
  edges?: readonly (number | string)[];
  unit?: string | null;
  real: readonly number[];
  synthetic: readonly number[];
}

export interface PlotBox {
  label: string;
  real: number;
  synthetic: number;
}

function edgeText(edge: number | string): string {
  if (typeof edge === "string") return edge.replace(/T00:00:00$/, "").replace(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}).*$/, "$1 $2");
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 4 }).format(edge);
}

/** The boxes of a plot with what each is called: values, or where a box begins and ends. */
export function boxesOf(plot: Plot, other: string): PlotBox[] {
  const edges = (plot.edges ?? []).map((edge) => edgeText(edge));
  return plot.real.map((real, at) => {
    const last = plot.real.length - 1;
    let label: string;
    if (plot.kind === "categories") label = plot.labels?.[at] ?? other;
    else if (at === 0) label = `< ${edges[0] ?? ""}`;
    else if (at === last) label = `≥ ${edges[edges.length - 1] ?? ""}`;
    else label = `${edges[at - 1] ?? ""} – ${edges[at] ?? ""}`;
    return { label, real, synthetic: plot.synthetic[at] ?? 0 };
  });
}

/** The share that lies in the wrong box: half of the sum of all differences. */
export function displaced(boxes: readonly PlotBox[]): number {
  return boxes.reduce((sum, box) => sum + Math.abs(box.real - box.synthetic), 0) / 2;
}

/** The outline of a histogram as points of a polygon, from the left bottom to the right bottom. */
export function outline(shares: readonly number[], most: number, width: number, height: number): [x: number, y: number][] {
  const step = width / Math.max(1, shares.length);
  const tops = shares.flatMap((share, at): [number, number][] => {
    const y = height - (most > 0 ? share / most : 0) * height;
    return [
      [at * step, y],
      [(at + 1) * step, y],
    ];
  });
  return [[0, height], ...tops, [width, height]];
}

/** Within this of what reality has, nobody sees a difference. */
const NEAR = 0.05;

/** How good a score is, beside what chance and what naive columns would have. */
export function judge(score: number | null, ceiling: number | null, floor: number | null): "ok" | "warn" | "bad" | "plain" {
  if (score === null) return "plain";
  const top = ceiling ?? 1;
  const bottom = floor ?? Math.max(0, top - 0.3);
  if (score >= top - NEAR) return "ok";
  return score <= bottom && top - bottom > 0.01 ? "bad" : "warn";
}
