/** Rows of tables as people read them: what is missing is told from what is empty; wide tables scroll within their frame. */
import type { ReactNode } from "react";
import { Button, Muted } from "../../components/controls";
import { t } from "../../text/catalogue";
import { count, visible } from "../../text/format";
import styles from "./cells.module.css";

export type Cells = Readonly<Record<string, unknown>>;

const LONGEST_LETTERS = 300;

export function cellText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return visible(text.length > LONGEST_LETTERS ? `${text.slice(0, LONGEST_LETTERS)}…` : text);
}

export function cell(value: unknown): ReactNode {
  if (value === null || value === undefined) return <Muted>{t("data.null")}</Muted>;
  if (value === "") return <Muted>{t("data.emptyText")}</Muted>;
  return cellText(value);
}

interface RowsProps {
  label: string;
  columns: readonly string[];
  rows: readonly Cells[];
  /** Of the first row that is shown. */
  offset: number;
  total: number | null;
  pageRows: number;
  onOffset: (offset: number) => void;
  /** Beside the name of a column. */
  about?: (column: string) => ReactNode;
}

/** A page of rows. */
export function RowsTable({ label, columns, rows, offset, total, pageRows, onOffset, about }: RowsProps) {
  const last = offset + rows.length;
  const isNumber = (column: string) => rows.some((row) => typeof row[column] === "number") && rows.every((row) => row[column] === null || typeof row[column] === "number");
  const numbers = new Set(columns.filter(isNumber));
  return (
    <div className={styles.frame}>
      <div className={styles.scroller} role="region" aria-label={label} tabIndex={0}>
        <table className={styles.rows} aria-rowcount={total === null ? -1 : total + 1}>
          <caption className="visually-hidden">{label}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col" className={numbers.has(column) ? styles.number : ""}>
                  {visible(column)}
                  {about?.(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, at) => (
              <tr key={offset + at} aria-rowindex={offset + at + 2}>
                {columns.map((column) => (
                  <td key={column} className={numbers.has(column) ? styles.number : ""}>
                    {cell(row[column])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className={styles.pager}>
        <Muted>{rows.length === 0 ? t("data.noRows") : t("data.rowsShown", { first: count(offset + 1), last: count(last), total: count(total) })}</Muted>
        <span className={styles.buttons}>
          <Button disabled={offset === 0} onClick={() => { onOffset(0); }}>
            {t("data.firstRows")}
          </Button>
          <Button disabled={offset === 0} onClick={() => { onOffset(Math.max(0, offset - pageRows)); }}>
            {t("data.previousRows")}
          </Button>
          <Button disabled={total !== null && last >= total} onClick={() => { onOffset(last); }}>
            {t("data.nextRows")}
          </Button>
        </span>
      </div>
    </div>
  );
}
