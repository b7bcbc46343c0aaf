"""Primary keys: the columns that tell the rows of a table apart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from math import prod

import duckdb
import pyarrow as pa

from filesync_dagster.tables.keys.names import is_reference, singular, subject
from filesync_dagster.tables.model import Origin, Role, Table, TableColumn
from filesync_dagster.tables.profile import plain_name
from filesync_dagster.tables.profile.database import one_row, quote
from filesync_dagster.tables.profile.values import is_temporal, is_text

CANDIDATES_COUNT = 200
MOST_COLUMNS = 3
_TELLING_ROWS = 20  # of fewer rows any text is unique
_KEY_LETTERS = 64


def with_primary_key(table: Table, connection: duckdb.DuckDBPyConnection) -> Table:
    """Return a profiled table with its primary key, as declared or else as found, and its other unique columns."""
    schema = table.schema
    unique = [column for column in schema.columns if is_unique(column, schema.row_count or 0, connection, table.name)]
    others = [(column.name,) for column in unique if _is_telling(column, schema.row_count or 0)]
    if not schema.primary_key:
        key, origin = _find(table, unique, connection)
        schema = replace(schema, primary_key=key, primary_key_origin=origin if key else None)
    keys = dict.fromkeys((*schema.unique_keys, *others))
    keys.pop(schema.primary_key, None)
    columns = [
        replace(column, role=Role.KEY) if (column.name,) == schema.primary_key else column for column in schema.columns
    ]
    return replace(table, schema=replace(schema.with_columns(columns), unique_keys=tuple(keys)))


def is_unique(column: TableColumn, rows: int, connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Tell whether every row has a value of its own; what was only estimated is counted."""
    stats = column.stats
    if not rows or stats["nulls"]:
        return False
    if stats.get("distinct_exact", True):
        return bool(stats["distinct"] == rows)
    return stats["distinct"] > rows * 0.9 and _count(connection, table, (column.name,)) == rows


def _is_telling(column: TableColumn, rows: int) -> bool:
    """Tell whether it says something that a column is unique: an amount may be so by accident."""
    if column.role is Role.KEY:
        return True
    return is_text(column.type) and rows >= _TELLING_ROWS and column.stats["length_max"] <= _KEY_LETTERS


def _find(
    table: Table, unique: Sequence[TableColumn], connection: duckdb.DuckDBPyConnection
) -> tuple[tuple[str, ...], Origin]:
    """Return the columns of a key, () where there is none, and how sure that is."""
    single = [column for column in unique if _may_be_key(column)]
    if single:
        best = min(single, key=lambda column: _rank(column, table.name))
        is_sure = best.role is Role.KEY or best.position == 0
        return (best.name,), Origin.DETECTED if is_sure else Origin.PROPOSED
    for columns in _candidates(table):
        # A key is what others believe in: several columns that only happen to be unique are none.
        is_called = any(is_reference(name) for name in columns)
        if is_called and _count(connection, table.name, columns) == table.schema.row_count:
            return columns, Origin.DETECTED
    return (), Origin.DETECTED


def _may_be_key(column: TableColumn) -> bool:
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_boolean(kind) or column.role in {Role.CONSTANT, Role.JSON}:
        return False
    if pa.types.is_decimal(kind) and (kind.scale or kind.precision < _TELLING_ROWS):
        return False
    return not is_text(kind) or bool(column.stats["length_max"] <= _KEY_LETTERS)


def _rank(column: TableColumn, table: str) -> tuple[bool, bool, bool, bool, bool, int]:
    """Return how a column stands among unique ones: the smallest is the key."""
    name, own = plain_name(column.name), singular(plain_name(table))
    is_own = name == "id" or (is_reference(name) and subject(name) in {own, own.rpartition("_")[2]})
    return (
        not is_own,
        column.role is not Role.KEY and column.position > 0,
        is_temporal(column.type) or column.role is Role.PERSON,
        column.position > 0,
        not pa.types.is_integer(column.type),
        column.position,
    )


def _candidates(table: Table) -> Iterator[tuple[str, ...]]:
    """Yield pairs, then triples of columns that may tell rows apart: those that are called like references first."""
    rows = table.schema.row_count or 0
    able = [column for column in table.schema.columns if not column.stats["nulls"] and _may_be_part(column)]
    able.sort(key=lambda column: (not is_reference(column.name), not is_temporal(column.type), column.position))
    left = CANDIDATES_COUNT
    for count in range(2, MOST_COLUMNS + 1):
        for columns in combinations(able, count):
            if rows < 2 or prod(column.stats["distinct"] for column in columns) < rows:  # noqa: PLR2004 - one row
                continue
            if not left:
                return
            left -= 1
            yield tuple(column.name for column in sorted(columns, key=lambda column: column.position))


def _may_be_part(column: TableColumn) -> bool:
    kind = column.type
    if (
        column.role in {Role.CONSTANT, Role.JSON, Role.BINARY}
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return False
    return not is_text(kind) or column.stats["length_max"] <= _KEY_LETTERS


def _count(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> int:
    """Return how many different rows some columns have."""
    names = ", ".join(quote(name) for name in columns)
    return int(one_row(connection, f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM {quote(table)})")[0])
