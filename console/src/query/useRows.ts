/** Rows of a list that is longer than anybody loads: by their numbers, or one page after the other. */
import { keepPreviousData, useInfiniteQuery, useQueries, useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import type { ApiError } from "../api/client";
import { PAGE_ROWS, pagesInSight } from "./pages";

export interface Rows<Row> {
  rowCount: number;
  rowAt: (index: number) => Row | undefined;
  onRange: (first: number, last: number) => void;
  error: ApiError | null;
  isPending: boolean;
  isFetching: boolean;
  refetch: () => void;
  /** Whether there may be rows behind the last one that is known. */
  hasMore: boolean;
}

/** Rows that have numbers: whatever is in sight is fetched, from any place on. */
export function useNumberedRows<Row>(
  key: readonly unknown[],
  total: number | null,
  fetchPage: (offset: number, limit: number, signal: AbortSignal) => Promise<readonly Row[]>,
  enabled = true,
): Rows<Row> {
  const cache = useQueryClient();
  const [range, setRange] = useState({ first: 0, last: 0 });
  const pages = pagesInSight(range);
  const answers = useQueries({
    queries: pages.map((page) => ({
      queryKey: [...key, "rows", page],
      queryFn: ({ signal }: { signal: AbortSignal }) => fetchPage(page * PAGE_ROWS, PAGE_ROWS, signal),
      enabled,
    })),
  });
  const onRange = useCallback((first: number, last: number) => {
    setRange((old) => (old.first === first && old.last === last ? old : { first, last }));
  }, []);
  const pageOf = (page: number) => cache.getQueryData<readonly Row[]>([...key, "rows", page]);
  return {
    rowCount: total ?? pageOf(0)?.length ?? 0,
    rowAt: (index) => pageOf(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS],
    onRange,
    error: (answers.find((one) => one.error)?.error as ApiError | undefined) ?? null,
    isPending: pageOf(pages[0] ?? 0) === undefined && answers.some((one) => one.isPending),
    isFetching: answers.some((one) => one.isFetching),
    refetch: () => {
      for (const one of answers) void one.refetch();
    },
    hasMore: false,
  };
}

/** Rows one page after the other, as far as somebody scrolls. */
export function useFollowingRows<Row>(
  key: readonly unknown[],
  fetchPage: (cursor: string | null, limit: number, signal: AbortSignal) => Promise<{ items: readonly Row[]; next_cursor: string | null }>,
  enabled = true,
): Rows<Row> {
  const found = useInfiniteQuery({
    queryKey: [...key, "pages"],
    queryFn: ({ pageParam, signal }) => fetchPage(pageParam, PAGE_ROWS, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    enabled,
  });
  const rows = (found.data?.pages ?? []).flatMap((page) => page.items);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  const onRange = useCallback(
    (_first: number, last: number) => {
      if (hasNextPage && !isFetchingNextPage && last >= rows.length - 30) void fetchNextPage();
    },
    [fetchNextPage, hasNextPage, isFetchingNextPage, rows.length],
  );
  return {
    rowCount: rows.length,
    rowAt: (index) => rows[index],
    onRange,
    error: found.error as ApiError | null,
    isPending: found.isPending,
    isFetching: found.isFetching,
    refetch: () => void found.refetch(),
    hasMore: hasNextPage,
  };
}
