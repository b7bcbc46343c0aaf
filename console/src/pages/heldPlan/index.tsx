/** A held plan of a replication: what the guard objects to, what would be done, and the decision. */
import { useCallback, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useParams } from "wouter";
import { call } from "../../api/client";
import { useApi } from "../../api/queries";
import type { OperationOut, PlanPreviewOut } from "../../api/types";
import { useApproveKey } from "../../app/useApproveKey";
import { useSession } from "../../app/session";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Dialog";
import { Grid, type GridColumn } from "../../components/Grid";
import { Page } from "../../components/Page";
import { Banner, Button, ButtonLink, Card, Empty, Facts, SmallTable, Stack } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { toast } from "../../components/toast";
import { useFollowingRows } from "../../query/useRows";
import { t } from "../../text/catalogue";
import { bytes, count, plural, visible } from "../../text/format";

const COLUMNS: readonly GridColumn<OperationOut>[] = [
  { id: "path", header: t("held.path"), width: "minmax(0, 3fr)", cell: (one) => visible(one.path) },
  { id: "op", header: t("held.op"), width: "130px", narrow: "meta", cell: (one) => one.op.replaceAll("_", " ") },
  { id: "to", header: t("held.to"), width: "minmax(0, 2fr)", narrow: "hide", cell: (one) => (one.new_path ? visible(one.new_path) : "") },
  { id: "size", header: t("held.size"), width: "100px", isNumber: true, narrow: "meta", cell: (one) => (one.size === null ? "" : bytes(one.size)) },
];

function spell(counts: Record<string, number>): string {
  const parts = Object.entries(counts).filter(([kind, number]) => number > 0 && kind !== "bytes").map(([kind, number]) => `${count(number)} ${kind.replaceAll("_", " ")}`);
  return [...parts, ...(counts["bytes"] ? [bytes(counts["bytes"])] : [])].join(", ") || t("app.none");
}

export default function HeldPlanPage() {
  const { name } = useParams<{ name: string }>();
  const session = useSession();
  const [asked, setAsked] = useState<"approve" | "reject" | null>(null);
  const query = useApi("GET /replications/{name}/held", { path: { name } }, { everySeconds: 10, keep: false });
  const isGone = query.error?.status === 404;
  const found = isGone ? undefined : query.data;
  useApproveKey(
    found !== undefined && session.may_decide && asked === null,
    useCallback(() => {
      setAsked("approve");
    }, []),
  );
  return (
    <Page
      title={t("held.planTitle", { name: visible(name) })}
      asOf={query.dataUpdatedAt}
      isRefreshing={query.isFetching}
      actions={
        found &&
        session.may_decide && (
          <>
            <Button onClick={() => { setAsked("reject"); }}>{t("held.reject")}</Button>
            <Button look="primary" onClick={() => { setAsked("approve"); }}>
              {t("held.approve")}
            </Button>
          </>
        )
      }
    >
      {isGone ? (
        <Empty title={t("held.gone", { name: visible(name) })} hint={t("held.goneHint")} action={<ButtonLink to="/endpoints">{t("files.toEndpoints")}</ButtonLink>} />
      ) : (
        <Answer query={query} lines={14}>
          {(plan) => <Details name={name} plan={plan} />}
        </Answer>
      )}
      {found && asked && <Decide name={name} plan={found} asked={asked} onClose={() => { setAsked(null); }} />}
    </Page>
  );
}

function Details({ name, plan }: { name: string; plan: PlanPreviewOut }) {
  const id = plan.plan_id ?? 0;
  const rows = useFollowingRows<OperationOut>(["operations", name, id], (cursor, limit, signal) =>
    call("GET /replications/{name}/plans/{plan_id}/operations", { path: { name, plan_id: id }, query: { cursor, limit }, signal }),
  );
  return (
    <Stack>
      {plan.objections.map((one) => (
        <Banner key={one} tone="warn" title={visible(one)}>
          {t("held.planMeanwhile")}
        </Banner>
      ))}
      <div className={layout.columns}>
        <Card title={t("held.would")}>
          <Facts facts={Object.entries(plan.counts).filter(([, number]) => number > 0).map(([kind, number]) => [kind.replaceAll("_", " "), <strong>{kind === "bytes" ? bytes(number) : count(number)}</strong>] as const)} />
          {plan.missing > 0 && <p>{t("held.planMissing", { count: plural(plan.missing, "file") })}</p>}
          {plan.changed > 0 && <p>{t("held.planChanged", { count: plural(plan.changed, "file") })}</p>}
        </Card>
        {plan.problems.length > 0 && (
          <Card title={t("held.problems")}>
            <SmallTable
              label={t("held.problems")}
              columns={[
                { id: "paths", header: t("held.path"), cell: (one) => visible(one.paths.slice(0, 3).join(", ")) },
                { id: "why", header: t("held.reason"), cell: (one) => visible(one.sentence) },
              ]}
              rows={plan.problems.slice(0, 50)}
              keyOf={(one) => `${one.kind} ${one.paths.join("|")}`}
            />
          </Card>
        )}
      </div>
      <h2>{t("held.operations")}</h2>
      <Grid label={t("held.operations")} columns={COLUMNS} rowCount={rows.rowCount} rowAt={rows.rowAt} onRange={rows.onRange} keyOf={(one) => String(one.position)} textOf={(one) => one.path} />
    </Stack>
  );
}

function Decide({ name, plan, asked, onClose }: { name: string; plan: PlanPreviewOut; asked: "approve" | "reject"; onClose: () => void }) {
  const queries = useQueryClient();
  const [seen] = useState(plan); // what the dialog speaks of is what is decided, whatever comes meanwhile
  const id = seen.plan_id ?? 0;
  const after = async (text: string) => {
    toast(text);
    await queries.invalidateQueries();
  };
  return asked === "reject" ? (
    <Confirm
      title={t("held.rejectPlanTitle", { id, name })}
      action={t("held.reject")}
      isDangerous
      onClose={onClose}
      onConfirm={async () => {
        await call("POST /replications/{name}/reject", { path: { name }, body: { plan_id: id } });
        await after(t("held.planRejected"));
      }}
    >
      <p>{t("held.rejectPlanSays", { id })}</p>
    </Confirm>
  ) : (
    <Confirm
      title={t("held.approvePlanTitle", { id, name })}
      action={t("held.approve")}
      isDangerous={(seen.counts["deletes"] ?? seen.counts["delete"] ?? 0) > 0}
      onClose={onClose}
      onConfirm={async () => {
        await call("POST /replications/{name}/approve", { path: { name }, body: { plan_id: id } });
        await after(t("held.planApproved"));
      }}
    >
      <p>
        <strong>{t("held.approvePlanSays", { id, name, counts: spell(seen.counts) })}</strong>
      </p>
      {seen.objections.map((one) => (
        <p key={one}>{visible(one)}</p>
      ))}
    </Confirm>
  );
}
