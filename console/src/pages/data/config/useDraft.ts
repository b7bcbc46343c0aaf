/** What somebody decided, kept for this window and these sources: values of rows have no place in an address. */
import { useCallback, useState } from "react";
import { EMPTY_DRAFT, type Draft } from "./model";

const PREFIX = "filesync.draft ";

function read(key: string): Draft {
  try {
    return { ...EMPTY_DRAFT, ...(JSON.parse(sessionStorage.getItem(PREFIX + key) ?? "{}") as Partial<Draft>) };
  } catch {
    return EMPTY_DRAFT;
  }
}

export function useDraft(key: string): [Draft, (some: Partial<Draft>) => void] {
  const [draft, setDraft] = useState(() => read(key));
  const change = useCallback(
    (some: Partial<Draft>) => {
      setDraft((old) => {
        const next = { ...old, ...some };
        try {
          sessionStorage.setItem(PREFIX + key, JSON.stringify(next));
        } catch {
          // a browser may forbid it: then it holds until the page is left
        }
        return next;
      });
    },
    [key],
  );
  return [draft, change];
}
