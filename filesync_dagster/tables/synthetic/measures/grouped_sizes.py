"""Numbers of children by what their parents are: vips have ten orders, others three."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from filesync_dagster.tables.synthetic.measures.columns import Floats, MeasuredColumn
from filesync_dagster.tables.synthetic.measures.families import Census
from filesync_dagster.tables.synthetic.measures.metrics import GROUP_SHARE, group_means, groups_score
from filesync_dagster.tables.synthetic.measures.plots import SHOWN_ROWS, edge_label
from filesync_dagster.tables.synthetic.measures.scores import Score, Sides, digits

GROUP_COUNT = 4


@dataclass(frozen=True)
class GroupedSizes:
    """Mean numbers of children by the values of one column of the parents, in at most four groups and NULL."""

    column: MeasuredColumn
    score: Score
    shares: Floats  # of the real parents
    parents: int  # how many real ones there are
    real: Floats
    synthetic: Floats

    def as_json(self) -> dict[str, Any]:
        """Return the groups that are compared. One of few real parents is not called by its value."""
        labels = _labels(self.column)
        groups = [
            {
                "group": labels[place] if self.shares[place] * self.parents >= SHOWN_ROWS else None,
                "share": digits(self.shares[place]),
                "real": digits(self.real[place]),
                "synthetic": digits(np.nan_to_num(self.synthetic[place])),
            }
            for place in np.flatnonzero(self.shares >= GROUP_SHARE)
        ]
        return {"column": self.column.name, **self.score.as_json(), "groups": groups}


def grouped_sizes(sides: Sides[Census], columns: Sequence[MeasuredColumn]) -> list[GroupedSizes]:
    """Return how many children parents have on average, by each of their columns."""
    coarse = {column.name: _coarse(column, sides.real.columns[column.name]) for column in columns}
    scores = sides.score(lambda real, other: {name: _score(coarse[name], real, other) for name in coarse})
    found = []
    for name, score in scores.items():
        shares, real = _means(coarse[name], sides.real)
        synthetic = _means(coarse[name], sides.synthetic)[1]
        found.append(GroupedSizes(coarse[name], score, shares, len(sides.real.sizes), real, synthetic))
    return found


def _means(column: MeasuredColumn, census: Census) -> tuple[Floats, Floats]:
    return group_means(column.bins(census.columns[column.name]), census.sizes, column.bin_count)


def _score(column: MeasuredColumn, real: Census, other: Census) -> float | None:
    shares, means = _means(column, real)
    return groups_score(shares, means, _means(column, other)[1])


def _coarse(column: MeasuredColumn, real: Floats) -> MeasuredColumn:
    """Return a column with at most four bins: quarters of a number, of a category the commonest and the rest."""
    if column.is_category:
        few = len(column.categories) <= GROUP_COUNT
        return column if few else replace(column, categories=column.categories[: GROUP_COUNT - 1])
    known = real[~np.isnan(real)]
    if not len(known):
        return replace(column, edges=())
    edges = np.unique(np.quantile(known, (0.25, 0.5, 0.75), method="inverted_cdf"))
    return replace(column, edges=tuple(edges[edges < known.max()]))


def _labels(column: MeasuredColumn) -> list[str]:
    if column.is_category:
        return [*column.categories, "(others)", "NULL"]
    edges = [str(edge_label(column, edge)) for edge in column.edges]
    if not edges:
        return ["any", "NULL"]
    between = [f"{low} – {high}" for low, high in pairwise(edges)]  # noqa: RUF001
    return [f"≤ {edges[0]}", *between, f"> {edges[-1]}", "NULL"]
