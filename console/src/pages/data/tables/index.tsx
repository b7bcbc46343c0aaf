/** Tables that were read, of sources and of uploads, the newest first. */
import { Link, useLocation } from "wouter";
import { call } from "../../../api/client";
import type { TableSummary } from "../../../api/types";
import { Failure } from "../../../components/Answer";
import { Grid, type GridColumn } from "../../../components/Grid";
import { State } from "../../../components/State";
import { ButtonLink, Empty, Skeleton, Stack, TextField } from "../../../components/controls";
import layout from "../../../components/layout.module.css";
import { text } from "../../../query/codec";
import { useFollowingRows } from "../../../query/useRows";
import { useQueryState } from "../../../query/useQueryState";
import { t } from "../../../text/catalogue";
import { ago, bytes, count, moment, visible } from "../../../text/format";
import { DataPage } from "../DataPage";
import { useTabAddress } from "../wizard";

const CODEC = { of: text() };
const SLUG = /^[a-z][a-z0-9_]{0,62}$/;

const COLUMNS: readonly GridColumn<TableSummary>[] = [
  { id: "name", header: t("tables.name"), width: "minmax(0, 2fr)", cell: (one) => <Link href={`/data/tables/${one.id}`} tabIndex={-1}>{visible(one.name)}</Link> },
  { id: "source", header: t("tables.source"), width: "minmax(0, 1fr)", narrow: "meta", cell: (one) => (one.source ? visible(one.source) : t("tables.upload")) },
  { id: "state", header: t("endpoints.state"), width: "110px", narrow: "meta", cell: (one) => <State state={one.state} /> },
  { id: "rows", header: t("tables.rows"), width: "100px", isNumber: true, narrow: "meta", cell: (one) => count(one.rows) },
  { id: "columns", header: t("tables.columns"), width: "80px", isNumber: true, narrow: "hide", cell: (one) => count(one.columns) },
  { id: "size", header: t("export.size"), width: "90px", isNumber: true, narrow: "hide", cell: (one) => bytes(one.bytes) },
  { id: "read", header: t("tables.readAt"), width: "140px", narrow: "meta", cell: (one) => <span title={moment(one.created_at)}>{ago(one.created_at)}</span> },
];

export default function TablesPage() {
  const [values, change] = useQueryState(CODEC);
  const [, navigate] = useLocation();
  const address = useTabAddress();
  const source = SLUG.test(values.of) ? values.of : null;
  const rows = useFollowingRows<TableSummary>(["GET /api/tables", source], (cursor, limit, signal) => call("GET /api/tables", { query: { cursor, limit, source }, signal }));
  return (
    <DataPage tab="tables" title={t("tables.title")}>
      <Stack>
        <div className={layout.filters}>
          <TextField label={t("tables.source")} type="search" value={values.of} onChange={(event) => { change({ of: event.target.value }, { replace: true }); }} />
        </div>
        {rows.error && <Failure error={rows.error} onRetry={rows.refetch} />}
        {rows.isPending && !rows.error && <div aria-busy="true" data-state="loading"><Skeleton /></div>}
        {!rows.isPending && rows.rowCount === 0 && !rows.error && <Empty title={t("tables.empty")} hint={t("tables.emptyHint")} action={<ButtonLink to={address("sources")}>{t("data.sources")}</ButtonLink>} />}
        {rows.rowCount > 0 && <Grid label={t("tables.title")} columns={COLUMNS} rowCount={rows.rowCount} rowAt={rows.rowAt} onRange={rows.onRange} keyOf={(one) => one.id} textOf={(one) => one.name} onOpen={(one) => { navigate(`/data/tables/${one.id}`); }} />}
      </Stack>
    </DataPage>
  );
}
