/** What changed: a strip of time, and the journal, the last change first. */
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { addressOf, call } from "../../api/client";
import { useApi } from "../../api/queries";
import type { JournalRow } from "../../api/types";
import { asFieldText, momentOfField } from "../../app/preferences";
import { Bars } from "../../charts/Charts";
import { Answer, Failure } from "../../components/Answer";
import { Difference } from "../../components/Difference";
import { Grid, type GridColumn } from "../../components/Grid";
import { Page } from "../../components/Page";
import { Badge, Button, ButtonLink, Empty, Muted, Row, SelectField, Stack, TextField } from "../../components/controls";
import { Icon } from "../../components/Icon";
import controls from "../../components/controls.module.css";
import layout from "../../components/layout.module.css";
import { choice, isMoment, text } from "../../query/codec";
import { useFollowingRows } from "../../query/useRows";
import { useQueryState } from "../../query/useQueryState";
import { t } from "../../text/catalogue";
import { CHANGE_KINDS, changeLabel, changeLook, changeSeries } from "../../text/changes";
import { clockTime, count, day, moment, plural, visible } from "../../text/format";
import { chosenBars } from "../../charts/brush";
import { fileAddress } from "../files/address";

const HOUR_MS = 3_600_000;
const SPANS = { day: 24, week: 168, month: 720, year: 8760 } as const;

const CODEC = {
  endpoint: text(),
  span: choice(["day", "week", "month", "year"], "week"),
  since: text(),
  until: text(),
  kind: choice(["", ...CHANGE_KINDS], ""),
  folder: text(),
};

const COLUMNS: readonly GridColumn<JournalRow>[] = [
  {
    id: "path",
    header: t("changes.path"),
    width: "minmax(0, 3fr)",
    cell: (row) => (
      <>
        <Link href={fileAddress(row)} title={visible(row.path)} tabIndex={-1}>
          {visible(row.path)}
        </Link>{" "}
        {row.paths !== null && <Muted>{t("changes.everything", { paths: plural(row.paths, "path") })}</Muted>}
      </>
    ),
  },
  { id: "when", header: t("changes.when"), width: "150px", narrow: "meta", cell: (row) => moment(row.observed_at) },
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
  { id: "endpoint", header: t("changes.endpoint"), width: "minmax(0, 120px)", narrow: "meta", cell: (row) => row.endpoint },
  { id: "diff", header: t("changes.diff"), width: "minmax(0, 3fr)", narrow: "hide", cell: (row) => <Difference before={row.before} after={row.after} /> },
];

export default function ChangesPage() {
  const [values, change] = useQueryState(CODEC);
  const [openedAt] = useState(() => Math.ceil(Date.now() / HOUR_MS) * HOUR_MS);
  const span = useMemo(() => ({ since: new Date(openedAt - SPANS[values.span] * HOUR_MS).toISOString(), until: new Date(openedAt).toISOString() }), [openedAt, values.span]);
  const picked = { since: isMoment(values.since) ? values.since : "", until: isMoment(values.until) ? values.until : "" };
  const isPicked = picked.since !== "" || picked.until !== "";
  const since = picked.since || span.since;
  const until = picked.until || null;
  const endpoint = values.endpoint ? [values.endpoint] : [];
  const names = useApi("GET /sync/status");
  const strip = useApi("GET /api/changes/histogram", { query: { ...span, endpoint } }, { everySeconds: 60 });
  const filter = { endpoint, since, until, kind: values.kind ? [values.kind] : [], folder: values.folder || null };
  const rows = useFollowingRows<JournalRow>(["GET /api/changes", filter], (cursor, limit, signal) => call("GET /api/changes", { query: { ...filter, cursor, limit }, signal }));
  const isEmpty = !rows.isPending && !rows.error && rows.rowCount === 0;
  return (
    <Page title={t("changes.title")} asOf={strip.dataUpdatedAt} isRefreshing={rows.isFetching}
      actions={
        <>
          <ButtonLink to={`/changes/compare${values.endpoint ? `?endpoint=${encodeURIComponent(values.endpoint)}` : ""}`}>{t("compare.open")}</ButtonLink>
          <a className={controls.button} href={addressOf("GET /api/changes/export", {}, filter)} download>
            <Icon name="download" /> {t("changes.csv")}
          </a>
        </>
      }
    >
      <Stack>
        <div className={layout.filters}>
          <SelectField label={t("changes.span")} value={values.span} options={(["day", "week", "month", "year"] as const).map((one) => [one, t(`changes.${one}`)])} onPick={(value) => { change({ span: value as typeof values.span, since: "", until: "" }); }} />
          <TextField label={t("changes.from")} type="datetime-local" value={picked.since ? asFieldText(picked.since) : ""} onChange={(event) => { change({ since: event.target.value ? momentOfField(event.target.value) : "" }); }} />
          <TextField label={t("changes.to")} type="datetime-local" value={picked.until ? asFieldText(picked.until) : ""} onChange={(event) => { change({ until: event.target.value ? momentOfField(event.target.value) : "" }); }} />
          <SelectField label={t("changes.endpoint")} value={values.endpoint} options={[["", t("app.all")], ...(names.data?.endpoints ?? []).map((one) => [one.endpoint, one.endpoint] as const)]} onPick={(value) => { change({ endpoint: value }); }} />
          <SelectField label={t("changes.kind")} value={values.kind} options={[["", t("app.all")], ...CHANGE_KINDS.map((one) => [one, changeLabel(one)] as const)]} onPick={(value) => { change({ kind: value as typeof values.kind }); }} />
          <div className={layout.grow}>
            <FolderField key={values.folder} given={values.folder} onChange={(folder) => { change({ folder }); }} />
          </div>
        </div>
        <Answer query={strip} lines={4}>
          {(found) => {
            const stepMs = found.step_seconds * 1000;
            const by = new Map(found.items.map((bar) => [new Date(bar.start).getTime(), bar.counts]));
            const first = Math.floor(new Date(span.since).getTime() / stepMs) * stepMs;
            const label = (start: number) => (found.step_seconds === 3600 ? `${day(start)}, ${clockTime(start)}` : day(start));
            const bars = Array.from({ length: Math.ceil((openedAt - first) / stepMs) }, (_, at) => first + at * stepMs).map((start) => ({ key: String(start), label: label(start), values: by.get(start) ?? {} }));
            const total = found.items.reduce((sum, bar) => sum + Object.values(bar.counts).reduce((a, b) => a + b, 0), 0);
            return (
              <Bars
                sentence={t("changes.sentence", { count: plural(total, "change"), since: moment(span.since), until: moment(span.until) })}
                bars={bars}
                series={changeSeries(found.items.map((bar) => bar.counts))}
                format={count}
                chosen={isPicked ? chosenBars(bars.map((bar) => Number(bar.key)), stepMs, since, until) : null}
                onBrush={(from, to) => { change({ since: new Date(Number(from.key)).toISOString(), until: new Date(Number(to.key) + stepMs).toISOString() }); }}
              />
            );
          }}
        </Answer>
        {!isPicked && <Muted>{t("changes.brush")}</Muted>}
        {isPicked && (
          <Row>
            <Badge tone="info">{`${moment(since)} – ${until ? moment(until) : t("changes.now")}`}</Badge>
            <Button icon="cross" onClick={() => { change({ since: "", until: "" }); }}>
              {t("changes.clearPick")}
            </Button>
          </Row>
        )}
        {rows.error && <Failure error={rows.error} onRetry={rows.refetch} />}
        {isEmpty ? (
          <Empty title={t("changes.empty")} hint={t("changes.emptyHint")} />
        ) : (
          <Grid label={t("changes.rows")} columns={COLUMNS} rowCount={rows.rowCount} rowAt={rows.rowAt} onRange={rows.onRange} keyOf={(row) => String(row.seq)} />
        )}
      </Stack>
    </Page>
  );
}

function FolderField({ given, onChange }: { given: string; onChange: (folder: string) => void }) {
  const [typed, setTyped] = useState(given);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onChange(typed.trim().replace(/^\/+|\/+$/g, ""));
      }}
    >
      <TextField label={t("changes.folder")} value={typed} onChange={(event) => { setTyped(event.target.value); }} onBlur={() => { if (typed.trim() !== given) onChange(typed.trim().replace(/^\/+|\/+$/g, "")); }} />
    </form>
  );
}
