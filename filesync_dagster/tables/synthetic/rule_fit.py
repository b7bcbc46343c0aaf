"""The steps of a table's columns, fitted as its rules ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import RuleKind, TableRule
from filesync_dagster.tables.synthetic.books import CategoryBook, NumberBook, book_of_values
from filesync_dagster.tables.synthetic.columns import ColumnFit, number_column
from filesync_dagster.tables.synthetic.contexts import fit_column
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.relations import LinkUse
from filesync_dagster.tables.synthetic.rule_plan import RulePlan
from filesync_dagster.tables.synthetic.rule_steps import (
    BoundedStep,
    ComputedStep,
    FollowStep,
    LookupStep,
    SequenceStep,
    SharedStep,
    bound_of,
)
from filesync_dagster.tables.synthetic.steps import COLUMN, ColumnStep
from filesync_dagster.tables.synthetic.values import ArrowArray, ColumnValues, Ints, null_mask, pc


@dataclass(frozen=True)
class StepFit:
    """What the steps of a table are fitted with."""

    fitter: Fitter
    table: str
    plan: RulePlan
    draft: RowDraft  # the real rows, as rules see them

    def step(self, column: ColumnFit, known: Sequence[str]) -> ColumnStep | None:
        """Return the step of a column; None where it is counted afterwards."""
        if column.constant is not None:
            return column.constant
        name = column.name.removeprefix(COLUMN)
        if not column.name.startswith(COLUMN):
            return self._plain(column, known)
        if name in self.plan.sequences:
            return None
        if name in self.plan.computed:
            return self._computed(name, column, known)
        if name in self.plan.lookups:
            return self._lookup(name, column)
        found: ColumnStep | None = (
            self._bounded(name, column, known) if name in {*self.plan.lower, *self.plan.upper} else None
        )
        if found is None:
            found = self._plain(column, known, self._with_leader(name))
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

    def _plain(self, column: ColumnFit, known: Sequence[str], among: Ints | None = None) -> ColumnStep:
        return column.step(fit_column(self.fitter, self.table, column, known, among))

    def _with_leader(self, name: str) -> Ints | None:
        """Return the rows in which a column that is NULL together with another has a value."""
        if name not in self.plan.leaders:
            return None
        return np.flatnonzero(~null_mask(self.fitter.real[self.table].column(name)))

    def _computed(self, name: str, column: ColumnFit, known: Sequence[str]) -> ComputedStep:
        kind, operands = self.plan.computed[name]
        assert column.raw is not None
        book = _number_book(column)
        lost = np.logical_or.reduce([self.draft.operand(one)[0].null for one in operands])
        presence = free = None
        if np.any(column.raw.null & ~lost):
            there = replace(column, values=ColumnValues(np.zeros(len(lost)), column.raw.null), interpolates=False)
            presence = fit_column(self.fitter, self.table, there, known, np.flatnonzero(~lost))
        if np.any(~column.raw.null & lost):
            free = fit_column(self.fitter, self.table, column, known, np.flatnonzero(lost))
        return ComputedStep(column.name, kind, operands, book, presence, free)

    def _lookup(self, name: str, column: ColumnFit) -> LookupStep:
        determinants = self.plan.lookups[name]
        table = self.fitter.real[self.table]
        whole = np.ones(table.rows, dtype=bool)  # what is rare is not shown here either
        book = _book(column)
        for one in (*determinants, name):
            fit = self.fitter.columns[self.table][COLUMN + one]
            other = _book(fit)
            if isinstance(other, CategoryBook) and other.has_other:
                whole &= fit.codes < len(other.values)
        columns = [table.column(one).filter(pa.array(whole)) for one in (*determinants, name)]
        rows = pa.table(columns, names=[str(i) for i in range(len(columns))])
        keys = [str(i) for i in range(len(determinants))]
        found = rows.group_by(keys, use_threads=False).aggregate([(str(len(determinants)), "first")])
        found = found.sort_by([(key, "ascending") for key in keys])
        shown = found.column(f"{len(determinants)}_first").combine_chunks()
        if isinstance(book, NumberBook):
            shown = _clip(shown, book)
        return LookupStep(
            column.name, book, determinants, tuple(found.column(key).combine_chunks() for key in keys), shown
        )

    def _bounded(self, name: str, column: ColumnFit, known: Sequence[str]) -> BoundedStep | None:
        lower, upper = self.plan.lower.get(name, ()), self.plan.upper.get(name, ())
        raw = column.raw
        assert raw is not None
        kind = self.fitter.real[self.table].schema.column(name).type
        low = bound_of(self.draft, lower, kind, lower=True) if lower else None
        high = bound_of(self.draft, upper, kind, lower=False) if upper else None
        loose = np.zeros(len(raw), dtype=bool)
        for bound in (low, high):
            loose |= bound.null if bound is not None else False
        tight = np.flatnonzero(~loose)
        if not np.any(~raw.null[tight]):
            return None
        distance = _distance(raw, low, high)
        options = self.fitter.options
        unit = pa.float64() if distance.data.dtype.kind == "f" else pa.int64()
        book = book_of_values(distance.take(tight), unit, options.k_min, keep_extremes=options.keep_extremes)
        far = number_column(column.name, distance, book)
        model = fit_column(self.fitter, self.table, far, known, tight)
        free = None
        if loose.any():
            free = fit_column(self.fitter, self.table, column, known, np.flatnonzero(loose))
        return BoundedStep(column.name, _number_book(column), lower, upper, book, model, free)


def _distance(raw: ColumnValues, low: ColumnValues | None, high: ColumnValues | None) -> ColumnValues:
    """Return how far values are from their bounds."""
    if low is not None and high is not None:
        width = (high.data - low.data).astype(np.float64)
        share = np.divide(raw.data - low.data, width, out=np.full(len(raw), 0.5), where=width > 0)
        return ColumnValues(share, raw.null)
    if low is not None:
        return ColumnValues(raw.data - low.data, raw.null)
    assert high is not None
    return ColumnValues(high.data - raw.data, raw.null)


def _clip(array: ArrowArray, book: NumberBook) -> ArrowArray:
    limits = book.decode(ColumnValues(np.array([book.low, book.high]), np.zeros(2, dtype=bool)))
    return pc.if_else(pc.less(array, limits[0]), limits[0], pc.if_else(pc.greater(array, limits[1]), limits[1], array))


def _book(column: ColumnFit) -> NumberBook | CategoryBook:
    assert column.book is not None
    return column.book


def _number_book(column: ColumnFit) -> NumberBook:
    assert isinstance(column.book, NumberBook)
    return column.book


def real_draft(fitter: Fitter, table: str, outside: dict[int, tuple[str, ...]], rules: Sequence[TableRule]) -> RowDraft:
    """Return the real rows of a table as rules see them."""
    real = fitter.real[table]
    named = {name for rule in rules for name in rule.columns}
    draft = RowDraft(np.arange(real.rows), {})
    draft.arrays = {name: real.column(name) for name in real.schema.names if name in named}
    for number, columns in outside.items():
        link = fitter.plan.links[number]
        rows = fitter.parents[link.relation]
        index: ArrowArray = pa.array(np.maximum(rows, 0), mask=rows < 0)
        parent = fitter.real[link.parent]
        draft.outside[link.parent] = {
            column: parent.column(column).take(index)
            if parent.rows
            else pa.array([None] * len(rows), parent.column(column).type)
            for column in columns
        }
    return draft


def outside_columns(fitter: Fitter, table: str, rules: Sequence[TableRule]) -> dict[int, tuple[str, ...]]:
    """Return the columns of parents that rules speak of, by the link that leads there."""
    found: dict[int, tuple[str, ...]] = {}
    seen: set[str] = set()
    links = sorted(
        fitter.plan.of_child(table, LinkUse.PRIMARY, LinkUse.OTHER), key=lambda link: link.use is not LinkUse.PRIMARY
    )
    for link in links:
        if link.parent in seen:
            continue
        seen.add(link.parent)
        columns = tuple(
            column
            for column in fitter.real[link.parent].schema.names
            if any(_speaks_of(rule, link.parent, column) for rule in rules)
        )
        if columns:
            found[link.number] = columns
    return found


def _speaks_of(rule: TableRule, parent: str, column: str) -> bool:
    text = rule.expression or ""
    return f"{parent}.{column}" in rule.columns or (rule.kind is RuleKind.SQL and parent in text and column in text)
