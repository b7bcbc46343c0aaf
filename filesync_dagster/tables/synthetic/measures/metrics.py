"""The formulas of a quality report, over columns of floats: each gives 1 where both sides are alike, and 0 at worst."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.tables.synthetic.measures.columns import Floats, Indices

Bins = NDArray[np.int32]

GROUP_SHARE = 0.02  # of the parents at least, that a group has which is compared
_RANKS_COUNT = 3  # fewer values have no correlation


def kolmogorov_smirnov(real: NDArray[np.generic], synthetic: NDArray[np.generic]) -> float:
    """Return the largest distance between two distributions: 0 alike, 1 apart, as where only one has values."""
    if not len(real) or not len(synthetic):
        return float(len(real) != len(synthetic))
    points = np.concatenate((real, synthetic))
    below = np.searchsorted(np.sort(real), points, side="right") / len(real)
    of_synthetic = np.searchsorted(np.sort(synthetic), points, side="right") / len(synthetic)
    return float(np.abs(below - of_synthetic).max())


def number_shape(real: Floats, synthetic: Floats) -> float:
    """Return how alike two columns of numbers or datetimes are: their values, or how many are NULL."""
    real_null, synthetic_null = np.isnan(real), np.isnan(synthetic)
    distance = kolmogorov_smirnov(real[~real_null], synthetic[~synthetic_null])
    return min(1 - distance, 1 - abs(_share(real_null) - _share(synthetic_null)))


def category_shape(real: Floats, synthetic: Floats) -> float:
    """Return how alike the shares of categories are. NULL is a value."""
    count = (
        int(max(real.max(initial=0, where=~np.isnan(real)), synthetic.max(initial=0, where=~np.isnan(synthetic)))) + 2
    )
    return shares_overlap(*(np.bincount(_codes(side, count), minlength=count) for side in (real, synthetic)))


def _codes(values: Floats, count: int) -> Indices:
    return np.where(np.isnan(values), count - 1, values).astype(np.int64)


def _share(mask: NDArray[np.bool_]) -> float:
    return float(mask.mean()) if len(mask) else 0.0


def shares_overlap(real: Indices, synthetic: Indices) -> float:
    """Return 1 - ½ Σ |p_r - p_s| of two histograms with the same bins."""
    totals = float(real.sum()), float(synthetic.sum())
    if not all(totals):
        return float(totals[0] == totals[1])
    return float(1 - np.abs(real / totals[0] - synthetic / totals[1]).sum() / 2)


def pair_histogram(first: Bins, second: Bins, count: int, second_count: int) -> Indices:
    """Return how many rows are in each bin of two columns together."""
    return np.bincount(first * np.int32(second_count) + second, minlength=count * second_count)


def rank_correlation(first: Floats, second: Floats) -> float | None:
    """Return Spearman's correlation over the rows in which neither is NULL; None where a column does not vary."""
    both = ~(np.isnan(first) | np.isnan(second))
    if both.sum() < _RANKS_COUNT:
        return None
    ranks = average_ranks(first[both]), average_ranks(second[both])
    if min(np.ptp(side) for side in ranks) == 0:
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def average_ranks(values: Floats) -> Floats:
    """Return the rank of each value, from 0 to 1; equal values share theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray(((ends - counts / 2) / max(len(values), 1))[places], dtype=np.float64)


def correlation_score(real: float | None, synthetic: float | None) -> float | None:
    """Return 1 - ½ |r_real - r_synthetic|; None where the real columns have no correlation."""
    return None if real is None else 1 - abs(real - (synthetic or 0.0)) / 2


def sizes_score(real: Indices, synthetic: Indices) -> float:
    """Return how alike the numbers of children per parent are; parents without children have 0."""
    return 1 - kolmogorov_smirnov(real, synthetic)


def group_means(bins: Bins, sizes: Indices, count: int) -> tuple[Floats, Floats]:
    """Return the share of the parents in each bin, and how many children they have on average; NaN in an empty one."""
    rows = np.bincount(bins, minlength=count)
    with np.errstate(invalid="ignore"):
        means = np.bincount(bins, weights=sizes, minlength=count) / rows
    return rows / max(len(bins), 1), means


def groups_score(shares: Floats, real: Floats, synthetic: Floats) -> float | None:
    """Return Σ w · min(m_r, m_s) / max(m_r, m_s) over the groups that are large enough; None without any.

    A group that no synthetic parent is in has no children: 0.
    """
    kept = shares >= GROUP_SHARE
    if not kept.any():
        return None
    weights = shares[kept] / shares[kept].sum()
    both = np.stack((real[kept], np.nan_to_num(synthetic[kept])))
    most = both.max(axis=0)
    ratios = np.divide(both.min(axis=0), most, out=np.ones(len(most)), where=most > 0)
    return float((weights * ratios).sum())


def family_share(values: Floats, link: Indices, *, is_category: bool) -> float | None:
    """Return η²: the share of a column's variance that lies between families, adjusted for chance; 0 to 1.

    Of a number that of its ranks, of a category that of its values' indicators. None where families say nothing: all
    have one row, or the column does not vary.
    """
    there = ~np.isnan(values)
    families, places = np.unique(link[there], return_inverse=True)
    rows = int(there.sum())
    if rows - len(families) < 1 or len(families) < 2:  # noqa: PLR2004  # nothing within, or nothing between
        return None
    sizes = np.bincount(places)
    total = within = 0.0
    for part in _indicators(values[there]) if is_category else [average_ranks(values[there])]:
        means = np.bincount(places, weights=part) / sizes
        total += float(((part - part.mean()) ** 2).sum())
        within += float(((part - means[places]) ** 2).sum())
    if total <= 0:
        return None
    adjusted = 1 - (within / (rows - len(families))) / (total / (rows - 1))
    return min(1.0, max(0.0, adjusted))


def _indicators(codes: Floats) -> Iterable[Floats]:
    """Yield for each of the commonest categories where it is, and for the others together."""
    known, places = np.unique(codes, return_inverse=True)
    counts = np.bincount(places)
    common = np.argsort(-counts, kind="stable")[:20]
    for category in common:
        yield (places == category).astype(np.float64)
    if len(known) > len(common):
        yield (~np.isin(places, common)).astype(np.float64)


def family_score(real: float | None, synthetic: float | None) -> float | None:
    """Return 1 - |η²_r - η²_s|; None where real families say nothing."""
    return None if real is None else 1 - abs(real - (synthetic or 0.0))


def detection_score(auc: float) -> float:
    """Return 2 · (1 - AUC), between 0 and 1: 1 where nobody can tell real from synthetic."""
    return min(1.0, max(0.0, 2 * (1 - auc)))
