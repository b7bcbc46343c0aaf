"""What sources that are databases with a DB-API driver have in common: calls with a deadline, rows in batches."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import pyarrow as pa

from filesync_dagster.core.errors import FilesyncError, LimitReached, SourceRefused
from filesync_dagster.tables.sources.base import STALL_SECONDS, SourceContext, WarningCounts
from filesync_dagster.tables.sources.deadline import SourceDeadline, fetch_ahead, within

Result = TypeVar("Result")
Translate = Callable[[BaseException], SourceRefused]
"""Takes what a driver raised, returns what is told of it."""

CLOSE_SECONDS: Final = 2.0


class DriverConnection:
    """A connection of a DB-API driver. Not thread-safe. `translate` turns what it raises into refusals."""

    def __init__(self, connection: Any, what: str, translate: Translate) -> None:
        self.driver = connection
        self.what = what
        self._translate = translate

    def rows(self, sql: str, deadline: SourceDeadline, parameters: Any = None) -> list[dict[str, Any]]:
        """Return the few rows of a question to the catalogue; names of columns are in small letters."""

        def ask() -> list[dict[str, Any]]:
            cursor = self.driver.cursor()
            try:
                cursor.execute(sql, parameters) if parameters else cursor.execute(sql)
                names = [column[0].lower() for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []
            finally:
                cursor.close()

        return self.call(ask, deadline)

    def call(self, ask: Callable[[], Result], deadline: SourceDeadline) -> Result:
        """Return what a call of the driver returns. Raises SourceRefused."""
        return within(deadline, lambda: self._translated(ask), self.what)

    def stream(
        self, fetch: Callable[[Any], Iterator[pa.RecordBatch]], deadline: SourceDeadline
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches that the driver fetches of this connection. Raises SourceRefused."""

        def run() -> Iterator[pa.RecordBatch]:
            batches = self._translated(lambda: fetch(self.driver))
            while (batch := self._translated(lambda: next(batches, None))) is not None:
                yield batch

        yield from fetch_ahead(run, self.what, deadline, STALL_SECONDS)

    def close(self) -> None:
        """Let go of the connection."""
        with suppress(Exception):  # the server forgets a connection that it does not hear of
            within(SourceDeadline(CLOSE_SECONDS), self.driver.close, self.what)

    def _translated(self, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except FilesyncError:
            raise
        except Exception as error:  # noqa: BLE001 - drivers raise what they like; it is told by a fixed table
            raise self._translate(error) from None


def bounded_batches(
    batches: Iterator[pa.RecordBatch],
    store: Callable[[pa.RecordBatch], pa.RecordBatch],
    *,
    rows_max: int | None,
    batch_rows: int,
    context: SourceContext,
    counts: WarningCounts,
) -> Iterator[pa.RecordBatch]:
    """Yield batches as they are stored: up to a limit, and telling when there was more."""
    rows = 0
    for batch in batches:
        is_last = rows_max is not None and rows + batch.num_rows > rows_max
        if is_last:
            counts.add("limited", None, f"Only the first {rows_max:,} rows were read.")
        part = batch.slice(0, rows_max - rows) if is_last and rows_max is not None else batch
        rows += part.num_rows
        if rows > context.limits.rows:
            raise LimitReached(
                f"A table has more than {context.limits.rows:,} rows.",
                hint="Set a row limit.",
                code="limit",
                field="limit",
            )
        stored = store(part)
        for start in range(0, stored.num_rows, batch_rows):
            yield stored.slice(start, batch_rows)
        if is_last:
            return


def quote_identifier(name: str) -> str:
    """Return an identifier of standard SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal_text(text: str) -> str:
    """Return a literal of standard SQL."""
    return "'" + text.replace("'", "''") + "'"


def chosen_names(wanted: Sequence[str], known: Sequence[str], what: str) -> list[str]:
    """Return the tables that are wanted, in any letters where only one fits; all where none is named."""
    if not wanted:
        return list(known)
    found: list[str] = []
    for name in wanted:
        fitting = [one for one in known if one == name] or [one for one in known if one.upper() == name.upper()]
        if len(fitting) != 1:
            raise SourceRefused(
                f"{what} has {'no table' if not fitting else 'several tables'} {name!r}.",
                hint="Check how it is written, and the schema.",
                code="not_found",
                field="tables",
            )
        found += [one for one in fitting if one not in found]
    return found
