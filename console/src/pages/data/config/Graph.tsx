/** Tables and relations as a picture; the lists beside it say and do the same for the keyboard. */
import { t } from "../../../text/catalogue";
import { compact, count, plural, visible } from "../../../text/format";
import { layout } from "./layout";
import { isUsed, relationKey, type Draft, type Found, type Relation } from "./model";
import styles from "./config.module.css";

const WIDTH = 168;
const HEIGHT = 46;
const GAP_X = 76;
const GAP_Y = 22;
const MARGIN = 14;
const SHOWN_LETTERS = 20;

interface GraphProps {
  found: Found;
  draft: Draft;
  chosen: string;
  onChoose: (table: string) => void;
}

function cut(name: string): string {
  const shown = visible(name);
  return shown.length > SHOWN_LETTERS ? `${shown.slice(0, SHOWN_LETTERS - 1)}…` : shown;
}

export function Graph({ found, draft, chosen, onChoose }: GraphProps) {
  const shown = found.relations.filter((one) => draft.relations[relationKey(one)] !== "refused");
  const nodes = layout(found.tables.map((one) => one.name), shown);
  const x = (column: number) => MARGIN + column * (WIDTH + GAP_X);
  const y = (row: number) => MARGIN + row * (HEIGHT + GAP_Y);
  const places = new Map(nodes.map((node) => [node.name, node]));
  const width = x(Math.max(0, ...nodes.map((node) => node.column))) + WIDTH + MARGIN + 24;
  const height = y(Math.max(0, ...nodes.map((node) => node.row))) + HEIGHT + MARGIN;
  const used = shown.filter((one) => isUsed(one, draft)).length;
  const sentence = t("config.graphSentence", { tables: plural(found.tables.length, "table"), used: plural(used, "relation"), proposed: count(shown.length - used) });
  return (
    <div className={styles.graph} role="region" aria-label={t("config.graph")} tabIndex={0}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={sentence}>
        {shown.map((relation) => (
          <Edge key={relationKey(relation)} relation={relation} isSure={isUsed(relation, draft)} from={places.get(relation.parent)} to={places.get(relation.child)} x={x} y={y} />
        ))}
        {nodes.map((node) => {
          const table = found.tables.find((one) => one.name === node.name);
          return (
            // A picture: the list beside it does the same for the keyboard.
            <g key={node.name} className={[styles.node, node.name === chosen ? styles.chosen : ""].join(" ")} transform={`translate(${x(node.column)} ${y(node.row)})`} onClick={() => { onChoose(node.name); }}>
              <rect width={WIDTH} height={HEIGHT} rx={6} />
              <text x={12} y={20} className={styles.nodeName}>
                {cut(node.name)}
              </text>
              <text x={12} y={37} className={styles.nodeAbout}>
                {t("config.rowsAndColumns", { rows: `${compact(table?.rows)} rows`, columns: plural(table?.columns.length ?? null, "column") })}
              </text>
              <title>{visible(node.name)}</title>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

interface EdgeProps {
  relation: Relation;
  isSure: boolean;
  from: { column: number; row: number } | undefined;
  to: { column: number; row: number } | undefined;
  x: (column: number) => number;
  y: (row: number) => number;
}

function Edge({ relation, isSure, from, to, x, y }: EdgeProps) {
  if (!from || !to) return null;
  const isOwn = relation.parent === relation.child;
  const isBack = from.column >= to.column;
  const [x1, y1] = [x(from.column) + WIDTH, y(from.row) + HEIGHT / 2];
  const [x2, y2] = isBack ? [x(to.column) + WIDTH, y(to.row) + HEIGHT / 2 + (isOwn ? 14 : 0)] : [x(to.column), y(to.row) + HEIGHT / 2];
  const bend = isBack ? 30 : Math.max(30, (x2 - x1) / 2);
  const path = `M${x1} ${y1 - (isOwn ? 14 : 0)} C${x1 + bend} ${y1 - (isOwn ? 14 : 0)} ${isBack ? x2 + bend : x2 - bend} ${y2} ${x2} ${y2}`;
  return (
    <g className={isSure ? styles.edge : styles.proposed}>
      <path d={path}>
        <title>{`${relation.child}.${relation.childColumns.join(", ")} → ${relation.parent}`}</title>
      </path>
      <circle cx={x2} cy={y2} r={3.5} />
      {!isSure && relation.score !== null && !isOwn && (
        <text x={(x1 + x2) / 2} y={(y1 + y2) / 2 - 5} textAnchor="middle" className={styles.score}>
          {relation.score.toFixed(2)}
        </text>
      )}
    </g>
  );
}
