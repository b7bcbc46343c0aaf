"""Amounts: numbers and their decimals, added and multiplied without loss, and bounds in other units."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import RuleKind
from filesync_dagster.tables.synthetic.values import AnyArray, Bools, ColumnValues

UNIT_COUNTS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DAY_SECONDS = 86_400
FLOAT_DIGITS = 12


@dataclass(frozen=True)
class Amounts:
    """Whole numbers of so many decimals; floats have none."""

    data: AnyArray
    decimals: int
    null: Bools

    @classmethod
    def of(cls, values: ColumnValues, kind: pa.DataType) -> "Amounts":
        """Return the amounts of a column."""
        whole = values.data.dtype.kind == "i"
        return cls(values.data, _decimals(kind) if whole else 0, values.null)

    def at(self, decimals: int) -> AnyArray:
        """Return whole numbers of more decimals."""
        return self.data * 10 ** (decimals - self.decimals)


def _decimals(kind: pa.DataType) -> int:
    return int(kind.scale) if pa.types.is_decimal(kind) else 0


def combine(kind: RuleKind, parts: list[Amounts], target: pa.DataType, step: float) -> AnyArray:
    """Return what a rule calculates, in the units of the target's type, rounded to its decimals."""
    if any(part.data.dtype.kind == "f" for part in parts) or pa.types.is_floating(target):
        return _in_floats(kind, parts, target, step)
    if kind is RuleKind.PRODUCT:
        decimals = sum(part.decimals for part in parts)
        found = parts[0].data * parts[1].data
    else:
        decimals = max(part.decimals for part in parts)
        first = parts[0].at(decimals)
        found = first if len(parts) == 1 else first + parts[1].at(decimals) * (1 if kind is RuleKind.SUM else -1)
    return rescale(found, decimals, _decimals(target))


def rescale(data: AnyArray, decimals: int, wanted: int) -> AnyArray:
    """Return whole numbers of other decimals; what is lost is rounded, halves away from zero."""
    if wanted >= decimals:
        return data * 10 ** (wanted - decimals)
    unit = 10 ** (decimals - wanted)
    return np.sign(data) * ((np.abs(data) + unit // 2) // unit)


def _in_floats(kind: RuleKind, parts: list[Amounts], target: pa.DataType, step: float) -> AnyArray:
    numbers = [part.data / 10.0**part.decimals for part in parts]
    if kind is RuleKind.PRODUCT:
        found = numbers[0] * numbers[1]
    else:
        found = numbers[0] if len(numbers) == 1 else numbers[0] + numbers[1] * (1 if kind is RuleKind.SUM else -1)
    if not pa.types.is_floating(target):
        return np.rint(found * 10.0 ** _decimals(target)).astype(np.int64)
    return np.round(np.round(found / step) * step, FLOAT_DIGITS) if step else found


def convert_bound(values: ColumnValues, source: pa.DataType, target: pa.DataType, *, up: bool) -> ColumnValues:
    """Return bounds in the units of another type; what does not fit is rounded away from what it bounds."""
    if source == target:
        return values
    if pa.types.is_temporal(source) and pa.types.is_temporal(target):
        return ColumnValues(_moments(values.data, source, target, up=up), values.null)
    numbers = values.data if values.data.dtype.kind == "f" else values.data / 10.0 ** _decimals(source)
    if pa.types.is_floating(target):
        return ColumnValues(np.asarray(numbers, dtype=np.float64), values.null)
    if values.data.dtype.kind == "i":
        shift = _decimals(target) - _decimals(source)
        data = values.data * 10**shift if shift >= 0 else _divide(values.data, 10**-shift, up=up)
        return ColumnValues(data, values.null)
    scaled = numbers * 10.0 ** _decimals(target)
    return ColumnValues((np.ceil(scaled) if up else np.floor(scaled)).astype(np.int64), values.null)


def _moments(data: AnyArray, source: pa.DataType, target: pa.DataType, *, up: bool) -> AnyArray:
    mine, theirs = _units_per_second(source), _units_per_second(target)
    if theirs >= mine:
        return data * int(theirs / mine)
    return _divide(data, int(mine / theirs), up=up)


def _units_per_second(kind: Any) -> float:
    return 1 / DAY_SECONDS if pa.types.is_date32(kind) else UNIT_COUNTS[kind.unit]


def _divide(data: AnyArray, unit: int, *, up: bool) -> AnyArray:
    return -(-data // unit) if up else data // unit


def comparable(one: pa.DataType, other: pa.DataType) -> bool:
    """Tell whether a distance between values of two types means something."""
    if pa.types.is_temporal(one) or pa.types.is_temporal(other):
        moments = (pa.types.is_date32, pa.types.is_timestamp)
        both = all(any(test(kind) for test in moments) for kind in (one, other))
        zones = {kind.tz is None for kind in (one, other) if pa.types.is_timestamp(kind)}
        return one == other or (both and len(zones) <= 1)
    return not (pa.types.is_uint64(one) or pa.types.is_uint64(other))
