"""Rows that another engine drew: columns of hidden values, from which ours come about as from what trees draw."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.tables.synthetic.peers.value_codes import ValueCoding
from filesync_dagster.tables.synthetic.trees import DonorLeaves, ValueModel
from filesync_dagster.tables.synthetic.values import ColumnValues, Ints

POOL_ROW = "p:"
"""The code of a draft that says which row of the pool each of its rows is made of."""


@dataclass
class Pool:
    """Rows of each table, and which of them are the children of which: `columns` by table and name."""

    columns: dict[str, dict[str, ColumnValues]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    counts: dict[str, Ints] = field(default_factory=dict)  # of a child: rows for each row of its parent's pool

    def any_rows(self, table: str, rows: int, random: np.random.Generator) -> Ints:
        """Return any rows of the pool of a table."""
        return random.integers(max(self.rows[table], 1), size=rows)

    def first_rows(self, table: str, rows: int, random: np.random.Generator) -> Ints:
        """Return the rows of a table without parents: each once, and any where there are not so many."""
        numbers = np.arange(rows)
        return np.where(numbers < self.rows[table], numbers, self.any_rows(table, rows, random))

    def family_rows(self, table: str, parents: Ints, parent_rows: Ints, random: np.random.Generator) -> Ints:
        """Return the rows of children. `parents`: of each, -1 for none; `parent_rows`: the pool rows of these.

        A family gets the rows that were drawn for it, and any rows where it has more.
        """
        found = self.any_rows(table, len(parents), random)
        counts = self.counts[table]
        here = np.flatnonzero(parents >= 0)
        if not len(here) or not len(counts):
            return found
        order = here[np.argsort(parents[here], kind="stable")]
        new = np.concatenate(([True], np.diff(parents[order]) != 0))
        places = np.arange(len(order)) - np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        above = parent_rows[parents[order]]
        starts = np.cumsum(counts) - counts
        found[order] = np.where(places < counts[above], starts[above] + places, found[order])
        return found


@dataclass(frozen=True)
class PooledModel(ValueModel):
    """The model of a column whose values another engine draws."""

    pool: Pool = field(default_factory=Pool)
    table: str = ""
    column: str = ""
    coding: ValueCoding = field(default_factory=lambda: ValueCoding(np.zeros(1, dtype=np.int64), nullable=False))
    fills: bool = False  # NULL says only that there was no such value: where one is asked for, it is any other

    def draw(self, codes: dict[str, NDArray[np.int32]], rows: int, random: np.random.Generator) -> ColumnValues:
        """Return the values of the pool's rows."""
        drawn = self.pool.columns.get(self.table, {}).get(self.column)
        if drawn is not None and len(drawn):
            return self._filled(drawn, drawn.take(codes[POOL_ROW]), random)
        lost = len(self.coding.values) == 0 or not self.coding.is_constant
        value = self.coding.values[0] if len(self.coding.values) else 0
        return ColumnValues(np.full(rows, value), np.full(rows, lost))

    def _filled(self, drawn: ColumnValues, mine: ColumnValues, random: np.random.Generator) -> ColumnValues:
        if not self.fills or not mine.null.any():
            return mine
        present = drawn.present()
        others = random.choice(present if len(present) else self.coding.values, size=len(mine))
        return ColumnValues(np.where(mine.null, others, mine.data), np.zeros(len(mine), dtype=bool))


def pooled_model(
    pool: Pool, table: str, column: str, coding: ValueCoding, *, interpolates: bool, fills: bool = False
) -> PooledModel:
    """Return the model of a column of a pool."""
    nothing = np.zeros(0, dtype=np.int64)
    leaves = DonorLeaves(nothing, np.zeros(2, np.int64), np.ones(1, np.int64), interpolates=interpolates)
    return PooledModel(leaves=leaves, pool=pool, table=table, column=column, coding=coding, fills=fills)
