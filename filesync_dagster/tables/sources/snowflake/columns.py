"""Columns of Snowflake: how each type is selected so that no value is lost, and stored in Arrow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from filesync_dagster.tables.model import Role, TableColumn
from filesync_dagster.tables.sources.database import quote_identifier

INT64_DIGITS: Final = 18
"""Whole numbers of so many digits fit into 64 bits."""

INT64_MAX: Final = 2**63 - 1
TIMESTAMP: Final = pa.timestamp("us")
ZONED: Final = frozenset({"TIMESTAMP_TZ", "TIMESTAMP_LTZ"})
SIMPLE: Final[Mapping[str, pa.DataType]] = {
    "TEXT": pa.string(), "VARCHAR": pa.string(), "CHAR": pa.string(), "STRING": pa.string(),
    "BOOLEAN": pa.bool_(), "FLOAT": pa.float64(), "DOUBLE": pa.float64(), "REAL": pa.float64(),
    "DATE": pa.date32(), "TIME": pa.time64("us"), "BINARY": pa.binary(),
    "TIMESTAMP_NTZ": TIMESTAMP, "DATETIME": TIMESTAMP,
    "TIMESTAMP_TZ": pa.timestamp("us", "UTC"), "TIMESTAMP_LTZ": pa.timestamp("us", "UTC"),
}  # fmt: skip
NESTED: Final = frozenset({"VARIANT", "OBJECT", "ARRAY", "MAP"})


@dataclass(frozen=True)
class SnowflakeColumn:
    """A column as the information schema has it. `is_narrow`: all its whole numbers fit into 64 bits."""

    name: str
    data_type: str
    precision: int | None
    scale: int | None
    nullable: bool
    description: str | None = None
    is_narrow: bool = False

    @property
    def needs_range(self) -> bool:
        """Whether only its values tell if it fits into 64 bits."""
        return self.data_type == "NUMBER" and not self.scale and (self.precision or 38) > INT64_DIGITS

    def arrow_type(self) -> pa.DataType:
        """Return how it is stored."""
        if self.data_type == "NUMBER":
            digits, scale = self.precision or 38, self.scale or 0
            return (
                pa.int64() if not scale and (digits <= INT64_DIGITS or self.is_narrow) else pa.decimal128(digits, scale)
            )
        return SIMPLE.get(self.data_type, pa.string())

    def expression(self) -> str:
        """Return what is selected for it."""
        name = quote_identifier(self.name)
        if self.data_type in ZONED:
            return f"CONVERT_TIMEZONE('UTC', {name})::TIMESTAMP_NTZ(6) AS {name}"
        if self.data_type in {"TIMESTAMP_NTZ", "DATETIME"}:
            return f"{name}::TIMESTAMP_NTZ(6) AS {name}"
        if self.data_type in NESTED:
            return f"TO_JSON({name}) AS {name}"
        if self.data_type in {"GEOGRAPHY", "GEOMETRY"}:
            return f"ST_ASWKT({name}) AS {name}"
        if self.data_type == "NUMBER" or self.data_type in SIMPLE:
            return name
        return f"{name}::VARCHAR AS {name}"

    def sql_type(self) -> str:
        """Return what Snowflake calls its type."""
        return f"NUMBER({self.precision},{self.scale or 0})" if self.data_type == "NUMBER" else self.data_type

    def table_column(self, position: int) -> TableColumn:
        """Return it as a column of a table."""
        role = Role.JSON if self.data_type in NESTED else None
        return TableColumn(
            self.name, self.arrow_type(), position, self.nullable, self.sql_type(), role, description=self.description
        )

    def store(self, array: Any) -> Any:
        """Return values as they are stored."""
        target = self.arrow_type()
        if array.type == target:
            return array
        if isinstance(target, pa.TimestampType) and target.tz and isinstance(array.type, pa.TimestampType):
            return array.cast(TIMESTAMP).cast(target) if array.type.tz is None else array.cast(target)
        return array.cast(target)


def column_of(row: Mapping[str, Any]) -> SnowflakeColumn:
    """Return the column of a row of information_schema.columns."""
    return SnowflakeColumn(
        row["column_name"],
        str(row["data_type"]).upper(),
        row["numeric_precision"],
        row["numeric_scale"],
        row["is_nullable"] == "YES",
        row["comment"],
    )
