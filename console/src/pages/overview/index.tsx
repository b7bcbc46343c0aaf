/** The first page: what needs a person, then totals, growth, changes. */
import { Link } from "wouter";
import { useApi } from "../../api/queries";
import { useNeeds } from "../../app/needs";
import type { Component, NeedOut, Overview } from "../../api/types";
import { Bars, Line } from "../../charts/Charts";
import { Answer } from "../../components/Answer";
import { Page } from "../../components/Page";
import { Badge, Banner, ButtonLink, Card, Empty, Muted, Stack } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { t } from "../../text/catalogue";
import { changeSeries } from "../../text/changes";
import { ago, bytes, clockTime, count, day, moment, plural, visible } from "../../text/format";

const HOUR_MS = 3_600_000;

function addressOfNeed(need: NeedOut): string {
  if (need.kind === "held_sync") return `/held/${need.subject}`;
  if (need.kind === "held_plan") return `/held/plans/${need.subject}`;
  return need.kind === "alert" ? "/health" : `/endpoints/${need.subject}`;
}

function Needs({ needs, parts }: { needs: readonly NeedOut[]; parts: readonly Component[] }) {
  return (
    <ul className={layout.needs} aria-label={t("overview.needs")}>
      {parts.map((part) => (
        <li key={`part ${part.name}`}>
          <Badge tone={part.status === "failing" ? "bad" : "warn"}>{t(`state.${part.status}`)}</Badge>
          <div>
            <strong>{t("overview.part", { name: part.name.replaceAll("_", " ") })}</strong>
            <div>{visible(part.detail)}</div>
          </div>
          <ButtonLink to="/health">
            {t("overview.open")}
            <span className="visually-hidden"> {part.name.replaceAll("_", " ")}</span>
          </ButtonLink>
        </li>
      ))}
      {needs.map((need) => (
        <li key={`${need.kind} ${need.subject} ${need.sentence}`}>
          <Badge tone={need.kind === "failed" || need.kind === "broken" ? "bad" : "warn"} icon={need.kind.startsWith("held") ? "hand" : undefined}>
            {t(`overview.${need.kind}`)}
          </Badge>
          <div>
            <strong>{visible(need.title)}</strong> <Muted>{need.since ? ago(need.since) : ""}</Muted>
            <div>{visible(need.sentence)}</div>
          </div>
          <ButtonLink to={addressOfNeed(need)} look={need.kind.startsWith("held") ? "primary" : "plain"}>
            {need.kind.startsWith("held") ? t("overview.decide") : t("overview.open")}
            <span className="visually-hidden"> {visible(need.title)}</span>
          </ButtonLink>
        </li>
      ))}
    </ul>
  );
}

function sentenceOf(found: Overview, parts: number): string {
  if (found.endpoints === 0) return t("overview.none");
  if (found.endpoints_in_need > 0) return t("overview.need", { need: count(found.endpoints_in_need), count: count(found.endpoints) });
  return found.needs.length + parts > 0 ? t("overview.other") : t("overview.fine", { count: count(found.endpoints) });
}

function Changes({ found }: { found: Overview }) {
  const byHour = new Map(found.changes.items.map((bar) => [new Date(bar.start).getTime(), bar.counts]));
  const end = Math.floor(new Date(found.as_of).getTime() / HOUR_MS) * HOUR_MS;
  const bars = Array.from({ length: 25 }, (_, at) => end - (24 - at) * HOUR_MS).map((start) => ({
    key: String(start),
    label: clockTime(start),
    values: byHour.get(start) ?? {},
  }));
  const total = found.changes.items.reduce((sum, bar) => sum + Object.values(bar.counts).reduce((a, b) => a + b, 0), 0);
  return (
    <Card title={<Link href="/changes">{t("overview.changes")}</Link>}>
      {total === 0 ? (
        <Muted>{t("overview.noChanges")}</Muted>
      ) : (
        <Bars sentence={t("overview.changesSentence", { count: plural(total, "change") })} bars={bars} series={changeSeries(found.changes.items.map((bar) => bar.counts))} format={count} />
      )}
    </Card>
  );
}

function Growth() {
  const query = useApi("GET /api/growth", {}, { everySeconds: 300 });
  return (
    <Card title={t("overview.growth")}>
      <Answer query={query} lines={3} empty={(found) => (found.days.length < 2 ? <Muted>{t("overview.noGrowth")}</Muted> : null)}>
        {({ days }) => (
          <Line
            sentence={t("overview.growthSentence", { first: bytes(days[0]?.bytes), last: bytes(days[days.length - 1]?.bytes), days: plural(days.length, "day") })}
            points={days.map((one) => ({ key: one.day, label: `${day(`${one.day}T12:00:00Z`)}: ${bytes(one.bytes)}`, value: one.bytes }))}
            format={bytes}
          />
        )}
      </Answer>
    </Card>
  );
}

export default function OverviewPage() {
  const query = useApi("GET /api/overview", {}, { everySeconds: 15 });
  const { parts } = useNeeds();
  return (
    <Page title={t("overview.title")} asOf={query.data ? new Date(query.data.as_of).getTime() : 0} isRefreshing={query.isFetching}>
      <Answer query={query} lines={12}>
        {(found) => (
          <Stack>
            <Banner tone={found.endpoints === 0 ? "info" : found.needs.length + parts.length === 0 ? "ok" : "warn"} title={sentenceOf(found, parts.length)} />
            {found.endpoints === 0 && <Empty title={t("overview.first")} hint={t("overview.firstHint")} />}
            {found.needs.length + parts.length > 0 && <Needs needs={found.needs} parts={parts} />}
            <Card title={t("overview.totals")}>
              <div className={layout.numbers}>
                <Total label={t("overview.files")} value={count(found.files_total)} />
                <Total label={t("overview.bytes")} value={bytes(found.bytes_total)} />
                <Total label={t("overview.endpoints")} value={count(found.endpoints)} />
                <Total label={t("overview.replications")} value={count(Object.values(found.replications).reduce((a, b) => a + b, 0))} />
              </div>
              {found.endpoints_unknown > 0 && <Muted>{t("overview.unknownEndpoints", { count: plural(found.endpoints_unknown, "endpoint") })}</Muted>}
              <Muted>{t("app.asOf", { time: moment(found.as_of) })}</Muted>
            </Card>
            <div className={layout.columns}>
              <Changes found={found} />
              <Growth />
            </div>
          </Stack>
        )}
      </Answer>
    </Page>
  );
}

function Total({ label, value }: { label: string; value: string }) {
  return (
    <div className={layout.number}>
      <Muted>{label}</Muted>
      <strong>{value}</strong>
    </div>
  );
}
