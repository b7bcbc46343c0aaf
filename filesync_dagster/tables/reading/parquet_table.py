"""Parquet files as tables: looked at before they are read, and every value as it is.

What tables do not store is stored as what says the same: lists and structures as JSON, dictionaries as their values.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.tables.arrow_types import type_name
from filesync_dagster.tables.model import Role, Table, TableColumn, TableSchema, TableWarning
from filesync_dagster.tables.reading.declared_types import form_of
from filesync_dagster.tables.reading.header import column_names
from filesync_dagster.tables.reading.json_values import json_text
from filesync_dagster.tables.reading.options import Cancellation, ReadLimits, ReadOptions
from filesync_dagster.tables.store import PartsWriter

BATCH_ROWS = 50_000
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
    with disk_errors(f"reading {path.name}"):
        file = _opened(path)
    with file:
        _check_footer(path, file, limits)
        written = file.schema_arrow
        names, originals = column_names(written.names)
        kinds = [_stored_type(field.type) for field in written]
        columns = tuple(
            TableColumn(
                name,
                kind,
                position,
                nullable=field.nullable,
                sql_type=None if kind == field.type else str(field.type)[:200],
                role=Role.JSON if _is_nested(field.type) else None,
                description=original,
            )
            for position, (name, original, kind, field) in enumerate(zip(names, originals, kinds, written, strict=True))
        )
        warnings = tuple(_nested_warnings(written, names))
        schema = TableSchema(name, options.source, columns, read_at=datetime.now(UTC), warnings=warnings)
        target = schema.arrow().remove_metadata()
        with PartsWriter(folder / "parts" / "0", target) as writer:
            for batch in _batches(path, file, cancellation):
                arrays = [_stored(array, kind) for array, kind in zip(batch.columns, kinds, strict=True)]
                writer.write(pa.RecordBatch.from_arrays(arrays, schema=target))
            return [writer.finish(schema)]


def _opened(path: Path) -> pq.ParquetFile:
    with path.open("rb") as file:
        head = file.read(4)
    if head == ENCRYPTED_MAGIC:
        raise UnreadableTable(f"{path.name} is encrypted.", code="encrypted", hint="Write it without encryption.")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        if "encrypt" in str(error).lower():
            raise UnreadableTable(
                f"{path.name} is encrypted.", code="encrypted", hint="Write it without encryption."
            ) from error
        raise _broken(path) from error


def _check_footer(path: Path, file: pq.ParquetFile, limits: ReadLimits) -> None:
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
    unpacked, size = sum(group.total_byte_size for group in groups), path.stat().st_size
    if sum(group.num_rows for group in groups) != facts.num_rows or min((g.num_rows for g in groups), default=0) < 0:
        raise _broken(path)
    if unpacked > max(EXPANSION_FREE_BYTES, size * EXPANSION_MAX):
        raise LimitReached(
            f"{path.name} has {size:,} bytes and says that {unpacked:,} are in them.", code="expands_too_much"
        )


def _batches(path: Path, file: pq.ParquetFile, cancellation: Cancellation) -> Iterator[pa.RecordBatch]:
    rows = 0
    try:
        for batch in file.iter_batches(BATCH_ROWS):
            cancellation.check()
            rows += batch.num_rows
            yield batch
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _broken(path) from error
    if rows != file.metadata.num_rows:
        raise _broken(path)


def _broken(path: Path) -> UnreadableTable:
    return UnreadableTable(f"{path.name} is no Parquet file, or is broken.", code="broken", hint="Write it again.")


def _is_nested(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return pa.types.is_nested(kind)


def _stored_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that a column is stored with: its own, where tables store that."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        return _stored_type(kind.value_type)
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_date64(kind):
        return pa.date32()
    if str(kind) in {"string_view", "binary_view"}:
        return pa.string() if str(kind) == "string_view" else pa.binary()
    try:
        type_name(kind)
    except ValueError:
        return pa.string()
    return kind


def _stored(array: Any, kind: pa.DataType) -> Any:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_nested(array.type):
        return pa.array([None if value is None else json_text(value) for value in array.to_pylist()], pa.string())
    if array.type == kind:
        return array
    if pa.types.is_dictionary(array.type):
        return _stored(array.dictionary_decode(), kind)
    if kind == pa.string() and not pa.types.is_string(array.type) and str(array.type) != "string_view":
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    return array.cast(kind)


def _nested_warnings(schema: pa.Schema, names: tuple[str, ...]) -> Iterator[TableWarning]:
    for name, field in zip(names, schema, strict=True):
        if _is_nested(field.type):
            yield TableWarning(
                "nested_as_json", f"{name!r} has structure ({field.type}): it is stored as JSON.", column=name
            )
