"""The way of a read: what a source has → Parquet → profile, keys and relations → tables that are kept, all or none."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from filesync_dagster.core import clock
from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.daily.access import table_store
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.model import DataSet, Origin, Table, TableRelation, TableSchema
from filesync_dagster.tables.sources.base import SourceContext, TableSource
from filesync_dagster.tables.sources.collect import DISCOVER_SECONDS
from filesync_dagster.tables.sources.data_set import choose_tables, read_data_set
from filesync_dagster.tables.sources.limits import TableLimits
from filesync_dagster.tables.store import PartsWriter, StoredTable, tables_prefix

STAGES: Final = ("discovering", "reading", "profiling", "storing")
"""In their order."""

DECIDED_BY: Final = "decided_by"
"""Beside a relation in the row of its child: who confirmed or refused it."""


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
    source: TableSource, reading: ReadTask, limits: TableLimits, known: Sequence[TableRelation] = ()
) -> DataSet:
    """Return the tables of an opened source, profiled, with keys and relations.

    `known`: relations that people decided about before. Raises SourceRefused, LimitReached, Cancelled.
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
    declared = [*read.relations, *still_true_relations(known, read)]
    return find_keys(tables, declared, cancel=reading.context.cancelled)


def keep_tables(
    runtime: Runtime, found: DataSet, source: str, source_id: str | None, run_id: str
) -> list[StoredTableRecord]:
    """Keep the tables of a source as those of today, all or none; return them as they are known now."""
    now = clock.utc_now()
    day = now.astimezone(runtime.config.settings.partitions.zone).date()
    store = table_store(runtime)
    stored = [store.save(table, tables_prefix(source, day)) for table in found.tables]
    records = [
        replace(
            record_of(each, day, [one for one in found.relations if one.child == each.schema.name]),
            source=source,
            source_id=source_id,
            run_id=run_id,
            created_at=now,
        )
        for each in stored
    ]
    runtime.metadata.tables.add(records)
    return records


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


def decided_relations(records: Collection[StoredTableRecord]) -> list[TableRelation]:
    """Return what people said of the relations of stored tables: confirmed or refused."""
    return [relation_of(relation) for record in records for relation in record.relations if relation.get(DECIDED_BY)]


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


def relation_of(stored: Mapping[str, Any]) -> TableRelation:
    """Return a relation that is written down in the row of its child."""
    return TableRelation.from_json({name: value for name, value in stored.items() if name != DECIDED_BY})


def _with_facts(table: Table, source: str) -> Table:
    return replace(table, schema=replace(table.schema, source=source, read_at=clock.utc_now()))


def still_true_relations(known: Sequence[TableRelation], read: DataSet) -> list[TableRelation]:
    """Return the relations whose tables and columns are there, and that the source does not declare itself."""
    columns = {table.name: set(table.schema.names) for table in read.tables}
    declared = {_places_of(relation) for relation in read.relations}
    return [
        relation
        for relation in known
        if set(relation.child_columns) <= columns.get(relation.child, set())
        and set(relation.parent_columns) <= columns.get(relation.parent, set())
        and _places_of(relation) not in declared
    ]


def _places_of(relation: TableRelation) -> tuple[str, tuple[str, ...], str, tuple[str, ...]]:
    return relation.child, relation.child_columns, relation.parent, relation.parent_columns


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
