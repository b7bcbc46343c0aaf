/** What the server tells by itself: that something changed. Whatever shows it is asked again; without it, from time to time. */
import { useEffect, useSyncExternalStore } from "react";
import type { Query, QueryClient } from "@tanstack/react-query";
import { addressOf } from "../api/client";

const AGAIN_MS = 60_000;
/** How often at most something is asked again because it changed: a sync of many files says so all the time. */
const PAUSE_MS = 3_000;
/** Pages of a list that goes on and on: somebody who has come further is left where they are. */
const PAGES_MAX_COUNT = 2;

type Subject = "endpoints" | "changes" | "replications" | "alerts" | "sessions";

/** Of each subject, the beginnings of the operations that tell of it. */
const TELLS: Record<Subject, readonly string[]> = {
  endpoints: ["GET /sync/status", "GET /endpoints", "GET /api/overview", "GET /api/held", "GET /api/syncs", "GET /api/growth", "GET /health"],
  changes: ["GET /api/changes", "GET /api/files", "GET /api/overview", "GET /endpoints/{name}/held"],
  replications: ["GET /sync/status", "GET /replications", "GET /api/overview", "GET /api/held"],
  alerts: ["GET /health", "GET /api/overview"],
  sessions: ["GET /api/sdv/"],
};

let isLive = false;
const watchers = new Set<() => void>();

function setLive(next: boolean): void {
  if (next === isLive) return;
  isLive = next;
  for (const tell of watchers) tell();
}

/** Whether the server tells what changed, so that nobody needs to ask often. */
export function useIsLive(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => {
        watchers.delete(watcher);
      };
    },
    () => isLive,
  );
}

/** The subjects that an event names; of what is no list of names, none. */
export function subjectsOf(data: string): Subject[] {
  try {
    const { changed } = JSON.parse(data) as { changed?: unknown };
    return Array.isArray(changed) ? changed.filter((one): one is Subject => typeof one === "string" && one in TELLS) : [];
  } catch {
    return [];
  }
}

/** Whether the server tells when the answer to an operation changed; all others have to be asked as often as ever. */
export function isTold(operation: string): boolean {
  return Object.values(TELLS).some((starts) => starts.some((start) => operation.startsWith(start)));
}

/** Whether a question is to be asked again because something changed. */
export function isConcerned(query: Pick<Query, "queryKey" | "state">, subjects: readonly Subject[]): boolean {
  const operation = String(query.queryKey[0]);
  const pages = (query.state.data as { pages?: unknown[] } | undefined)?.pages;
  if (pages && pages.length > PAGES_MAX_COUNT) return false;
  return subjects.some((subject) => TELLS[subject].some((start) => operation.startsWith(start)));
}

/** Listen while the page is in sight: browsers allow few connections to a server, and hidden pages would take them all. */
export function useLive(client: QueryClient, enabled: boolean): void {
  useEffect(() => {
    if (!enabled) return undefined;
    let source: EventSource | undefined;
    let lastId = "";
    let timer: number | undefined;
    const waiting = new Set<Subject>();
    let asking: number | undefined;
    let askedAt = 0;
    const ask = () => {
      asking = undefined;
      askedAt = Date.now();
      const subjects = [...waiting];
      waiting.clear();
      void client.invalidateQueries({ predicate: (query) => isConcerned(query, subjects) });
    };
    const hear = (event: MessageEvent<string>) => {
      lastId = event.lastEventId || lastId;
      setLive(true);
      for (const subject of subjectsOf(event.data)) waiting.add(subject);
      if (waiting.size > 0) asking ??= window.setTimeout(ask, Math.max(0, askedAt + PAUSE_MS - Date.now()));
    };
    const stop = () => {
      source?.close();
      source = undefined;
      window.clearTimeout(timer);
      setLive(false);
    };
    const listen = () => {
      stop();
      if (document.visibilityState !== "visible") return;
      source = new EventSource(addressOf("GET /api/events", {}, { since: lastId }));
      source.addEventListener("hello", hear);
      source.addEventListener("changed", hear);
      source.addEventListener("error", () => {
        setLive(false);
        if (source?.readyState === EventSource.CLOSED) timer = window.setTimeout(listen, AGAIN_MS);
      });
    };
    document.addEventListener("visibilitychange", listen);
    listen();
    return () => {
      document.removeEventListener("visibilitychange", listen);
      window.clearTimeout(asking);
      stop();
    };
  }, [client, enabled]);
}
