/** Browse and search: endpoints and folders at the side, rows of any number beside them. */
import { useEffect, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { addressOf, call } from "../../api/client";
import { useApi } from "../../api/queries";
import type { BrowseRow } from "../../api/types";
import { asFieldText, momentOfField } from "../../app/preferences";
import { Failure } from "../../components/Answer";
import { Grid, type GridColumn } from "../../components/Grid";
import { Icon } from "../../components/Icon";
import { Page } from "../../components/Page";
import { Badge, Banner, Button, ButtonLink, CheckField, Empty, Muted, Row, Stack, TextField } from "../../components/controls";
import controls from "../../components/controls.module.css";
import layout from "../../components/layout.module.css";
import { choice, flag, isMoment, text } from "../../query/codec";
import { hasNumbers, parseSearch } from "../../query/search";
import { useFollowingRows, useNumberedRows } from "../../query/useRows";
import { useQueryState } from "../../query/useQueryState";
import { t } from "../../text/catalogue";
import { bytes, count, moment, plural, visible } from "../../text/format";
import { FilterFields } from "./FilterFields";
import { Tree, placeAddress } from "./Tree";
import { fileAddress } from "./address";
import { FILTERS, filterCount, withFilters } from "./filters";

const CODEC = {
  endpoint: text(),
  folder: text(),
  q: text(),
  ...FILTERS,
  subfolders: flag(),
  deleted: flag(),
  as_of: text(),
  sort: choice(["path", "size", "modified", "-path", "-size", "-modified"], "path"),
};

const PAUSE_MS = 200;

function nameColumn(folder: string): GridColumn<BrowseRow> {
  return {
    id: "path",
    header: t("files.path"),
    width: "minmax(0, 3fr)",
    sort: "path",
    cell: (row) => (
      <Link href={fileAddress(row)} title={visible(row.path)} tabIndex={-1}>
        {visible(folder && row.path.startsWith(`${folder}/`) ? row.path.slice(folder.length + 1) : row.path)}
      </Link>
    ),
  };
}

const COLUMNS: readonly GridColumn<BrowseRow>[] = [
  { id: "size", header: t("files.size"), width: "90px", isNumber: true, sort: "size", narrow: "meta", cell: (row) => (row.kind === "folder" ? "" : bytes(row.size)) },
  { id: "modified", header: t("files.modified"), width: "150px", sort: "modified", narrow: "meta", cell: (row) => moment(row.modified_at) },
  { id: "owner", header: t("files.owner"), width: "minmax(0, 130px)", narrow: "hide", cell: (row) => (row.owner ? visible(row.owner) : <Muted>{t("app.unknown")}</Muted>) },
  { id: "endpoint", header: t("files.endpoint"), width: "minmax(0, 120px)", narrow: "meta", cell: (row) => row.endpoint },
  {
    id: "kind",
    header: t("files.kind"),
    width: "minmax(0, 110px)",
    narrow: "meta",
    cell: (row) => (row.deleted_at ? <Badge tone="bad">{t("files.gone", { reason: row.gone_reason ?? t("app.unknown") })}</Badge> : row.kind),
  },
];

export default function FilesPage() {
  const [values, change] = useQueryState(CODEC);
  const [, navigate] = useLocation();
  const status = useApi("GET /sync/status", {}, { everySeconds: 30 });
  const endpoints = status.data?.endpoints ?? [];
  const typed = useMemo(() => parseSearch(values.q), [values.q]);
  const search = useMemo(() => withFilters(typed, values), [typed, values]);
  const sortBy = values.sort.replace("-", "") as "path" | "size" | "modified";
  const asOf = isMoment(values.as_of) ? values.as_of : "";
  const isDirect = values.endpoint !== "" && values.q === "" && filterCount(values) === 0 && !values.subfolders;
  const filter = useMemo(
    () => ({
      ...search,
      endpoint: values.endpoint ? [values.endpoint] : [],
      folder: values.folder || null,
      direct: isDirect,
      ...(asOf ? { as_of: asOf } : { deleted: values.deleted }),
      sort: sortBy,
      descending: values.sort.startsWith("-"),
      ...(isDirect && !search.kind ? { kind: ["file", "shortcut", "document"] as ("file" | "shortcut" | "document")[] } : {}),
    }),
    [search, values, isDirect, sortBy, asOf],
  ) as Record<string, unknown>;
  const isNumbered = asOf !== "" || hasNumbers(search);
  const key = ["GET /api/files", filter];
  const total = useApi("GET /api/files", { query: { ...filter, limit: 1, count: "exact" } }, { enabled: isNumbered });
  const numbered = useNumberedRows<BrowseRow>(
    key,
    total.data && !total.isPlaceholderData ? total.data.total : null,
    async (offset, limit, signal) => (await call("GET /api/files", { query: { ...filter, offset, limit }, signal })).items,
    isNumbered,
  );
  const following = useFollowingRows<BrowseRow>(key, (cursor, limit, signal) => call("GET /api/files", { query: { ...filter, cursor, limit }, signal }), !isNumbered);
  const rows = isNumbered ? numbered : following;
  const isEmpty = !rows.isPending && !rows.isFetching && !rows.error && rows.rowCount === 0;
  const columns = useMemo(() => [nameColumn(values.folder), ...COLUMNS.filter((one) => one.id !== "endpoint" || values.endpoint === "")], [values.folder, values.endpoint]);
  const exported = (format: string) => addressOf("GET /api/files/export", {}, { ...filter, format });
  return (
    <Page title={t("files.title")} asOf={status.dataUpdatedAt} isRefreshing={rows.isFetching}>
      <div className={layout.split}>
        <div className={layout.side}>
          <Tree endpoints={endpoints} chosen={{ endpoint: values.endpoint, folder: values.folder, asOf }} />
        </div>
        <Stack>
          <Crumbs endpoint={values.endpoint} folder={values.folder} asOf={asOf} />
          {asOf && (
            <Banner
              tone="info"
              title={t("files.asOfBanner", { time: moment(asOf) })}
              action={<Button onClick={() => { change({ as_of: "" }); }}>{t("files.asOfNow")}</Button>}
            >
              {total.data && total.data.endpoints_unknown.length > 0 ? t("files.asOfUnknown", { names: total.data.endpoints_unknown.map(visible).join(", ") }) : t("files.asOfHint")}
            </Banner>
          )}
          <div className={layout.filters}>
            <div className={layout.grow}>
              <SearchField
                given={values.q}
                onSearch={(q) => {
                  change({ q }, { replace: true });
                }}
              />
            </div>
            {values.endpoint !== "" && (
              <CheckField
                label={t("files.subfolders")}
                checked={values.subfolders}
                onChange={(event) => {
                  change({ subfolders: event.target.checked });
                }}
              />
            )}
            <TextField
              label={t("files.asOf")}
              type="datetime-local"
              value={asOf ? asFieldText(asOf) : ""}
              max={asFieldText(new Date().toISOString())}
              onChange={(event) => {
                change({ as_of: event.target.value ? momentOfField(event.target.value) : "" });
              }}
            />
            <CheckField
              label={t("files.deleted")}
              disabled={asOf !== ""}
              checked={values.deleted && asOf === ""}
              onChange={(event) => {
                change({ deleted: event.target.checked });
              }}
            />
          </div>
          <FilterFields filters={values} typed={typed} onChange={(some) => { change(some as Partial<typeof values>); }} />
          {isDirect && <Folders endpoint={values.endpoint} folder={values.folder} asOf={asOf} />}
          <Row>
            <span role="status">
              <strong>
                {isNumbered && !total.data && !total.error
                  ? t("app.loading")
                  : isNumbered
                  ? t("files.count", { files: plural(total.data?.total, "row"), bytes: bytes(total.data?.total_bytes) })
                  : rows.hasMore
                    ? t("files.countUnknown", { count: count(rows.rowCount) })
                    : t("files.countAll", { files: plural(rows.rowCount, "row") })}
              </strong>
            </span>
            <Muted>{t("files.export")}:</Muted>
            <a href={exported("csv")} download>
              {t("files.exportCsv")}
            </a>
            <a href={exported("arrow")} download>
              {t("files.exportArrow")}
            </a>
          </Row>
          {rows.error && <Failure error={rows.error} onRetry={rows.refetch} />}
          {status.isSuccess && endpoints.every((one) => one.last_success === null) ? (
            <Empty title={t("files.nothing")} hint={t("files.nothingHint")} action={<ButtonLink to="/endpoints">{t("files.toEndpoints")}</ButtonLink>} />
          ) : isEmpty ? (
            <Empty title={t(isDirect ? "files.noneHere" : "files.empty")} hint={t(isDirect ? "files.noneHereHint" : "files.emptyHint")} />
          ) : (
            <Grid
              label={t("files.title")}
              columns={columns}
              rowCount={rows.rowCount}
              rowAt={rows.rowAt}
              onRange={rows.onRange}
              keyOf={(row) => `${row.endpoint}/${row.external_id}`}
              onOpen={(row) => {
                navigate(fileAddress(row));
              }}
              textOf={(row) => row.name}
              sort={{ by: sortBy, descending: values.sort.startsWith("-") }}
              onSort={(by) => {
                const isSame = by === sortBy;
                const descending = isSame ? !values.sort.startsWith("-") : by !== "path";
                change({ sort: `${descending ? "-" : ""}${by}` as typeof values.sort });
              }}
            />
          )}
        </Stack>
      </div>
    </Page>
  );
}

function SearchField({ given, onSearch }: { given: string; onSearch: (q: string) => void }) {
  const [typed, setTyped] = useState(given);
  const [sent, setSent] = useState(given);
  if (given !== sent) {
    // It was looked for from elsewhere: from the top of the page, or with Back.
    setSent(given);
    setTyped(given);
  }
  useEffect(() => {
    if (typed === given) return undefined;
    const timer = window.setTimeout(() => {
      setSent(typed);
      onSearch(typed);
    }, PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, [typed, given, onSearch]);
  return (
    <TextField
      label={t("files.search")}
      type="search"
      value={typed}
      title={t("files.searchHelp")}
      placeholder={'plan  ext:dwg  size:>1gb  owner:"anna"'}
      onChange={(event) => {
        setTyped(event.target.value);
      }}
    />
  );
}

function Crumbs({ endpoint, folder, asOf }: { endpoint: string; folder: string; asOf: string }) {
  if (!endpoint) return null;
  const parts = folder ? folder.split("/") : [];
  return (
    <nav aria-label={t("file.folder")} className={layout.crumbs}>
      <Link href={placeAddress(endpoint, "", asOf)}>{endpoint}</Link>
      {parts.map((part, at) => {
        const path = parts.slice(0, at + 1).join("/");
        return (
          <span key={path}>
            <Icon name="right" size={12} />
            <Link href={placeAddress(endpoint, path, asOf)}>{visible(part)}</Link>
          </span>
        );
      })}
    </nav>
  );
}

function Folders({ endpoint, folder, asOf }: { endpoint: string; folder: string; asOf: string }) {
  const found = useApi("GET /api/files/tree", { query: { endpoint, parent: folder || null, folders: true, limit: 60, ...(asOf ? { as_of: asOf } : {}) } });
  const folders = found.data?.items ?? [];
  if (folders.length === 0) return null;
  return (
    <ul className={controls.row} aria-label={t("files.folders")}>
      {folders.map((one) => (
        <li key={one.path}>
          <ButtonLink to={placeAddress(endpoint, one.path, asOf)} icon="folder">
            {visible(one.name)} <Muted>{one.files === null ? "" : `${count(one.files)}${one.files_is_exact ? "" : "+"}`}</Muted>
          </ButtonLink>
        </li>
      ))}
      {found.data?.next_cursor && <li>…</li>}
    </ul>
  );
}
