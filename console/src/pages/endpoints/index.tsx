/** Every endpoint and every replication: how each is doing. */
import { useState } from "react";
import { Link } from "wouter";
import { useApi } from "../../api/queries";
import type { ReplicationState, SyncState } from "../../api/types";
import { Answer } from "../../components/Answer";
import { Page } from "../../components/Page";
import { State } from "../../components/State";
import { Empty, Muted, SelectField, SmallTable, Stack, TextField, type Column } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { text } from "../../query/codec";
import { useQueryState } from "../../query/useQueryState";
import { t } from "../../text/catalogue";
import { ago, bytes, count, duration, moment, visible } from "../../text/format";

const CODEC = { q: text(), state: text() };

type Row = SyncState & { isStale: boolean };

const COLUMNS: readonly Column<Row>[] = [
  {
    id: "name",
    header: t("endpoints.name"),
    cell: (one) => (
      <>
        <Link href={`/endpoints/${one.endpoint}`}>{visible(one.endpoint)}</Link> {one.title !== one.endpoint && <Muted>{visible(one.title)}</Muted>}
      </>
    ),
  },
  { id: "type", header: t("endpoints.type"), cell: (one) => one.type },
  {
    id: "state",
    header: t("endpoints.state"),
    cell: (one) => (
      <>
        <State state={one.state} /> {one.isStale && <State state="stale" />}
      </>
    ),
  },
  { id: "files", header: t("endpoints.files"), isNumber: true, cell: (one) => count(one.last_success ? one.files_total : null) },
  { id: "bytes", header: t("endpoints.bytes"), isNumber: true, cell: (one) => bytes(one.last_success ? one.bytes_total : null) },
  { id: "as-of", header: t("endpoints.asOf"), cell: (one) => <span title={moment(one.last_success)}>{ago(one.last_success)}</span> },
  { id: "next", header: t("endpoints.next"), cell: (one) => (one.next_due ? <span title={moment(one.next_due)}>{ago(one.next_due)}</span> : <Muted>–</Muted>) },
];

const REPLICATIONS: readonly Column<ReplicationState>[] = [
  { id: "name", header: t("endpoints.replications"), cell: (one) => (one.held_plan_id === null ? visible(one.name) : <Link href={`/held/plans/${one.name}`}>{visible(one.name)}</Link>) },
  { id: "source", header: t("endpoints.source"), cell: (one) => <Link href={`/endpoints/${one.source}`}>{one.source}</Link> },
  { id: "destination", header: t("endpoints.destination"), cell: (one) => one.destination },
  { id: "state", header: t("endpoints.state"), cell: (one) => <State state={one.state} /> },
  { id: "files", header: t("endpoints.files"), isNumber: true, cell: (one) => count(one.last_run ? one.files : null) },
  { id: "lag", header: t("endpoints.lag"), cell: (one) => (one.lag_seconds === null ? (one.last_run ? t("endpoints.upToDate") : t("app.unknown")) : duration(one.lag_seconds)) },
];

export default function EndpointsPage() {
  const [values, change] = useQueryState(CODEC);
  const [typed, setTyped] = useState(values.q);
  const query = useApi("GET /sync/status", {}, { everySeconds: 5 });
  const health = useApi("GET /health", {}, { everySeconds: 30 });
  const stale = new Set(health.data?.endpoints.filter((one) => one.stale).map((one) => one.endpoint));
  return (
    <Page title={t("endpoints.title")} asOf={query.dataUpdatedAt} isRefreshing={query.isFetching}>
      <Answer query={query} lines={12} empty={(found) => (found.endpoints.length === 0 ? <Empty title={t("endpoints.empty")} hint={t("endpoints.emptyHint")} /> : null)}>
        {(found) => {
          const known = found.endpoints.map((one) => ({ ...one, isStale: stale.has(one.endpoint) }));
          const states = [...new Set([...known.map((one) => one.state), ...(stale.size > 0 ? ["stale"] : [])])].sort();
          const wanted = values.q.toLowerCase();
          const rows = known.filter((one) => (!values.state || one.state === values.state || (values.state === "stale" && one.isStale)) && `${one.endpoint} ${one.title}`.toLowerCase().includes(wanted));
          return (
            <Stack>
              <div className={layout.filters}>
                <div className={layout.grow}>
                  <TextField
                    label={t("endpoints.filter")}
                    type="search"
                    value={typed}
                    onChange={(event) => {
                      setTyped(event.target.value);
                      change({ q: event.target.value }, { replace: true });
                    }}
                  />
                </div>
                <SelectField label={t("endpoints.stateFilter")} value={values.state} options={[["", t("app.all")], ...states.map((one) => [one, one] as const)]} onPick={(state) => { change({ state }); }} />
              </div>
              {rows.length === 0 ? <Empty title={t("endpoints.noneLike")} /> : <SmallTable label={t("endpoints.title")} columns={COLUMNS} rows={rows} keyOf={(one) => one.endpoint} />}
              {found.replications.length > 0 && (
                <>
                  <h2>{t("endpoints.replications")}</h2>
                  <SmallTable label={t("endpoints.replications")} columns={REPLICATIONS} rows={found.replications} keyOf={(one) => one.name} />
                </>
              )}
            </Stack>
          );
        }}
      </Answer>
    </Page>
  );
}
