"""The steps of a table that nobody has seen rows of, as its rules ask for."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.synthetic.books import NumberBook, book_of_values
from filesync_dagster.tables.synthetic.columns import ColumnFit, number_column
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.rule_plan import RulePlan
from filesync_dagster.tables.synthetic.rule_steps import (
    BoundedStep,
    ComputedStep,
    FollowStep,
    SequenceStep,
    SharedStep,
)
from filesync_dagster.tables.synthetic.schema_only.marginals import DAY_SECONDS, MOMENT_UNITS, spread
from filesync_dagster.tables.synthetic.schema_only.sketch import drawn_freely
from filesync_dagster.tables.synthetic.schema_only.vocabulary import NumberShape
from filesync_dagster.tables.synthetic.steps import COLUMN, ColumnStep
from filesync_dagster.tables.synthetic.values import ColumnValues

LATER_DAYS: Final = 180
DISTANCE_SHARE: Final = 0.5
"""How far above its bound an amount is, as a share of the amounts there are."""


@dataclass(frozen=True)
class RowBuild:
    """What the steps of a table are made with."""

    fitter: Fitter
    table: str
    plan: RulePlan

    def step(self, column: ColumnFit) -> ColumnStep | None:
        """Return the step of a column; None where it is counted afterwards."""
        name = column.name.removeprefix(COLUMN)
        if not column.name.startswith(COLUMN):
            return column.step(drawn_freely(column))
        if name in self.plan.sequences:
            return None
        if name in self.plan.computed:
            assert isinstance(column.book, NumberBook)
            return ComputedStep(column.name, *self.plan.computed[name], column.book)
        found = self._bounded(name, column) if name in {*self.plan.lower, *self.plan.upper} else None
        found = found or column.step(drawn_freely(column))
        if name in self.plan.shared:
            found = SharedStep(found, self.plan.shared[name])
        return FollowStep(found, self.plan.leaders[name]) if name in self.plan.leaders else found

    def later(self) -> tuple[ColumnStep, ...]:
        """Return the steps that number rows once all else is there."""
        schema = self.fitter.real[self.table].schema
        return tuple(
            SequenceStep(COLUMN + name, group, order, schema.column(name).type)
            for name, (group, order) in self.plan.sequences.items()
        )

    def _bounded(self, name: str, column: ColumnFit) -> ColumnStep:
        """Return the step of a column that is above, below or between others: a little way from them."""
        assert isinstance(column.book, NumberBook)
        lower, upper = self.plan.lower.get(name, ()), self.plan.upper.get(name, ())
        kind: Any = self.fitter.real[self.table].schema.column(name).type
        null = column.values.null
        rows = len(null)
        unit: pa.DataType = pa.float64()
        distance: Any
        if lower and upper:
            distance = spread(NumberShape(0.05, 0.95), rows)
        elif pa.types.is_floating(kind):
            span = float(column.book.high) - float(column.book.low)
            distance = np.round(spread(NumberShape(0.01, max(span * DISTANCE_SHARE, 1), "low"), rows), 2)
        else:
            most = self._most(column.book, kind)
            step = MOMENT_UNITS[kind.unit] if pa.types.is_timestamp(kind) else 1
            distance = np.rint(spread(NumberShape(1, most / step, "low"), rows)).astype(np.int64) * step
            unit = pa.int64()
        far = ColumnValues(np.random.default_rng(1).permutation(distance), null)
        book = book_of_values(far, unit, 1, keep_extremes=True)
        model = drawn_freely(number_column(column.name, far, book))
        return BoundedStep(column.name, column.book, lower, upper, book, model, drawn_freely(column))

    @staticmethod
    def _most(book: NumberBook, kind: Any) -> float:
        """Return how far a value may be from its bound, in the units of its type."""
        if pa.types.is_date32(kind):
            return LATER_DAYS
        if pa.types.is_timestamp(kind):
            return LATER_DAYS * DAY_SECONDS * MOMENT_UNITS[kind.unit]
        return max((float(book.high) - float(book.low)) * DISTANCE_SHARE, 2)
