"""Rows of a table: a page of them, found and sorted, and their values as JSON has them.

JSON's numbers are doubles: whole numbers past 2⁵³ and decimals that a double does not hold become texts. What is no
number becomes null, moments are ISO 8601, bytes Base64.
"""

import base64
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.tables.model import Role, Table

SAFE_INTEGER: Final = 2**53
MEMORY_LIMIT: Final = "512MB"
MASKED_LETTERS: Final = 1
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_ROWS: Final = "\0rows\0"
"""Stands for the parts of the table: no name and no text of a request has a NUL."""

_STORED: Final = "file_index, file_row_number"
"""The order of the table."""

FILTER_OPERATORS: Final = {"min": ">=", "max": "<=", "above": ">", "below": "<", "not": "IS DISTINCT FROM"}


def page_of(
    table: Table,
    *,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    order: Sequence[str] = (),
    limit: int = 100,
    offset: int = 0,
) -> pa.Table:
    """Return rows of a table: all columns or some, those that satisfy `where`, in the order of columns or of the table.

    `where`: of each column a value, a list of values, or a mapping with `min`, `max`, `above`, `below`, `not` or
    `contains`. `order`: names of columns, with `-` before one that descends. Raises TableError.
    """
    chosen = _known(table, columns if columns is not None else table.schema.names)
    if not where and not order:
        return _slice(table, chosen, limit, offset)
    return _query(table, chosen, where or {}, order, limit, offset)


def count_rows(table: Table, where: Mapping[str, Any]) -> int:
    """Return how many rows satisfy `where`. Raises TableError."""
    condition, values = _condition(table, where)
    found = _ask(table, f"SELECT count(*) FROM {_ROWS} WHERE {condition}", values)
    return int(found.column(0)[0].as_py())


def json_rows(rows: pa.Table, *, masked: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return rows as JSON values; of the columns `masked` only the first letter is shown."""
    columns = {name: json_values(rows.column(name)) for name in rows.column_names}
    for name in masked:
        if name in columns:
            columns[name] = [mask(value) for value in columns[name]]
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def person_columns(table: Table) -> list[str]:
    """Return the columns that are about people: masked unless somebody may see them."""
    return [column.name for column in table.schema.columns if column.role is Role.PERSON or column.person_kind]


def mask(value: object) -> str | None:
    """Return what may be seen of a value about a person."""
    return None if value is None else f"{str(value)[:MASKED_LETTERS]}***"


def json_values(column: "pa.ChunkedArray[Any]") -> list[Any]:
    """Return the values of a column as JSON has them."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = _without_nanoseconds(column)
    try:
        values = column.to_pylist()
    except (ValueError, OverflowError):  # a moment that Python does not know
        return [None if value is None else str(value) for value in column.cast(pa.string()).to_pylist()]
    if pa.types.is_string(kind) or pa.types.is_boolean(kind):
        return values
    return [json_value(value) for value in values]


def _without_nanoseconds(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    try:
        return column.cast(pa.timestamp("us", column.type.tz))
    except pa.ArrowInvalid:
        return column.cast(pa.string())


def json_value(value: Any) -> Any:
    """Return one value as JSON has it."""
    if value is None or isinstance(value, str | bool):
        return value
    for kind, convert in _CONVERSIONS:
        if isinstance(value, kind):
            return convert(value)
    return str(value)


def _from_decimal(value: Decimal) -> Any:
    if not value.is_finite():
        return None
    if value == value.to_integral_value() and value.as_tuple().exponent == 0:
        return _from_integer(int(value))
    number = float(value)
    return number if math.isfinite(number) and Decimal(repr(number)) == value else str(value)


def _from_integer(value: int) -> Any:
    return value if abs(value) <= SAFE_INTEGER else str(value)


def _from_datetime(value: datetime) -> str:
    return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()


_CONVERSIONS: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (int, _from_integer),
    (float, lambda value: value if math.isfinite(value) else None),
    (Decimal, _from_decimal),
    (datetime, _from_datetime),
    (date, lambda value: value.isoformat()),
    (time, lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
    (bytes, lambda value: base64.b64encode(value).decode()),
)


def _known(table: Table, names: Sequence[str]) -> list[str]:
    """Return names of columns. Raises TableError for one that the table does not have."""
    for name in names:
        if name not in table.schema.names:
            raise TableError(f"{table.name} has no column {name!r}.", code="unknown_column", field="columns")
    return list(dict.fromkeys(names))


def _slice(table: Table, columns: Sequence[str], limit: int, offset: int) -> pa.Table:
    """Return rows in the order of the table, reading the row groups that have them and no other."""
    schema = pa.schema([table.schema.arrow().field(name) for name in columns]).remove_metadata()
    found: list[pa.Table] = []
    for part in table.parts:
        if limit <= 0:
            break
        with disk_errors(f"reading {table.name}"), pq.ParquetFile(part) as file:
            rows, offset, limit = _slice_part(file, columns, limit, offset)
            found += rows
    return pa.concat_tables(found) if found else schema.empty_table()


def _slice_part(
    file: pq.ParquetFile, columns: Sequence[str], limit: int, offset: int
) -> tuple[list[pa.Table], int, int]:
    """Return rows of one part, and what is still to be skipped and taken after it."""
    found: list[pa.Table] = []
    for number in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(number).num_rows
        if offset >= rows:
            offset -= rows
        elif limit > 0:
            group = file.read_row_group(number, columns=list(columns), use_threads=False).select(list(columns))
            taken = group.slice(offset, limit).replace_schema_metadata(None)
            found.append(taken)
            limit, offset = limit - taken.num_rows, 0
    return found, offset, limit


def _query(  # noqa: PLR0917 - what is asked, in SQL's order
    table: Table, columns: Sequence[str], where: Mapping[str, Any], order: Sequence[str], limit: int, offset: int
) -> pa.Table:
    condition, values = _condition(table, where)
    shown = ", ".join(map(_quoted, columns))
    places = ", ".join(_place(table, name) for name in order)
    # The order of the table decides what is left undecided, so that pages do not overlap.
    sorted_by = f"ORDER BY {places}, {_STORED}" if places else f"ORDER BY {_STORED}"
    statement = f"SELECT {shown} FROM {_ROWS} WHERE {condition} {sorted_by} LIMIT {int(limit)} OFFSET {int(offset)}"
    return _ask(table, statement, values)


def _ask(table: Table, statement: str, values: Sequence[Any]) -> pa.Table:
    settings: dict[str, Any] = {
        "threads": 1,
        "memory_limit": MEMORY_LIMIT,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    parts = ", ".join(_literal(part) for part in table.parts)
    try:
        with disk_errors(f"reading {table.name}"), duckdb.connect(":memory:", config=settings) as con:
            con.execute("SET TimeZone = 'UTC'")
            found = con.sql(statement.replace(_ROWS, f"read_parquet([{parts}])"), params=list(values))
            rows: pa.Table = found.to_arrow_table()
            return rows
    except (duckdb.ConversionException, duckdb.BinderException, duckdb.InvalidInputException):
        raise _bad_value() from None


def _condition(table: Table, where: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return a SQL condition and the values in it. Raises TableError."""
    parts, values = ["TRUE"], []
    for name, wanted in where.items():
        [known] = _known(table, [name])
        for part, value in _conditions(_quoted(known), table.schema.column(known).type, wanted):
            parts.append(part)
            values += value
    return " AND ".join(parts), values


def _conditions(column: str, kind: pa.DataType, wanted: Any) -> list[tuple[str, list[Any]]]:
    if wanted is None:
        return [(f"{column} IS NULL", [])]
    if isinstance(wanted, list):
        given = [_argument(kind, value) for value in wanted if value is not None]
        marks = f"{column} IN ({', '.join('?' for _ in given)})" if given else "FALSE"
        return [(f"({marks} OR {column} IS NULL)" if None in wanted else marks, given)]
    if not isinstance(wanted, Mapping):
        return [(f"{column} = ?", [_argument(kind, wanted)])]
    return [_comparison(column, kind, word, value) for word, value in wanted.items()]


def _comparison(column: str, kind: pa.DataType, word: str, value: Any) -> tuple[str, list[Any]]:
    if word == "contains":
        return f"contains(lower(CAST({column} AS VARCHAR)), lower(?))", [_argument(pa.string(), value)]
    if word not in FILTER_OPERATORS:
        known = ", ".join([*FILTER_OPERATORS, "contains"])
        raise TableError(f"There is no condition {word!r}; there are {known}.", code="bad_value", field="where")
    if word == "not" and value is None:
        return f"{column} IS NOT NULL", []
    return f"{column} {FILTER_OPERATORS[word]} ?", [_argument(kind, value)]


def _argument(kind: pa.DataType, value: Any) -> Any:
    """Return a value that is searched for as DuckDB compares it with a column, exactly. Raises TableError."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str | bool | int | float):
        raise _bad_value()
    if pa.types.is_integer(kind):
        if is_number and value == int(value):
            return int(value)
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)  # DuckDB would round "1.5"
        raise _bad_value()
    if pa.types.is_floating(kind) and is_number:
        return float(value)
    if pa.types.is_boolean(kind) and isinstance(value, bool):
        return value
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _bad_value() -> TableError:
    return TableError("A value that is searched for is none of its column's type.", code="bad_value", field="where")


def _place(table: Table, name: str) -> str:
    descends = name.startswith("-") and name not in table.schema.names
    [known] = _known(table, [name[1:] if descends else name])
    return f"{_quoted(known)} {'DESC' if descends else 'ASC'} NULLS LAST"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
