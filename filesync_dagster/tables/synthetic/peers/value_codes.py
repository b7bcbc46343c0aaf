"""The values of a column as another engine learns them: categories by their number, or ranks from 0 to 1."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.synthetic.values import AnyArray, ArrowArray, Bools, ColumnValues, Floats, null_mask

CATEGORY_COUNT = 200
"""Numbers with so many different values, and no more, are learned like categories."""


@dataclass(frozen=True)
class ValueCoding:
    """How values are told to another engine, and what it answers is read. No value itself is told."""

    values: AnyArray  # the different ones, in order
    nullable: bool
    middles: Floats | None = None  # the ranks of the values; None where they are categories
    interpolates: bool = False  # values are ranks already, and those between two of them may be drawn

    @property
    def is_constant(self) -> bool:
        """Whether there is nothing to learn."""
        return len(self.values) == 0 or (len(self.values) == 1 and not self.nullable)

    @property
    def kind(self) -> str:
        """What the engine is to take it for: `category` or `number`."""
        return "number" if self.interpolates or self.middles is not None else "category"

    def encode(self, values: ColumnValues) -> ArrowArray:
        """Return values as the engine gets them."""
        if self.interpolates:
            return pa.array(values.data.astype(np.float64), pa.float64(), mask=values.null)
        places = np.searchsorted(self.values, np.where(values.null, self.values[0], values.data))
        if self.middles is not None:
            return pa.array(self.middles[places], pa.float64(), mask=values.null)
        return pa.array(places, pa.int64(), mask=values.null).cast(pa.string())

    def decode(self, array: ArrowArray) -> ColumnValues:
        """Return what the engine answered as values. Raises TableError for what no column can be."""
        null = null_mask(array)
        if null.any() and not self.nullable:
            raise unreadable_answer("it has NULL in a column that has none")
        try:
            data = array.fill_null("0" if self.kind == "category" else 0.0).cast(
                pa.int64() if self.kind == "category" else pa.float64()
            )
        except (pa.ArrowException, TypeError) as error:
            raise unreadable_answer("a column is of another type") from error
        return ColumnValues(self._values_of(np.asarray(data.to_numpy(zero_copy_only=False)), null), null)

    def _values_of(self, data: AnyArray, null: Bools) -> AnyArray:
        if self.interpolates:
            if not np.isfinite(data).all():
                raise unreadable_answer("a rank is no number")
            return np.clip(data, self.values[0], self.values[-1])
        if self.middles is None:
            if np.any((data < 0) | (data >= len(self.values))):
                raise unreadable_answer("there is no such category")
            return self.values[data]
        bounds = (self.middles[1:] + self.middles[:-1]) / 2
        return self.values[np.searchsorted(bounds, data)]


def coding_of(values: ColumnValues, *, nominal: bool, interpolates: bool) -> ValueCoding:
    """Return how the values of a column are told to another engine."""
    present = values.present()
    distinct, counts = np.unique(present, return_counts=True)
    nullable = bool(values.null.any())
    if nominal or len(distinct) <= CATEGORY_COUNT:
        return ValueCoding(distinct, nullable)
    if interpolates:
        return ValueCoding(distinct[[0, -1]], nullable, interpolates=True)
    return ValueCoding(distinct, nullable, (np.cumsum(counts) - counts / 2) / len(present))


def unreadable_answer(why: str) -> TableError:
    """Return the error of an engine that answers what cannot be."""
    return TableError(f"The engine mostlyai gave rows that cannot be used: {why}.", code="engine_failed")
