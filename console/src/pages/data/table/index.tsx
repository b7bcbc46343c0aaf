/** One table: what its columns are and have, its rows, its keys and the tables that it belongs to. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { call } from "../../../api/client";
import { useApi } from "../../../api/queries";
import type { ColumnOut, RelationOut, TableOut } from "../../../api/types";
import { useSession } from "../../../app/session";
import { Bars } from "../../../charts/Charts";
import { profilePlot } from "../../../charts/profile";
import { Answer } from "../../../components/Answer";
import { Confirm } from "../../../components/Dialog";
import { State } from "../../../components/State";
import { toast } from "../../../components/toast";
import { Badge, Banner, Button, Card, Empty, Facts, Muted, Row, SmallTable, Stack, type Column } from "../../../components/controls";
import layout from "../../../components/layout.module.css";
import { choice, text, whole } from "../../../query/codec";
import { useQueryState } from "../../../query/useQueryState";
import { t } from "../../../text/catalogue";
import { bytes, count, moment, plural, share, visible } from "../../../text/format";
import { DataPage } from "../DataPage";
import { RowsTable } from "../cells";
import { typeText } from "../typeText";
import styles from "../results/results.module.css";

const VIEWS = ["schema", "rows", "relations"] as const;
const CODEC = { view: choice(VIEWS, "schema"), offset: whole(0), order: text() };
const PAGE_ROWS = 100;

export default function TablePage() {
  const { id = "" } = useParams<{ id: string }>();
  const [values, change] = useQueryState(CODEC);
  // Not in the address: a link must not show somebody else's eyes what was asked to be shown here.
  const [isRevealed, setRevealed] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const { may_decide: mayDecide } = useSession();
  const query = useApi("GET /api/tables/{table_id}", { path: { table_id: id }, query: { reveal: isRevealed } });
  const table = query.data;
  const hidden = table?.schema.filter((one) => one.role === "person") ?? [];
  return (
    <DataPage
      tab="tables"
      title={table ? visible(table.name) : t("tables.title")}
      asOf={query.dataUpdatedAt}
      actions={
        hidden.length > 0 && (
          <Button icon="person" disabled={!mayDecide} aria-pressed={isRevealed} onClick={() => { if (isRevealed) setRevealed(false); else setAsking(true); }}>
            {t(isRevealed ? "tables.hide" : "tables.reveal")}
          </Button>
        )
      }
    >
      <Answer query={query} lines={14}>
        {(found) => (
          <Stack>
            <About table={found} />
            {hidden.length > 0 && !isRevealed && <Muted>{t("tables.masked")}</Muted>}
            <nav aria-label={t("tables.views")}>
              <ul className={styles.views}>
                {VIEWS.map((view) => (
                  <li key={view}>
                    <button type="button" aria-current={values.view === view ? "true" : undefined} onClick={() => { change({ view, offset: 0 }); }}>
                      {t(`tables.view.${view}`)}
                    </button>
                  </li>
                ))}
              </ul>
            </nav>
            {values.view === "rows" ? (
              <Rows table={found} isRevealed={isRevealed} offset={values.offset ?? 0} onOffset={(offset) => { change({ offset }); }} />
            ) : values.view === "relations" ? (
              <Relations table={found} />
            ) : (
              <Columns table={found} />
            )}
          </Stack>
        )}
      </Answer>
      {isAsking && table && (
        <Confirm title={t("tables.revealTitle", { name: visible(table.name) })} action={t("tables.revealDo")} onClose={() => { setAsking(false); }} onConfirm={() => { setRevealed(true); return Promise.resolve(); }}>
          <p>{t("tables.revealSays", { columns: hidden.map((one) => visible(one.name)).join(", ") })}</p>
        </Confirm>
      )}
    </DataPage>
  );
}

function About({ table }: { table: TableOut }) {
  return (
    <div className={layout.columns}>
      <Card title={t("tables.facts")}>
        <Facts
          facts={[
            [t("endpoints.state"), <State key="state" state={table.state} />],
            [t("tables.source"), table.source ? visible(table.source) : visible(table.lineage.file ?? t("tables.upload"))],
            [t("tables.rows"), count(table.rows)],
            [t("export.size"), bytes(table.bytes)],
            [t("tables.readAt"), moment(table.lineage.read_at ?? table.created_at)],
            [t("tables.key"), table.primary_key.map(visible).join(", ") || t("app.none")],
            [t("tables.hash"), <code key="hash" title={table.content_hash}>{table.content_hash.slice(0, 19)}…</code>],
          ]}
        />
        {table.held_reason && <Banner tone="warn" title={visible(table.held_reason)} />}
      </Card>
      {table.reading_warnings.length > 0 && (
        <Card title={t("tables.warnings")}>
          <ul className={styles.list}>
            {table.reading_warnings.map((one, at) => (
              <li key={at}>
                {one.column && <code>{visible(one.column)}</code>} {visible(one.message)} {one.count > 1 && `(${count(one.count)})`}
              </li>
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

function numberIn(stats: Readonly<Record<string, unknown>>, name: string): number | null {
  const value = stats[name];
  return typeof value === "number" ? value : null;
}

function Columns({ table }: { table: TableOut }) {
  return (
    <div className={styles.columns}>
      {table.schema.map((column) => (
        <ColumnCard key={column.name} column={column} rows={table.rows} />
      ))}
    </div>
  );
}

function ColumnCard({ column, rows }: { column: ColumnOut; rows: number }) {
  const plot = profilePlot(column.stats);
  const nulls = numberIn(column.stats, "nulls");
  const name = visible(column.name);
  return (
    <Card title={<span className={styles.columnTitle}><span>{name}</span> <Badge tone="plain">{column.role?.replace("_", " ") ?? t("app.unknown")}</Badge></span>}>
      <Muted>
        <code>{visible(column.sql_type ?? typeText(column.type))}</code> {column.person_kind && column.person_kind.replace("_", " ")} · {t("tables.distinctValues", { count: count(numberIn(column.stats, "distinct")) })} · {t("tables.nullShare", { share: nulls === null ? t("app.unknown") : share(rows > 0 ? nulls / rows : 0) })}
      </Muted>
      {plot && (
        <Bars
          sentence={plot.kind === "values" ? t("tables.topSentence", { column: name }) : t("tables.profileSentence", { column: name, min: visible(String(column.stats["min"])), max: visible(String(column.stats["max"])) })}
          bars={plot.bars.map((bar, at) => ({ key: String(at), label: visible(bar.label), values: { rows: bar.rows ?? 0 } }))}
          series={[{ id: "rows", label: t("tables.rows"), color: "var(--chart-1)" }]}
          height={70}
          format={count}
        />
      )}
      {column.masked && <Badge tone="info" icon="person">{t("tables.maskedColumn")}</Badge>}
    </Card>
  );
}

function Rows({ table, isRevealed, offset, onOffset }: { table: TableOut; isRevealed: boolean; offset: number; onOffset: (offset: number) => void }) {
  const query = useApi("GET /api/tables/{table_id}/rows", { path: { table_id: table.id }, query: { limit: PAGE_ROWS, offset, reveal: isRevealed } });
  return <Answer query={query} lines={14}>{(found) => <RowsTable label={t("tables.rowsOf", { name: visible(table.name) })} columns={found.columns.map((one) => one.name)} rows={found.rows} offset={offset} total={found.matching_rows} pageRows={PAGE_ROWS} onOffset={onOffset} />}</Answer>;
}

function Relations({ table }: { table: TableOut }) {
  const queries = useQueryClient();
  const { may_decide: mayDecide } = useSession();
  const decide = async (relation: RelationOut, decision: "confirm" | "refuse") => {
    try {
      await call("POST /api/tables/{table_id}/relations", { path: { table_id: table.id }, body: { child_columns: relation.child_columns, parent: relation.parent, parent_columns: relation.parent_columns, decision } });
      toast(t(decision === "confirm" ? "tables.confirmed" : "tables.refused"));
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error));
    }
    await queries.invalidateQueries({ queryKey: ["GET /api/tables/{table_id}"] });
  };
  if (table.relations.length === 0) return <Empty title={t("tables.noRelations")} />;
  const tones = { declared: "ok", detected: "ok", proposed: "warn", refused: "bad" } as const;
  const columns: Column<RelationOut>[] = [
    { id: "child", header: t("tables.child"), cell: (one) => visible(`${one.child}.${one.child_columns.join(", ")}`) },
    { id: "parent", header: t("tables.parent"), cell: (one) => visible(`${one.parent}.${one.parent_columns.join(", ")}`) },
    { id: "origin", header: t("endpoints.state"), cell: (one) => <Badge tone={tones[one.origin]}>{t(`config.${one.origin}`)}</Badge> },
    { id: "score", header: t("results.score"), isNumber: true, cell: (one) => one.score?.toFixed(2) ?? "–" },
    { id: "inclusion", header: t("tables.inclusion"), isNumber: true, cell: (one) => share(one.inclusion) },
    {
      id: "decide",
      header: t("sessions.actions"),
      cell: (one) =>
        one.child === table.name && (
          <Row>
            <Button disabled={!mayDecide} onClick={() => void decide(one, "confirm")} aria-label={t("config.confirmOf", { name: visible(`${one.child_columns.join(", ")} → ${one.parent}`) })}>{t("config.confirm")}</Button>
            <Button disabled={!mayDecide} onClick={() => void decide(one, "refuse")} aria-label={t("config.denyOf", { name: visible(`${one.child_columns.join(", ")} → ${one.parent}`) })}>{t("config.deny")}</Button>
          </Row>
        ),
    },
  ];
  return (
    <Stack>
      <Muted>{plural(table.relations.length, "relation")} · <Link href="/data/tables">{t("tables.title")}</Link></Muted>
      <SmallTable label={t("tables.view.relations")} columns={columns} rows={table.relations} keyOf={(one) => `${one.child} ${one.child_columns.join()} ${one.parent} ${one.parent_columns.join()}`} />
    </Stack>
  );
}
