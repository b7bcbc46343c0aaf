/** The second tab: how tables belong together, what columns are for, which rules hold, and what is generated. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { call, type ApiError } from "../../../api/client";
import { useApi } from "../../../api/queries";
import type { TablesTogether, UploadOut } from "../../../api/types";
import { Answer, Failure } from "../../../components/Answer";
import { Banner, Button, ButtonLink, Empty, Skeleton, Stack } from "../../../components/controls";
import { choice, text, whole, type Field } from "../../../query/codec";
import { useQueryState } from "../../../query/useQueryState";
import { t } from "../../../text/catalogue";
import { visible } from "../../../text/format";
import { DataPage } from "../DataPage";
import { FORMATS } from "../export/formats";
import { useTabAddress, useWizard, type Wizard } from "../wizard";
import { Bar, drawSeed } from "./Bar";
import { foundOf } from "./discovered";
import { Graph } from "./Graph";
import { EMPTY_DRAFT, type BarValues, type Found } from "./model";
import { Relations } from "./Relations";
import { TablePanel } from "./TablePanel";
import { useDraft } from "./useDraft";
import styles from "./config.module.css";

/** Rows are read for it, so it is not asked for each time that somebody looks. */
const STALE_MS = 600_000;
const READING_TRIES = 60;
const READING_PAUSE_MS = 2_000;

function fraction(initial: number): Field<number> {
  return {
    initial,
    read: ([first]) => (first !== undefined && /^\d{1,9}(\.\d{1,6})?$/.test(first) ? Number(first) : initial),
    write: (value) => (value === initial ? [] : [String(value)]),
  };
}

const CODEC = {
  table: text(),
  scale: fraction(1),
  seed: whole(),
  format: choice(FORMATS, "csv"),
  engine: choice(["core", "mostlyai"], "core"),
  locale: text("en_US"),
  threshold: fraction(0.8),
};

export default function ConfigPage() {
  const [wizard] = useWizard();
  const address = useTabAddress();
  const uploads = useApi("GET /api/uploads", { query: { limit: 200 } }, { enabled: wizard.upload.length > 0 });
  const isEmpty = wizard.upload.length + wizard.source.length === 0;
  return (
    <DataPage tab="config" title={t("config.title")} asOf={uploads.dataUpdatedAt}>
      {isEmpty ? (
        <Empty title={t("config.empty")} hint={t("config.emptyHint")} action={<ButtonLink look="primary" to={address("sources")}>{t("results.toSources")}</ButtonLink>} />
      ) : wizard.upload.length === 0 ? (
        <Discovered wizard={wizard} uploads={[]} />
      ) : (
        <Answer query={uploads}>{(found) => <Discovered wizard={wizard} uploads={found.uploads.filter((one) => wizard.upload.includes(one.upload_id) && one.state === "ready")} />}</Answer>
      )}
    </DataPage>
  );
}

function Discovered({ wizard, uploads }: { wizard: Wizard; uploads: readonly UploadOut[] }) {
  const address = useTabAddress();
  const body = { uploads: uploads.map((one) => one.upload_id).sort(), sources: [...wizard.source].sort() };
  const query = useQuery<TablesTogether, ApiError>({
    queryKey: ["POST /api/tables/together", body],
    queryFn: ({ signal }) => call("POST /api/tables/together", { body, signal }),
    staleTime: STALE_MS,
    // A large file is read meanwhile: the server says so, and we ask again.
    retry: (count, error) => error.code === "busy" && error.field !== "sources" && count < READING_TRIES,
    retryDelay: READING_PAUSE_MS,
  });
  const found = useMemo(() => (query.data ? foundOf(query.data) : null), [query.data]);
  const paths = uploads.map((one) => one.path).sort();
  if (query.isPending && !query.error) {
    return (
      <div aria-busy="true" data-state="loading">
        <Banner tone="info" title={t("config.reading")} />
        <Skeleton />
      </div>
    );
  }
  const isUnread = query.error?.field === "sources";
  return (
    <Stack>
      {uploads.length < wizard.upload.length && <Banner tone="warn" title={t("config.partial")}>{t("config.partialHint")}</Banner>}
      {query.error && <Failure error={query.error} onRetry={() => void query.refetch()} {...(found ? { staleSince: query.dataUpdatedAt } : {})} />}
      {isUnread && <div><ButtonLink to={address("sources")}>{t("data.sources")}</ButtonLink></div>}
      {found && found.tables.length > 0 && <Configuration key={[...paths, ...wizard.source].join("\n")} found={found} wizard={wizard} paths={paths} />}
    </Stack>
  );
}

function Configuration({ found, wizard, paths }: { found: Found; wizard: Wizard; paths: readonly string[] }) {
  const [values, change] = useQueryState(CODEC);
  const [draft, decide] = useDraft([...paths, ...wizard.source].join("\n"));
  const [drawn] = useState(drawSeed);
  const table = found.tables.find((one) => one.name === values.table) ?? found.tables[0];
  const bar: BarValues = { ...values, seed: values.seed ?? drawn };
  if (!table) return null;
  return (
    <Stack>
      <div className={styles.split}>
        <div className={styles.side}>
          <Graph found={found} draft={draft} chosen={table.name} onChoose={(name) => { change({ table: name }); }} />
          <div className={styles.tableList} role="group" aria-label={t("config.tables")}>
            {found.tables.map((one) => (
              <button key={one.name} type="button" aria-pressed={one.name === table.name} onClick={() => { change({ table: one.name }); }}>
                {visible(one.name)}
              </button>
            ))}
          </div>
          <Relations found={found} draft={draft} onChange={decide} />
          <div>
            <Button icon="refresh" onClick={() => { decide(EMPTY_DRAFT); }}>
              {t("config.undo")}
            </Button>
          </div>
        </div>
        <TablePanel key={table.name} found={found} table={table} draft={draft} scale={bar.scale} onChange={decide} />
      </div>
      <Bar found={found} draft={draft} bar={bar} inputs={{ paths, sources: wizard.source }} wizard={wizard} onChange={(some) => { change(some, { replace: true }); }} />
    </Stack>
  );
}
