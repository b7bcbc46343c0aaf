/** The reports: which there are, and the rows of one about a day. */
import { Link, useParams } from "wouter";
import { useApi } from "../../api/queries";
import { Answer } from "../../components/Answer";
import { Page } from "../../components/Page";
import { Banner, Button, Card, Empty, Muted, Row, SmallTable, Stack, TextField, type Column } from "../../components/controls";
import layout from "../../components/layout.module.css";
import { text } from "../../query/codec";
import { useQueryState } from "../../query/useQueryState";
import { t } from "../../text/catalogue";
import { bytes, count, moment, visible } from "../../text/format";

const CODEC = { day: text() };
const ROWS = 500;
type Name = "duplicates" | "storage_by_type" | "storage_by_owner" | "storage_by_age" | "exposure" | "stale_files" | "biggest_files" | "activity";
type Cells = Record<string, unknown>;

function shown(name: string, value: unknown): string {
  if (value === null || value === undefined) return t("app.unknown");
  if (typeof value === "number") return /bytes|size/.test(name) ? bytes(value) : Number.isInteger(value) ? count(value) : value.toFixed(2);
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}T/.test(value)) return moment(value);
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}

function quoted(value: unknown): string {
  const raw = value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r＝＋－＠]/.test(raw) ? `'${raw}` : raw;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function save(name: string, rows: readonly Cells[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((cells) => cells.map(quoted).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv;charset=utf-8" }));
  link.download = `${name}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

export default function ReportsPage() {
  const { name } = useParams<{ name?: string }>();
  const kinds = useApi("GET /reports");
  if (name) return <Report key={name} name={name} title={kinds.data?.items.find((one) => one.name === name)?.title ?? name} />;
  return (
    <Page title={t("reports.title")}>
      <Answer query={kinds}>
        {(found) => (
          <div className={layout.columns}>
            {found.items.map((one) => (
              <Card key={one.name} title={<Link href={`/reports/${one.name}`}>{one.title}</Link>}>
                <Muted>{one.about}</Muted>
              </Card>
            ))}
          </div>
        )}
      </Answer>
    </Page>
  );
}

function Report({ name, title }: { name: string; title: string }) {
  const [values, change] = useQueryState(CODEC);
  const wanted = /^\d{4}-\d{2}-\d{2}$/.test(values.day) ? values.day : null;
  const query = useApi("GET /reports/{name}", { path: { name: name as Name }, query: { limit: ROWS, ...(wanted ? { day: wanted } : {}) } });
  return (
    <Page
      title={title}
      asOf={query.dataUpdatedAt}
      isRefreshing={query.isFetching}
      actions={
        <Button icon="download" disabled={!query.data || query.data.items.length === 0} onClick={() => { if (query.data) save(`${name} ${query.data.day}`, query.data.items); }}>
          {t("reports.csv")}
        </Button>
      }
    >
      <Stack>
        <div className={layout.filters}>
          <TextField label={t("reports.day")} type="date" value={values.day || (query.data?.day ?? "")} onChange={(event) => { change({ day: event.target.value }); }} />
        </div>
        <Answer query={query} lines={12}>
          {(found) => (
            <Stack>
              {found.notes.length > 0 && (
                <Banner tone="info" title={t("reports.notes")}>
                  {found.notes.map(visible).join(" ")}
                </Banner>
              )}
              {found.items.length === 0 ? (
                <Empty title={t("reports.empty")} hint={t("reports.emptyHint")} />
              ) : (
                <>
                  <SmallTable label={t("reports.rows", { name: title })} columns={columnsOf(found.items)} rows={found.items.map((row, at) => ({ row, at }))} keyOf={(one) => one.at} />
                  {found.next_cursor && <Row><Muted>{t("reports.firstRows", { count: count(found.items.length) })}</Muted></Row>}
                </>
              )}
            </Stack>
          )}
        </Answer>
      </Stack>
    </Page>
  );
}

function columnsOf(rows: readonly Cells[]): Column<{ row: Cells; at: number }>[] {
  return Object.keys(rows[0] ?? {}).map((name) => ({
    id: name,
    header: name.replaceAll("_", " "),
    isNumber: rows.every((row) => row[name] === null || typeof row[name] === "number"),
    cell: ({ row }) => shown(name, row[name]),
  }));
}
