/** Endpoints, and the folders in them, opened one by one. */
import { useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { call } from "../../api/client";
import { Button, Muted } from "../../components/controls";
import { Icon } from "../../components/Icon";
import layout from "../../components/layout.module.css";
import { t } from "../../text/catalogue";
import { compact, visible } from "../../text/format";

export function placeAddress(endpoint: string, folder: string, asOf = ""): string {
  const query = new URLSearchParams({ endpoint, ...(folder ? { folder } : {}), ...(asOf ? { as_of: asOf } : {}) });
  return `/files?${query.toString()}`;
}

export function useChildren(endpoint: string, parent: string, asOf: string, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: ["GET /api/files/tree", endpoint, parent, asOf],
    queryFn: ({ pageParam, signal }) =>
      call("GET /api/files/tree", { query: { endpoint, parent: parent || null, folders: true, limit: 200, cursor: pageParam, ...(asOf ? { as_of: asOf } : {}) }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    enabled,
  });
}

interface Chosen {
  endpoint: string;
  folder: string;
  asOf: string;
}

function Node({ endpoint, folder, label, files, chosen }: { endpoint: string; folder: string; label: string; files: string; chosen: Chosen }) {
  const leadsToChosen = chosen.endpoint === endpoint && (folder === "" || chosen.folder === folder || chosen.folder.startsWith(`${folder}/`));
  const [isOpen, setOpen] = useState(leadsToChosen);
  const children = useChildren(endpoint, folder, chosen.asOf, isOpen);
  const rows = children.data?.pages.flatMap((page) => page.items) ?? [];
  const isHere = chosen.endpoint === endpoint && chosen.folder === folder;
  return (
    <li>
      <div className={layout.node}>
        <button
          type="button"
          className={layout.twist}
          aria-expanded={isOpen}
          aria-label={t("files.expand", { name: visible(label) })}
          onClick={() => {
            setOpen(!isOpen);
          }}
        >
          <Icon name={isOpen ? "down" : "right"} size={12} />
        </button>
        <Link href={placeAddress(endpoint, folder, chosen.asOf)} aria-current={isHere ? "true" : undefined} title={visible(folder || label)}>
          <Icon name={folder ? "folder" : "database"} />
          <span>{visible(label)}</span>
          <small>{files}</small>
        </Link>
      </div>
      {isOpen && (
        <ul>
          {rows.map((row) => (
            <Node key={row.path} endpoint={endpoint} folder={row.path} label={row.name} files={row.files === null ? "" : `${compact(row.files)}${row.files_is_exact ? "" : "+"}`} chosen={chosen} />
          ))}
          {children.isSuccess && rows.length === 0 && (
            <li>
              <Muted>{t("files.noFolders")}</Muted>
            </li>
          )}
          {children.hasNextPage && (
            <li>
              <Button look="quiet" onClick={() => void children.fetchNextPage()}>
                {t("files.moreFolders")}
              </Button>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

export function Tree({ endpoints, chosen }: { endpoints: readonly { endpoint: string; title: string; files_total: number; last_success: string | null }[]; chosen: Chosen }) {
  return (
    <nav aria-label={t("files.places")}>
      <ul className={layout.tree}>
        <li className={layout.node}>
          <span className={layout.twist} />
          <Link href={chosen.asOf ? `/files?as_of=${encodeURIComponent(chosen.asOf)}` : "/files"} aria-current={chosen.endpoint === "" ? "true" : undefined}>
            <Icon name="home" />
            <span>{t("files.allEndpoints")}</span>
          </Link>
        </li>
        {endpoints.map((one) => (
          <Node key={`${one.endpoint} ${chosen.endpoint === one.endpoint ? chosen.folder.split("/")[0] : ""}`} endpoint={one.endpoint} folder="" label={one.endpoint} files={one.last_success === null || chosen.asOf ? "" : compact(one.files_total)} chosen={chosen} />
        ))}
      </ul>
    </nav>
  );
}
