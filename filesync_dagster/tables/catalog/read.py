"""The way of a read: what a source has → Parquet → profile, keys and relations. `daily.read` keeps what was read."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from filesync_dagster.core import clock
from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.daily.access import table_store
from filesync_dagster.tables.daily.decisions import DECIDED_BY, relation_of
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.model import DataSet, Origin, Table, TableRelation, TableSchema
from filesync_dagster.tables.sources.base import SourceContext, TableSource
from filesync_dagster.tables.sources.collect import DISCOVER_SECONDS
from filesync_dagster.tables.sources.data_set import choose_tables, read_data_set
from filesync_dagster.tables.sources.limits import TableLimits
from filesync_dagster.tables.store import PartsWriter, StoredTable

STAGES: Final = ("discovering", "reading", "profiling", "storing")
"""In their order."""


@dataclass(frozen=True)
class ReadProgress:
    """How far a read is."""

    stage: str
    table: str = ""
    rows: int = 0  # of all tables so far
    tables_done: int = 0
    tables_total: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class ReadTask:
    """Who reads what for what, besides the source itself."""

    context: SourceContext
    folder: Path  # of its own, to fill
    names: Collection[str] = ()  # of tables; none is all
    limit: int | None = None
    progress: Callable[[ReadProgress], None] = field(default=lambda progress: None)


def read_tables_of(
    source: TableSource,
    reading: ReadTask,
    limits: TableLimits,
    known: Callable[[DataSet], Sequence[TableRelation]] = lambda read: read.relations,
) -> DataSet:
    """Return the tables of an opened source, profiled, with keys and relations.

    `known`: which relations are known of what was read. Raises SourceRefused, LimitReached, Cancelled.
    """
    reading.progress(ReadProgress("discovering"))
    found = choose_tables(source.discover(reading.context.deadline(DISCOVER_SECONDS)), reading.names)
    counted = _Counter(reading, total=len(found))
    writers = (reading.folder / f"{number:04}" for number in range(len(found)))
    read = read_data_set(
        source,
        found,
        lambda schema, columns: PartsWriter(next(writers), columns),
        limits=limits,
        limit=reading.limit,
        progress=counted.note,
    )
    tables = tuple(_with_facts(table, reading.context.name) for table in read.tables)
    reading.progress(replace(counted.latest, stage="profiling", table="", tables_done=len(tables)))
    return find_keys(tables, known(read), cancel=reading.context.cancelled)


def load_table(runtime: Runtime, record: StoredTableRecord) -> Table:
    """Return a stored table with its parts on a local disk, and with all that is known of it by now.

    Raises SnapshotMissing or SnapshotCorrupt.
    """
    return Table(TableSchema.from_json(record.schema), table_store(runtime).load(record.manifest_uri).parts)


def record_of(stored: StoredTable, day: date, relations: Sequence[TableRelation]) -> StoredTableRecord:
    """Return the row of a table that is kept."""
    return StoredTableRecord(
        id=f"table_{secrets.token_hex(16)}",
        name=stored.schema.name,
        schema=stored.schema.as_json(),
        manifest_uri=stored.manifest_uri,
        rows=stored.schema.row_count or 0,
        bytes=stored.bytes,
        content_hash=stored.schema.content_hash or "",
        day=day.isoformat(),
        created_at=clock.utc_now(),
        relations=[relation.as_json() for relation in relations],
    )


def known_relations(records: Collection[StoredTableRecord]) -> list[TableRelation]:
    """Return what sources and people said of the relations among stored tables; not what was found by looking."""
    names = {record.name for record in records}
    found = [
        relation_of(relation)
        for record in records
        for relation in record.relations
        if relation.get(DECIDED_BY) or relation.get("origin") == Origin.DECLARED
    ]
    return [relation for relation in found if relation.parent in names]


def _with_facts(table: Table, source: str) -> Table:
    return replace(table, schema=replace(table.schema, source=source, read_at=clock.utc_now()))


class _Counter:
    """Counts the rows of all tables, and tells how far the read is."""

    def __init__(self, reading: ReadTask, *, total: int) -> None:
        self._reading = reading
        self._rows: dict[str, int] = {}
        self._total = total
        self.latest = ReadProgress("reading", tables_total=total)

    def note(self, table: str, rows: int) -> None:
        """Take the rows of a table that are there."""
        self._rows[table] = rows
        all_rows = sum(self._rows.values())
        self.latest = ReadProgress("reading", table, all_rows, len(self._rows) - 1, self._total)
        self._reading.progress(self.latest)
