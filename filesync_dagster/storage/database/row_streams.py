"""Rows of files and of the journal as streams of Arrow batches, in bounded memory."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    extract,
    func,
    literal_column,
    or_,
    select,
)

from filesync_dagster.core.model import Kind
from filesync_dagster.core.schemas import ENTRY_FIELDS, ENTRY_SCHEMA, TIMESTAMP
from filesync_dagster.storage.database import retention
from filesync_dagster.storage.database.arrow_rows import COLUMN_OF_FIELD, Column, Field, pc
from filesync_dagster.storage.database.column_types import UtcDateTime
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.tables import PATH_START, PATH_START_CHARACTERS, file_changes, files

_FILE_FIELDS: "list[Field]" = [
    *(field for field in ENTRY_FIELDS if field.name in COLUMN_OF_FIELD),
    pa.field("first_seen_at", TIMESTAMP, nullable=False),
    pa.field("last_seen_at", TIMESTAMP, nullable=False),  # see tables.py
    pa.field("deleted_at", TIMESTAMP),  # null: live
    pa.field("gone_reason", pa.string()),  # removed | trashed | left_scope
]

BATCH_ROWS = 50_000
"""Rows of a batch of a stream, unless its reader asks for others."""

QUARTER = 900
"""Seconds. Every time zone is a multiple of a quarter of an hour away from UTC."""

TRASHED = "trashed"
"""The gone_reason of what is in the store's trash: no live file, but a row of the snapshot."""

FILES_SCHEMA = pa.schema(_FILE_FIELDS)
"""The inventory: an entry without `trashed`, and what filesync knows of its life."""

_JOURNAL_FIELDS: "list[Field]" = [
    pa.field("seq", pa.int64(), nullable=False),
    pa.field("sync_id", pa.string(), nullable=False),
    pa.field("external_id", pa.string(), nullable=False),
    pa.field("change", pa.string(), nullable=False),  # a ChangeKind
    pa.field("path", pa.string(), nullable=False),
    pa.field("before", pa.string()),  # JSON of the fields that changed; null when added
    pa.field("after", pa.string()),
    pa.field("observed_at", TIMESTAMP, nullable=False),
]

JOURNAL_SCHEMA = pa.schema(_JOURNAL_FIELDS)


def parse_change(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the journal with what changed as JSON values, not as their text."""
    return {**row, "before": json.loads(row["before"] or "null"), "after": json.loads(row["after"] or "null")}


class FileRepository:
    """Files and their journal, as streams of Arrow batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def inventory(
        self, endpoint_id: int, *, gone: bool = False, folder: str = "", rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Live files, with `gone` the others too, in FILES_SCHEMA by path and external_id (byte order).

        `folder`: only it and what lies in it. The
        stream is one consistent state; it keeps a transaction open until it is read or closed.
        """
        columns = [file_column(field.name) for field in FILES_SCHEMA]
        query = select(*columns).where(files.c.endpoint_id == endpoint_id).order_by(files.c.path, files.c.external_id)
        if not gone:
            query = query.where(files.c.deleted_at.is_(None))
        if folder:
            query = query.where(in_folder(folder))
        return stream(self._database, query, FILES_SCHEMA, rows)

    def entries(self, endpoint_id: int, *, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Live and trashed entries as a connector gave them, in ENTRY_SCHEMA by external_id: a lost snapshot.

        A date outside of the years 1 to 9999 is null.
        """
        return stream(self._database, _entries(endpoint_id).order_by(files.c.external_id), ENTRY_SCHEMA, rows)

    def entries_of(self, endpoint_id: int, ids: Iterable[str], *, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Those of these ids that the last snapshot has, in ENTRY_SCHEMA, in any order."""
        for some in in_batches(ids, AT_ONCE):
            yield from stream(
                self._database, _entries(endpoint_id).where(files.c.external_id.in_(some)), ENTRY_SCHEMA, rows
            )

    def children(self, endpoint_id: int, folders: Iterable[str], *, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """What the last snapshot has right in these folders, in ENTRY_SCHEMA, in any order."""
        for some in in_batches(folders, AT_ONCE):
            yield from stream(
                self._database, _entries(endpoint_id).where(files.c.parent_id.in_(some)), ENTRY_SCHEMA, rows
            )

    def tops(self, endpoint_id: int, scopes: Collection[str], *, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """What the last snapshot has of these scopes in no folder, in ENTRY_SCHEMA, in any order."""
        query = _entries(endpoint_id).where(files.c.parent_id.is_(None))
        if "" not in scopes:
            query = query.where(literal_column("scope <> ''"))  # as the index has it, for the planner to see
        for some in in_batches(scopes, AT_ONCE):
            yield from stream(self._database, query.where(files.c.scope.in_(some)), ENTRY_SCHEMA, rows)

    def has_more_files(self, endpoint_id: int, scope: str, than: int) -> bool:
        """Whether a scope has more than so many live files, folders left out."""
        live = (files.c.deleted_at.is_(None), files.c.kind != Kind.FOLDER.value)
        query = (
            select(files.c.id).where(files.c.endpoint_id == endpoint_id, files.c.scope == scope, *live).limit(than + 1)
        )
        with self._database.read_transaction() as connection:
            return len(connection.execute(query).all()) > than

    def journal(
        self,
        endpoint_id: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after_seq: int | None = None,
        rows: int = BATCH_ROWS,
    ) -> Iterator[pa.RecordBatch]:
        """Changes observed in [since, until) and journalled after `after_seq`, oldest first, in JOURNAL_SCHEMA."""
        columns = [file_changes.c[field.name] for field in JOURNAL_SCHEMA]
        query = select(*map(plain_column, columns)).where(file_changes.c.endpoint_id == endpoint_id)
        if after_seq is not None:
            query = query.where(file_changes.c.seq > after_seq)
        if since is not None:
            query = query.where(file_changes.c.observed_at >= since)
        if until is not None:
            query = query.where(file_changes.c.observed_at < until)
        return stream(self._database, query.order_by(file_changes.c.seq), JOURNAL_SCHEMA, rows)

    def gone_reasons(self, endpoint_id: int, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield why those of these files are gone that are: external_id, and removed, trashed or left_scope."""
        query = select(files.c.external_id, files.c.gone_reason).where(
            files.c.endpoint_id == endpoint_id, files.c.deleted_at.is_not(None), files.c.gone_reason.is_not(None)
        )
        for some in in_batches(ids, AT_ONCE):
            with self._database.read_transaction() as connection:
                found = connection.execute(query.where(files.c.external_id.in_(some))).all()
            yield from ((str(external_id), str(reason)) for external_id, reason in found)

    def journal_count(self, endpoint_id: int, after_seq: int, until_seq: int) -> int:
        """Return how many changes the journal has in (after_seq, until_seq]."""
        query = select(func.count()).where(*_between(endpoint_id, after_seq, until_seq))
        with self._database.read_transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def journal_ids(
        self, endpoint_id: int, after_seq: int, until_seq: int, *, renamed_only: bool = False
    ) -> Iterator[tuple[str, str | None]]:
        """Yield the ids that the journal names in (after_seq, until_seq], oldest first: as it is, and as it was before.

        The latter is None unless the file goes on under another id. `renamed_only`: those that do.
        """
        journal = file_changes.c
        is_renamed = cast(journal.before, Text).like('%"external_id"%')
        query = (
            select(journal.external_id, case((is_renamed, journal.before)))
            .where(*_between(endpoint_id, after_seq, until_seq))
            .order_by(journal.seq)
        )
        query = query.where(is_renamed) if renamed_only else query
        with self._database.read_transaction() as connection:
            result = connection.execution_options(stream_results=True, yield_per=BATCH_ROWS).execute(query)
            for part in result.partitions():
                for external_id, before in part:
                    earlier = (json.loads(before) if isinstance(before, str) else before or {}).get("external_id")
                    yield str(external_id), earlier

    def last_seq(self, endpoint_id: int) -> int:
        """The seq of the last change of an endpoint that is journalled; 0 when there is none.

        Syncs of one endpoint come one after the other, so a later change has a higher one.
        """
        query = select(func.max(file_changes.c.seq)).where(file_changes.c.endpoint_id == endpoint_id)
        with self._database.read_transaction() as connection:
            return int(connection.execute(query).scalar() or 0)

    def activity(
        self, endpoint_ids: Iterable[int], since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, str, int]]:
        """How many changes of each kind the journal has of each quarter of an hour in [since, until)."""
        journal = file_changes.c
        slot = cast(func.floor(extract("epoch", journal.observed_at) / QUARTER), BigInteger).label("slot")
        observed = (journal.observed_at >= since, journal.observed_at < until)
        query = select(slot, journal.change, func.count()).where(*observed).group_by(slot, journal.change)
        with self._database.read_transaction() as connection:
            for some in in_batches(endpoint_ids, AT_ONCE):
                for number, change, count in connection.execute(query.where(journal.endpoint_id.in_(some))):
                    yield datetime.fromtimestamp(number * QUARTER, UTC), change, count

    def prune_journal(self, endpoint_id: int, before: datetime, *, dry_run: bool = False) -> int:
        """Delete changes observed before a moment; return how many (with `dry_run`, would be)."""
        journal = file_changes.c
        where = (journal.endpoint_id == endpoint_id, journal.observed_at < before)
        return retention.prune(self._database, file_changes, *where, dry_run=dry_run)


def _between(endpoint_id: int, after_seq: int, until_seq: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for what the journal of an endpoint has in (after_seq, until_seq]."""
    journal = file_changes.c
    return journal.endpoint_id == endpoint_id, journal.seq > after_seq, journal.seq <= until_seq


def in_folder(folder: str) -> ColumnElement[bool]:
    """Return the condition for a folder and what lies in it, with the one range that holds both."""
    return and_(files.c.path >= folder, files.c.path < f"{folder}0", or_(files.c.path == folder, below(folder)))


def below(folder: str) -> ColumnElement[bool]:
    """Return the condition for what lies in a folder: a range in byte order, where `0` comes behind the slash."""
    return and_(files.c.path > f"{folder}/", files.c.path < f"{folder}0")


def starts_below(folder: str) -> ColumnElement[bool]:
    """Return what follows from `below`, and what an index by the start of each path can tell."""
    return PATH_START.between(folder[:PATH_START_CHARACTERS], f"{folder}0"[:PATH_START_CHARACTERS])


def _entries(endpoint_id: int) -> Select[Any]:
    """What the last snapshot has: live rows and those in the store's trash."""
    columns = [file_column(field.name) for field in ENTRY_SCHEMA]
    kept = or_(files.c.deleted_at.is_(None), files.c.gone_reason == TRASHED)
    return select(*columns).where(files.c.endpoint_id == endpoint_id, kept)


def file_column(field: str) -> ColumnElement[Any]:
    """Return where the table `files` has a field, as Arrow takes it."""
    if field == "trashed":
        return files.c.deleted_at.is_not(None).label(field)
    return plain_column(files.c[COLUMN_OF_FIELD.get(field, field)])


def plain_column(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """As Arrow takes it: moments and JSON as the database has them, not as Python objects."""
    if isinstance(column.type, UtcDateTime | Text):
        return cast(column, Text)
    return column


def stream(
    database: Database, query: Select[Any], schema: pa.Schema, rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Yield what a query finds, whose columns Arrow takes, in a schema."""
    with database.read_transaction() as connection:
        if database.is_sqlite:  # its tuples are what Arrow takes; rows of SQLAlchemy's would cost as much again
            cursor = connection.execute(query).cursor
            assert cursor is not None
            while part := cursor.fetchmany(rows):
                yield read_batch(part, schema)
            return
        result = connection.execution_options(stream_results=True, yield_per=rows).execute(query)
        for part in result.partitions():
            yield read_batch(part, schema)


def read_batch(part: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows of columns that Arrow takes, at least one, as a batch."""
    columns = [
        _ARRAYS.get(field.type, _array)(values, field)
        for field, values in zip(schema, zip(*part, strict=True), strict=True)
    ]
    return pa.record_batch(columns, schema=schema)


def _array(values: Sequence[Any], field: Field) -> Column:
    column: Column = pa.array(values, field.type)
    return column


def _moments(values: Sequence[Any], field: Field) -> Column:
    # PostgreSQL writes the offset (+00: our sessions are in UTC), SQLite has none.
    text = pc.replace_substring(pa.array(values, pa.string()), "+00", "")
    moments: Column = text.cast(pa.timestamp("us")).cast(field.type)
    return moments


def _truths(values: Sequence[Any], field: Field) -> Column:
    return _array([bool(value) for value in values], field)


_ARRAYS: dict[pa.DataType, Callable[[Sequence[Any], Field], Column]] = {TIMESTAMP: _moments, pa.bool_(): _truths}
