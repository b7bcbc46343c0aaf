"""One source, read for one day: the way of the data on a page.

read → keys and relations → kept as Parquet → compared with what was there before → current, or held by the guard. All
tables of a read become current together, or none does: they are of one moment, and refer to each other.
"""

import hashlib
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from filesync_dagster.config import DataSource
from filesync_dagster.core.errors import FilesyncError, SourceRefused
from filesync_dagster.core.logging import event
from filesync_dagster.storage.database.source_reads import SourceReadRecord
from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.daily.access import config_of, opened_source, table_store
from filesync_dagster.tables.daily.decisions import (
    DECIDED_BY,
    decided_relations,
    places_of,
    relation_of,
    still_true_relations,
)
from filesync_dagster.tables.daily.discovery import note_discovery
from filesync_dagster.tables.daily.drift import schema_drift
from filesync_dagster.tables.daily.guard import objections
from filesync_dagster.tables.daily.integrity import broken_keys, growing_orphans, orphan_shares
from filesync_dagster.tables.daily.model import ReadMode, ReadState, ReadTable, SourceResult
from filesync_dagster.tables.daily.past import bookmark_at_end, cursors_of, require_past
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.model import DataSet, TableRelation, TableSchema
from filesync_dagster.tables.sources.base import Bookmark, FoundTable
from filesync_dagster.tables.sources.collect import DISCOVER_SECONDS
from filesync_dagster.tables.sources.data_set import choose_tables, read_data_set
from filesync_dagster.tables.sources.deadline import never_cancelled
from filesync_dagster.tables.sources.limits import TableLimits
from filesync_dagster.tables.store import PartsWriter, tables_prefix

Progress = Callable[[str, int], None]
"""Is told a table, and how many of its rows are there."""


@dataclass(frozen=True)
class Wish:
    """What is to be read: tables of a source (None: all) for a day; `live`: as they are now.

    `is_sample`: only the first rows were wanted, so that fewer than before are no loss.
    """

    source: DataSource
    day: date
    tables: Sequence[str] | None = None
    live: bool = True
    run_id: str | None = None
    source_id: str | None = None  # of one that was saved
    is_sample: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether all that the source has was wanted."""
        return self.tables is None and not self.is_sample


def read_source(
    runtime: Runtime,
    wish: Wish,
    *,
    progress: Progress = lambda table, rows: None,
    cancelled: Callable[[], bool] = never_cancelled,
) -> SourceResult:
    """Read a source for a day. What fails gives a failed result, not an exception, and nothing stored changes.

    Raises DatabaseError where not even that can be noted.
    """
    clock, result = time.monotonic(), begin_read(wish)
    try:
        found = _read(runtime, wish, result, progress, cancelled)
    except FilesyncError as error:
        code = getattr(error, "code", "failed")
        found = replace(result, error=str(error), error_code=code)
        runtime.metadata.source_reads.commit(_record(found, wish))
    found = replace(found, seconds=time.monotonic() - clock)
    event("tables.read", **{**found.as_dict(), "seconds": round(found.seconds, 3)})
    return found


def begin_read(wish: Wish) -> SourceResult:
    """Return the result of a read that begins, as if it failed."""
    mode = ReadMode.LIVE if wish.live else ReadMode.REREAD
    result = SourceResult(wish.source.name, wish.day, mode, ReadState.FAILED, is_whole=wish.is_whole)
    return replace(result, read_id=uuid.uuid4().hex, started_at=datetime.now(UTC))


def _read(
    runtime: Runtime, wish: Wish, result: SourceResult, progress: Progress, cancelled: Callable[[], bool]
) -> SourceResult:
    kind, config = config_of(runtime, wish.source)
    if "read" not in kind.capabilities:
        raise SourceRefused(f"A source of type {kind.kind} has schemas and no rows.", code="unsupported", field="type")
    cursors = cursors_of(config)
    if not wish.live and not cursors:
        replayed = replay(runtime, wish, result)
        if replayed is None:
            require_past(wish.source.name, wish.day, cursors, wish.tables or ())
        return replayed or result
    before = Before.of(runtime, wish)
    store = table_store(runtime)
    folder = store.scratch_folder()
    try:
        with opened_source(runtime, wish.source, config, cancelled) as (source, context):
            found = [one for one in source.discover(context.deadline(DISCOVER_SECONDS)) if one.kind != "schema"]
            note_discovery(runtime.home, wish.source.name, [one.name for one in found])
            chosen = choose_tables(found, wish.tables)
            stored = [] if wish.live else _stored(runtime, wish, chosen, cursors)
            bookmarks = {} if wish.live else _bookmarks(runtime, wish, chosen, cursors)
            read = read_data_set(
                source,
                [table for table in chosen if wish.live or table.name in bookmarks],
                _writers(folder),
                limits=TableLimits.of(runtime.config.settings.tables),
                bookmarks=lambda table: bookmarks.get(table.name),
                progress=progress,
            )
            read = replace(read, tables=(*read.tables, *(store.load(one.manifest_uri) for one in stored)))
            data_set = find_keys(read.tables, before.known_relations(read), cancel=cancelled)
            return keep_read(runtime, wish, result, data_set, before)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stored(
    runtime: Runtime, wish: Wish, chosen: Sequence[FoundTable], cursors: Mapping[str, str]
) -> list[StoredTableRecord]:
    """Return what was stored on a past day of the tables without a cursor. Raises SourceRefused where one was not."""
    day = wish.day.isoformat()
    records = {record.name: record for record in runtime.metadata.tables.latest(wish.source.name, day=day)}
    lacking = [one.name for one in chosen if one.name not in cursors]
    require_past(wish.source.name, wish.day, cursors, [name for name in lacking if name not in records])
    return [records[name] for name in lacking]


def _bookmarks(
    runtime: Runtime, wish: Wish, chosen: Sequence[FoundTable], cursors: Mapping[str, str]
) -> dict[str, Bookmark]:
    """Return what bounds the tables with a cursor to the rows that they had at the end of a past day."""
    zone = runtime.config.settings.partitions.zone
    return {one.name: bookmark_at_end(one, cursors[one.name], wish.day, zone) for one in chosen if one.name in cursors}


def _writers(folder: Path) -> Callable[[TableSchema, pa.Schema], PartsWriter]:
    """Return what opens the writer of each table, in a folder of its own."""
    return lambda schema, columns: PartsWriter(folder / uuid.uuid4().hex, columns)


@dataclass(frozen=True)
class Before:
    """What was current before a read: the tables of its day, or of the last one before it, and what was found then."""

    tables: Mapping[str, StoredTableRecord]
    findings: Mapping[str, Any]
    is_whole: bool

    @classmethod
    def of(cls, runtime: Runtime, wish: Wish) -> "Before":
        """Return it for the tables that are read."""
        name, day = wish.source.name, wish.day.isoformat()
        last = runtime.metadata.source_reads.last_until(name, day)
        records = {record.name: record for record in runtime.metadata.tables.latest(name, until=day)}
        if wish.tables is not None:
            records = {one: record for one, record in records.items() if one in wish.tables}
        elif last is not None:  # what was gone by then already is not gone once more
            records = {one: record for one, record in records.items() if record.day >= last.day}
        return cls(records, last.findings if last else {}, wish.tables is None)

    @property
    def schemas(self) -> dict[str, TableSchema]:
        """The schemas of the tables."""
        return {name: TableSchema.from_json(dict(record.schema)) for name, record in self.tables.items()}

    def known_relations(self, read: DataSet) -> list[TableRelation]:
        """Return the relations that the source declares, those that people decided about, and those that were used.

        Of the last two, those whose columns are still there.
        """
        decided = still_true_relations(decided_relations(self.tables.values()), read)
        known = [*read.relations, *decided]
        taken = {(one.child, one.child_columns) for one in known if one.holds}
        refused = {places_of(one) for one in decided}
        used = [TableRelation.from_json(one) for one in self.findings.get("relations", ())]
        for one in still_true_relations(used, read):
            if one.holds and (one.child, one.child_columns) not in taken and places_of(one) not in refused:
                taken.add((one.child, one.child_columns))
                known.append(one)
        return known

    def with_decisions(self, relations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return relations as they are written down, beside each who decided about it."""
        stored = [one for record in self.tables.values() for one in record.relations if one.get(DECIDED_BY)]
        who = {places_of(relation_of(one)): one[DECIDED_BY] for one in stored}
        found = ((one, who.get(places_of(TableRelation.from_json(dict(one))))) for one in relations)
        return [{**one, DECIDED_BY: person} if person else dict(one) for one, person in found]


def keep_read(runtime: Runtime, wish: Wish, result: SourceResult, data_set: DataSet, before: Before) -> SourceResult:
    """Keep the tables of a read, and let them be current unless the guard objects."""
    store = table_store(runtime)
    prefix = tables_prefix(wish.source.name, wish.day)
    tables = []
    for table in data_set.tables:
        schema = replace(table.schema, source=wish.source.name, read_at=result.started_at)
        stored = store.save(replace(table, schema=schema), prefix)
        was = before.tables.get(table.name)
        tables.append(ReadTable(stored.schema, stored.manifest_uri, stored.bytes, was.rows if was else None))
    rows_before = {name: record.rows for name, record in before.tables.items()}
    rows = {table.name: table.rows for table in tables}
    wrong = () if wish.is_sample else objections(wish.source.guard, rows_before, rows)
    kept = replace(
        result,
        state=ReadState.HELD if wrong else ReadState.COMMITTED,
        tables=tuple(tables),
        data_version=data_version(tables),
        findings=_findings(data_set, before, wrong),
        error=_held_sentence(wish.source.name, wrong) if wrong else None,
        error_code="held" if wrong else None,
    )
    runtime.metadata.source_reads.commit(
        _record(kept, wish), [_table_record(kept, one, wish, before) for one in kept.tables]
    )
    return kept


def _held_sentence(name: str, wrong: Sequence[str]) -> str:
    return (
        f"The read is held, and what was there before stays: {' '.join(wrong)} "
        f"`filesync approve {name}` believes it, `filesync reject {name}` forgets it."
    )


def data_version(tables: Sequence[ReadTable]) -> str:
    """Return what is the same for the same rows in the same columns of the same tables."""
    facts = sorted((table.name, table.schema.content_hash) for table in tables)
    return hashlib.sha256(orjson.dumps(facts)).hexdigest()


def _findings(data_set: DataSet, before: Before, wrong: Sequence[str]) -> dict[str, Any]:
    schemas = before.schemas
    shares = orphan_shares(data_set.relations)
    drift = schema_drift(schemas, {table.name: table.schema for table in data_set.tables})
    warnings = {
        table.name: [warning.__dict__ for warning in table.schema.warnings]
        for table in data_set.tables
        if table.schema.warnings
    }
    return orjson.loads(  # type: ignore[no-any-return]  # a mapping, as it is given
        orjson.dumps(
            {
                "relations": [one.as_json() for one in data_set.relations],
                "orphans": shares,
                "growing_orphans": growing_orphans(before.findings.get("orphans", {}), shares),
                "broken_keys": broken_keys(data_set, schemas),
                "drift": [one.as_json() for one in drift],
                "warnings": warnings,
                "objections": list(wrong),
                "rows_before": {name: record.rows for name, record in before.tables.items()},
                "rows": {table.name: table.schema.row_count for table in data_set.tables},
            }
        )
    )


def _record(result: SourceResult, wish: Wish) -> SourceReadRecord:
    assert result.read_id is not None
    assert result.started_at is not None
    return SourceReadRecord(
        id=result.read_id,
        source=result.source,
        day=result.day.isoformat(),
        mode=result.mode.value,
        state=result.state.value,
        started_at=result.started_at,
        finished_at=datetime.now(UTC),
        is_whole=result.is_whole,
        tables=len(result.tables),
        rows=result.rows,
        bytes=result.bytes,
        data_version=result.data_version,
        findings=dict(result.findings),
        error=result.error,
        error_code=result.error_code,
        run_id=wish.run_id,
    )


def _table_record(result: SourceResult, table: ReadTable, wish: Wish, before: Before) -> StoredTableRecord:
    assert table.schema.content_hash is not None
    is_held = result.state is ReadState.HELD
    return StoredTableRecord(
        id=f"table_{uuid.uuid4().hex}",
        name=table.name,
        schema=table.schema.as_json(),
        manifest_uri=table.manifest_uri,
        rows=table.rows,
        bytes=table.bytes,
        content_hash=table.schema.content_hash,
        day=result.day.isoformat(),
        created_at=datetime.now(UTC),
        source=result.source,
        state="held" if is_held else "current",
        held_reason=result.error if is_held else None,
        source_id=wish.source_id,
        run_id=wish.run_id,
        relations=before.with_decisions(
            [one for one in result.findings.get("relations", ()) if one["child"] == table.name]
        ),
    )


def replay(runtime: Runtime, wish: Wish, result: SourceResult) -> SourceResult | None:
    """Return what was stored on a past day, proven to be there still; None where nothing was.

    Raises SourceRefused when one of the tables that are wanted was not; SnapshotMissing, SnapshotCorrupt.
    """
    name, day = wish.source.name, wish.day.isoformat()
    records = {record.name: record for record in runtime.metadata.tables.latest(name, day=day)}
    if not records:
        return None
    missing = [one for one in wish.tables or () if one not in records]
    if missing:
        raise SourceRefused(f"{', '.join(missing)} of {name} was not stored on {day}.", code="no_past", field="tables")
    chosen = [record for one, record in records.items() if wish.tables is None or one in wish.tables]
    store = table_store(runtime)
    for record in chosen:
        store.load(record.manifest_uri)
    tables = [
        ReadTable(TableSchema.from_json(dict(record.schema)), record.manifest_uri, record.bytes) for record in chosen
    ]
    last = runtime.metadata.source_reads.last_until(name, day, since=day)
    return replace(
        result,
        mode=ReadMode.REPLAY,
        state=ReadState.COMMITTED,
        tables=tuple(tables),
        data_version=data_version(tables),
        findings=last.findings if last else {},
    )
