/** The third tab: how a generation is doing, and, once it is there, how like reality the data are, and how private. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../../../api/client";
import { useApi } from "../../../api/queries";
import type { SessionAnswer } from "../../../api/types";
import { useSession } from "../../../app/session";
import { Answer } from "../../../components/Answer";
import { Confirm } from "../../../components/Dialog";
import { State } from "../../../components/State";
import { toast } from "../../../components/toast";
import { Banner, Button, ButtonLink, Card, Empty, Facts, Muted, Row, Stack } from "../../../components/controls";
import { choice, text, whole } from "../../../query/codec";
import { useQueryState } from "../../../query/useQueryState";
import { t } from "../../../text/catalogue";
import { ago, count, moment, plural, visible } from "../../../text/format";
import { DataPage } from "../DataPage";
import { generationKey, isFinished, useGeneration } from "../generation";
import { useTabAddress, useWizard } from "../wizard";
import { RerunButton } from "../actions";
import { Preview } from "./Preview";
import { Privacy } from "./Privacy";
import { Relations } from "./Relations";
import { Stages } from "./Stages";
import { Summary } from "./Summary";
import { Tables } from "./Tables";
import type { PrivacyFacts, QualityFacts } from "../report";
import styles from "./results.module.css";

const VIEWS = ["summary", "tables", "relations", "privacy", "preview"] as const;
const CODEC = { view: choice(VIEWS, "summary"), table: text(), relation: text(), offset: whole(0) };
const LATEST_COUNT = 8;

export default function ResultsPage() {
  const [wizard] = useWizard();
  return wizard.session ? <Generation key={wizard.session} id={wizard.session} /> : <Choice />;
}

/** Without a generation in the address: those that there are. */
function Choice() {
  const query = useApi("GET /api/sdv/sessions", { query: { limit: LATEST_COUNT } });
  const addressOf = useTabAddress();
  return (
    <DataPage tab="results" title={t("results.title")} asOf={query.dataUpdatedAt}>
      <Answer query={query} empty={(found) => (found.items.length === 0 ? <Empty title={t("results.empty")} hint={t("results.emptyHint")} action={<ButtonLink look="primary" to={addressOf("sources")}>{t("results.toSources")}</ButtonLink>} /> : null)}>
        {(found) => (
          <Card title={t("results.latest")}>
            <ul className={styles.latest}>
              {found.items.map((one) => (
                <li key={one.session_id}>
                  <Link href={addressOf("results", { session: one.session_id })}>{one.tables.length > 0 ? one.tables.map((table) => visible(table.name)).join(", ") : one.session_id}</Link> <State state={one.state} /> <Muted>{ago(one.created_at)}</Muted>
                </li>
              ))}
            </ul>
          </Card>
        )}
      </Answer>
    </DataPage>
  );
}

function Generation({ id }: { id: string }) {
  const query = useGeneration(id);
  const [isCancelling, setCancelling] = useState(false);
  const addressOf = useTabAddress();
  const { may_decide: mayDecide } = useSession();
  const session = query.data;
  const isRunning = session !== undefined && !isFinished(session.state);
  return (
    <DataPage
      tab="results"
      title={t("results.title")}
      asOf={query.dataUpdatedAt}
      actions={
        session && (
          <>
            {isRunning && (
              <Button icon="cross" disabled={!mayDecide || session.cancel_asked} onClick={() => { setCancelling(true); }}>
                {session.cancel_asked ? t("results.cancelling") : t("results.cancel")}
              </Button>
            )}
            {session.may_run_again && <RerunButton session={session} />}
            {session.state === "completed" && (
              <ButtonLink look="primary" icon="download" to={addressOf("export")}>
                {t("results.toExport")}
              </ButtonLink>
            )}
          </>
        )
      }
    >
      <Answer query={query}>
        {(found) => (
          <Stack>
            <About session={found} />
            {found.state !== "completed" && <Stages session={found} isTold={query.isTold} />}
            {(found.state === "failed" || found.state === "cancelled") && <Ended session={found} />}
            <Warnings session={found} />
            {found.state === "completed" && <Report session={found} />}
          </Stack>
        )}
      </Answer>
      {isCancelling && session && <Cancel session={session} onClose={() => { setCancelling(false); }} />}
    </DataPage>
  );
}

function About({ session }: { session: SessionAnswer }) {
  const rows = session.tables.reduce((sum, table) => sum + table.rows, 0);
  return (
    <Row>
      <State state={session.state} />
      {session.tables.length > 0 && (
        <strong>
          {plural(session.tables.length, "table")}, {plural(rows, "row")}
        </strong>
      )}
      <Muted>
        {t("results.seedIs", { seed: session.seed === null ? t("app.unknown") : String(session.seed) })} · {t("results.engineIs", { engine: session.engine })} · <span title={moment(session.created_at)}>{ago(session.created_at)}</span>
      </Muted>
    </Row>
  );
}

function Ended({ session }: { session: SessionAnswer }) {
  const isCancelled = session.state === "cancelled";
  return (
    <Banner tone={isCancelled ? "warn" : "bad"} isAlert title={visible(session.error ?? t("results.failed"))} action={session.may_run_again && <RerunButton session={session} />}>
      {visible(session.error_hint ?? "")}
    </Banner>
  );
}

function Warnings({ session }: { session: SessionAnswer }) {
  if (session.warnings.length === 0) return null;
  return (
    <details className={styles.warnings}>
      <summary>{t("results.warnings", { count: count(session.warnings.length) })}</summary>
      <ul>
        {session.warnings.map((one, at) => (
          <li key={at}>
            {[one.table, one.column].filter(Boolean).map((name) => visible(name ?? "")).join(".")} {visible(one.message)}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Report({ session }: { session: SessionAnswer }) {
  const [values, change] = useQueryState(CODEC);
  const query = useApi("GET /api/sdv/sessions/{session_id}/report", { path: { session_id: session.session_id } });
  return (
    <Stack>
      <nav aria-label={t("results.views")}>
        <ul className={styles.views}>
          {VIEWS.map((view) => (
            <li key={view}>
              <button type="button" aria-current={values.view === view ? "true" : undefined} onClick={() => { change({ view, offset: 0 }); }}>
                {t(`results.${view}`)}
              </button>
            </li>
          ))}
        </ul>
      </nav>
      {values.view === "preview" ? (
        <Preview session={session} table={values.table} offset={values.offset ?? 0} onChange={change} />
      ) : (
        <Answer query={query}>
          {(report) => {
            const quality = report.quality as QualityFacts | null;
            const privacy = report.privacy as PrivacyFacts | null;
            if (report.schema_only) return <Banner tone="info" title={t("results.schemaOnly")}>{t("results.schemaOnlyHint")}</Banner>;
            if (values.view === "privacy") return <Privacy privacy={privacy} />;
            if (!quality) return <Empty title={t("results.noReport")} hint={t("results.noReportHint")} />;
            if (values.view === "tables") return <Tables tables={quality.tables} chosen={values.table} onChoose={(table) => { change({ table }); }} />;
            if (values.view === "relations") return <Relations relations={quality.relations} chosen={values.relation} onChoose={(relation) => { change({ relation }); }} />;
            return <Summary session={session} quality={quality} report={report} privacy={privacy} />;
          }}
        </Answer>
      )}
    </Stack>
  );
}

function Cancel({ session, onClose }: { session: SessionAnswer; onClose: () => void }) {
  const queries = useQueryClient();
  return (
    <Confirm
      title={t("results.cancelTitle")}
      action={t("results.cancel")}
      isDangerous
      onClose={onClose}
      onConfirm={async () => {
        const told = await call("POST /api/sdv/sessions/{session_id}/cancel", { path: { session_id: session.session_id } });
        queries.setQueryData(generationKey(session.session_id), { ...told, data: null, truncated: [] });
        toast(t("results.cancelAsked"));
      }}
    >
      <p>{t("results.cancelSays")}</p>
      <Facts facts={[[t("results.stage"), t(`stage.${session.state}`)]]} />
    </Confirm>
  );
}
