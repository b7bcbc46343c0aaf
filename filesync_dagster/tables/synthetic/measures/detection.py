"""Detection: can boosted trees tell synthetic rows from real ones? An AUC of 0.5 says that they cannot."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.synthetic.measures.columns import Floats, Indices, MeasuredColumn
from filesync_dagster.tables.synthetic.measures.families import Families
from filesync_dagster.tables.synthetic.measures.metrics import average_ranks

DETECTION_ROWS = 10_000  # of both sides together
FOLD_COUNT = 5
MIN_FAMILY_COUNT = 10  # on each side: fewer cannot be parted into folds that say anything
_FAMILY_ROWS = 250  # at most of one family
TREE_CATEGORIES_COUNT = 200
_MEAN_CATEGORIES_COUNT = 3  # whose shares within its family a row is told

Matrix = NDArray[np.float64]
Hashes = NDArray[np.uint64]


def detection_auc(real: Families, synthetic: Families, columns: Sequence[MeasuredColumn]) -> float | None:
    """Return how well rows can be told apart by their own columns. None: too few families."""
    return _auc(real, synthetic, _own(real, columns), _own(synthetic, columns), columns)


def relational_auc(
    real: Families,
    synthetic: Families,
    columns: Sequence[MeasuredColumn],
    parents: Sequence[MeasuredColumn],
) -> float | None:
    """Return how well rows can be told apart by their columns, their parent's, its children's number and means."""
    features = [np.column_stack((_own(side, columns), _context(side, columns, parents))) for side in (real, synthetic)]
    return _auc(real, synthetic, features[0], features[1], (*columns, *parents))


def _own(side: Families, columns: Sequence[MeasuredColumn]) -> Matrix:
    return _stack([side.children[column.name] for column in columns], side.row_count)


def _context(side: Families, columns: Sequence[MeasuredColumn], parents: Sequence[MeasuredColumn]) -> Matrix:
    of_parent = [side.parents[column.name][side.link] for column in parents]
    means = [mean[side.link] for column in columns for mean in _family_means(side, column)]
    return _stack([*of_parent, side.sizes[side.link].astype(np.float64), *means], side.row_count)


def _stack(columns: Sequence[Floats], rows: int) -> Matrix:
    return np.column_stack(columns) if columns else np.empty((rows, 0))


def _family_means(side: Families, column: MeasuredColumn) -> list[Floats]:
    """Return for each family the mean of a column, or the shares of the commonest categories."""
    values = side.children[column.name]
    if not column.is_category:
        return [_means(values, side)]
    shown = range(min(len(column.categories), _MEAN_CATEGORIES_COUNT))
    return [_means(np.where(np.isnan(values), np.nan, values == code), side) for code in shown]


def _means(values: Floats, side: Families) -> Floats:
    there = ~np.isnan(values)
    counts = np.bincount(side.link[there], minlength=side.family_count)
    sums = np.bincount(side.link[there], weights=values[there], minlength=side.family_count)
    means: Floats = np.divide(sums, counts, out=np.full(side.family_count, np.nan), where=counts > 0)
    return means


def _auc(
    real: Families,
    synthetic: Families,
    real_features: Matrix,
    synthetic_features: Matrix,
    columns: Sequence[MeasuredColumn],
) -> float | None:
    if not real_features.shape[1] or min(real.family_count, synthetic.family_count) < MIN_FAMILY_COUNT:
        return None
    parts, folds, labels = [], [], []
    limit = min(DETECTION_ROWS // 2, 2 * real.row_count, 2 * synthetic.row_count)
    for label, (side, features) in enumerate(((real, real_features), (synthetic, synthetic_features))):
        rows, fold = _choose(side.link, features, limit)
        parts.append(features[rows])
        folds.append(fold)
        labels.append(np.full(len(rows), label))
    features = np.concatenate(parts)
    categories = [i for i, column in enumerate(columns) if column.is_category and i < real_features.shape[1]]
    return _cross_validate(features, np.concatenate(labels), np.concatenate(folds), categories)


def _choose(link: Indices, features: Matrix, limit: int) -> tuple[Indices, Indices]:
    """Return rows of whole families, `limit` at most, and the fold of each: a family is in one fold.

    Which families, and which fold, their contents say: the same family on both sides is then in the same fold. Were
    it in two, a model would learn from the one that the other is of the other side, and guess worse than a coin.
    """
    row_hashes = _occurrences(_hash_rows(features))
    families, places = np.unique(link, return_inverse=True)
    order = np.argsort(row_hashes, kind="stable")
    kept = order[_place_within(places[order]) < _FAMILY_ROWS]
    sums = np.zeros(len(families), dtype=np.uint64)
    np.add.at(sums, places, row_hashes)
    hashes = _occurrences(_mix(sums))
    sizes = np.bincount(places[kept], minlength=len(families))
    by_hash = np.argsort(hashes, kind="stable")
    enough = max(FOLD_COUNT, int(np.searchsorted(np.cumsum(sizes[by_hash]), limit, side="right")))
    chosen = np.zeros(len(families), dtype=bool)
    chosen[by_hash[:enough]] = True
    rows = np.sort(kept[chosen[places[kept]]])
    fold = (hashes >> np.uint64(17)) % np.uint64(FOLD_COUNT)
    return rows, fold[places[rows]].astype(np.int64)


def _hash_rows(features: Matrix) -> Hashes:
    hashes = np.zeros(len(features), dtype=np.uint64)
    for column in (features + 0.0).T:  # -0.0 is 0.0
        hashes = _mix(hashes ^ np.ascontiguousarray(column).view(np.uint64))
    return hashes


def _mix(hashes: Hashes) -> Hashes:
    """Return hashes whose bits are mixed, as SplitMix64 does it."""
    mixed = hashes + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _occurrences(hashes: Hashes) -> Hashes:
    """Return hashes that differ for the first, second, third … of equal ones."""
    order = np.argsort(hashes, kind="stable")
    found = np.empty_like(hashes)
    found[order] = _mix(hashes[order] ^ _run_places(hashes[order]).astype(np.uint64))
    return found


def _run_places(values: NDArray[np.generic]) -> Indices:
    """Return the place of each value within its run of equal ones."""
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1]))) if len(values) else np.zeros(0, int)
    lengths = np.diff(np.append(starts, len(values)))
    return np.arange(len(values)) - np.repeat(starts, lengths)


def _place_within(groups: Indices) -> Indices:
    """Return how many rows of the same group are before each row."""
    order = np.argsort(groups, kind="stable")
    found = np.empty(len(groups), dtype=np.int64)
    found[order] = _run_places(groups[order])
    return found


def _cross_validate(features: Matrix, labels: Indices, folds: Indices, categories: Sequence[int]) -> float | None:
    """Return the mean AUC of trees that were fitted on the other folds."""
    ensemble = import_from_extra("sklearn.ensemble", "tables", "A quality report")
    pools = import_from_extra("threadpoolctl", "tables", "A quality report")
    features[:, categories] = np.minimum(features[:, categories], TREE_CATEGORIES_COUNT)
    found = []
    with pools.threadpool_limits(1):  # so few rows are slower with more
        for fold in range(FOLD_COUNT):
            tested = folds == fold
            if len(np.unique(labels[tested])) < 2 or len(np.unique(labels[~tested])) < 2:  # noqa: PLR2004  # one side
                continue
            model = ensemble.HistGradientBoostingClassifier(
                max_iter=50, learning_rate=0.15, early_stopping=False, categorical_features=categories, random_state=0
            )
            inputs = fill_empty(features[~tested], features[tested])
            model.fit(inputs[0], labels[~tested])
            found.append(_area(model.predict_proba(inputs[1])[:, 1], labels[tested]))
    return float(np.mean(found)) if found else None


def fill_empty(train: Matrix, test: Matrix) -> tuple[Matrix, Matrix]:
    """Return both with 0 in the columns that have no value to learn from, which trees do not take."""
    empty = np.isnan(train).all(axis=0)
    return np.where(empty, 0.0, train), np.where(empty, 0.0, test)


def _area(scores: Floats, labels: Indices) -> float:
    """Return the area under the curve: how often a synthetic row is believed more synthetic than a real one."""
    positive = labels == 1
    ranks = average_ranks(scores) * len(scores)
    count, others = int(positive.sum()), int((~positive).sum())
    # Ranks here are mid-ranks less a half; the smallest sum that `count` rows can have is count² / 2.
    return float((ranks[positive].sum() - count**2 / 2) / (count * others))
