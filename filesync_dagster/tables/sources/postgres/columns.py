"""Columns of PostgreSQL: how each type is selected so that no value is lost, and stored in Arrow.

COPY brings most types as they are. Numbers with decimals come as texts, which become decimals here; what has a binary
form of its own (networks, ranges, geometry) is selected as text. Dates that no calendar of Python has (infinity, years
before 1 or after 9999) and NaN among decimals become NULL, and are counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.tables.calendar import BEYOND, UNITS_A_DAY, keep_good, within_calendar
from filesync_dagster.tables.model import Role, TableColumn
from filesync_dagster.tables.sources.base import WarningCounts

DIGITS_MAX_COUNT: Final = 38
"""Of a decimal that Parquet and DuckDB hold exactly."""

TYPMOD_HEADER: Final = 4
PRECISION_SHIFT: Final = 16
SCALE_MASK: Final = 0x7FF
SCALE_SIGN: Final = 1024

TIME = pa.time64("us")
TIMESTAMP = pa.timestamp("us")
INSTANT = pa.timestamp("us", "UTC")

AS_THEY_ARE: Final[dict[str, pa.DataType]] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "text": pa.string(),
    "varchar": pa.string(),
    "bpchar": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "time": TIME,
    "timestamp": TIMESTAMP,
    "timestamptz": INSTANT,
}
"""Types whose values COPY brings as Arrow has them."""

SELECTED: Final[dict[str, tuple[str, pa.DataType]]] = {
    "oid": ("{}::int8", pa.int64()),  # it comes as int32, though it has no sign
    "money": ("{}::numeric", pa.decimal128(20, 2)),  # it comes as cents
    "json": ("{}::text", pa.string()),
    "jsonb": ("{}::text", pa.string()),
    "uuid": ("{}::text", pa.string()),
}
"""Types that are cast in the query."""

NOT_A_NUMBER: Final = "NaN or infinity, which decimals do not have"


@dataclass(frozen=True)
class PostgresColumn:
    """A column as the catalogue has it. `base` is the name of its type, below any domain."""

    name: str
    base: str
    kind: str  # pg_type.typtype: "b" base, "e" enum, "c" composite, "r" range, …
    category: str  # pg_type.typcategory: "A" array
    modifier: int  # typmod
    sql_type: str
    nullable: bool
    description: str | None = None
    digits: tuple[int, int] | None = None  # precision and scale that the values of an undeclared numeric need

    @property
    def is_undeclared_number(self) -> bool:
        """Whether it is a numeric whose precision only its values tell."""
        return self.base == "numeric" and self.modifier < TYPMOD_HEADER

    def expression(self) -> str:
        """Return what is selected for it."""
        name = quote_name(self.name)
        if self._is_nested:
            return f"to_json({name})::text AS {name}"
        if self.base in AS_THEY_ARE and self.kind == "b":
            return name
        if self.base == "numeric":
            return f"{name}::text AS {name}" if self._as_text else name
        cast = SELECTED.get(self.base, ("{}::text", pa.string()))[0]
        return f"{cast.format(name)} AS {name}"

    def arrow_type(self) -> pa.DataType:
        """Return how it is stored."""
        if self.base == "numeric" and not self._is_nested:
            return pa.string() if self._as_text else self._decimal()
        if self.base in AS_THEY_ARE and self.kind == "b":
            return AS_THEY_ARE[self.base]
        if self.base in SELECTED and not self._is_nested:
            return SELECTED[self.base][1]
        return pa.string()

    def table_column(self, position: int) -> TableColumn:
        """Return it as a column of a table."""
        role = Role.JSON if self._is_nested or self.base in {"json", "jsonb"} else None
        return TableColumn(
            self.name, self.arrow_type(), position, self.nullable, self.sql_type, role, description=self.description
        )

    def store(self, array: Any, counts: WarningCounts) -> Any:
        """Return the values of a batch as they are stored; what cannot be is NULL, and counted."""
        target = self.arrow_type()
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        if pa.types.is_decimal(target):
            return self._decimals(array, target, counts)
        for is_kind, convert in CALENDAR:
            if is_kind(target):
                return convert(array, self.name, counts)
        return array if array.type == target else array.cast(target)

    @property
    def _is_nested(self) -> bool:
        return self.category == "A" or self.kind == "c"

    @property
    def _precision(self) -> tuple[int, int]:
        """Digits in all, and of them after the point."""
        if self.is_undeclared_number:
            return self.digits or (DIGITS_MAX_COUNT, 9)
        bits = self.modifier - TYPMOD_HEADER
        scale = ((bits & SCALE_MASK) ^ SCALE_SIGN) - SCALE_SIGN  # it has a sign since PostgreSQL 15
        precision = bits >> PRECISION_SHIFT & 0xFFFF
        return (precision - scale, 0) if scale < 0 else (max(precision, scale), scale)

    @property
    def _as_text(self) -> bool:
        return self._precision[0] > DIGITS_MAX_COUNT

    def _decimal(self) -> pa.DataType:
        return pa.decimal128(*self._precision)

    def _decimals(self, array: Any, target: pa.DataType, counts: WarningCounts) -> Any:
        if not pa.types.is_string(array.type):
            return array.cast(target)
        odd = pc.match_substring_regex(array, "[a-zA-Z]")  # nan, inf
        if pc.any(odd).as_py():
            counts.add("not_a_number", self.name, f"{NOT_A_NUMBER}: stored as NULL.", pc.sum(odd).as_py())
            array = pc.if_else(odd, pa.scalar(None, array.type), array)
        return array.cast(target)


def _dates(array: Any, name: str, counts: WarningCounts) -> Any:
    good, lost = within_calendar(array)
    counts.add("beyond_calendar", name, f"{BEYOND}: stored as NULL.", lost)
    return good


def _times(array: Any, name: str, counts: WarningCounts) -> Any:
    is_good = pc.less(array.view(pa.int64()), pa.scalar(UNITS_A_DAY["us"], pa.int64()))
    good, lost = keep_good(array, is_good)
    counts.add("beyond_calendar", name, "24:00:00, which is no time of a day: stored as NULL.", lost)
    return good


CALENDAR: Final[tuple[tuple[Callable[[Any], bool], Callable[[Any, str, WarningCounts], Any]], ...]] = (
    (pa.types.is_date32, _dates),
    (pa.types.is_timestamp, _dates),
    (pa.types.is_time64, _times),
)


def digits_expression(name: str) -> str:
    """Return what tells, over all rows, how many digits a numeric has before and after its point."""
    column = quote_name(name)
    finite = f"CASE WHEN {column} NOT IN ('NaN') AND {column}::text !~ 'n' THEN {column} END"
    before = f"max(length(split_part(ltrim(({finite})::text, '-'), '.', 1)))"
    return f"COALESCE({before}, 1)::int4, COALESCE(max(scale({finite})), 0)::int4"


def quote_name(name: str) -> str:
    """Return an identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return a literal, where standard_conforming_strings is on."""
    return "'" + text.replace("'", "''") + "'"
