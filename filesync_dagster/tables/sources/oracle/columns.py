"""Columns of Oracle: how each type is selected so that no value is lost, and stored in Arrow.

NUMBER without a precision comes as text, and gets the decimals that its values need; a DATE has a time; '' is NULL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.tables.model import TableColumn
from filesync_dagster.tables.sources.base import WarningCounts
from filesync_dagster.tables.sources.database import quote_identifier

DIGITS_MAX_COUNT: Final = 38
INT64_DIGITS: Final = 18
TIMESTAMP: Final = pa.timestamp("us")
AS_THEY_ARE: Final[Mapping[str, pa.DataType]] = {
    "VARCHAR2": pa.string(), "NVARCHAR2": pa.string(), "CHAR": pa.string(), "NCHAR": pa.string(),
    "CLOB": pa.string(), "NCLOB": pa.string(), "LONG": pa.string(),
    "BINARY_DOUBLE": pa.float64(), "BINARY_FLOAT": pa.float32(),
    "RAW": pa.binary(), "BLOB": pa.binary(), "LONG RAW": pa.binary(), "BOOLEAN": pa.bool_(),
}  # fmt: skip
AS_TEXT: Final[Mapping[str, str]] = {
    "ROWID": "ROWIDTOCHAR({})", "UROWID": "TO_CHAR({})", "XMLTYPE": "XMLSERIALIZE(CONTENT {} AS CLOB)",
    "JSON": "JSON_SERIALIZE({} RETURNING CLOB)",
}  # fmt: skip


@dataclass(frozen=True)
class OracleColumn:
    """A column as ALL_TAB_COLUMNS has it. `digits`: before and after the point, of a NUMBER that declares none."""

    name: str
    data_type: str
    precision: int | None
    scale: int | None
    nullable: bool
    description: str | None = None
    digits: tuple[int, int] | None = None

    @property
    def is_undeclared_number(self) -> bool:
        """Whether only its values tell which decimals it has."""
        return self.data_type == "FLOAT" or (self.data_type == "NUMBER" and (self.precision is None or self._scale < 0))

    @property
    def is_known(self) -> bool:
        """Whether its type can be read."""
        return self._is_number or self._is_moment or self.data_type in {*AS_THEY_ARE, *AS_TEXT} or self._is_interval

    def arrow_type(self) -> pa.DataType:
        """Return how it is stored."""
        if self._is_number:
            return self._number_type()
        if self._is_moment:
            return pa.timestamp("us", "UTC") if self._has_zone else TIMESTAMP
        return AS_THEY_ARE.get(self.data_type, pa.string())

    def expression(self) -> str:
        """Return what is selected for it."""
        name = quote_identifier(self.name)
        if self._is_number:
            return f"TO_CHAR({name}) AS {name}"
        if self._has_zone:
            return f"CAST(SYS_EXTRACT_UTC({name}) AS TIMESTAMP(6)) AS {name}"
        if self._is_moment:
            return f"CAST({name} AS TIMESTAMP(6)) AS {name}"
        if self._is_interval:
            return f"TO_CHAR({name}) AS {name}"
        return f"{AS_TEXT[self.data_type].format(name)} AS {name}" if self.data_type in AS_TEXT else name

    def digits_expressions(self) -> tuple[str, str]:
        """Return what tells, over all rows, the digits before and after the point; more than there can be for 1E40."""
        text = f"TO_CHAR(ABS({quote_identifier(self.name)}))"
        wide = f"CASE WHEN INSTR({text}, 'E') > 0 THEN 99 "
        before = f"{wide}WHEN INSTR({text}, '.') > 0 THEN INSTR({text}, '.') - 1 ELSE LENGTH({text}) END"
        after = f"CASE WHEN INSTR({text}, '.') > 0 THEN LENGTH({text}) - INSTR({text}, '.') ELSE 0 END"
        return f"MAX({before})", f"MAX({after})"

    def sql_type(self) -> str:
        """Return what Oracle calls its type."""
        if self.data_type == "NUMBER" and self.precision is not None:
            return f"NUMBER({self.precision},{self._scale})"
        return self.data_type

    def table_column(self, position: int) -> TableColumn:
        """Return it as a column of a table."""
        return TableColumn(
            self.name, self.arrow_type(), position, self.nullable, self.sql_type(), description=self.description
        )

    def store(self, array: Any, counts: WarningCounts) -> Any:
        """Return values as they are stored."""
        target = self.arrow_type()
        if self._is_number and not pa.types.is_string(target):
            return self._numbers(array.cast(pa.string()), target)
        if isinstance(target, pa.TimestampType) and target.tz:
            return array.cast(TIMESTAMP).cast(target)
        return array if array.type == target else array.cast(target)

    @property
    def _scale(self) -> int:
        return self.scale or 0

    @property
    def _is_number(self) -> bool:
        return self.data_type in {"NUMBER", "FLOAT"}

    @property
    def _is_moment(self) -> bool:
        return self.data_type == "DATE" or self.data_type.startswith("TIMESTAMP")

    @property
    def _has_zone(self) -> bool:
        return self._is_moment and "ZONE" in self.data_type

    @property
    def _is_interval(self) -> bool:
        return self.data_type.startswith("INTERVAL")

    def _number_type(self) -> pa.DataType:
        if self.is_undeclared_number:
            before, after = self.digits or (DIGITS_MAX_COUNT - 9, 9)
            precision, scale = before + after, after
        else:
            precision, scale = max(self.precision or 0, self._scale), self._scale
        if precision > DIGITS_MAX_COUNT:
            return pa.string()
        is_small = not scale and precision <= INT64_DIGITS and not self.is_undeclared_number
        return pa.int64() if is_small else pa.decimal128(max(precision, 1), scale)

    def _numbers(self, array: Any, target: pa.DataType) -> Any:
        """Return texts as numbers: Oracle writes .5 for a half."""
        full = pc.replace_substring_regex(array, r"^(-?)\.", r"\10.")
        return full.cast(target)


def column_of(row: Mapping[str, Any]) -> OracleColumn:
    """Return the column of a row of ALL_TAB_COLUMNS."""
    return OracleColumn(
        row["column_name"],
        without_sizes(str(row["data_type"])),
        row["data_precision"],
        row["data_scale"],
        row["nullable"] == "Y",
        row["comments"],
    )


def without_sizes(name: str) -> str:
    """Return the name of a type without its sizes.

    >>> without_sizes("TIMESTAMP(6) WITH TIME ZONE"), without_sizes("INTERVAL DAY(2) TO SECOND(6)")
    ('TIMESTAMP WITH TIME ZONE', 'INTERVAL DAY TO SECOND')
    """
    return re.sub(r"\(\d+\)", "", name).strip()
