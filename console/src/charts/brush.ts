/** A part of a row of bars that somebody brushes: from where the pointer went down to where it is. */

export interface Brush {
  from: number;
  to: number;
}

/** The bar below a place of a picture that is so many pixels wide and has room for so many bars; the nearest there is. */
export function barAt(x: number, width: number, roomCount: number, barCount: number): number {
  const at = width > 0 ? Math.floor((x / width) * roomCount) : 0;
  return Math.max(0, Math.min(barCount - 1, at));
}

/** The first and the last bar of a brush, whichever way it went. */
export function ends({ from, to }: Brush): [first: number, last: number] {
  return from <= to ? [from, to] : [to, from];
}

/** Which bars lie within a time: bars begin at `starts` and are `stepMs` long; null where none does. */
export function chosenBars(starts: readonly number[], stepMs: number, since: string, until: string | null): Brush | null {
  const [first, end] = [Date.parse(since), until === null ? Number.POSITIVE_INFINITY : Date.parse(until)];
  const inside = starts.flatMap((start, at) => (start + stepMs > first && start < end ? [at] : []));
  const [from, to] = [inside[0], inside[inside.length - 1]];
  return from === undefined || to === undefined ? null : { from, to };
}
