/** /health: every part, every endpoint, every alert that stands. */
import { Link } from "wouter";
import { useApi } from "../../api/queries";
import type { Component, EndpointHealth, Health, StandingAlert } from "../../api/types";
import { Answer } from "../../components/Answer";
import { Page } from "../../components/Page";
import { State } from "../../components/State";
import { copy } from "../../components/clipboard";
import { Banner, Button, Empty, Muted, SmallTable, Stack, type Column } from "../../components/controls";
import { t } from "../../text/catalogue";
import { ago, moment, visible } from "../../text/format";

const PARTS: readonly Column<Component>[] = [
  { id: "name", header: t("health.part"), cell: (one) => one.name.replaceAll("_", " ") },
  { id: "state", header: t("health.state"), cell: (one) => <State state={one.status} /> },
  { id: "detail", header: t("health.detail"), cell: (one) => one.detail || <Muted>–</Muted> },
];

const ENDPOINTS: readonly Column<EndpointHealth>[] = [
  { id: "name", header: t("health.endpoint"), cell: (one) => <Link href={`/endpoints/${one.endpoint}`}>{visible(one.endpoint)}</Link> },
  { id: "state", header: t("health.state"), cell: (one) => <State state={one.state} /> },
  { id: "checked", header: t("health.checked"), cell: (one) => <span title={moment(one.checked_at)}>{ago(one.checked_at)}</span> },
  {
    id: "as-of",
    header: t("health.asOf"),
    cell: (one) => (
      <>
        {moment(one.last_success)} {one.stale && <State state="stale" />}
      </>
    ),
  },
  { id: "error", header: t("health.detail"), cell: (one) => (one.error ? visible(one.error) : <Muted>–</Muted>) },
];

const ALERTS: readonly Column<StandingAlert>[] = [
  { id: "subject", header: t("health.subject"), cell: (one) => visible(one.subject) },
  { id: "kind", header: t("health.kind"), cell: (one) => one.kind.replaceAll("_", " ") },
  { id: "since", header: t("health.since"), cell: (one) => <span title={moment(one.raised_at)}>{ago(one.raised_at)}</span> },
  { id: "sentence", header: t("health.sentence"), cell: (one) => visible(one.sentence) },
];

function asText(health: Health): string {
  return [
    `filesync ${health.version}: ${health.status} at ${health.checked_at}`,
    ...health.components.map((one) => `part ${one.name}: ${one.status} ${one.detail}`.trimEnd()),
    ...health.endpoints.map((one) => `endpoint ${one.endpoint}: ${one.state} ${one.error ?? ""}`.trimEnd()),
    ...health.alerts.map((one) => `alert ${one.subject} ${one.kind} since ${one.raised_at}: ${one.sentence}`),
  ].join("\n");
}

export default function HealthPage() {
  const query = useApi("GET /health", {}, { everySeconds: 10 });
  const health = query.data;
  return (
    <Page
      title={t("health.title")}
      asOf={health ? new Date(health.checked_at).getTime() : 0}
      isRefreshing={query.isFetching}
      actions={
        <Button icon="copy" disabled={!health} onClick={() => health && void copy(asText(health))}>
          {t("health.copy")}
        </Button>
      }
    >
      <Answer query={query} lines={12}>
        {(found) => (
          <Stack>
            <Banner
              tone={found.status === "ok" ? "ok" : found.status === "degraded" ? "warn" : "bad"}
              title={t(`health.all.${found.status}`)}
            />
            <h2>{t("health.parts")}</h2>
            <SmallTable label={t("health.parts")} columns={PARTS} rows={found.components} keyOf={(one) => one.name} />
            <h2>{t("health.endpoints")}</h2>
            {found.endpoints.length === 0 ? (
              <Empty title={t("health.noEndpoints")} hint={t("health.noEndpointsHint")} />
            ) : (
              <SmallTable label={t("health.endpoints")} columns={ENDPOINTS} rows={found.endpoints} keyOf={(one) => one.endpoint} />
            )}
            <h2>{t("health.alerts")}</h2>
            {found.alerts.length === 0 ? (
              <Muted>{t("health.noAlerts")}</Muted>
            ) : (
              <SmallTable label={t("health.alerts")} columns={ALERTS} rows={found.alerts} keyOf={(one) => `${one.subject} ${one.kind}`} />
            )}
          </Stack>
        )}
      </Answer>
    </Page>
  );
}
