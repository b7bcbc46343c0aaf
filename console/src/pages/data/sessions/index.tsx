/** All generations, the newest first: look at them, run them again, keep or delete them. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call, type ApiError } from "../../../api/client";
import type { SessionList, SessionOut } from "../../../api/types";
import { useSession } from "../../../app/session";
import { scoreText } from "../../../charts/Comparison";
import { Failure } from "../../../components/Answer";
import { Confirm } from "../../../components/Dialog";
import { State } from "../../../components/State";
import { toast } from "../../../components/toast";
import { Button, Empty, Muted, Row, SelectField, Skeleton, SmallTable, Stack, type Column } from "../../../components/controls";
import { choice } from "../../../query/codec";
import { useQueryState } from "../../../query/useQueryState";
import { t } from "../../../text/catalogue";
import { ago, count, moment } from "../../../text/format";
import { DataPage } from "../DataPage";
import { RerunButton, nameOf } from "../actions";
import { tabAddress } from "../wizard";

const STATES = ["", "queued", "reading", "fitting", "generating", "checking", "exporting", "completed", "failed", "cancelled"] as const;
const CODEC = { state: choice(STATES, "") };
const PAGE_ROWS = 50;
const EVERY_MS = 5_000;

export default function SessionsPage() {
  const [values, change] = useQueryState(CODEC);
  const [deleting, setDeleting] = useState<SessionOut | null>(null);
  const state = values.state;
  const query = useInfiniteQuery<SessionList, ApiError, { pages: SessionList[] }, readonly unknown[], string | null>({
    queryKey: ["GET /api/sdv/sessions", "pages", state],
    queryFn: ({ pageParam, signal }) => call("GET /api/sdv/sessions", { query: { limit: PAGE_ROWS, cursor: pageParam, ...(state ? { state: [state] } : {}) }, signal }),
    initialPageParam: null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: EVERY_MS,
  });
  const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
  const counts = query.data?.pages[0]?.counts ?? {};
  const options = STATES.map((one) => [one, one === "" ? t("app.all") : `${t(`stage.${one}`)}${counts[one] ? ` (${count(counts[one])})` : ""}`] as const);
  return (
    <DataPage tab="sessions" title={t("sessions.title")} asOf={query.dataUpdatedAt} isRefreshing={query.isFetching}>
      <Stack>
        <Row>
          <SelectField label={t("sessions.state")} value={state} options={options} onPick={(picked) => { change({ state: STATES.find((one) => one === picked) ?? "" }); }} />
        </Row>
        {query.error && <Failure error={query.error} onRetry={() => void query.refetch()} {...(query.data ? { staleSince: query.dataUpdatedAt } : {})} />}
        {query.isPending && !query.error && (
          <div aria-busy="true" data-state="loading">
            <Skeleton />
          </div>
        )}
        {query.data && rows.length === 0 && <Empty title={state === "" ? t("sessions.empty") : t("sessions.noneLike")} hint={state === "" ? t("results.emptyHint") : undefined} />}
        {rows.length > 0 && <SmallTable label={t("sessions.title")} columns={columns(setDeleting)} rows={rows} keyOf={(one) => one.session_id} />}
        {query.hasNextPage && (
          <Row>
            <Button onClick={() => void query.fetchNextPage()}>{t("sessions.more")}</Button>
          </Row>
        )}
      </Stack>
      {deleting && <Delete session={deleting} onClose={() => { setDeleting(null); }} />}
    </DataPage>
  );
}

function columns(onDelete: (session: SessionOut) => void): Column<SessionOut>[] {
  return [
    { id: "name", header: t("sessions.name"), cell: (one) => <Link href={tabAddress("results", { upload: [], source: [], session: one.session_id })}>{nameOf(one)}</Link> },
    { id: "state", header: t("sessions.state"), cell: (one) => <State state={one.state} /> },
    { id: "rows", header: t("sessions.rows"), isNumber: true, cell: (one) => (one.tables.length > 0 ? count(one.tables.reduce((sum, table) => sum + table.rows, 0)) : "–") },
    { id: "score", header: t("sessions.score"), isNumber: true, cell: (one) => (one.quality ? scoreText(one.quality.score) : "–") },
    { id: "seed", header: t("sessions.seed"), isNumber: true, cell: (one) => (one.seed === null ? t("app.unknown") : String(one.seed)) },
    { id: "created", header: t("sessions.created"), cell: (one) => <span title={moment(one.created_at)}>{ago(one.created_at)}</span> },
    { id: "expires", header: t("sessions.expires"), cell: (one) => (one.pinned ? t("sessions.forever") : one.expires_at ? <span title={moment(one.expires_at)}>{ago(one.expires_at)}</span> : <Muted>–</Muted>) },
    { id: "actions", header: t("sessions.actions"), cell: (one) => <Actions session={one} onDelete={onDelete} /> },
  ];
}

function Actions({ session, onDelete }: { session: SessionOut; onDelete: (session: SessionOut) => void }) {
  const queries = useQueryClient();
  const { may_decide: mayDecide } = useSession();
  const name = nameOf(session);
  const isOver = session.status !== "processing";
  const pin = async () => {
    await call("POST /api/sdv/sessions/{session_id}/pin", { path: { session_id: session.session_id }, body: { pinned: !session.pinned } });
    await queries.invalidateQueries({ queryKey: ["GET /api/sdv/sessions"] });
    toast(session.pinned ? t("sessions.unpinned") : t("sessions.pinned"));
  };
  return (
    <Row>
      {session.may_run_again && <RerunButton session={session} isQuiet />}
      <Button look="quiet" icon={session.pinned ? "minus" : "plus"} name={t(session.pinned ? "sessions.unpin" : "sessions.pin", { name })} disabled={!mayDecide} onClick={() => void pin()} />
      <Button look="quiet" icon="cross" name={t("sessions.delete", { name })} disabled={!mayDecide || !isOver} onClick={() => { onDelete(session); }} />
    </Row>
  );
}

function Delete({ session, onClose }: { session: SessionOut; onClose: () => void }) {
  const queries = useQueryClient();
  return (
    <Confirm
      title={t("sessions.deleteTitle")}
      action={t("sessions.deleteDo")}
      isDangerous
      onClose={onClose}
      onConfirm={async () => {
        await call("DELETE /api/sdv/sessions/{session_id}", { path: { session_id: session.session_id } });
        await queries.invalidateQueries({ queryKey: ["GET /api/sdv/sessions"] });
        toast(t("sessions.deleted"));
      }}
    >
      <p>{t("sessions.deleteSays", { name: nameOf(session) })}</p>
    </Confirm>
  );
}
