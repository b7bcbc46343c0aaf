"""Kinds of values: what formats tell apart of Arrow's types."""

from enum import StrEnum

import pyarrow as pa

from filesync_dagster.tables.exports.arrow import DataType


class ValueKind(StrEnum):
    """What a column holds, whatever its width."""

    NOTHING = "nothing"  # NULL alone
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"  # of no zone
    MOMENT = "moment"  # a timestamp of a zone
    DURATION = "duration"


_TESTS = (
    (ValueKind.NOTHING, pa.types.is_null),
    (ValueKind.BOOLEAN, pa.types.is_boolean),
    (ValueKind.INTEGER, pa.types.is_integer),
    (ValueKind.DECIMAL, pa.types.is_decimal),
    (ValueKind.FLOAT, pa.types.is_floating),
    (ValueKind.TEXT, pa.types.is_string),
    (ValueKind.TEXT, pa.types.is_large_string),
    (ValueKind.BINARY, pa.types.is_binary),
    (ValueKind.BINARY, pa.types.is_large_binary),
    (ValueKind.BINARY, pa.types.is_fixed_size_binary),
    (ValueKind.DATE, pa.types.is_date),
    (ValueKind.TIME, pa.types.is_time),
    (ValueKind.DURATION, pa.types.is_duration),
)


def kind_of(dtype: DataType) -> ValueKind:
    """Return the kind of a type that tables store."""
    if pa.types.is_timestamp(dtype):
        return ValueKind.MOMENT if dtype.tz is not None else ValueKind.TIMESTAMP
    return next(kind for kind, is_one in _TESTS if is_one(dtype))
