/** The parameters of a page as state that is in its address, so that a link shows the same and Back works. */
import { useCallback, useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { decode, encode, type Codec, type Values } from "./codec";

interface Change {
  /** Whether Back leads past it, as with each letter that is typed. */
  replace?: boolean;
}

export function useQueryState<C extends Codec>(codec: C): [Values<C>, (some: Partial<Values<C>>, change?: Change) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const values = useMemo(() => decode(codec, search), [codec, search]);
  const change = useCallback(
    (some: Partial<Values<C>>, { replace = false }: Change = {}) => {
      // Two changes in one event build on each other: the address of now, not of the last rendering.
      const current = window.location.search;
      const next = encode(codec, { ...decode(codec, current), ...some }, current);
      navigate(next ? `${path}?${next}` : path, { replace });
    },
    [codec, navigate, path],
  );
  return [values, change];
}
