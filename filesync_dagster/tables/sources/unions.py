"""Several files as one table: which columns it has, and which types they have so that no value changes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.model import Table, TableColumn, TableSchema, TableWarning

UnionBy: TypeAlias = Literal["name", "position"]

DIGITS_MAX_COUNT: Final = 38
INTEGER_DIGITS: Final = {8: 3, 16: 5, 32: 10, 64: 20}
"""How many digits integers of so many bits may have."""


def common_type(types: Sequence[pa.DataType]) -> pa.DataType | None:  # noqa: PLR0911 - one for each family
    """Return the type that holds the values of all of these as they are; None where only text does."""
    known = list(dict.fromkeys(kind for kind in types if not pa.types.is_null(kind)))
    if not known:
        return pa.string()
    if len(known) == 1:
        return known[0]
    if all(map(pa.types.is_integer, known)):
        signed = [kind for kind in known if pa.types.is_signed_integer(kind)]
        return max(known, key=_bits) if signed in ([], known) else pa.decimal128(20, 0)
    if all(pa.types.is_integer(kind) or pa.types.is_decimal(kind) for kind in known):
        return _common_decimal(known)
    if all(map(pa.types.is_floating, known)):
        return pa.float64()
    if all(pa.types.is_date(kind) or _is_local(kind) for kind in known):
        return pa.timestamp("us")
    return None


def clashing_columns(tables: Sequence[Table], union_by: UnionBy) -> list[str]:
    """Return the columns, as each table calls them, that have nothing in common but text."""
    found: dict[str, None] = {}
    for columns in _aligned(tables, union_by):
        if common_type([column.type for column in columns if column is not None]) is None:
            found.update(dict.fromkeys(column.name for column in columns if column is not None))
    return list(found)


def union_schema(tables: Sequence[Table], union_by: UnionBy, what: str) -> TableSchema:
    """Return the schema of several tables as one. Raises SourceRefused when they do not fit together."""
    first = tables[0].schema
    if len(tables) == 1:
        return first
    if union_by == "position" and len({len(table.schema.columns) for table in tables}) > 1:
        odd = next(table for table in tables if len(table.schema.columns) != len(first.columns))
        raise SourceRefused(
            f"{odd.name} has {len(odd.schema.columns)} columns, and {first.name} has {len(first.columns)}.",
            hint="Files that are one table by position have equally many columns: try union_by: name.",
            code="unsupported",
            field="union_by",
        )
    columns: list[TableColumn] = []
    warnings: list[TableWarning] = []
    for found in _aligned(tables, union_by):
        kinds = [column for column in found if column is not None]
        kind = common_type([column.type for column in kinds])
        if kind is None:
            types = sorted({str(column.type) for column in kinds})
            raise SourceRefused(
                f"The column {kinds[0].name!r} is {' and '.join(types)} in different files of {what}.",
                hint="Read each file as a table of its own, or leave some out.",
                code="unsupported",
                field="union_by",
            )
        missing = len(found) - len(kinds)
        nullable = missing > 0 or any(column.nullable for column in kinds)
        columns.append(replace(kinds[0], type=kind, nullable=nullable))
        if missing:
            message = "Some files do not have this column: it is NULL in their rows."
            warnings.append(TableWarning("missing_column", message, missing, kinds[0].name))
    told = [warning for table in tables for warning in table.schema.warnings]
    schema = replace(first, primary_key=(), unique_keys=(), content_hash=None, warnings=_merged([*told, *warnings]))
    return schema.with_columns(columns)


def united_batches(
    tables: Sequence[Table], schema: TableSchema, target: pa.Schema, union_by: UnionBy, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of tables in the columns of `target`, which are some of those of `schema`."""
    for table in tables:
        own = dict(zip(schema.names, table.schema.names, strict=False)) if union_by == "position" else {}
        names = [own.get(field.name, field.name) for field in target]
        held = set(table.schema.names)
        for part in table.parts:
            with pq.ParquetFile(part) as file:
                wanted = [name for name in names if name in held]
                for batch in file.iter_batches(batch_size=batch_rows, columns=wanted, use_threads=False):
                    yield _fitted(batch, names, target)


def _fitted(batch: pa.RecordBatch, names: Sequence[str], target: pa.Schema) -> pa.RecordBatch:
    arrays: list[Any] = []
    for name, field in zip(names, target, strict=True):
        at = batch.schema.get_field_index(name)
        if at < 0:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        array = batch.column(at)
        arrays.append(array if array.type == field.type else array.cast(field.type))
    if not arrays:
        return batch.select([])
    return pa.RecordBatch.from_arrays(arrays, schema=target)


def _aligned(tables: Sequence[Table], union_by: UnionBy) -> Iterator[list[TableColumn | None]]:
    """Yield each column of a union: what each table has as it."""
    if union_by == "position":
        for columns in zip(*(table.schema.columns for table in tables), strict=False):
            yield list(columns)
        return
    names = dict.fromkeys(name for table in tables for name in table.schema.names)
    by_name = [{column.name: column for column in table.schema.columns} for table in tables]
    for name in names:
        yield [columns.get(name) for columns in by_name]


def _merged(warnings: Sequence[TableWarning]) -> tuple[TableWarning, ...]:
    found: dict[tuple[str, str | None], TableWarning] = {}
    for warning in warnings:
        key = (warning.code, warning.column)
        known = found.get(key)
        found[key] = replace(known, count=known.count + warning.count) if known else warning
    return tuple(found.values())


def _common_decimal(types: Sequence[pa.DataType]) -> pa.DataType | None:
    whole = max(_whole_digits(kind) for kind in types)
    scale = max(kind.scale if isinstance(kind, pa.Decimal128Type) else 0 for kind in types)
    return pa.decimal128(whole + scale, scale) if whole + scale <= DIGITS_MAX_COUNT else None


def _whole_digits(kind: pa.DataType) -> int:
    if isinstance(kind, pa.Decimal128Type):
        return int(kind.precision - kind.scale)
    return INTEGER_DIGITS.get(_bits(kind), DIGITS_MAX_COUNT)


def _bits(kind: pa.DataType) -> int:
    return int(kind.bit_width)


def _is_local(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.TimestampType) and kind.tz is None and kind.unit != "ns"
