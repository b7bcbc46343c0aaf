"""Steps that satisfy a rule by the way in which values come about: differences, sums, products, lookups."""

import zlib
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import RuleKind
from filesync_dagster.tables.synthetic.amounts import Amounts, combine, convert_bound
from filesync_dagster.tables.synthetic.books import CategoryBook, NumberBook
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.keys import key_array
from filesync_dagster.tables.synthetic.layout import count_within
from filesync_dagster.tables.synthetic.real import find_parents, key_codes
from filesync_dagster.tables.synthetic.steps import COLUMN, ColumnStep, draw_number, put_number
from filesync_dagster.tables.synthetic.trees import ValueModel
from filesync_dagster.tables.synthetic.values import AnyArray, ArrowArray, Bools, ColumnValues, from_arrow


def bound_of(draft: RowDraft, names: tuple[str, ...], kind: pa.DataType, *, lower: bool) -> ColumnValues:
    """Return the highest lower bound, or the lowest upper one, of each row, in the units of a type."""
    bounds = [convert_bound(*draft.operand(name), kind, up=lower) for name in names]
    found = bounds[0]
    for other in bounds[1:]:
        better = other.data > found.data if lower else other.data < found.data
        take = ~other.null & (found.null | better)
        found = ColumnValues(np.where(take, other.data, found.data), found.null & other.null)
    return found


@dataclass(frozen=True)
class BoundedStep:
    """A column above, below, or between others: what is drawn is how far it is from them."""

    name: str
    book: NumberBook
    lower: tuple[str, ...]
    upper: tuple[str, ...]
    distance: NumberBook  # of the difference; of two bounds, of the share of the way from one to the other
    model: ValueModel
    free: ValueModel | None = None  # where a bound is NULL

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Draw distances, and add them to the bounds."""
        low = bound_of(draft, self.lower, self.book.type, lower=True) if self.lower else None
        high = bound_of(draft, self.upper, self.book.type, lower=False) if self.upper else None
        drawn = draw_number(self.model, self.distance, draft, random)
        loose = np.zeros(draft.rows, dtype=bool)
        for bound in (low, high):
            loose |= bound.null if bound is not None else False
        values = ColumnValues(self._place(drawn, low, high), drawn.null)
        if self.free is not None and loose.any():
            other = draw_number(self.free, self.book, draft, random)
            other = replace(other, data=_inside(other.data, low, high))
            values = ColumnValues(np.where(loose, other.data, values.data), np.where(loose, other.null, values.null))
        elif loose.any():
            values = ColumnValues(values.data, values.null | loose)
        put_number(draft, self.name, self.book, values)

    def _place(self, drawn: ColumnValues, low: ColumnValues | None, high: ColumnValues | None) -> AnyArray:
        if low is not None and high is not None:
            width = (high.data - low.data).astype(np.float64)
            moved = np.clip(drawn.data, 0, 1) * np.maximum(width, 0)
            moved = np.rint(moved).astype(np.int64) if low.data.dtype.kind == "i" else moved
            return np.minimum(low.data + moved, high.data)
        if low is not None:
            found = low.data + drawn.data
            most = np.maximum(low.data + self.distance.low, self.book.high)
            return self._grid(np.where(drawn.null, found, np.minimum(found, most)), low.data, None)
        assert high is not None
        found = high.data - drawn.data
        least = np.minimum(high.data - self.distance.low, self.book.low)
        return self._grid(np.where(drawn.null, found, np.maximum(found, least)), None, high.data)

    def _grid(self, data: AnyArray, low: AnyArray | None, high: AnyArray | None) -> AnyArray:
        """Return floats on the column's grid, on the right side of their bound."""
        if data.dtype.kind != "f" or not self.book.step:
            return data
        found = np.round(np.round((data - self.book.offset) / self.book.step) * self.book.step + self.book.offset, 12)
        if low is not None:
            found = np.where(found < low, found + self.book.step, found)
        if high is not None:
            found = np.where(found > high, found - self.book.step, found)
        return np.round(found, 12)


def _inside(data: AnyArray, low: ColumnValues | None, high: ColumnValues | None) -> AnyArray:
    """Return data on the right side of the bounds that are not NULL."""
    if low is not None:
        data = np.where(low.null, data, np.maximum(data, low.data))
    if high is not None:
        data = np.where(high.null, data, np.minimum(data, high.data))
    return data


@dataclass(frozen=True)
class ComputedStep:
    """A column that is calculated from others: a sum, a difference, a product, or the same value."""

    name: str
    kind: RuleKind
    operands: tuple[str, ...]
    book: NumberBook
    presence: ValueModel | None = None  # it may be NULL though the others are not
    free: ValueModel | None = None  # it may have a value though another is NULL

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Calculate it."""
        parts = [Amounts.of(*draft.operand(name)) for name in self.operands]
        values = combine(self.kind, parts, self.book.type, self.book.unit)
        lost = np.logical_or.reduce([part.null for part in parts])
        null: Bools = lost.copy()
        if self.presence is not None:
            null |= self.presence.draw(draft.codes, draft.rows, random).null
        if self.free is not None and lost.any():
            other = draw_number(self.free, self.book, draft, random)
            values = np.where(lost, other.data, values)
            null = np.where(lost, other.null, null)
        put_number(draft, self.name, self.book, ColumnValues(values, null))


@dataclass(frozen=True)
class LookupStep:
    """A column that others determine: real combinations, looked up."""

    name: str
    book: NumberBook | CategoryBook
    determinants: tuple[str, ...]
    keys: tuple[ArrowArray, ...]
    found: ArrowArray

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Look it up; combinations that were never seen get one of the values, always the same."""
        arrays = [draft.arrays[name] for name in self.determinants]
        marked = [array.cast(key.type) for array, key in zip(arrays, self.keys, strict=True)]
        place = find_parents([_filled(array) for array in marked], [_filled(key) for key in self.keys])
        missing = np.flatnonzero(place < 0)
        if len(missing):
            place[missing] = [_stable(marked, int(row)) % max(len(self.found), 1) for row in missing]
        values = self.found.take(pa.array(place)) if len(self.found) else pa.array([None] * draft.rows, self.found.type)
        column = self.name.removeprefix(COLUMN)
        draft.arrays[column] = values
        if isinstance(self.book, CategoryBook):
            draft.codes[self.name] = self.book.encode(values)
            return
        put_number(draft, self.name, self.book, from_arrow(values))
        draft.arrays[column] = values


def _filled(array: ArrowArray) -> ArrowArray:
    """Return an array as text, in which NULL is a value, too."""
    return array.cast(pa.string()).fill_null("\0")


def _stable(arrays: list[ArrowArray], row: int) -> int:
    return zlib.crc32("\0".join(str(array[row].as_py()) for array in arrays).encode())


@dataclass(frozen=True)
class FollowStep:
    """A column that is NULL where another is, and nowhere else."""

    step: ColumnStep
    leader: str

    @property
    def name(self) -> str:
        """What is drawn."""
        return self.step.name

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Draw it, and take away what the other does not have."""
        self.step.draw(draft, random)
        null = np.asarray(draft.arrays[self.leader].is_null().to_numpy(zero_copy_only=False), dtype=bool)
        column = self.name.removeprefix(COLUMN)
        draft.codes[self.name] = np.where(null, np.int32(-1), draft.codes[self.name])
        if column in draft.values:
            draft.values[column] = ColumnValues(draft.values[column].data, draft.values[column].null | null)
        array = draft.arrays[column]
        draft.arrays[column] = array.take(pa.array(np.arange(draft.rows), mask=null))


@dataclass(frozen=True)
class SharedStep:
    """A column that is the same for all children of a parent, by a link."""

    step: ColumnStep
    link: int

    @property
    def name(self) -> str:
        """What is drawn."""
        return self.step.name

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Draw it once for each parent."""
        _, first, places = np.unique(draft.parents[self.link], return_index=True, return_inverse=True)
        codes = {name: codes[first] for name, codes in draft.codes.items()}
        one = RowDraft(draft.numbers[first], {number: rows[first] for number, rows in draft.parents.items()}, codes)
        one.arrays = {name: array.take(pa.array(first)) for name, array in draft.arrays.items()}
        self.step.draw(one, random)
        column = self.name.removeprefix(COLUMN)
        draft.codes[self.name] = one.codes[self.name][places]
        draft.arrays[column] = one.arrays[column].take(pa.array(places))
        if column in one.values:
            draft.values[column] = one.values[column].take(places)


@dataclass(frozen=True)
class SequenceStep:
    """A column that numbers the rows of each group, in the order of another column."""

    name: str
    group: str
    order: str
    type: pa.DataType

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Number them."""
        order = from_arrow(draft.arrays[self.order])
        _, groups = key_codes([draft.arrays[self.group]], [draft.arrays[self.group]])
        rows = np.lexsort((order.data, order.null, groups))
        found = np.empty(draft.rows, dtype=np.int64)
        found[rows] = count_within(groups[rows]) + 1
        draft.arrays[self.name.removeprefix(COLUMN)] = key_array(found, self.type)
