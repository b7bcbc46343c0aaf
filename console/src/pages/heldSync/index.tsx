/** A held sync: why, what would change, and the decision. */
import { useCallback, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useParams } from "wouter";
import { call } from "../../api/client";
import { useApi } from "../../api/queries";
import type { HeldSyncPage, WaitingChange } from "../../api/types";
import { useApproveKey } from "../../app/useApproveKey";
import { useSession } from "../../app/session";
import { Shares } from "../../charts/Charts";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Dialog";
import { Difference } from "../../components/Difference";
import { Grid, type GridColumn } from "../../components/Grid";
import { Page } from "../../components/Page";
import { Badge, Banner, Button, ButtonLink, Card, Empty, Facts, Muted, Stack } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { toast } from "../../components/toast";
import { useNumberedRows } from "../../query/useRows";
import { t } from "../../text/catalogue";
import { changeLabel, changeLook, changeSeries } from "../../text/changes";
import { ago, bytes, count, moment, plural, visible } from "../../text/format";

const TYPED_FROM_FILES = 10_000;

const COLUMNS: readonly GridColumn<WaitingChange>[] = [
  { id: "path", header: t("held.path"), width: "minmax(0, 3fr)", cell: (one) => visible(one.path) },
  {
    id: "change",
    header: t("held.change"),
    width: "160px",
    narrow: "meta",
    cell: (one) => {
      const [tone, icon] = changeLook(one.change);
      return (
        <Badge tone={tone} icon={icon}>
          {changeLabel(one.change)}
        </Badge>
      );
    },
  },
  {
    id: "size",
    header: t("held.size"),
    width: "100px",
    isNumber: true,
    narrow: "meta",
    cell: (one) => bytes((one.after?.["size"] ?? one.before?.["size"]) as number | null | undefined),
  },
  { id: "diff", header: t("held.detail"), width: "minmax(0, 2fr)", narrow: "hide", cell: (one) => <Difference before={one.before} after={one.after} /> },
];

export default function HeldSyncPage() {
  const { name } = useParams<{ name: string }>();
  const session = useSession();
  const [asked, setAsked] = useState<"approve" | "reject" | null>(null);
  const query = useApi("GET /endpoints/{name}/held", { path: { name }, query: { limit: 1 } }, { everySeconds: 10, keep: false });
  const found = query.data;
  const isGone = query.error?.status === 404;
  const isOpen = found !== undefined && !isGone;
  useApproveKey(
    isOpen && session.may_decide && asked === null,
    useCallback(() => {
      setAsked("approve");
    }, []),
  );
  return (
    <Page
      title={t("held.syncTitle", { name: visible(name) })}
      asOf={query.dataUpdatedAt}
      isRefreshing={query.isFetching}
      actions={
        isOpen &&
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
        <Decided name={name} />
      ) : (
        <Answer query={query} lines={14}>
          {(page) => <Details name={name} page={page} />}
        </Answer>
      )}
      {found && asked && <Decide name={name} found={found} asked={asked} onClose={() => { setAsked(null); }} />}
    </Page>
  );
}

function Decided({ name }: { name: string }) {
  const syncs = useApi("GET /api/syncs", { query: { endpoint: name, limit: 1 } });
  const last = syncs.data?.items[0];
  const values = { state: last?.status ?? "", time: ago(last?.completed_at), who: last?.confirmed_by ?? "" };
  return (
    <Empty
      title={t("held.gone", { name: visible(name) })}
      hint={
        <>
          {t("held.goneHint")} {last && t(last.confirmed_by ? "held.lastBy" : "held.last", values)}
        </>
      }
      action={<ButtonLink to={`/endpoints/${name}`}>{t("overview.open")}</ButtonLink>}
    />
  );
}

function Details({ name, page }: { name: string; page: HeldSyncPage }) {
  const rows = useNumberedRows<WaitingChange>(
    ["GET /endpoints/{name}/held", name, page.digest],
    page.total,
    async (offset, limit, signal) => (await call("GET /endpoints/{name}/held", { path: { name }, query: { offset, limit }, signal })).changes,
  );
  return (
    <Stack>
      <Banner tone="warn" title={visible(page.reason)}>
        {t("held.meanwhile", { files: plural(page.files_before, "file") })} {t("held.heals")}
      </Banner>
      <div className={layout.columns}>
        <Card title={t("held.changes")}>
          <Facts
            facts={[
              ...Object.entries(page.counts).map(([kind, number]) => [changeLabel(kind), <strong>{count(number)}</strong>] as const),
              [t("held.observed"), `${moment(page.observed_at)} (${ago(page.observed_at)})`],
              [t("held.since"), moment(page.held_at)],
            ]}
          />
        </Card>
        <Card title={t("held.byFolder")}>
          <Shares
            label={t("held.byFolder")}
            series={changeSeries(page.folders.map((one) => one.counts))}
            rows={page.folders.map((one) => ({
              key: one.folder,
              label: visible(one.folder),
              values: one.counts,
              text: Object.entries(one.counts).map(([kind, number]) => `${count(number)} ${changeLabel(kind)}`).join(", "),
            }))}
          />
        </Card>
      </div>
      <Muted>{plural(page.total, "change")}</Muted>
      <Grid label={t("held.changes")} columns={COLUMNS} rowCount={rows.rowCount} rowAt={rows.rowAt} onRange={rows.onRange} keyOf={(one) => `${one.change} ${one.external_id}`} textOf={(one) => one.path} />
    </Stack>
  );
}

function Decide({ name, found, asked, onClose }: { name: string; found: HeldSyncPage; asked: "approve" | "reject"; onClose: () => void }) {
  const queries = useQueryClient();
  const [seen] = useState(found); // what the dialog speaks of is what is decided, whatever comes meanwhile
  const removed = seen.files_removed + seen.files_left_scope;
  const others = (["added", "restored", "updated", "moved"] as const)
    .filter((kind) => seen[`files_${kind}`] > 0)
    .map((kind) => `${count(seen[`files_${kind}`])} ${changeLabel(kind)}`)
    .join(", ");
  const after = async (text: string) => {
    toast(text);
    await queries.invalidateQueries();
  };
  if (asked === "reject") {
    return (
      <Confirm
        title={t("held.rejectTitle", { name })}
        action={t("held.reject")}
        isDangerous
        onClose={onClose}
        onConfirm={async () => {
          await call("POST /endpoints/{name}/reject", { path: { name }, body: { sync_id: seen.sync_id } });
          await after(t("held.rejected", { name }));
        }}
      >
        <p>{t("held.rejectSays", { name, before: count(seen.files_before) })}</p>
      </Confirm>
    );
  }
  return (
    <Confirm
      title={t("held.approveTitle", { name })}
      action={t("held.approve")}
      isDangerous={removed > 0}
      {...(removed > TYPED_FROM_FILES ? { typed: name, typedLabel: t("held.typeName", { name }) } : {})}
      onClose={onClose}
      onConfirm={async () => {
        await call("POST /endpoints/{name}/approve", { path: { name }, body: { sync_id: seen.sync_id, digest: seen.digest } });
        await after(t("held.approved", { name }));
      }}
    >
      <p>
        <strong>
          {removed > 0
            ? t("held.approveRemoves", { removed: count(removed), before: count(seen.files_before), name, others: others ? t("held.approveOthers", { others }) : "" })
            : t("held.approveChanges", { name, others })}
        </strong>
      </p>
      <p>{visible(seen.reason)}</p>
      <p>{t("held.approveNothing")}</p>
    </Confirm>
  );
}
