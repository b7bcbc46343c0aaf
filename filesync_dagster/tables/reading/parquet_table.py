"""Parquet files as tables: looked at before they are read, and every value as it is."""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.tables.model import Table, TableSchema
from filesync_dagster.tables.ranges import RangeFile
from filesync_dagster.tables.reading.declared_types import form_of
from filesync_dagster.tables.reading.header import column_names
from filesync_dagster.tables.reading.options import Cancellation, ReadLimits, ReadOptions
from filesync_dagster.tables.reading.parquet_columns import ParquetColumn, nanosecond_warnings
from filesync_dagster.tables.store import PartsWriter

BATCH_ROWS = 50_000
BUFFERS_BYTES = 64 * 1024 * 1024
"""What is read at a time of all columns together, in place of all that a group of rows has."""
BUFFER_MIN_BYTES = 128 * 1024
BUFFER_MAX_BYTES = 4 * 1024 * 1024

EXPANSION_MAX = 1_000
"""A file may become so many times larger than it is on the disk; what says more is a bomb, or broken."""
EXPANSION_FREE_BYTES = 256 * 1024 * 1024
MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"


def read_parquet(  # noqa: PLR0917  # as all readers are called
    path: Path, name: str, options: ReadOptions, folder: Path, limits: ReadLimits, cancellation: Cancellation
) -> list[Table]:
    """Return the table of a Parquet file, with its parts in a folder. Raises UnreadableTable or LimitReached."""
    if options.types:
        for wanted in options.types.values():
            form_of(wanted)
        raise UnreadableTable(
            "A Parquet file says itself which types its columns have.", code="types_are_known", field="types"
        )
    with disk_errors(f"reading {path.name}"), _content(path) as content, _opened(path, content) as file:
        _check_footer(path, content, file, limits)
        columns = _columns(path, file, options.columns)
        schema = TableSchema(
            name,
            options.source,
            tuple(column.table_column(position) for position, column in enumerate(columns)),
            read_at=datetime.now(UTC),
        )
        if options.schema_only:
            told = [warning for column in columns for warning in column.warnings()]
            return [Table(replace(schema, row_count=file.metadata.num_rows, warnings=tuple(told)), ())]
        target = schema.arrow().remove_metadata()
        with PartsWriter(folder / "parts" / "0", target) as writer:
            for batch in _batches(path, file, columns, options.rows, cancellation):
                arrays = [_stored(path, column, batch.column(column.place)) for column in columns]
                writer.write(pa.RecordBatch.from_arrays(arrays, schema=target))
            told = [warning for column in columns for warning in column.warnings()]
            told += nanosecond_warnings(_cut_nanoseconds(content, file, columns, options.rows))
            return [writer.finish(replace(schema, warnings=tuple(told)))]


@contextmanager
def _content(path: Path) -> Iterator[BinaryIO]:
    """Lend a file; a folder stands in for one that is elsewhere, of which only those ranges come that are needed."""
    with cast("BinaryIO", RangeFile(path)) if path.is_dir() else path.open("rb") as file:
        yield file


def _columns(path: Path, file: pq.ParquetFile, chosen: Collection[str] | None) -> list[ParquetColumn]:
    fields = list(file.schema_arrow)
    if not fields:
        raise UnreadableTable(f"{path.name} has no columns.", code="empty")
    names, originals = column_names([field.name for field in fields])
    columns = [
        ParquetColumn(name, field, original, place)
        for place, (name, field, original) in enumerate(zip(names, fields, originals, strict=True))
    ]
    wanted = columns if chosen is None else [column for column in columns if column.name in chosen]
    return wanted or columns[:1]  # of what has no columns nobody could tell how many rows it has


def _stored(path: Path, column: ParquetColumn, array: Any) -> Any:
    try:
        return column.store(array)
    except pa.ArrowInvalid as error:
        raise UnreadableTable(
            f"Texts of {column.name!r} in {path.name} are no UTF-8, as the file says they are.",
            hint="Write them as bytes.",
            code="encoding",
            field=None,
        ) from error


def _cut_nanoseconds(
    content: BinaryIO, file: pq.ParquetFile, columns: Sequence[ParquetColumn], rows: int | None
) -> dict[str, int]:
    """Return how many moments lost nanoseconds, by column, where they are INT96: of any year, to the nanosecond.

    What they are in nanoseconds is compared, for years that these reach: in others it is another moment.
    """
    counted = [column for column in columns if _is_int96(file, column)]
    lost = Counter[str]()
    if not counted or rows is not None:  # whoever wants some rows only gets them soon
        return lost
    names = [column.written_name for column in counted]
    content.seek(0)
    fine = pq.ParquetFile(content, buffer_size=_buffer_bytes(len(file.schema)), pre_buffer=False)
    pairs = zip(fine.iter_batches(BATCH_ROWS, columns=names), file.iter_batches(BATCH_ROWS, columns=names), strict=True)
    for exact, cut in pairs:
        for column in counted:
            nanoseconds: Any = exact.column(column.written_name).view(pa.int64())
            microseconds: Any = cut.column(column.written_name).view(pa.int64())
            rest: Any = pc.subtract(nanoseconds, pc.multiply(microseconds, pa.scalar(1000)))
            is_cut: Any = pc.and_(pc.greater(rest, pa.scalar(0)), pc.less(rest, pa.scalar(1000)))
            lost[column.name] += pc.sum(is_cut).as_py() or 0
    return lost


def _is_int96(file: pq.ParquetFile, column: ParquetColumn) -> bool:
    leaves = [file.schema.column(number) for number in range(len(file.schema))]
    return any(leaf.path == column.written_name and leaf.physical_type == "INT96" for leaf in leaves)


def _opened(path: Path, content: BinaryIO) -> pq.ParquetFile:
    head = content.read(4)
    if head == ENCRYPTED_MAGIC:
        raise _encrypted(path)
    try:
        footer = pq.read_metadata(content)
        content.seek(0)
        return pq.ParquetFile(
            content,
            metadata=footer,
            coerce_int96_timestamp_unit="us",
            buffer_size=_buffer_bytes(footer.num_columns),
            pre_buffer=False,
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refusal(path, error) from error


def _buffer_bytes(columns: int) -> int:
    """Return what is read of a column at a time, of so many."""
    return max(BUFFER_MIN_BYTES, min(BUFFER_MAX_BYTES, BUFFERS_BYTES // max(columns, 1)))


def _check_footer(path: Path, content: BinaryIO, file: pq.ParquetFile, limits: ReadLimits) -> None:
    """Refuse what the footer says is too much, before any of it is read."""
    facts = file.metadata
    if facts.num_rows > limits.rows:
        raise LimitReached(
            f"{path.name} has {facts.num_rows:,} rows, and {limits.rows:,} may be read.", code="too_many_rows"
        )
    if len(file.schema_arrow) > limits.columns:
        raise LimitReached(
            f"{path.name} has {len(file.schema_arrow):,} columns, and {limits.columns:,} may be read.",
            code="too_many_columns",
        )
    groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
    unpacked, size = sum(group.total_byte_size for group in groups), content.seek(0, os.SEEK_END)
    if sum(group.num_rows for group in groups) != facts.num_rows or min((g.num_rows for g in groups), default=0) < 0:
        raise _broken(path)
    if unpacked > max(EXPANSION_FREE_BYTES, size * EXPANSION_MAX):
        raise LimitReached(
            f"{path.name} has {size:,} bytes and says that {unpacked:,} are in them.", code="expands_too_much"
        )


def _batches(
    path: Path, file: pq.ParquetFile, columns: Sequence[ParquetColumn], most: int | None, cancellation: Cancellation
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, so many of them at most, with their columns at `place`, where these are put now."""
    names = [column.written_name for column in columns]
    is_part = len(names) < len(file.schema_arrow) and _can_be_named(file)
    if is_part:
        for place, column in enumerate(columns):
            column.place = place
    rows = 0
    try:
        batch_rows = min(BATCH_ROWS, most or BATCH_ROWS)
        for batch in file.iter_batches(batch_rows, columns=names if is_part else None):
            cancellation.check()
            rows += batch.num_rows
            if most is not None and rows >= most:
                yield batch.slice(0, batch.num_rows - (rows - most))
                return
            yield batch
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refusal(path, error) from error
    if rows != file.metadata.num_rows:
        raise _broken(path)


def _can_be_named(file: pq.ParquetFile) -> bool:
    """Tell whether names mean one column each: to Arrow a point leads into a structure."""
    names = file.schema_arrow.names
    return len(set(names)) == len(names) and not any("." in name for name in names)


def _broken(path: Path) -> UnreadableTable:
    return UnreadableTable(f"{path.name} is no Parquet file, or is broken.", code="broken", hint="Write it again.")


def _encrypted(path: Path) -> UnreadableTable:
    return UnreadableTable(f"{path.name} is encrypted.", code="encrypted", hint="Write it without encryption.")


def _refusal(path: Path, error: Exception) -> UnreadableTable:
    """Return what is wrong with a file, by what Arrow says of it: some columns may be encrypted, and others not."""
    words = str(error).lower()
    return _encrypted(path) if "encrypt" in words or "decrypt" in words else _broken(path)
