/** The reports: which there are, and the rows of one about a day. */
import { Link, useParams } from "wouter";
import { addressOf } from "../../api/client";
import { useApi } from "../../api/queries";
import { Answer } from "../../components/Answer";
import { Icon } from "../../components/Icon";
import { Page } from "../../components/Page";
import { Banner, Button, Card, Empty, Muted, Row, SmallTable, Stack, TextField, type Column } from "../../components/controls";
import controls from "../../components/controls.module.css";
import layout from "../../components/layout.module.css";
import { text } from "../../query/codec";
import { useQueryState } from "../../query/useQueryState";
import { t } from "../../text/catalogue";
import { bytes, count, day, moment, visible } from "../../text/format";

import { Picture } from "./Picture";

const CODEC = { day: text() };
const ROWS = 500;
const DAY_MS = 86_400_000;
type Name = "duplicates" | "storage_by_type" | "storage_by_owner" | "storage_by_age" | "exposure" | "stale_files" | "biggest_files" | "activity";
type Cells = Record<string, unknown>;

function shown(name: string, value: unknown): string {
  if (value === null || value === undefined) return t("app.unknown");
  if (typeof value === "number") return /bytes|size/.test(name) ? bytes(value) : Number.isInteger(value) ? count(value) : value.toFixed(2);
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}T/.test(value)) return moment(value);
  return visible(typeof value === "string" ? value : JSON.stringify(value));
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
  const query = useApi("GET /reports/{name}", { path: { name: name as Name }, query: { limit: ROWS, picture: true, ...(wanted ? { day: wanted } : {}) } });
  const go = (days: number) => {
    const from = new Date(`${values.day || (query.data?.day ?? "")}T12:00:00Z`).getTime();
    if (!Number.isNaN(from)) change({ day: new Date(from + days * DAY_MS).toISOString().slice(0, 10) });
  };
  return (
    <Page
      title={title}
      asOf={query.dataUpdatedAt}
      isRefreshing={query.isFetching}
      actions={
        <a className={controls.button} href={addressOf("GET /reports/{name}/export", { name }, wanted ? { day: wanted } : {})} download>
          <Icon name="download" /> {t("reports.csv")}
        </a>
      }
    >
      <Stack>
        <div className={layout.filters}>
          <Row>
          <Button icon="left" name={t("reports.before")} disabled={!query.data} onClick={() => { go(-1); }} />
          <TextField label={t("reports.day")} type="date" value={values.day || (query.data?.day ?? "")} onChange={(event) => { change({ day: event.target.value }); }} />
          <Button icon="right" name={t("reports.after")} disabled={!query.data || !wanted} onClick={() => { go(1); }} />
          {wanted && <Button onClick={() => { change({ day: "" }); }}>{t("reports.today")}</Button>}
          </Row>
        </div>
        <Answer query={query} lines={12}>
          {(found) => (
            <Stack>
              {found.notes.length > 0 && (
                <Banner tone="info" title={t("reports.notes")}>
                  {found.notes.map(visible).join(" ")}
                </Banner>
              )}
              {found.numbers && <Numbers numbers={found.numbers} />}
              {found.picture && found.items.length > 0 && <Picture picture={found.picture} title={`${title}, ${day(`${found.day}T12:00:00Z`)}`} />}
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

/** What is true of everything, beside the rows. */
function Numbers({ numbers }: { numbers: Readonly<Record<string, number>> }) {
  return (
    <div className={layout.numbers}>
      {Object.entries(numbers).map(([name, value]) => (
        <div key={name} className={layout.number}>
          <Muted>{name.replaceAll("_", " ")}</Muted>
          <strong>{/bytes/.test(name) ? bytes(value) : count(value)}</strong>
        </div>
      ))}
    </div>
  );
}
