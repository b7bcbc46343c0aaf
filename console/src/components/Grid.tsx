/** A table of any length: only the rows in sight are in the page, the server sorts, the keyboard moves. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useId, useRef, useState, useSyncExternalStore, type KeyboardEvent, type ReactNode } from "react";
import { keysAreOff } from "../app/preferences";
import { t } from "../text/catalogue";
import { Icon } from "./Icon";
import styles from "./Grid.module.css";

export interface GridColumn<Row> {
  id: string;
  header: string;
  /** A track of a CSS grid: `minmax(0, 3fr)`, `110px`. */
  width: string;
  cell: (row: Row) => ReactNode;
  isNumber?: boolean;
  /** What the server calls the order by it. */
  sort?: string;
  /** Where it stands on a narrow screen; the first column is the title. */
  narrow?: "meta" | "hide";
}

interface GridProps<Row> {
  label: string;
  columns: readonly GridColumn<Row>[];
  rowCount: number;
  /** A row, undefined while it is on its way. */
  rowAt: (index: number) => Row | undefined;
  onRange?: (first: number, last: number) => void;
  keyOf: (row: Row) => string;
  onOpen?: (row: Row) => void;
  /** What is typed to come to a row. */
  textOf?: (row: Row) => string;
  sort?: { by: string; descending: boolean };
  onSort?: (by: string) => void;
}

const ROW_PX = 34;
const CARD_PX = 58;
const TYPING_MS = 800;
const narrowScreen = window.matchMedia("(max-width: 640px)");

function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrowScreen.addEventListener("change", listener);
      return () => {
        narrowScreen.removeEventListener("change", listener);
      };
    },
    () => narrowScreen.matches,
  );
}

export function Grid<Row>({ label, columns, rowCount, rowAt, onRange, keyOf, onOpen, textOf, sort, onSort }: GridProps<Row>) {
  const id = useId();
  const isNarrow = useIsNarrow();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const typed = useRef({ text: "", at: 0 });
  const rowPx = isNarrow ? CARD_PX : ROW_PX;
  // Nothing here is memoized by a compiler, which is all that this warns of.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({ count: rowCount, getScrollElement: () => scroller.current, estimateSize: () => rowPx, overscan: 8 });
  useEffect(() => {
    virtual.measure();
  }, [virtual, rowPx]);
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => {
    onRange?.(first, last);
  }, [onRange, first, last]);
  const current = Math.min(active, Math.max(0, rowCount - 1));
  const go = useCallback(
    (index: number) => {
      const next = Math.max(0, Math.min(rowCount - 1, index));
      setActive(next);
      virtual.scrollToIndex(next);
    },
    [rowCount, virtual],
  );
  const jump = (letter: string) => {
    const now = Date.now();
    const text = (now - typed.current.at < TYPING_MS ? typed.current.text : "") + letter.toLowerCase();
    typed.current = { text, at: now };
    for (let step = text.length > 1 ? 0 : 1; step < Math.min(rowCount, 2000); step += 1) {
      const index = (current + step) % rowCount;
      const row = rowAt(index);
      if (row && textOf?.(row).toLowerCase().startsWith(text)) {
        go(index);
        return;
      }
    }
  };
  const press = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / rowPx) - 2);
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rowCount, End: rowCount };
    if (!keysAreOff() && !textOf) Object.assign(moves, { j: 1, k: -1 });
    const row = rowAt(current);
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const move = moves[event.key];
    if (move !== undefined) go(current + move);
    else if (event.key === "Enter" && row && onOpen) onOpen(row);
    else if (textOf && event.key.length === 1 && !"/?".includes(event.key)) jump(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const template = columns.map((column) => column.width).join(" ");
  const shown = isNarrow ? columns.filter((column) => column.narrow !== "hide") : columns;
  return (
    <div className={styles.frame}>
      <div
        ref={scroller}
        className={styles.scroller}
        role="grid"
        aria-label={label}
        aria-rowcount={rowCount + 1}
        aria-colcount={shown.length}
        aria-activedescendant={rowCount > 0 ? `${id}-${current}` : undefined}
        tabIndex={0}
        onKeyDown={press}
      >
        <div role="rowgroup" className={styles.head}>
          <div role="row" aria-rowindex={1} className={styles.row} style={isNarrow ? {} : { gridTemplateColumns: template }}>
            {shown.map((column) => {
              const isSorted = sort !== undefined && column.sort === sort.by;
              return (
                <div key={column.id} role="columnheader" className={column.isNumber ? styles.number : ""} aria-sort={isSorted ? (sort.descending ? "descending" : "ascending") : undefined}>
                  {column.sort && onSort ? (
                    <button
                      type="button"
                      className={styles.sort}
                      title={t("grid.sortBy", { column: column.header })}
                      onClick={() => {
                        onSort(column.sort ?? "");
                      }}
                    >
                      {column.header}
                      {isSorted && <Icon name={sort.descending ? "down" : "up"} size={12} />}
                    </button>
                  ) : (
                    column.header
                  )}
                </div>
              );
            })}
          </div>
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {items.map((item) => {
            const row = rowAt(item.index);
            return (
              // The grid has the focus and the keys; a click is what Enter does.
              // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
              <div
                key={row ? keyOf(row) : `empty-${item.index}`}
                id={`${id}-${item.index}`}
                role="row"
                aria-rowindex={item.index + 2}
                aria-selected={item.index === current}
                className={[styles.row, styles.body, item.index === current ? styles.active : "", onOpen ? styles.opens : ""].join(" ")}
                style={{ height: rowPx, transform: `translateY(${item.start}px)`, ...(isNarrow ? {} : { gridTemplateColumns: template }) }}
                onClick={(event) => {
                  setActive(item.index);
                  if (row && onOpen && !(event.target as Element).closest("a, button")) onOpen(row);
                }}
              >
                {shown.map((column) => (
                  <div key={column.id} role="gridcell" className={[styles.cell, column.isNumber ? styles.number : "", column.narrow === "meta" ? styles.meta : ""].join(" ")}>
                    {row ? column.cell(row) : <span className={styles.bone} />}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
