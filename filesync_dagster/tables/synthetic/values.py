"""Values of a column as numbers that lose nothing, and back: integers of 64 bits, floats, or codes of a dictionary."""

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

ArrowArray: TypeAlias = Any
"""An Arrow array. What is in it is known at run time alone, which the stubs of pyarrow have no word for."""

pc: Any = pyarrow.compute
"""Arrow's functions; the stubs take some that give arrays for such that give scalars."""

AnyArray = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SIGN_BIT = np.int64(-(2**63))
"""Unsigned numbers keep their order as signed ones when this bit is turned."""

DECIMAL_DIGITS = 80


@dataclass(frozen=True)
class ColumnValues:
    """Values of rows: `data` is int64 or float64, and means nothing where `null`."""

    data: AnyArray
    null: Bools

    def __len__(self) -> int:
        return len(self.null)

    def take(self, rows: AnyArray) -> "ColumnValues":
        """Return the values of some rows."""
        return ColumnValues(self.data[rows], self.null[rows])

    def present(self) -> AnyArray:
        """Return what is not NULL."""
        return self.data[~self.null]


def is_number(kind: pa.DataType) -> bool:
    """Tell whether values of a type are numbers, amounts or moments."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or (pa.types.is_temporal(kind) and not pa.types.is_interval(kind))
    )


def one_array(values: ArrowArray) -> ArrowArray:
    """Return the values in one piece."""
    if isinstance(values, pa.ChunkedArray):
        if values.num_chunks == 1:
            return values.chunk(0)
        return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    return values


def null_mask(values: ArrowArray) -> Bools:
    """Return where an array is NULL."""
    return np.asarray(pc.is_null(values).to_numpy(zero_copy_only=False), dtype=bool)


def from_arrow(values: ArrowArray) -> ColumnValues:
    """Return the numbers of an array. NaN is taken for NULL; decimals that exceed 64 bits become floats."""
    null = null_mask(values)
    if pa.types.is_decimal(values.type):
        words = _decimal_words(values)
        if words is not None:
            return ColumnValues(np.where(null, 0, words), null)
        values = values.cast(pa.float64())
    if pa.types.is_floating(values.type):
        floats = pc.fill_null(values.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)
        bad = np.isnan(floats)
        return ColumnValues(np.where(bad, 0.0, floats), null | bad)
    if pa.types.is_uint64(values.type):
        return ColumnValues(pc.fill_null(values, 0).view(pa.int64()).to_numpy() ^ SIGN_BIT, null)
    return ColumnValues(_as_int64(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64), null)


def _as_int64(values: ArrowArray) -> ArrowArray:
    if pa.types.is_date32(values.type) or pa.types.is_time32(values.type):
        return values.view(pa.int32()).cast(pa.int64())
    if pa.types.is_temporal(values.type):
        return values.view(pa.int64())
    return values.cast(pa.int64())


def _decimal_words(values: ArrowArray) -> Ints | None:
    """Return the whole numbers of decimals; None where one exceeds 64 bits."""
    buffer, words_each = values.buffers()[1], values.type.bit_width // 64
    if buffer is None or not len(values):
        return np.zeros(len(values), dtype=np.int64)
    words = np.frombuffer(buffer, dtype=np.int64).reshape(-1, words_each)
    words = words[values.offset : values.offset + len(values)]
    here = pc.is_valid(values).to_numpy(zero_copy_only=False).astype(bool)
    if np.any(words[here, 1:] != (words[here, :1] >> np.int64(63))):
        return None
    return words[:, 0].copy()


def to_arrow(values: ColumnValues, kind: pa.DataType) -> ArrowArray:
    """Return the array of a type: the inverse of `from_arrow`."""
    if pa.types.is_decimal(kind):
        return _decimals(values, kind)
    if pa.types.is_floating(kind):
        return pa.array(values.data.astype(np.float64), pa.float64(), mask=values.null).cast(kind)
    data = values.data.astype(np.int64)
    if pa.types.is_uint64(kind):
        return pa.array((data ^ SIGN_BIT).view(np.uint64), kind, mask=values.null)
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return pa.array(data.astype(np.int32), pa.int32(), mask=values.null).view(kind)
    data = np.where(values.null, 0, data)
    whole = pa.array(data, pa.int64(), mask=values.null)
    return whole.view(kind) if pa.types.is_temporal(kind) else whole.cast(kind)


def _decimals(values: ColumnValues, kind: Any) -> ArrowArray:
    if values.data.dtype.kind == "f":
        unit = Decimal(1).scaleb(-kind.scale)
        with localcontext(Context(prec=DECIMAL_DIGITS)):
            exact = [
                None if null else Decimal(float(value)).quantize(unit)
                for value, null in zip(values.data, values.null, strict=True)
            ]
        return pa.array(exact, kind)
    words = np.empty((len(values), kind.bit_width // 64), dtype=np.int64)
    words[:, 0] = np.where(values.null, 0, values.data)
    words[:, 1:] = words[:, :1] >> np.int64(63)
    validity = pa.array(~values.null).buffers()[1] if values.null.any() else None
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(words.tobytes())])
