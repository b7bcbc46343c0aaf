"""Tables of a source as a data set: all that were chosen, of one moment where the source can do that, or none."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from typing import Protocol

import pyarrow as pa

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.model import DataSet, Table, TableSchema
from filesync_dagster.tables.sources.base import Bookmark, FoundTable, TableSource
from filesync_dagster.tables.sources.limits import LimitCheck, TableLimits


class RowWriter(Protocol):
    """Writes the rows of one table: `store.PartsWriter` is one."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the next rows."""
        ...

    def finish(self, schema: TableSchema) -> Table:
        """Return the table that was written."""
        ...

    def abandon(self) -> None:
        """Remove what was written. Idempotent, and nothing after `finish`."""
        ...


def choose_tables(found: Sequence[FoundTable], names: Collection[str] | None = None) -> tuple[FoundTable, ...]:
    """Return the tables of some names, or all that have rows. Raises SourceRefused for a name that is not there."""
    with_rows = {table.name: table for table in found if table.kind != "schema"}
    for name in names or ():
        if name not in with_rows:
            raise SourceRefused(
                f"The source has no table {name!r}.",
                hint=f"It has: {', '.join(sorted(with_rows)[:20]) or 'none'}.",
                code="not_found",
                field="tables",
            )
    return tuple(with_rows[name] for name in dict.fromkeys(names or with_rows))


def read_data_set(
    source: TableSource,
    tables: Sequence[FoundTable],
    open_writer: Callable[[TableSchema, pa.Schema], RowWriter],
    *,
    limits: TableLimits | None = None,
    limit: int | None = None,
    bookmarks: Callable[[FoundTable], Bookmark | None] = lambda table: None,
    progress: Callable[[str, int], None] = lambda name, rows: None,
) -> DataSet:
    """Return tables of a source as a data set, with the relations among them. `open_writer` gets the columns.

    `progress` is told the rows of a table that are there. Whatever fails, nothing that was written stays. Raises
    LimitReached of tables past the limits; None: there are none.
    """
    chosen = {table.name for table in tables}
    check = LimitCheck(limits) if limits else None
    if limits:
        limits.check_tables(len(tables))
    with ExitStack() as stack:
        writers: list[RowWriter] = []
        stack.callback(_abandon, writers)
        schemas: list[TableSchema] = []
        for table in tables:
            rows = source.read(table, limit=limit, since=bookmarks(table))
            stack.callback(rows.close)
            columns = rows.schema.arrow().remove_metadata()
            if check:
                check.check_columns(table.name, columns)
            writers.append(open_writer(rows.schema, columns))
            for batch in rows:
                if check:
                    check.check_batch(table.name, batch)
                writers[-1].write(batch)
                progress(table.name, rows.rows)
            schemas.append(rows.schema)
        written = tuple(writer.finish(schema) for writer, schema in zip(writers, schemas, strict=True))
    relations = tuple(relation for table in tables for relation in table.relations if relation.parent in chosen)
    return DataSet(written, relations)


def _abandon(writers: Sequence[RowWriter]) -> None:
    for writer in writers:
        writer.abandon()
