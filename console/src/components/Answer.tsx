/** The five states of whatever is asked of the server: loading, empty, partial, error, stale. */
import { useEffect, useState, type ReactNode } from "react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ApiError } from "../api/client";
import { t } from "../text/catalogue";
import { clockTime } from "../text/format";
import { Banner, Button, Skeleton } from "./controls";

const PATIENCE_MS = 150;

interface AnswerProps<T> {
  query: UseQueryResult<T, ApiError>;
  /** Lines of the skeleton while nothing is there yet. */
  lines?: number;
  /** What is shown when there is nothing; the page says what would be here. */
  empty?: (data: T) => ReactNode;
  children: (data: T) => ReactNode;
}

export function Answer<T>({ query, lines = 8, empty, children }: AnswerProps<T>) {
  const { data, error, isPending, refetch, dataUpdatedAt } = query;
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!isPending) return undefined;
    const timer = window.setTimeout(() => {
      setLate(true);
    }, PATIENCE_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, [isPending]);
  const retry = () => void refetch();
  if (data === undefined) {
    if (error) return <Failure error={error} onRetry={retry} />;
    return (
      <div aria-busy="true" data-state="loading">
        <span className="visually-hidden">{t("app.loading")}</span>
        {isLate && <Skeleton lines={lines} />}
      </div>
    );
  }
  const nothing = empty?.(data);
  return (
    <>
      {error && <Failure error={error} onRetry={retry} staleSince={dataUpdatedAt} />}
      {nothing ? <div data-state="empty">{nothing}</div> : children(data)}
    </>
  );
}

/** What went wrong, in the server's words, and a way to try again. */
export function Failure({ error, onRetry, staleSince }: { error: ApiError; onRetry?: () => void; staleSince?: number }) {
  const isStale = staleSince !== undefined && error.status === 0;
  return (
    <div data-state={isStale ? "stale" : "error"}>
      <Banner
        tone={isStale ? "warn" : "bad"}
        isAlert
        title={isStale ? t("app.offline", { time: clockTime(staleSince) }) : error.message}
        small={error.requestId ? t("app.requestId", { id: error.requestId }) : undefined}
        action={
onRetry && <Retry key={error.requestId} error={error} onRetry={onRetry} />        }
      >
        {error.hint}
      </Banner>
    </div>
  );
}

function Retry({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const wait = useCountdown(error);
  return (
    <Button icon="refresh" onClick={onRetry} disabled={wait > 0}>
      {wait > 0 ? t("app.retryIn", { seconds: wait }) : t("app.retry")}
    </Button>
  );
}

function useCountdown(error: ApiError): number {
  const [left, setLeft] = useState(error.retryAfterSeconds ?? 0);
  useEffect(() => {
    if (!error.retryAfterSeconds) return undefined;
    const timer = window.setInterval(() => {
      setLeft((seconds) => Math.max(0, seconds - 1));
    }, 1000);
    return () => {
      window.clearInterval(timer);
    };
  }, [error]);
  return left;
}
