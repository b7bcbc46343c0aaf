"""Keys of synthetic rows: numbers, codes, UUIDs and dates of the form that real keys have, and none of those."""

from dataclasses import dataclass
from math import gcd
from typing import Protocol
from uuid import UUID

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filesync_dagster.core.errors import LimitReached
from filesync_dagster.tables.synthetic.masks import CodeMask, find_mask, widen
from filesync_dagster.tables.synthetic.values import ArrowArray, ColumnValues, from_arrow, is_number, pc, to_arrow

DENSE_FACTOR = 4  # numbers that fill a quarter of their range are counted, others are drawn
SMALL_START = 1_000_000
UUID_LETTERS = 36
UUID_BYTES = 16


class KeyMaker(Protocol):
    """Makes keys, all at once: they do not repeat."""

    def make(self, rows: int, start: int, random: np.random.Generator) -> ArrowArray:
        """Return so many keys."""
        ...


@dataclass(frozen=True)
class CountedKeys:
    """1, 2, 3, … from `start`, in steps; or moments and dates that follow the last real one."""

    type: pa.DataType
    step: int = 1
    after: int | None = None  # begin behind this one, whatever `start` says

    def make(self, rows: int, start: int, random: np.random.Generator) -> ArrowArray:
        """Return so many keys."""
        first = start if self.after is None else self.after + self.step
        last = first + (rows - 1) * self.step
        if rows and not _fits(last, self.type):
            raise LimitReached(f"{rows} keys of type {self.type} are not to be had.", code="keys_exhausted")
        data = first + np.arange(rows, dtype=np.int64) * self.step
        return key_array(data, self.type)


def key_array(data: NDArray[np.int64], kind: pa.DataType) -> ArrowArray:
    """Return whole numbers as keys of a type."""
    if pa.types.is_decimal(kind):
        data = data * 10**kind.scale
    if pa.types.is_uint64(kind) or pa.types.is_floating(kind):
        return pa.array(data).cast(kind)
    return to_arrow(ColumnValues(data, np.zeros(len(data), dtype=bool)), kind)


def _fits(last: int, kind: pa.DataType) -> bool:
    if pa.types.is_integer(kind):
        signed = pa.types.is_signed_integer(kind)
        return last < 2 ** (kind.bit_width - signed)
    if pa.types.is_decimal(kind):
        return last < 10 ** (kind.precision - kind.scale)
    return last < 2**62


@dataclass(frozen=True)
class SparseKeys:
    """Numbers of as many digits as the real ones, in their order, none of which is real."""

    type: pa.DataType
    low: int
    high: int
    real: NDArray[np.int64]  # in order

    def make(self, rows: int, start: int, random: np.random.Generator) -> ArrowArray:
        """Return so many keys."""
        found = distinct_numbers(rows, self.high - self.low, self.real - self.low, random) + self.low
        return key_array(np.sort(found), self.type)


@dataclass(frozen=True)
class MaskedKeys:
    """Codes of the form that real ones have, none of which is real."""

    type: pa.DataType
    mask: CodeMask
    real: NDArray[np.int64]  # their numbers, in order
    pad: int = 0  # blanks fill up to this width
    fixed: bool = False  # the mask cannot grow

    def make(self, rows: int, start: int, random: np.random.Generator) -> ArrowArray:
        """Return so many keys: they go on where the real ones end, if these count."""
        mask = self.mask
        last = int(self.real[-1]) if len(self.real) else -1
        dense = mask.counts and last + 1 <= max(len(self.real) * DENSE_FACTOR, SMALL_START)
        need = last + 1 + rows if dense else len(self.real) + rows
        if need > mask.room and (dense and len(self.real) + rows <= mask.room):
            dense = False
        elif need > mask.room and not self.fixed:
            mask = widen(mask, need)
        elif need > mask.room:
            raise LimitReached(
                f"{rows} keys of this form are not to be had: it has room for {mask.room}.", code="keys_exhausted"
            )
        if dense:
            numbers = np.arange(last + 1, last + 1 + rows, dtype=np.int64)
        else:
            taken = self.real if mask is self.mask else np.empty(0, dtype=np.int64)
            numbers = np.sort(distinct_numbers(rows, mask.room, taken, random))
        codes = mask.write(numbers)
        return (pc.utf8_rpad(codes, self.pad) if self.pad else codes).cast(self.type)


@dataclass(frozen=True)
class UuidKeys:
    """UUIDs of version 4, as text or as bytes."""

    type: pa.DataType
    upper: bool = False

    def make(self, rows: int, start: int, random: np.random.Generator) -> ArrowArray:
        """Return so many keys."""
        raw = random.bytes(rows * UUID_BYTES)
        found = [UUID(bytes=raw[i : i + UUID_BYTES], version=4) for i in range(0, len(raw), UUID_BYTES)]
        if pa.types.is_string(self.type) or pa.types.is_large_string(self.type):
            return pa.array([str(one).upper() if self.upper else str(one) for one in found], self.type)
        return pa.array([one.bytes for one in found], pa.binary()).cast(self.type)


def distinct_numbers(count: int, room: int, taken: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Return so many numbers below `room`, all different, none of them taken: steps around a circle."""
    if count + len(taken) > room:
        raise LimitReached(
            f"{count} keys of this form are not to be had: it has room for {room}.", code="keys_exhausted"
        )
    step = int(random.integers(1, room)) if room > 1 else 1
    while gcd(step, room) != 1:
        step = step % room + 1
    begin = int(random.integers(room))
    wide = room > 2**31  # products would exceed 64 bits
    found: list[NDArray[np.int64]] = []
    have, place = 0, 0
    while have < count:
        size = min(count - have + len(taken), room - place)
        index = np.arange(place, place + size, dtype=np.int64)
        if wide:
            some = np.array([(begin + int(i) * step) % room for i in index], dtype=np.int64)
        else:
            some = (begin + index * step) % room
        place += size
        some = some[~np.isin(some, taken)]
        found.append(some)
        have += len(some)
    return np.concatenate(found)[:count] if found else np.empty(0, dtype=np.int64)


def key_maker(values: ArrowArray, *, sql_type: str | None = None) -> KeyMaker:
    """Return what makes keys of the form that these have."""
    kind = values.type
    if is_number(kind):
        return _number_keys(values)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text_keys([value for value in values.to_pylist() if value is not None], kind, sql_type)
    return UuidKeys(kind)


def _number_keys(values: ArrowArray) -> KeyMaker:
    kind = values.type
    data = np.sort(from_arrow(values).present())
    if not len(data):
        return CountedKeys(kind)
    if pa.types.is_temporal(kind):
        return CountedKeys(kind, max(int(np.gcd.reduce(np.diff(data))), 1) if len(data) > 1 else 1, int(data[-1]))
    if pa.types.is_uint64(kind):
        data = np.sort(np.array([value for value in values.to_pylist() if value is not None and value < 2**63]))
    if pa.types.is_decimal(kind) and data.dtype.kind == "f":  # too wide for 64 bits: digits are letters then
        return _text_keys([str(value) for value in values.to_pylist() if value is not None], kind, "char()")
    if pa.types.is_decimal(kind):
        data = data // 10**kind.scale
    data = data.astype(np.int64)
    if not len(data) or ((data[-1] - data[0]) < max(len(data) * DENSE_FACTOR, SMALL_START) and data[0] < SMALL_START):
        return CountedKeys(kind)
    digits = len(str(abs(int(data[-1]))))
    low = min(int(data[0]), 10 ** (digits - 1)) if data[0] >= 0 else int(data[0])
    high = min(10**digits, 2 ** (kind.bit_width - 1) if pa.types.is_signed_integer(kind) else 2**63 - 1)
    return SparseKeys(kind, max(low, high - 2**62), high, data)


def _text_keys(values: list[str], kind: pa.DataType, sql_type: str | None) -> KeyMaker:
    if values and all(_is_uuid(value) for value in values):
        return UuidKeys(kind, upper=values[0] == values[0].upper() and values[0] != values[0].lower())
    widths = {len(value) for value in values}
    padded = len(widths) == 1 and any(value != value.rstrip(" ") for value in values)
    bare = [value.rstrip(" ") for value in values] if padded else values
    mask = find_mask(bare)
    numbers = {number for value in bare if (number := mask.number(value)) is not None}
    real = np.array(sorted(number for number in numbers if number < 2**62), dtype=np.int64)
    fixed = sql_type is not None and "char" in sql_type.lower() and "(" in sql_type
    return MaskedKeys(kind, mask, real, widths.pop() if padded else 0, fixed)


def _is_uuid(value: str) -> bool:
    if len(value) != UUID_LETTERS:
        return False
    try:
        UUID(value)
    except ValueError:
        return False
    return True
