/** One file: all that is known, who may, copies, what happened to it. */
import { Link, useParams } from "wouter";
import { useApi } from "../../api/queries";
import type { FileDetails, JournalRow } from "../../api/types";
import { Answer } from "../../components/Answer";
import { Difference } from "../../components/Difference";
import { Icon } from "../../components/Icon";
import { Page } from "../../components/Page";
import { copy } from "../../components/clipboard";
import { Badge, Button, Card, Facts, Muted, SmallTable, Stack, type Column } from "../../components/controls";
import controls from "../../components/controls.module.css";
import layout from "../../components/layout.module.css";
import { t } from "../../text/catalogue";
import { changeLabel, changeLook } from "../../text/changes";
import { bytes, count, moment, visible } from "../../text/format";
import { fileAddress } from "../files/address";
import { placeAddress } from "../files/Tree";

const JOURNAL: readonly Column<JournalRow>[] = [
  { id: "when", header: t("changes.when"), cell: (row) => moment(row.observed_at) },
  {
    id: "what",
    header: t("changes.what"),
    cell: (row) => {
      const [tone, icon] = changeLook(row.change);
      return (
        <Badge tone={tone} icon={icon}>
          {changeLabel(row.change)}
        </Badge>
      );
    },
  },
  { id: "path", header: t("changes.path"), cell: (row) => visible(row.path) },
  { id: "diff", header: t("changes.diff"), cell: (row) => <Difference before={row.before} after={row.after} /> },
];

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function sqlOf(file: FileDetails): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  return `SELECT f.* FROM files f JOIN endpoints e ON e.id = f.endpoint_id\nWHERE e.name = ${quoted(file.endpoint)} AND f.external_id = ${quoted(file.external_id)};`;
}

interface Grant {
  who: string;
  may: string;
}

/** Permissions as people read them, where they are a list of who may what. */
function grantsOf(permissions: unknown): Grant[] | null {
  if (!Array.isArray(permissions)) return null;
  const grants = permissions.map((one: unknown) => {
    if (typeof one !== "object" || one === null) return null;
    const facts = one as Record<string, unknown>;
    const who = ["email", "principal", "grantee", "user", "group", "domain", "name", "id"].map((name) => facts[name]).find((value) => typeof value === "string");
    const may = ["role", "permission", "access", "actions", "level"].map((name) => facts[name]).find((value) => value !== undefined && value !== null);
    const kind = typeof facts["type"] === "string" ? facts["type"] : "";
    return may === undefined ? null : { who: [kind, who].filter(Boolean).join(" ") || t("app.unknown"), may: Array.isArray(may) ? may.join(", ") : typeof may === "string" ? may : JSON.stringify(may) };
  });
  return grants.every((one) => one !== null) ? grants : null;
}

function Permissions({ permissions }: { permissions: unknown }) {
  if (permissions === null || permissions === undefined) return <Muted>{t("file.noPermissions")}</Muted>;
  const grants = grantsOf(permissions);
  return (
    <Stack>
      {grants && grants.length > 0 && (
        <SmallTable
          label={t("file.permissions")}
          columns={[
            { id: "who", header: t("file.who"), cell: (one) => visible(one.who) },
            { id: "may", header: t("file.may"), cell: (one) => visible(one.may) },
          ]}
          rows={grants}
          keyOf={(one) => `${one.who} ${one.may}`}
        />
      )}
      <details>
        <summary>{t("file.raw")}</summary>
        <pre className={layout.pre}>{visible(JSON.stringify(permissions, null, 2)).replaceAll("‹U+000A›", "\n")}</pre>
      </details>
    </Stack>
  );
}

export default function FilePage() {
  const params = useParams<{ endpoint: string; "*": string }>();
  const endpoint = params.endpoint;
  const id = params["*"];
  const query = useApi("GET /api/files/{endpoint}/{external_id}", { path: { endpoint, external_id: id } });
  const file = query.data;
  return (
    <Page
      title={file ? visible(file.name) : t("file.title")}
      asOf={query.dataUpdatedAt}
      isRefreshing={query.isFetching}
      actions={
        file && (
          <>
            {file.link && (
              <a className={controls.button} href={file.link} target="_blank" rel="noopener noreferrer">
                <Icon name="external" /> {t("file.open")}
              </a>
            )}
            <Button icon="copy" onClick={() => void copy(file.path)}>
              {t("file.copyPath")}
            </Button>
            <Button icon="copy" onClick={() => void copy(file.external_id)}>
              {t("file.copyId")}
            </Button>
            <Button icon="copy" onClick={() => void copy(sqlOf(file))}>
              {t("file.copySql")}
            </Button>
          </>
        )
      }
    >
      <Answer query={query} lines={14}>
        {(found) => (
          <Stack>
            <div className={layout.columns}>
              <Card title={t("file.facts")}>
                <Facts
                  facts={[
                    [t("files.endpoint"), <Link href={`/endpoints/${found.endpoint}`}>{found.endpoint}</Link>],
                    [t("file.folder"), <Link href={placeAddress(found.endpoint, folderOf(found.path))}>{visible(folderOf(found.path)) || "/"}</Link>],
                    ...(found.deleted_at ? [[t("file.deleted"), <Badge tone="bad">{`${moment(found.deleted_at)} (${found.gone_reason ?? t("app.unknown")})`}</Badge>] as const] : []),
                    [t("files.kind"), found.kind],
                    [t("files.size"), found.size === null ? t("app.unknown") : `${bytes(found.size)} (${count(found.size)} B)`],
                    [t("files.modified"), moment(found.modified_at)],
                    [t("file.created"), moment(found.created_at)],
                    [t("files.owner"), found.owner ? visible(found.owner) : t("app.unknown")],
                    [t("file.mime"), found.mime_type ?? t("app.unknown")],
                    [t("files.version"), <code>{found.version ? visible(found.version) : t("app.unknown")}</code>],
                    [t("file.hash"), <code>{found.content_hash ?? t("app.unknown")}</code>],
                    [t("file.id"), <code>{visible(found.external_id)}</code>],
                    [t("file.firstSeen"), moment(found.first_seen_at)],
                    [t("file.lastSeen"), moment(found.last_seen_at)],
                  ]}
                />
              </Card>
              <Card title={t("file.permissions")}>
                <Permissions permissions={found.permissions} />
                <h2>{t("file.copies")}</h2>
                {found.copies.length === 0 ? (
                  <Muted>{found.content_hash ? t("file.noCopies") : t("file.noHash")}</Muted>
                ) : (
                  <ul>
                    {found.copies.map((one) => (
                      <li key={`${one.endpoint} ${one.external_id}`}>
                        <Link href={fileAddress(one)}>{visible(one.path)}</Link> <Muted>{one.endpoint}</Muted>
                      </li>
                    ))}
                  </ul>
                )}
              </Card>
            </div>
            <h2>{t("file.journal")}</h2>
            {found.journal.length === 0 ? <Muted>{t("file.noJournal")}</Muted> : <SmallTable label={t("file.journal")} columns={JOURNAL} rows={found.journal} keyOf={(row) => row.seq} />}
          </Stack>
        )}
      </Answer>
    </Page>
  );
}
