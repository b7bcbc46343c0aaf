"""Values of columns as whole numbers, which sort fast, and as JSON, which loses nothing."""

from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

Values: TypeAlias = "pa.ChunkedArray[Any]"
"""The values of a column."""

EXACT_IN_JSON = 2**53
_WHOLE_DIGITS = 18  # what 64 bits hold
_TEXT_LETTERS = 200


def is_number(kind: pa.DataType) -> bool:
    """Tell whether values of a type can be added."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_temporal(kind: pa.DataType) -> bool:
    """Tell whether values of a type are moments, days or times of the day."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind))


def is_text(kind: pa.DataType) -> bool:
    """Tell whether values of a type are texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Tell whether values of a type are bytes."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def whole_numbers(values: Values) -> np.ndarray | None:
    """Return values without NULL as whole numbers of the same order, or None where they are none inside."""
    kind = values.type
    if pa.types.is_integer(kind):
        return values.to_numpy()
    if pa.types.is_boolean(kind):
        return values.cast(pa.int8()).to_numpy()
    if is_temporal(kind) or pa.types.is_duration(kind):
        return values.cast(pa.int32() if kind.bit_width == 32 else pa.int64()).to_numpy()  # noqa: PLR2004 - bits
    if pa.types.is_decimal128(kind) and kind.precision <= _WHOLE_DIGITS:
        return np.concatenate([_unscaled(chunk) for chunk in values.chunks])
    return None


def _unscaled(values: "pa.Array[Any]") -> np.ndarray:
    """Return decimals as the whole numbers that they are stored as: the lower half of their 16 bytes."""
    halves: np.ndarray = np.frombuffer(memoryview(values.buffers()[1] or b""), dtype="<i8")
    return halves[2 * values.offset : 2 * (values.offset + len(values)) : 2]


def json_value(value: Any, kind: pa.DataType) -> Any:
    """Return a value as JSON: exactly, so large integers and decimals as text. `value` may be a whole number inside."""
    if pa.types.is_boolean(kind):
        return bool(value)
    if pa.types.is_decimal(kind):
        return format(Decimal(int(value)).scaleb(-kind.scale) if isinstance(value, np.integer) else value, "f")
    if pa.types.is_integer(kind):
        return int(value) if abs(int(value)) <= EXACT_IN_JSON else str(value)
    if is_temporal(kind):
        return _temporal_text(int(value), kind)
    if isinstance(value, bytes):
        return value[: _TEXT_LETTERS // 2].hex()
    return value[:_TEXT_LETTERS] if isinstance(value, str) else int(value)


def json_number(value: Any, kind: pa.DataType) -> float | int:
    """Return a number as one that can be drawn: nearest where it is not exact."""
    if pa.types.is_decimal(kind):
        return float(Decimal(int(value)).scaleb(-kind.scale))
    return int(value) if abs(int(value)) <= EXACT_IN_JSON else float(value)


def _temporal_text(value: int, kind: pa.DataType) -> str:
    """Return a moment, a day or a time of the day as ISO 8601 has it."""
    scalar = pa.scalar(value, pa.int32() if kind.bit_width == 32 else pa.int64()).cast(kind)  # noqa: PLR2004 - bits
    return str(scalar.cast(pa.string()))
