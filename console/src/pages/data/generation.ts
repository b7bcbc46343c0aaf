/** One generation as it goes on: told by the server as it happens, asked for every two seconds where that is cut. */
import { useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { addressOf, call, type ApiError } from "../../api/client";
import type { SessionAnswer } from "../../api/types";

const POLL_MS = 2_000;
const TOLD_POLL_MS = 15_000;
const EVENTS = ["stage", "progress", "warning", "done"] as const;

export const STAGES = ["queued", "reading", "fitting", "generating", "checking", "exporting", "completed"] as const;

export function isFinished(state: string): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

export function generationKey(id: string): readonly unknown[] {
  return ["GET /api/sdv/status/{session_id}", { session_id: id }, { include: "none" }];
}

/** Where a stage stands, seen from the state of the generation. */
export function placeOf(stage: string, state: string, reached: string): "done" | "now" | "ahead" | "stopped" {
  const order: readonly string[] = STAGES;
  const last = isFinished(state) && state !== "completed" ? reached : state;
  const [at, here] = [order.indexOf(stage), order.indexOf(last)];
  if (state === "completed" || at < here) return "done";
  if (at > here) return "ahead";
  return isFinished(state) ? "stopped" : "now";
}

/** After how long a generation is asked for again; false: it is over. */
export function pollMs(state: string | undefined, isTold: boolean): number | false {
  if (state !== undefined && isFinished(state)) return false;
  return isTold ? TOLD_POLL_MS : POLL_MS;
}

export function useGeneration(id: string): UseQueryResult<SessionAnswer, ApiError> & { isTold: boolean } {
  const queries = useQueryClient();
  const [isTold, setTold] = useState(false);
  const query = useQuery<SessionAnswer, ApiError>({
    queryKey: generationKey(id),
    queryFn: ({ signal }) => call("GET /api/sdv/status/{session_id}", { path: { session_id: id }, query: { include: "none" }, signal }),
    enabled: id !== "",
    refetchInterval: ({ state }) => pollMs(state.data?.state, isTold),
  });
  const isOver = query.data ? isFinished(query.data.state) : true; // nothing to hear before the first answer
  useEffect(() => {
    if (id === "" || isOver || typeof EventSource === "undefined") return undefined;
    const source = new EventSource(addressOf("GET /api/sdv/sessions/{session_id}/events", { session_id: id }));
    source.onopen = () => {
      setTold(true);
    };
    source.onerror = () => {
      setTold(false); // it tries again by itself; meanwhile we ask
    };
    const take = (event: MessageEvent<string>) => {
      const news = JSON.parse(event.data) as SessionAnswer;
      queries.setQueryData<SessionAnswer>(generationKey(id), (old) => (old && old.revision > news.revision ? old : { ...news, data: null, truncated: [] }));
      if (event.type === "done") source.close();
    };
    for (const name of EVENTS) source.addEventListener(name, take);
    return () => {
      source.close();
      setTold(false);
    };
  }, [id, isOver, queries]);
  return { ...query, isTold };
}
