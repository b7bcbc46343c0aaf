"""Distances between rows, after Gower: of numbers the share of real rows between them, of others 0 or 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.synthetic.measures.columns import Floats, MeasuredColumn

Columns = Mapping[str, Floats]
Matrix = NDArray[np.float64]

_BLOCK_VALUES_COUNT = 4_000_000
_SAME_SHARE = 1e-9


@dataclass(frozen=True)
class RowDistance:
    """How far rows are apart, as the mean over columns: from 0, equal, to 1, different in everything."""

    columns: Sequence[MeasuredColumn]
    real: Columns  # whose ranks numbers are scaled by

    def embed(self, side: Columns) -> tuple[Matrix, Matrix]:
        """Return rows as ranks of numbers, and as codes of all else: NULL is a code, and no number."""
        rows = len(next(iter(side.values()), ()))
        ranks, codes = [np.zeros(rows)], [np.zeros(rows)]
        for column in self.columns:
            values = side[column.name]
            missing = np.isnan(values)
            if column.is_category:
                codes.append(np.where(missing, -1.0, values))
            else:
                known = np.sort(self.real[column.name][~np.isnan(self.real[column.name])])
                places = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
                ranks.append(np.where(missing, 0.0, places / (2 * max(len(known), 1))))
                codes.append(missing.astype(np.float64))
        return np.column_stack(ranks), np.column_stack(codes)


@dataclass(frozen=True)
class Neighbours:
    """Of each row of one side the nearest rows of the other: how far the first two are, and how many are tied."""

    first: Floats
    second: Floats
    ties: Floats  # how many are as near as the first


def nearest(distance: RowDistance, rows: Columns, others: Columns) -> Neighbours:
    """Return the nearest of `others` for each of `rows`; infinitely far where there is none."""
    spatial = import_from_extra("scipy.spatial.distance", "tables", "A privacy report")
    ours, theirs = distance.embed(rows), distance.embed(others)
    count, found = len(ours[0]), len(theirs[0])
    first, second, ties = np.full(count, np.inf), np.full(count, np.inf), np.zeros(count)
    step = max(1, _BLOCK_VALUES_COUNT // max(found, 1))
    for begin in range(0, count if found else 0, step):
        block = slice(begin, begin + step)
        far = spatial.cdist(ours[0][block], theirs[0], "cityblock")
        far += spatial.cdist(ours[1][block], theirs[1], "hamming") * theirs[1].shape[1]
        far /= max(len(distance.columns), 1)
        nearest_two = np.partition(far, 1, axis=1)[:, :2] if found > 1 else np.pad(far, ((0, 0), (0, 1)))
        first[block], second[block] = nearest_two[:, 0], nearest_two[:, 1]
        second[block] = np.inf if found == 1 else second[block]
        ties[block] = (far <= nearest_two[:, :1] + _SAME_SHARE).sum(axis=1)
    return Neighbours(first, second, ties)


def nearer_share(training: Neighbours, holdout: Neighbours) -> Floats:
    """Return for each row which share of its nearest rows is of the training: 1, 0, or between where both are."""
    tied = np.abs(training.first - holdout.first) <= _SAME_SHARE
    both = np.divide(training.ties, training.ties + holdout.ties, out=np.zeros(len(tied)), where=tied)
    return np.where(tied, both, (training.first < holdout.first).astype(np.float64))
