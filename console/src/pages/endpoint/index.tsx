/** One endpoint: how it is doing, its past syncs, its configuration; sync now, test. */
import { useState } from "react";
import { useParams } from "wouter";
import { useQueryClient } from "@tanstack/react-query";
import { ApiError, call } from "../../api/client";
import { useApi } from "../../api/queries";
import type { ConnectionOut, EndpointOut, PastSync, SyncState } from "../../api/types";
import { useSession } from "../../app/session";
import { Bars } from "../../charts/Charts";
import { Answer, Failure } from "../../components/Answer";
import { Confirm } from "../../components/Dialog";
import { Page } from "../../components/Page";
import { State } from "../../components/State";
import { Banner, Button, ButtonLink, Card, Empty, Facts, Muted, SmallTable, Stack, type Column } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { toast } from "../../components/toast";
import { t } from "../../text/catalogue";
import { changeLabel } from "../../text/changes";
import { ago, bytes, count, duration, moment, plural, visible } from "../../text/format";
import { placeAddress } from "../files/Tree";

function found(one: PastSync): string {
  const parts = (["added", "restored", "updated", "moved", "removed", "left_scope"] as const)
    .map((name) => [name, one[`files_${name}`]] as const)
    .filter(([, number]) => number > 0)
    .map(([name, number]) => `${count(number)} ${changeLabel(name)}`);
  return parts.join(", ") || t("endpoint.noChanges");
}

function RunLink({ id }: { id: string | null }) {
  const { dagster_url: url } = useSession();
  if (id === null) return <Muted>–</Muted>;
  if (!url?.startsWith("http")) return <code title={id}>{id.slice(0, 8)}</code>;
  return (
    <a href={`${url}/runs/${encodeURIComponent(id)}`} target="_blank" rel="noopener noreferrer">
      {id.slice(0, 8)}
    </a>
  );
}

const HISTORY: readonly Column<PastSync>[] = [
  { id: "ended", header: t("endpoint.ended"), cell: (one) => <span title={moment(one.completed_at)}>{ago(one.completed_at)}</span> },
  { id: "state", header: t("endpoints.state"), cell: (one) => <State state={one.status} /> },
  { id: "mode", header: t("endpoint.mode"), cell: (one) => one.mode },
  { id: "took", header: t("endpoint.took"), isNumber: true, cell: (one) => duration(one.duration_seconds) },
  { id: "found", header: t("endpoint.found"), cell: (one) => (one.error ? visible(one.error) : found(one)) },
  { id: "run", header: t("endpoint.run"), cell: (one) => <RunLink id={one.run_id} /> },
];

export default function EndpointPage() {
  const { name } = useParams<{ name: string }>();
  const session = useSession();
  const [asked, setAsked] = useState<"sync" | "full" | null>(null);
  const query = useApi("GET /sync/status", { query: { endpoint: [name] } }, { everySeconds: 5 });
  const all = useApi("GET /endpoints");
  const status = query.data?.endpoints.find((one) => one.endpoint === name);
  const entry = all.data?.endpoints.find((one) => one.name === name);
  return (
    <Page
      title={visible(status?.title ?? name)}
      asOf={query.dataUpdatedAt}
      isRefreshing={query.isFetching}
      actions={
        <>
          <ButtonLink to={placeAddress(name, "")} icon="folder">
            {t("endpoint.browse")}
          </ButtonLink>
          <ButtonLink to={`/changes?endpoint=${encodeURIComponent(name)}`} icon="clock">
            {t("endpoint.changes")}
          </ButtonLink>
          {session.may_decide && (
            <>
              <Button icon="refresh" look="primary" onClick={() => { setAsked("sync"); }}>
                {t("endpoint.sync")}
              </Button>
              <Button onClick={() => { setAsked("full"); }}>{t("endpoint.full")}</Button>
            </>
          )}
        </>
      }
    >
      <Answer query={query} lines={12} empty={(data) => (data.endpoints.length === 0 ? <Empty title={t("endpoint.unknown", { name: visible(name) })} /> : null)}>
        {() => status && <Details name={name} status={status} entry={entry} />}
      </Answer>
      {asked && <SyncDialog name={name} isFull={asked === "full"} onClose={() => { setAsked(null); }} />}
    </Page>
  );
}

function SyncDialog({ name, isFull, onClose }: { name: string; isFull: boolean; onClose: () => void }) {
  const queries = useQueryClient();
  const confirm = async () => {
    const body = { endpoints: [name] };
    const launched = isFull ? await call("POST /sync/initial", { body }) : await call("POST /sync/incremental", { body });
    toast(launched.waiting.length > 0 ? t("endpoint.waiting") : t("endpoint.launched"));
    await queries.invalidateQueries({ queryKey: ["GET /sync/status"] });
  };
  return (
    <Confirm title={t("endpoint.syncTitle", { name })} action={isFull ? t("endpoint.full") : t("endpoint.sync")} onConfirm={confirm} onClose={onClose}>
      <p>{t(isFull ? "endpoint.fullSays" : "endpoint.syncSays", { name })}</p>
    </Confirm>
  );
}

function Details({ name, status, entry }: { name: string; status: SyncState; entry: EndpointOut | undefined }) {
  const session = useSession();
  const dagster = session.dagster_url?.startsWith("http") ? `${session.dagster_url}/assets/filesync/${encodeURIComponent(name)}` : null;
  const last = status.last_sync;
  return (
    <Stack>
      {status.held_sync_id && (
        <Banner tone="warn" title={t("endpoint.held")} action={<ButtonLink to={`/held/${name}`}>{t("endpoint.decide")}</ButtonLink>} />
      )}
      {status.error && <Banner tone={status.state === "failed" ? "bad" : "warn"} title={visible(status.error)} />}
      {entry?.problems.map((problem) => <Banner key={problem} tone="bad" title={visible(problem)} />)}
      {status.breaker && (
        <Banner tone="warn" title={t("endpoint.breaker")}>
          {t("endpoint.breakerSays", { count: status.breaker.failures, time: ago(status.breaker.probe_at), reason: visible(status.breaker.reason ?? "") })}
        </Banner>
      )}
      <div className={layout.columns}>
        <Card title={t("endpoint.now")}>
          <Facts
            facts={[
              [t("endpoints.state"), <State state={status.state} />],
              [t("endpoints.files"), count(status.last_success ? status.files_total : null)],
              [t("endpoints.bytes"), bytes(status.last_success ? status.bytes_total : null)],
              [t("endpoints.asOf"), `${moment(status.last_success)} (${ago(status.last_success)})`],
              ...(status.running_since ? [[t("endpoint.running"), moment(status.running_since)] as const] : []),
              [t("endpoints.next"), status.next_due ? `${moment(status.next_due)} (${ago(status.next_due)})` : t("app.none")],
              [t("endpoint.last"), last ? `${last.status}, ${duration(last.duration_seconds)}` : t("app.none")],
              ...(last && last.feed_drift !== null ? [[t("endpoint.drift"), count(last.feed_drift)] as const] : []),
              ...(dagster ? [["Dagster", <a href={dagster} target="_blank" rel="noopener noreferrer">{t("endpoint.asset")}</a>] as const] : []),
            ]}
          />
          {session.may_decide && <Check name={name} />}
        </Card>
        <Card title={t("endpoint.config")}>
          {entry && (
            <Facts
              facts={[
                [t("endpoints.type"), entry.type],
                [t("endpoint.schedule"), entry.schedule || t("app.none")],
                [t("endpoint.project"), entry.project_id ?? t("app.none")],
                ...Object.entries(entry.endpoint_details).map(([key, value]) => [key, <code>{visible(typeof value === "string" ? value : JSON.stringify(value))}</code>] as const),
              ]}
            />
          )}
        </Card>
      </div>
      <History name={name} />
    </Stack>
  );
}

function Check({ name }: { name: string }) {
  const [state, setState] = useState<{ busy: boolean; report?: ConnectionOut; problem?: ApiError }>({ busy: false });
  const check = async () => {
    setState({ busy: true });
    try {
      setState({ busy: false, report: await call("POST /endpoints/{name}/check", { path: { name } }) });
    } catch (error) {
      setState({ busy: false, problem: error instanceof ApiError ? error : new ApiError(0, String(error), "", null) });
    }
  };
  const { report, problem } = state;
  return (
    <div role="status">
      <Stack>
        <div>
          <Button disabled={state.busy} onClick={() => void check()}>
            {state.busy ? t("endpoint.testing") : t("endpoint.test")}
          </Button>
        </div>
        {report && (
          <Banner tone={report.problems.length > 0 ? "bad" : report.warnings.length > 0 ? "warn" : "ok"} title={t("endpoint.sees", { ms: Math.round(report.latency_ms), sees: visible(report.sees) })}>
            {[...report.problems, ...report.warnings, ...(report.permissions.length > 0 ? [t("endpoint.may", { permissions: report.permissions.join(", ") })] : [])].join(" ")}
          </Banner>
        )}
        {problem && <Failure error={problem} />}
      </Stack>
    </div>
  );
}

function History({ name }: { name: string }) {
  const query = useApi("GET /api/syncs", { query: { endpoint: name, limit: 60 } }, { everySeconds: 15 });
  return (
    <>
      <h2>{t("endpoint.history")}</h2>
      <Answer query={query} empty={(data) => (data.items.length === 0 ? <Muted>{t("endpoint.noHistory")}</Muted> : null)}>
        {({ items }) => {
          const bars = [...items].reverse().map((one) => ({ key: one.sync_id, label: moment(one.completed_at), values: { seconds: one.duration_seconds } }));
          const longest = Math.max(...items.map((one) => one.duration_seconds));
          return (
            <Stack>
              <Bars
                sentence={t("endpoint.durationSentence", { count: plural(items.length, "sync", "syncs"), longest: duration(longest) })}
                bars={bars}
                series={[{ id: "seconds", label: t("endpoint.durations"), color: "var(--chart-1)" }]}
                format={duration}
                height={70}
              />
              <SmallTable label={t("endpoint.history")} columns={HISTORY} rows={items.slice(0, 20)} keyOf={(one) => one.sync_id} />
            </Stack>
          );
        }}
      </Answer>
    </>
  );
}
