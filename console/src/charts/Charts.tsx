/** Our own charts: each is an image with a sentence, and can be read as a table. */
import { useState, type PointerEvent, type ReactNode } from "react";
import { SmallTable, type Column } from "../components/controls";
import { t } from "../text/catalogue";
import { barAt, ends, type Brush } from "./brush";
import styles from "./charts.module.css";

export interface Series {
  id: string;
  label: string;
  color: string;
}

export interface Bar {
  key: string;
  label: string;
  values: Readonly<Record<string, number>>;
}

interface FigureProps {
  sentence: string;
  children: ReactNode;
  table: ReactNode;
  legend?: readonly Series[];
}

export function Figure({ sentence, children, table, legend }: FigureProps) {
  return (
    <figure className={styles.figure}>
      <div role="img" aria-label={sentence}>
        {children}
      </div>
      {legend && (
        <ul className={styles.legend}>
          {legend.map((one) => (
            <li key={one.id}>
              <span className={styles.swatch} style={{ background: one.color }} /> {one.label}
            </li>
          ))}
        </ul>
      )}
      <details>
        <summary>{t("app.showTable")}</summary>
        {table}
      </details>
    </figure>
  );
}

const WIDTH = 800;
const FEWEST_BARS = 20;

interface BarsProps {
  sentence: string;
  bars: readonly Bar[];
  series: readonly Series[];
  height?: number;
  format: (value: number) => string;
  /** Takes the first and the last bar that were brushed over; a click brushes one. */
  onBrush?: (first: Bar, last: Bar) => void;
  /** Which bars are chosen now, by their numbers. */
  chosen?: Brush | null;
}

/** Stacked bars, side by side. */
export function Bars({ sentence, bars, series, height = 120, format, onBrush, chosen = null }: BarsProps) {
  const [brush, setBrush] = useState<Brush | null>(null);
  const totals = bars.map((bar) => series.reduce((sum, one) => sum + (bar.values[one.id] ?? 0), 0));
  const most = Math.max(1, ...totals);
  const roomCount = Math.max(FEWEST_BARS, bars.length);
  const step = WIDTH / roomCount;
  const shown = brush ?? chosen;
  const [firstShown, lastShown] = shown ? ends(shown) : [0, -1];
  const below = (event: PointerEvent<SVGSVGElement>) => {
    const place = event.currentTarget.getBoundingClientRect();
    return barAt(event.clientX - place.left, place.width, roomCount, bars.length);
  };
  // A picture: what a brush does, fields beside it do for the keyboard.
  const brushing = onBrush && bars.length > 0 && {
    className: styles.brushed,
    onPointerDown: (event: PointerEvent<SVGSVGElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      const at = below(event);
      setBrush({ from: at, to: at });
    },
    onPointerMove: (event: PointerEvent<SVGSVGElement>) => {
      if (brush) setBrush({ from: brush.from, to: below(event) });
    },
    onPointerUp: (event: PointerEvent<SVGSVGElement>) => {
      if (!brush) return;
      const [first, last] = ends({ from: brush.from, to: below(event) }).map((at) => bars[at]);
      setBrush(null);
      if (first && last) onBrush(first, last);
    },
    onPointerCancel: () => { setBrush(null); },
  };
  const labels = [...new Set([0, Math.floor((bars.length - 1) / 2), bars.length - 1])].flatMap((at) => bars[at] ?? []);
  const columns: Column<Bar>[] = [
    { id: "label", header: "", cell: (bar) => bar.label },
    ...series.map((one) => ({ id: one.id, header: one.label, isNumber: true, cell: (bar: Bar) => format(bar.values[one.id] ?? 0) })),
  ];
  return (
    <Figure sentence={sentence} legend={series} table={<SmallTable label={sentence} columns={columns} rows={bars.filter((_, at) => (totals[at] ?? 0) > 0)} keyOf={(bar) => bar.key} />}>
      <svg viewBox={`0 0 ${WIDTH} ${height + 18}`} preserveAspectRatio="none" height={height + 18} aria-hidden="true" {...(brushing || {})}>
        <line className={styles.grid} x1={0} x2={WIDTH} y1={height} y2={height} />
        {lastShown >= firstShown && <rect className={styles.brush} x={firstShown * step} y={0} width={(lastShown - firstShown + 1) * step} height={height} />}
        {bars.map((bar, at) => {
          let top = height;
          return (
            <g key={bar.key}>
              <rect x={at * step} y={0} width={step} height={height} fill="transparent">
                <title>{`${bar.label}: ${format(totals[at] ?? 0)}`}</title>
              </rect>
              {series.map((one) => {
                const size = ((bar.values[one.id] ?? 0) / most) * (height - 4);
                const shown = size > 0 ? Math.max(1.5, size) : 0;
                top -= shown;
                return shown > 0 ? <rect key={one.id} x={at * step + step * 0.12} y={top} width={step * 0.76} height={shown} fill={one.color} pointerEvents="none" /> : null;
              })}
            </g>
          );
        })}
      </svg>
      <div style={{ display: "flex", justifyContent: "space-between" }} className={styles.legend}>
        {(bars.length < FEWEST_BARS ? labels.slice(0, 1) : labels).map((bar) => (
          <span key={bar.key}>{bar.label}</span>
        ))}
      </div>
    </Figure>
  );
}

interface LineProps {
  sentence: string;
  points: readonly { key: string; label: string; value: number }[];
  format: (value: number) => string;
  height?: number;
}

/** One value over time. */
export function Line({ sentence, points, format, height = 90 }: LineProps) {
  const values = points.map((point) => point.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const at = (index: number, value: number) => `${(index / Math.max(1, points.length - 1)) * WIDTH},${height - 6 - ((value - low) / span) * (height - 14)}`;
  const line = points.map((point, index) => at(index, point.value)).join(" ");
  const columns: Column<(typeof points)[number]>[] = [
    { id: "label", header: "", cell: (point) => point.label },
    { id: "value", header: "", isNumber: true, cell: (point) => format(point.value) },
  ];
  return (
    <Figure sentence={sentence} table={<SmallTable label={sentence} columns={columns} rows={points} keyOf={(point) => point.key} />}>
      <svg viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" height={height} aria-hidden="true">
        {points.length > 1 && <polygon className={styles.area} points={`0,${height} ${line} ${WIDTH},${height}`} />}
        <polyline className={styles.line} points={points.length > 1 ? line : `0,${height / 2} ${WIDTH},${height / 2}`} />
      </svg>
      <div style={{ display: "flex", justifyContent: "space-between" }} className={styles.legend}>
        <span>{points[0]?.label}</span>
        <span>{points[points.length - 1]?.label}</span>
      </div>
    </Figure>
  );
}

interface SharesProps {
  label: string;
  rows: readonly { key: string; label: string; values: Readonly<Record<string, number>>; text: string }[];
  series: readonly Series[];
}

/** Names with bars beside them, which are text as well: no picture, nothing to read otherwise. */
export function Shares({ label, rows, series }: SharesProps) {
  const most = Math.max(1, ...rows.map((row) => series.reduce((sum, one) => sum + (row.values[one.id] ?? 0), 0)));
  return (
    <div role="group" aria-label={label} className={styles.figure}>
      <ul className={styles.legend}>
        {series.map((one) => (
          <li key={one.id}>
            <span className={styles.swatch} style={{ background: one.color }} /> {one.label}
          </li>
        ))}
      </ul>
      <div className={styles.share}>
        {rows.map((row) => (
          <div key={row.key} className={styles.tones}>
            <span>{row.label}</span>
            <span className={styles.track} aria-hidden="true">
              {series.map((one) => (
                <span key={one.id} style={{ width: `${((row.values[one.id] ?? 0) / most) * 100}%`, background: one.color }} />
              ))}
            </span>
            <span>{row.text}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

interface HeatMapProps {
  sentence: string;
  columns: readonly string[];
  rows: readonly { name: string; values: readonly number[] }[];
  format: (value: number) => string;
}

const CELL = 24;
const NAMES = 44;

/** Amounts by row and column, the stronger the more; the root lets small ones be seen beside a large one. */
export function HeatMap({ sentence, columns, rows, format }: HeatMapProps) {
  const most = Math.max(1, ...rows.flatMap((row) => row.values));
  const width = (WIDTH - NAMES) / Math.max(1, columns.length);
  const filled = rows.flatMap((row) => row.values.map((value, at) => ({ key: `${row.name} ${at}`, where: `${row.name} ${columns[at] ?? ""}`, value })).filter((one) => one.value > 0));
  const table: Column<(typeof filled)[number]>[] = [
    { id: "where", header: "", cell: (one) => one.where },
    { id: "value", header: "", isNumber: true, cell: (one) => format(one.value) },
  ];
  return (
    <Figure sentence={sentence} table={<SmallTable label={sentence} columns={table} rows={filled} keyOf={(one) => one.key} />}>
      <svg viewBox={`0 0 ${WIDTH} ${(rows.length + 1) * CELL}`} aria-hidden="true">
        {columns.map((name, at) => (
          <text key={name} className={styles.axis} x={NAMES + (at + 0.5) * width} y={14} textAnchor="middle">
            {name}
          </text>
        ))}
        {rows.map((row, line) => (
          <g key={row.name} transform={`translate(0 ${(line + 1) * CELL})`}>
            <text className={styles.axis} x={NAMES - 8} y={16} textAnchor="end">
              {row.name}
            </text>
            {row.values.map((value, at) => (
              <rect key={columns[at] ?? at} x={NAMES + at * width + 1} y={1} width={Math.max(1, width - 2)} height={CELL - 2} rx={2} fill={value > 0 ? "var(--chart-1)" : "var(--surface-3)"} fillOpacity={value > 0 ? 0.2 + 0.8 * Math.sqrt(value / most) : 1}>
                <title>{`${row.name} ${columns[at] ?? ""}: ${format(value)}`}</title>
              </rect>
            ))}
          </g>
        ))}
      </svg>
    </Figure>
  );
}
