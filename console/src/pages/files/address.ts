/** Where a file is in the console. */
export function fileAddress(row: { endpoint: string; external_id: string }): string {
  return `/files/${encodeURIComponent(row.endpoint)}/${encodeURIComponent(row.external_id)}`;
}
