"""Rows of files and of the journal as streams of Arrow batches, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import pyarrow as pa
from sqlalchemy import BigInteger, ColumnElement, Select, Text, cast, extract, func, or_, select

from filesync_dagster.core.model import ENTRY_FIELDS, ENTRY_SCHEMA, TIMESTAMP, Kind
from filesync_dagster.storage.database.arrow_rows import COLUMN_OF_FIELD, Column, Field, pc
from filesync_dagster.storage.database.column_types import UtcDateTime
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.tables import file_changes, files

T = TypeVar("T")

_FILE_FIELDS: "list[Field]" = [
    *(field for field in ENTRY_FIELDS if field.name in COLUMN_OF_FIELD),
    pa.field("first_seen_at", TIMESTAMP, nullable=False),
    pa.field("last_seen_at", TIMESTAMP, nullable=False),  # see tables.py
    pa.field("deleted_at", TIMESTAMP),  # null: live
    pa.field("gone_reason", pa.string()),  # removed | trashed | left_scope
]

AT_ONCE = 500
"""Values in one IN (…)."""

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


def inventory(database: Database, endpoint_id: int, *, gone: bool, rows: int) -> Iterator[pa.RecordBatch]:
    """See Metadata.files."""
    columns = [_file_column(field.name) for field in FILES_SCHEMA]
    query = select(*columns).where(files.c.endpoint_id == endpoint_id).order_by(files.c.path, files.c.external_id)
    if not gone:
        query = query.where(files.c.deleted_at.is_(None))
    return _stream(database, query, FILES_SCHEMA, rows)


def entries(database: Database, endpoint_id: int, *, rows: int) -> Iterator[pa.RecordBatch]:
    """See Metadata.entries."""
    return _stream(database, _entries(endpoint_id).order_by(files.c.external_id), ENTRY_SCHEMA, rows)


def entries_of(database: Database, endpoint_id: int, ids: Iterable[str], rows: int) -> Iterator[pa.RecordBatch]:
    """See Metadata.entries_of."""
    for some in in_batches(ids, AT_ONCE):
        yield from _stream(database, _entries(endpoint_id).where(files.c.external_id.in_(some)), ENTRY_SCHEMA, rows)


def children(database: Database, endpoint_id: int, folders: Iterable[str], rows: int) -> Iterator[pa.RecordBatch]:
    """See Metadata.children."""
    for some in in_batches(folders, AT_ONCE):
        yield from _stream(database, _entries(endpoint_id).where(files.c.parent_id.in_(some)), ENTRY_SCHEMA, rows)


def tops(database: Database, endpoint_id: int, rows: int) -> Iterator[pa.RecordBatch]:
    """See Metadata.tops."""
    yield from _stream(database, _entries(endpoint_id).where(files.c.parent_id.is_(None)), ENTRY_SCHEMA, rows)


def has_more_files(database: Database, endpoint_id: int, scope: str, than: int) -> bool:
    """See Metadata.has_more_files."""
    live = (files.c.deleted_at.is_(None), files.c.kind != Kind.FOLDER.value)
    query = select(files.c.id).where(files.c.endpoint_id == endpoint_id, files.c.scope == scope, *live).limit(than + 1)
    with database.read_transaction() as connection:
        return len(connection.execute(query).all()) > than


def in_batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut values into lists of at most `size`."""
    iterator = iter(values)
    while some := list(islice(iterator, size)):
        yield some


def _entries(endpoint_id: int) -> Select[Any]:
    """What the last snapshot has: live rows and those in the store's trash."""
    columns = [_file_column(field.name) for field in ENTRY_SCHEMA]
    kept = or_(files.c.deleted_at.is_(None), files.c.gone_reason == TRASHED)
    return select(*columns).where(files.c.endpoint_id == endpoint_id, kept)


def journal(
    database: Database,
    endpoint_id: int,
    *,
    since: datetime | None,
    until: datetime | None,
    after_seq: int | None,
    rows: int,
) -> Iterator[pa.RecordBatch]:
    """See Metadata.journal."""
    columns = [file_changes.c[field.name] for field in JOURNAL_SCHEMA]
    query = select(*map(_plain, columns)).where(file_changes.c.endpoint_id == endpoint_id)
    if after_seq is not None:
        query = query.where(file_changes.c.seq > after_seq)
    if since is not None:
        query = query.where(file_changes.c.observed_at >= since)
    if until is not None:
        query = query.where(file_changes.c.observed_at < until)
    return _stream(database, query.order_by(file_changes.c.seq), JOURNAL_SCHEMA, rows)


def last_seq(database: Database, endpoint_id: int) -> int:
    """See Metadata.last_seq."""
    query = select(func.max(file_changes.c.seq)).where(file_changes.c.endpoint_id == endpoint_id)
    with database.read_transaction() as connection:
        return int(connection.execute(query).scalar() or 0)


def activity(
    database: Database, endpoint_ids: Iterable[int], since: datetime, until: datetime
) -> Iterator[tuple[datetime, str, int]]:
    """See Metadata.activity."""
    journal = file_changes.c
    slot = cast(func.floor(extract("epoch", journal.observed_at) / QUARTER), BigInteger).label("slot")
    observed = (journal.observed_at >= since, journal.observed_at < until)
    query = select(slot, journal.change, func.count()).where(*observed).group_by(slot, journal.change)
    with database.read_transaction() as connection:
        for some in in_batches(endpoint_ids, AT_ONCE):
            for number, change, count in connection.execute(query.where(journal.endpoint_id.in_(some))):
                yield datetime.fromtimestamp(number * QUARTER, UTC), change, count


def _file_column(field: str) -> ColumnElement[Any]:
    if field == "trashed":
        return files.c.deleted_at.is_not(None).label(field)
    return _plain(files.c[COLUMN_OF_FIELD.get(field, field)])


def _plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """As Arrow takes it: moments and JSON as the database has them, not as Python objects."""
    if isinstance(column.type, UtcDateTime | Text):
        return cast(column, Text)
    return column


def _stream(database: Database, query: Select[Any], schema: pa.Schema, rows: int) -> Iterator[pa.RecordBatch]:
    with database.read_transaction() as connection:
        result = connection.execution_options(stream_results=True, yield_per=rows).execute(query)
        for part in result.partitions():
            yield _batch(part, schema)


def _batch(part: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
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
