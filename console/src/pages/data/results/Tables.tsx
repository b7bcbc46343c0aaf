/** One table: each column real against synthetic, and pairs of columns. */
import { HeatMap, HistogramPair, SIDES, ScoreBar, scoreText } from "../../../charts/Comparison";
import { Badge, Card, Empty, Muted, Row, SelectField, Stack } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import { count, share, visible } from "../../../text/format";
import type { ColumnFacts, TableFacts } from "../report";
import styles from "./results.module.css";

export function Legend() {
  return (
    <ul className={styles.legend} aria-hidden="true">
      {SIDES.map((side) => (
        <li key={side.id}>
          <span className={side.id === "real" ? styles.filled : styles.lined} style={{ borderColor: side.color, ...(side.id === "real" ? { background: side.color } : {}) }} /> {side.label}
        </li>
      ))}
    </ul>
  );
}

export function Tables({ tables, chosen, onChoose }: { tables: readonly TableFacts[]; chosen: string; onChoose: (name: string) => void }) {
  const table = tables.find((one) => one.name === chosen) ?? tables[0];
  if (!table) return <Empty title={t("results.nothingCompared")} />;
  return (
    <Stack>
      <Row>
        <SelectField label={t("results.table")} value={table.name} options={tables.map((one) => [one.name, visible(one.name)])} onPick={onChoose} />
        <Muted>{t("results.rowsOfBoth", { real: count(table.rows.real), synthetic: count(table.rows.synthetic) })}</Muted>
        {!table.judged && <Badge tone="plain">{t("results.fewRows")}</Badge>}
        <Legend />
      </Row>
      <div className={styles.columns}>
        {table.columns.map((column) => (
          <ColumnCard key={column.name} column={column} />
        ))}
      </div>
      {table.heat_map.rows.length > 1 && (
        <Card title={t("results.pairs")}>
          <Muted>{t("results.pairsHint")}</Muted>
          <HeatMap label={t("results.pairsOf", { name: visible(table.name) })} {...table.heat_map} />
          {table.worst_pairs.slice(0, 3).map((pair) => (
            <ScoreBar key={pair.columns.join()} label={pair.columns.map(visible).join(" × ")} score={pair.score} ceiling={pair.ceiling} floor={pair.floor} />
          ))}
        </Card>
      )}
    </Stack>
  );
}

function ColumnCard({ column }: { column: ColumnFacts }) {
  const hasNulls = column.nulls.real > 0 || column.nulls.synthetic > 0;
  return (
    <Card
      title={
        <span className={styles.columnTitle}>
          <span>{visible(column.name)}</span> <Muted>{scoreText(column.score)}</Muted>
        </span>
      }
    >
      <HistogramPair name={column.name} plot={column.plot} />
      <Muted>
        {column.kind}
        {hasNulls && ` · ${t("results.nulls", { real: share(column.nulls.real), synthetic: share(column.nulls.synthetic) })}`}
      </Muted>
    </Card>
  );
}
