/** Questions to the server as hooks: cached, asked again while somebody looks, cancelled when nobody does. */
import { QueryClient, keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { isTold, useIsLive } from "../app/live";
import { ApiError, call, type Answer, type Request } from "./client";
import type { Operations } from "./types";

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      gcTime: 120_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => count < 2 && error instanceof ApiError && error.isPassing && error.status !== 429,
      retryDelay: (count) => 500 * 2 ** count,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

/** Seconds between two questions while the server tells by itself what changed: time passes, too. */
const LIVE_SECONDS = 30;

interface Options {
  enabled?: boolean;
  everySeconds?: number;
  /** Keep showing what was there while the next question is answered. */
  keep?: boolean;
}

/** The answer to a GET. */
export function useApi<O extends keyof Operations & `GET ${string}`>(
  operation: O,
  request: Omit<Request<O>, "signal"> = {} as Request<O>,
  { enabled = true, everySeconds, keep = true }: Options = {},
): UseQueryResult<Answer<O>, ApiError> {
  const isLive = useIsLive();
  const seconds = everySeconds && isLive && isTold(operation) ? Math.max(everySeconds, LIVE_SECONDS) : everySeconds;
  return useQuery<Answer<O>, ApiError>({
    queryKey: [operation, request.path ?? {}, request.query ?? {}],
    queryFn: ({ signal }) => call(operation, { ...request, signal } as Request<O>),
    enabled,
    ...(seconds ? { refetchInterval: seconds * 1000 } : {}),
    ...(keep ? { placeholderData: keepPreviousData as never } : {}),
  });
}
