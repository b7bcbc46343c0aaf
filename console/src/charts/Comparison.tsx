/** Real against synthetic: two histograms over each other, scores beside what they could be, pairs as a heat map. */
import type { ReactNode } from "react";
import { SmallTable, type Column } from "../components/controls";
import { t } from "../text/catalogue";
import { visible } from "../text/format";
import { Figure, type Series } from "./Charts";
import { boxesOf, displaced, judge, outline, type Plot, type PlotBox } from "./plots";
import styles from "./Comparison.module.css";

const WIDTH = 320;
const HEIGHT = 84;

export const SIDES: readonly Series[] = [
  { id: "real", label: t("charts.real"), color: "var(--chart-1)" },
  { id: "synthetic", label: t("charts.synthetic"), color: "var(--chart-2)" },
];

/** A share with one digit that tells something: `12.3 %`, `< 0.1 %`. */
export function sharePercent(share: number): string {
  const percent = share * 100;
  return percent > 0 && percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(1)} %`;
}

export function scoreText(score: number | null | undefined): string {
  return score === null || score === undefined ? t("app.unknown") : score.toFixed(2);
}

const BOXES: readonly Column<PlotBox & { key: number }>[] = [
  { id: "label", header: t("charts.value"), cell: (box) => visible(box.label) },
  { id: "real", header: t("charts.real"), isNumber: true, cell: (box) => sharePercent(box.real) },
  { id: "synthetic", header: t("charts.synthetic"), isNumber: true, cell: (box) => sharePercent(box.synthetic) },
];

function points(of: readonly [number, number][]): string {
  return of.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}

/** Both distributions of a column: the real one filled, the synthetic one as a line over it. */
export function HistogramPair({ name, plot, legend = false }: { name: string; plot: Plot; legend?: boolean }) {
  const boxes = boxesOf(plot, t("charts.others"));
  if (boxes.length === 0) return <p className={styles.nothing}>{t("charts.nothing")}</p>;
  const sentence = t("charts.pairSentence", { name: visible(name), share: sharePercent(displaced(boxes)) });
  const most = Math.max(...boxes.flatMap((box) => [box.real, box.synthetic]));
  const [real, synthetic] = [boxes.map((box) => box.real), boxes.map((box) => box.synthetic)].map((shares) => outline(shares, most, WIDTH, HEIGHT));
  return (
    <Figure
      sentence={sentence}
      {...(legend ? { legend: SIDES } : {})}
      table={<SmallTable label={sentence} columns={BOXES} rows={boxes.map((box, key) => ({ ...box, key }))} keyOf={(box) => box.key} />}
    >
      <svg viewBox={`0 -2 ${WIDTH} ${HEIGHT + 3}`} preserveAspectRatio="none" height={HEIGHT} aria-hidden="true">
        <polygon className={styles.real} points={points(real ?? [])} />
        <polyline className={styles.synthetic} points={points(synthetic ?? [])} />
        <line className={styles.base} x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      </svg>
      <div className={styles.ends} aria-hidden="true">
        <span>{visible(boxes[0]?.label ?? "")}</span>
        {boxes.length > 1 && <span>{visible(boxes[boxes.length - 1]?.label ?? "")}</span>}
      </div>
    </Figure>
  );
}

interface ScoreProps {
  label: ReactNode;
  score: number | null;
  ceiling?: number | null;
  floor?: number | null;
  small?: ReactNode;
}

/** A score from 0 to 1, with a tick for what naive columns have and one for what reality itself has. */
export function ScoreBar({ label, score, ceiling = null, floor = null, small }: ScoreProps) {
  const tone = judge(score, ceiling, floor);
  const place = (value: number) => `${Math.max(0, Math.min(1, value)) * 100}%`;
  const beside = [
    ceiling === null ? "" : t("charts.ceiling", { score: scoreText(ceiling) }),
    floor === null ? "" : t("charts.floor", { score: scoreText(floor) }),
  ].filter(Boolean);
  return (
    <div className={styles.score}>
      <span className={styles.name}>{label}</span>
      <span className={styles.bar} aria-hidden="true">
        {score !== null && <span className={[styles.fill, styles[tone]].join(" ")} style={{ width: place(score) }} />}
        {floor !== null && <span className={styles.tick} style={{ insetInlineStart: place(floor) }} />}
        {ceiling !== null && <span className={[styles.tick, styles.top].join(" ")} style={{ insetInlineStart: place(ceiling) }} />}
      </span>
      <span className={styles.value}>
        <strong>{scoreText(score)}</strong>
        <span className={styles.beside}>{beside.join(" · ")}</span>
      </span>
      {small && <span className={styles.small}>{small}</span>}
    </div>
  );
}

interface HeatMapProps {
  label: string;
  rows: readonly string[];
  columns: readonly string[];
  scores: readonly (readonly (number | null)[])[];
}

/** Scores of pairs as a matrix; each cell has its number, so it is a table and not a picture. */
export function HeatMap({ label, rows, columns, scores }: HeatMapProps) {
  return (
    // The region can be scrolled with the keyboard.
    <div className={styles.matrix} tabIndex={0} role="region" aria-label={label}>
      <table>
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            <td />
            {columns.map((name) => (
              <th key={name} scope="col">
                <span title={visible(name)}>{visible(name)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, y) => (
            <tr key={row}>
              <th scope="row">
                <span title={visible(row)}>{visible(row)}</span>
              </th>
              {columns.map((column, x) => {
                const score = scores[y]?.[x] ?? null;
                const share = score === null ? 0 : Math.max(0, Math.min(1, (score - 0.5) * 2)) * 100;
                return (
                  <td
                    key={column}
                    {...(score === null ? {} : { style: { background: `color-mix(in oklab, var(--heat-good) ${share.toFixed(0)}%, var(--heat-bad))` } })}
                    title={score === null ? t("charts.notMeasured") : `${visible(row)} × ${visible(column)}: ${scoreText(score)}`}
                  >
                    {score === null ? <span className={styles.none}>·</span> : scoreText(score)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
