"""Scores of columns, of pairs of columns, and of telling rows apart, between a real side and another."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from filesync_dagster.tables.synthetic.measures.columns import Floats, MeasuredColumn
from filesync_dagster.tables.synthetic.measures.families import Columns, Families
from filesync_dagster.tables.synthetic.measures.metrics import (
    Bins,
    category_shape,
    correlation_score,
    detection_score,
    number_shape,
    pair_histogram,
    rank_correlation,
    shares_overlap,
)
from filesync_dagster.tables.synthetic.measures.scores import Score, Sides

PAIR_COUNT = 2_000

Pair = tuple[str, str]
Detect = Callable[[Families, Families], float | None]


def shape(column: MeasuredColumn, real: Columns, other: Columns) -> float:
    """Return how alike the values of a column are."""
    measure = category_shape if column.is_category else number_shape
    return measure(real[column.name], other[column.name])


def null_share(values: Floats) -> float:
    """Return the share of the rows that have no value."""
    return float(np.isnan(values).mean()) if len(values) else 0.0


def choose_pairs(pairs: Sequence[Pair], rng: np.random.Generator) -> list[Pair]:
    """Return all pairs, or `PAIR_COUNT` of them by chance."""
    if len(pairs) <= PAIR_COUNT:
        return list(pairs)
    return [pairs[place] for place in np.sort(rng.choice(len(pairs), PAIR_COUNT, replace=False))]


def pair_scores(
    columns: Sequence[MeasuredColumn], pairs: Sequence[Pair], real: Columns, other: Columns
) -> dict[Pair, float]:
    """Return how alike each pair of columns is distributed together."""
    used = {name for pair in pairs for name in pair}
    measured = {column.name: column for column in columns if column.name in used}
    bins = [{name: column.bins(side[name]) for name, column in measured.items()} for side in (real, other)]
    return {pair: _pair(pair, measured, bins) for pair in pairs}


def _pair(pair: Pair, columns: Mapping[str, MeasuredColumn], sides: Sequence[Mapping[str, Bins]]) -> float:
    counts = columns[pair[0]].bin_count, columns[pair[1]].bin_count
    return shares_overlap(*(pair_histogram(bins[pair[0]], bins[pair[1]], *counts) for bins in sides))


def correlation_scores(
    columns: Sequence[MeasuredColumn], pairs: Sequence[Pair], real: Columns, other: Columns
) -> dict[Pair, float | None]:
    """Return how alike the rank correlations of pairs of numbers or datetimes are."""
    ordered = {column.name for column in columns if not column.is_category}
    return {
        pair: correlation_score(*(rank_correlation(side[pair[0]], side[pair[1]]) for side in (real, other)))
        for pair in pairs
        if ordered.issuperset(pair)
    }


def auc_score(sides: Sides[Families], rng: np.random.Generator, detect: Detect) -> Score | None:
    """Return how well synthetic rows can be told from real ones; its ceiling is that of two halves of the real ones."""
    found = detect(sides.real, sides.synthetic)
    if found is None:
        return None
    return Score(found, detect(*sides.real.halves(rng)), detect(sides.real, sides.floor))


def detection_of(auc: Score | None) -> Score | None:
    """Return what areas under the curve are as scores."""
    if auc is None:
        return None
    ceiling, floor = (None if area is None else detection_score(area) for area in (auc.ceiling, auc.floor))
    return Score(detection_score(auc.value), ceiling, floor)
