"""Code books: how the values of a column become small numbers that trees split on.

A column has one book, and whoever looks at its values uses it: the column's own model, the later columns of its table,
and the tables below. NULL has the code -1.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filesync_dagster.tables.synthetic.values import (
    AnyArray,
    ArrowArray,
    Bools,
    ColumnValues,
    Floats,
    from_arrow,
    null_mask,
    one_array,
    pc,
    to_arrow,
)

Codes = NDArray[np.int32]

EDGE_COUNT = 1023
QUANTILE_COUNT = 65_536
DISCRETE_COUNT = 200
HEAP_SHARE = 0.2
FORM_COUNT = 300  # values that must be there before their form is believed
CLIP_DIVISOR = 20  # of a table of 100 rows, the 5th smallest value is the smallest
DAY_HOURS = 24
FLOAT_DIGITS = 12


@dataclass(frozen=True)
class NumberBook:
    """The book of numbers, moments and amounts. `quantiles`: values between two real ones are possible."""

    type: pa.DataType
    edges: AnyArray
    low: float | int
    high: float | int
    quantiles: AnyArray = field(default_factory=lambda: np.empty(0))
    step: float | int = 1  # values are `offset` + whole steps; 0: any float
    offset: float | int = 0

    @property
    def is_continuous(self) -> bool:
        """Whether values between two real ones may be drawn."""
        return len(self.quantiles) > 0

    @property
    def unit(self) -> float:
        """What values are rounded to: 0.01 of prices, even where all of them end in 99; 0 of any floats."""
        if not self.step or not isinstance(self.step, float):
            return float(self.step)
        return next(
            (10.0**-digits for digits in range(7) if _is_whole(np.array([self.step, self.offset]), digits)), 0.0
        )

    def encode(self, values: ColumnValues) -> Codes:
        """Return the codes of values."""
        codes = np.searchsorted(self.edges, values.data, side="right").astype(np.int32)
        codes[values.null] = -1
        return codes

    def ranks(self, data: AnyArray) -> Floats:
        """Return where data lie among the quantiles, as numbers that `at_ranks` takes."""
        last = len(self.quantiles) - 1
        right = np.clip(np.searchsorted(self.quantiles, data, side="left"), 0, last)
        left = np.maximum(right - 1, 0)
        gap = (self.quantiles[right] - self.quantiles[left]).astype(np.float64)
        part = np.divide(data - self.quantiles[left], gap, out=np.zeros(len(data)), where=gap > 0)
        return np.clip(left + np.where(right == left, 0.0, part), 0, last)

    def at_ranks(self, ranks: Floats) -> AnyArray:
        """Return the values at ranks, on the column's grid."""
        left = np.minimum(ranks.astype(np.int64), len(self.quantiles) - 1)
        right = np.minimum(left + 1, len(self.quantiles) - 1)
        low, high = self.quantiles[left], self.quantiles[right]
        part = ranks - left
        if low.dtype.kind == "f":
            between = low + part * (high - low)
            if self.step:
                between = np.round((between - self.offset) / self.step) * self.step + self.offset
                between = np.round(between, FLOAT_DIGITS)
            return np.clip(between, low, high)
        step = np.int64(self.step)
        return low + np.rint(part * ((high - low) // step)).astype(np.int64) * step

    def clip(self, data: AnyArray) -> AnyArray:
        """Return data inside of what may be shown."""
        return np.clip(data, self.low, self.high)

    def decode(self, values: ColumnValues) -> ArrowArray:
        """Return values as an array."""
        return to_arrow(values, self.type)


@dataclass(frozen=True)
class CategoryBook:
    """The book of categories: a code is the place of a value; the last one, where `has_other`, is every rare value."""

    type: pa.DataType
    values: ArrowArray
    has_other: bool = False

    @property
    def size(self) -> int:
        """How many codes there are, beside NULL."""
        return len(self.values) + self.has_other

    def encode(self, array: ArrowArray) -> Codes:
        """Return the codes of an array."""
        found = pc.index_in(array, self.values, skip_nulls=True).to_numpy(zero_copy_only=False)
        other = len(self.values) if self.has_other else -1
        codes = np.where(np.isnan(found.astype(np.float64)), other, found).astype(np.int32)
        codes[null_mask(array)] = -1
        return codes

    def decode(self, codes: Codes) -> ArrowArray:
        """Return an array; the place of rare values is NULL, for somebody else to fill."""
        inside = (codes >= 0) & (codes < len(self.values))
        return self.values.take(pa.array(np.where(inside, codes, 0), pa.int32(), mask=~inside))


def number_book(array: ArrowArray, k_min: int, *, keep_extremes: bool, discrete: bool = False) -> NumberBook:
    """Make the book of an array of numbers or moments."""
    values = from_arrow(array)
    return book_of_values(values, array.type, k_min, keep_extremes=keep_extremes, discrete=discrete)


def book_of_values(
    values: ColumnValues, kind: pa.DataType, k_min: int, *, keep_extremes: bool, discrete: bool = False
) -> NumberBook:
    """Make the book of values."""
    present = np.sort(values.present())
    present = present[np.isfinite(present)] if present.dtype.kind == "f" else present
    if not len(present):
        return NumberBook(kind, np.empty(0, dtype=values.data.dtype), 0, 0)
    skip = 0 if keep_extremes else max(min(k_min, len(present) // CLIP_DIVISOR) - 1, 0)
    low, high = present[skip], present[len(present) - 1 - skip]
    distinct = np.unique(np.clip(present, low, high))
    edges = distinct[1:] if len(distinct) <= EDGE_COUNT else np.unique(_at_equal_ranks(present, EDGE_COUNT))
    step, offset = _grid(distinct)
    quantiles = np.empty(0)
    if not discrete and _is_continuous(present, distinct, kind):
        clipped = np.clip(present, low, high)
        quantiles = clipped if len(clipped) <= QUANTILE_COUNT else _at_equal_ranks(clipped, QUANTILE_COUNT)
    return NumberBook(kind, edges, low.item(), high.item(), quantiles, step, offset)


def _at_equal_ranks(ordered: AnyArray, count: int) -> AnyArray:
    return ordered[np.linspace(0, len(ordered) - 1, count).astype(np.int64)]


def _grid(distinct: AnyArray) -> tuple[float | int, float | int]:
    """Return the step that all values are whole multiples of, and where it begins."""
    if distinct.dtype.kind != "f":
        steps = np.diff(distinct)
        return (int(np.gcd.reduce(steps)) or 1, int(distinct[0])) if len(steps) else (1, int(distinct[0]))
    for decimals in range(7):
        if np.allclose(distinct, np.round(distinct, decimals), rtol=0, atol=1e-9):
            whole = np.round(distinct * 10.0**decimals).astype(np.int64)
            step = int(np.gcd.reduce(np.diff(whole))) if len(whole) > 1 else 1
            return max(step, 1) / 10.0**decimals, whole[0].item() / 10.0**decimals
    return 0, 0


def _is_whole(numbers: AnyArray, digits: int) -> bool:
    return bool(np.allclose(numbers, np.round(numbers, digits), rtol=0, atol=1e-9))


def _is_continuous(present: AnyArray, distinct: AnyArray, kind: pa.DataType) -> bool:
    if len(distinct) <= DISCRETE_COUNT:
        return False
    _, counts = np.unique(present, return_counts=True)
    if len(counts) < len(present) and np.sort(counts[counts > 1])[-DISCRETE_COUNT:].sum() > _heap_limit(counts):
        return False
    return not _has_form(distinct, kind)


def _heap_limit(counts: AnyArray) -> float:
    """Return how many rows the 200 most frequent values may have: what chance gives them does not count as a heap."""
    return float(counts.sum()) * (HEAP_SHARE + DISCRETE_COUNT / len(counts))


def _has_form(distinct: AnyArray, kind: pa.DataType) -> bool:
    """Tell whether values have a form that others between them break: HHMM, prices that end in 99, office hours."""
    if pa.types.is_timestamp(kind):
        units = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        hours = (distinct // (3600 * units)) % DAY_HOURS
        moves = bool(np.any(distinct % (86_400 * units)))
        return moves and len(distinct) >= FORM_COUNT and _lacks(hours, DAY_HOURS)
    if pa.types.is_temporal(kind) or len(distinct) < FORM_COUNT:
        return False
    whole = _whole_numbers(distinct)
    if whole is None:
        return False
    step = int(np.gcd.reduce(np.diff(whole))) or 1
    whole = (whole - whole[0]) // step if step > 1 else whole
    return any(_lacks(whole % base, base) for base in (10, 100))


def _whole_numbers(distinct: AnyArray) -> AnyArray | None:
    if distinct.dtype.kind != "f":
        return distinct
    for decimals in (0, 1, 2):
        scaled = np.round(distinct * 10.0**decimals)
        if np.allclose(distinct * 10.0**decimals, scaled, rtol=0, atol=1e-6):
            return scaled.astype(np.int64)
    return None


def _lacks(residues: AnyArray, base: int) -> bool:
    """Tell whether a fifth of all residues is never there, or one of them is so often that it is no accident."""
    counts = np.bincount(residues.astype(np.int64) % base, minlength=base)
    missing = np.mean(counts == 0) >= HEAP_SHARE
    return bool(missing or counts.max() > counts.sum() * max(HEAP_SHARE, 2.5 / base))


def category_book(array: ArrowArray, k_min: int, *, keep_rare: bool) -> CategoryBook:
    """Make the book of an array of categories. Values that fewer than `k_min` rows have are one: other."""
    counted = pc.value_counts(array.drop_null())
    values, counts = one_array(counted.field("values")), counted.field("counts").to_numpy(zero_copy_only=False)
    order = pc.sort_indices(values) if not pa.types.is_boolean(values.type) else pc.sort_indices(values.cast("int8"))
    values, counts = values.take(order), counts[order.to_numpy()]
    rare = counts < k_min
    if keep_rare or pa.types.is_boolean(values.type) or not rare.any():
        return CategoryBook(array.type, values)
    return CategoryBook(array.type, values.filter(pa.array(~rare)), has_other=True)


def nulls_of(codes: Codes) -> Bools:
    """Return where codes are NULL."""
    return np.asarray(codes < 0, dtype=bool)
