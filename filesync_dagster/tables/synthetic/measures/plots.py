"""Histograms of both sides, for people to look at. No value is shown that fewer than five real rows have."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.synthetic.measures.columns import (
    TOP_CATEGORIES,
    Floats,
    Indices,
    MeasuredColumn,
    MeasureKind,
)

BAR_COUNT = 24
SHOWN_ROWS = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHARE_DIGITS = 5

Plot = dict[str, Any]


def column_plot(column: MeasuredColumn, real: Floats, synthetic: Floats) -> Plot:
    """Return the distribution of a column on both sides: "categories" with labels, or a "histogram" with edges.

    Shares are of all rows of a side; what is missing from their sum are NULLs. The first and the last bar of a
    histogram have no end: beyond the edges are values that few rows have.
    """
    if column.is_category:
        return _categories(column, real, synthetic)
    known = real[~np.isnan(real)]
    if not len(known):
        return {"kind": "histogram", "unit": column.kind, "edges": [], "real": [], "synthetic": []}
    low, high = np.quantile(known, (0.01, 0.99), method="inverted_cdf")
    cuts = np.unique(np.linspace(low, high, BAR_COUNT - 1))
    if column.kind is not MeasureKind.NUMBER or (pa.types.is_integer(column.type) and high - low <= BAR_COUNT):
        cuts = np.unique(np.floor(cuts))
    shares = [_bars(side, cuts) for side in (real, synthetic)]
    edges = [edge_label(column, cut) for cut in cuts]
    return {"kind": "histogram", "unit": column.kind, "edges": edges, "real": shares[0], "synthetic": shares[1]}


def _bars(side: Floats, cuts: Floats) -> list[float]:
    """Return the share of rows below the first cut, from each to the next, and from the last on."""
    bars = np.searchsorted(cuts, side[~np.isnan(side)], side="right")
    return _shares(np.bincount(bars, minlength=len(cuts) + 1), len(side))


def _shares(counts: Indices, rows: int) -> list[float]:
    return [round(float(count) / max(rows, 1), _SHARE_DIGITS) for count in counts]


def edge_label(column: MeasuredColumn, value: float) -> float | str:
    """Return a value of a column as people read it."""
    if column.kind is not MeasureKind.DATETIME:
        return float(f"{value:.6g}")
    if pa.types.is_time(column.type) or pa.types.is_duration(column.type):
        return str(timedelta(microseconds=value))
    try:
        return (_EPOCH + timedelta(microseconds=value)).replace(tzinfo=None).isoformat(timespec="seconds")
    except OverflowError:
        return float(value)


def _categories(column: MeasuredColumn, real: Floats, synthetic: Floats) -> Plot:
    count = len(column.categories) + 1
    counts = [np.bincount(side[~np.isnan(side)].astype(np.int64), minlength=count) for side in (real, synthetic)]
    shown = np.flatnonzero(counts[0][:-1] >= SHOWN_ROWS)[:TOP_CATEGORIES]
    sides = []
    for side, values in zip(counts, (real, synthetic), strict=True):
        rest = side.sum() - side[shown].sum()
        sides.append(_shares(np.append(side[shown], rest), len(values)))
    labels = [column.categories[place] for place in shown]
    return {"kind": "categories", "labels": labels, "others": True, "real": sides[0], "synthetic": sides[1]}


def sizes_plot(real: Indices, synthetic: Indices) -> Plot:
    """Return how many children parents have, on both sides, as a "histogram" whose last bar has no end."""
    cuts = np.unique(np.quantile(real, np.linspace(0, 0.99, BAR_COUNT), method="inverted_cdf")) if len(real) else real
    if len(cuts) and cuts[-1] < BAR_COUNT:
        cuts = np.arange(cuts[-1] + 1)
    shares = []
    for side in (real, synthetic):
        bars = np.searchsorted(cuts, side, side="right")
        shares.append(_shares(np.bincount(bars, minlength=len(cuts) + 1), len(side)))
    edges = [int(cut) for cut in cuts]
    return {"kind": "histogram", "unit": "count", "edges": edges, "real": shares[0], "synthetic": shares[1]}
