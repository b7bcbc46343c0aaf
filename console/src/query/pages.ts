/** Which pages of a list whose rows have numbers are in sight. */

export const PAGE_ROWS = 200;
const PAGES_AT_ONCE = 4;

/** The pages of the rows from `first` to `last`, that of the last one included. */
export function pagesInSight({ first, last }: { first: number; last: number }): number[] {
  const firstPage = Math.floor(first / PAGE_ROWS);
  const lastPage = Math.max(firstPage, Math.floor(last / PAGE_ROWS));
  return Array.from({ length: Math.min(PAGES_AT_ONCE, lastPage - firstPage + 1) }, (_, at) => firstPage + at);
}
