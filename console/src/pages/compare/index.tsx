/** Two moments of an endpoint: what is there now and was not then, and the other way round. */
import { Link } from "wouter";
import { call } from "../../api/client";
import { useApi } from "../../api/queries";
import type { Difference } from "../../api/types";
import { asFieldText, momentOfField } from "../../app/preferences";
import { Failure } from "../../components/Answer";
import { Grid, type GridColumn } from "../../components/Grid";
import { Page } from "../../components/Page";
import { Badge, Banner, Button, ButtonLink, Empty, Muted, Row, SelectField, Skeleton, Stack, TextField } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { choice, isMoment, text } from "../../query/codec";
import { useFollowingRows } from "../../query/useRows";
import { useQueryState } from "../../query/useQueryState";
import { t } from "../../text/catalogue";
import { CHANGE_KINDS, changeLabel, changeLook } from "../../text/changes";
import { bytes, count, moment, visible } from "../../text/format";
import { fileAddress } from "../files/address";
import { placeAddress } from "../files/Tree";

const CODEC = { endpoint: text(), before: text(), after: text(), kind: choice(["", ...CHANGE_KINDS], "") };

function columnsOf(endpoint: string): readonly GridColumn<Difference>[] {
  return [
    {
      id: "path",
      header: t("changes.path"),
      width: "minmax(0, 4fr)",
      cell: (row) => (
        <>
          <Link href={fileAddress({ endpoint, external_id: row.external_id })} title={visible(row.path)} tabIndex={-1}>
            {visible(row.path)}
          </Link>{" "}
          {row.path_before !== null && row.path_before !== row.path && <Muted>{t("compare.from", { path: visible(row.path_before) })}</Muted>}
        </>
      ),
    },
    {
      id: "what",
      header: t("changes.what"),
      width: "170px",
      narrow: "meta",
      cell: (row) => {
        const [tone, icon] = changeLook(row.change);
        return (
          <Badge tone={tone} icon={icon}>
            {changeLabel(row.change)}
          </Badge>
        );
      },
    },
    { id: "before", header: t("compare.sizeBefore"), width: "100px", isNumber: true, narrow: "hide", cell: (row) => (row.change === "added" || row.kind === "folder" ? "–" : bytes(row.size_before)) },
    { id: "after", header: t("compare.sizeAfter"), width: "100px", isNumber: true, narrow: "meta", cell: (row) => (row.change === "removed" || row.change === "left_scope" || row.kind === "folder" ? "–" : bytes(row.size_after)) },
  ];
}

export default function ComparePage() {
  const [values, change] = useQueryState(CODEC);
  const names = useApi("GET /sync/status");
  const endpoints = names.data?.endpoints ?? [];
  const chosen = endpoints.find((one) => one.endpoint === values.endpoint) ?? (values.endpoint ? undefined : (endpoints.find((one) => one.last_success !== null) ?? endpoints[0]));
  const endpoint = values.endpoint || (chosen?.endpoint ?? "");
  const isUnknown = names.isSuccess && (chosen === undefined ? endpoint === "" : chosen.last_success === null);
  const isAsked = endpoint !== "" && names.isSuccess && !isUnknown;
  const given = { ...(isMoment(values.before) ? { before: values.before } : {}), ...(isMoment(values.after) ? { after: values.after } : {}) };
  const whole = useApi("GET /api/compare", { query: { endpoint, ...given, limit: 1 } }, { enabled: isAsked, keep: false });
  // Which moments are meant is the server's to say where nobody does; from then on they stay the same.
  const before = given.before ?? whole.data?.before ?? "";
  const after = given.after ?? whole.data?.after ?? "";
  const query = { endpoint, before, after, kind: values.kind ? [values.kind] : [] };
  const rows = useFollowingRows<Difference>(["GET /api/compare", query], (cursor, limit, signal) => call("GET /api/compare", { query: { ...query, cursor, limit }, signal }), isAsked && whole.data !== undefined);
  const counts = Object.entries(whole.data?.counts ?? {});
  return (
    <Page title={t("compare.title")} asOf={whole.dataUpdatedAt} isRefreshing={rows.isFetching} lead={t("compare.about")} actions={<ButtonLink to="/changes" icon="clock">{t("changes.title")}</ButtonLink>}>
      <Stack>
        <div className={layout.filters}>
          <SelectField label={t("changes.endpoint")} value={endpoint} options={endpoints.map((one) => [one.endpoint, one.endpoint] as const)} onPick={(value) => { change({ endpoint: value }); }} />
          <TextField label={t("compare.before")} type="datetime-local" value={asFieldText(before)} onChange={(event) => { change({ before: event.target.value ? momentOfField(event.target.value) : "" }); }} />
          <TextField label={t("compare.after")} type="datetime-local" value={asFieldText(after)} onChange={(event) => { change({ after: event.target.value ? momentOfField(event.target.value) : "" }); }} />
          <SelectField label={t("changes.kind")} value={values.kind} options={[["", t("app.all")], ...CHANGE_KINDS.map((one) => [one, changeLabel(one)] as const)]} onPick={(value) => { change({ kind: value as typeof values.kind }); }} />
        </div>
        {names.error ? (
          <Failure error={names.error} onRetry={() => void names.refetch()} />
        ) : isUnknown ? (
          <Empty title={t("compare.nothing")} hint={t("compare.nothingHint")} action={<ButtonLink to={endpoint ? `/endpoints/${encodeURIComponent(endpoint)}` : "/endpoints"}>{t("files.toEndpoints")}</ButtonLink>} />
        ) : whole.error ? (
          <>
            <Failure error={whole.error} onRetry={() => void whole.refetch()} />
            {Object.keys(given).length > 0 && <Row><Button icon="refresh" onClick={() => { change({ before: "", after: "" }); }}>{t("compare.stored")}</Button></Row>}
          </>
        ) : !whole.data ? (
          <Skeleton lines={6} />
        ) : (
          <>
            <Banner tone="info" title={counts.length === 0 ? t("compare.same") : counts.map(([kind, number]) => `${count(number)} ${changeLabel(kind)}`).join(", ")}>
              {t("compare.states", { before: moment(whole.data.before), after: moment(whole.data.after) })}
            </Banner>
            <Row>
              <Link href={placeAddress(endpoint, "", before)}>{t("compare.browse", { time: moment(before) })}</Link>
              <Link href={placeAddress(endpoint, "", after)}>{t("compare.browse", { time: moment(after) })}</Link>
            </Row>
            {rows.error && <Failure error={rows.error} onRetry={rows.refetch} />}
            {!rows.isPending && rows.rowCount === 0 ? (
              <Empty title={t("compare.same")} hint={t("compare.sameHint")} />
            ) : (
              <Grid label={t("compare.rows")} columns={columnsOf(endpoint)} rowCount={rows.rowCount} rowAt={rows.rowAt} onRange={rows.onRange} keyOf={(row) => `${row.change} ${row.external_id}`} />
            )}
          </>
        )}
      </Stack>
    </Page>
  );
}
