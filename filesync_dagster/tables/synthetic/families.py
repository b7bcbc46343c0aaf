"""Families: the children of each parent, how many they are, and what they have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.synthetic.targets import mean_ranks
from filesync_dagster.tables.synthetic.values import AnyArray, ColumnValues, Floats, Ints

LATENT_COUNT = 200
FAMILY_DIVISOR = 4  # there are at most a quarter as many kinds of families as families
TOP_CLASSES = 16
SAMPLE_FAMILIES = 5_000
ROUND_COUNT = 15
PRIOR_ROWS = 1.0
RIDGE_ROWS = 1.0
NOISE_SHARE = 0.02


@dataclass(frozen=True)
class FamilyTraits:
    """What can be counted of a child's column in a family: one or several numbers for each row of the child."""

    name: str
    columns: tuple[Floats, ...]
    weight: float = 1.0

    def weigh(self, parents: Ints) -> "FamilyTraits":
        """Return the same, weighed by how much siblings resemble each other in it: what they do not share is noise."""
        shares = [explained_share(column, parents) for column in self.columns]
        weight = max(shares, default=0.0)
        return FamilyTraits(self.name, self.columns, weight if weight > NOISE_SHARE else 0.0)

    @classmethod
    def of_numbers(cls, name: str, values: ColumnValues) -> "FamilyTraits":
        """Return the ranks of numbers, and whether they are NULL."""
        ranks = mean_ranks(values)
        return cls(name, (ranks, values.null.astype(np.float64))) if values.null.any() else cls(name, (ranks,))

    @classmethod
    def of_classes(cls, name: str, codes: NDArray[np.int32]) -> "FamilyTraits":
        """Return whether rows are of each of the most frequent classes."""
        classes, counts = np.unique(codes, return_counts=True)
        top = classes[np.argsort(-counts, kind="stable")[:TOP_CLASSES]]
        return cls(name, tuple((codes == one).astype(np.float64) for one in top))


def count_children(parents: Ints, parent_rows: int) -> Ints:
    """Return how many children each parent has: 0 is a number of children, too."""
    return np.bincount(parents[parents >= 0], minlength=parent_rows).astype(np.int64)


def family_matrix(traits: Sequence[FamilyTraits], parents: Ints, parent_rows: int) -> Floats:
    """Return the means of traits in each family, drawn a little to those of all; all columns weigh the same."""
    here = parents >= 0
    counts = np.bincount(parents[here], minlength=parent_rows)
    found = []
    for trait in traits:
        for column in trait.columns:
            mean = column[here].mean() if here.any() else 0.0
            sums = np.bincount(parents[here], weights=column[here], minlength=parent_rows)
            means = (sums + PRIOR_ROWS * mean) / (counts + PRIOR_ROWS)
            spread = means[counts > 0].std() if np.any(counts > 0) else 0.0
            weight = np.sqrt(trait.weight / len(trait.columns))
            found.append((means - mean) / spread * weight if spread > 0 else np.zeros(parent_rows))
    return np.column_stack(found) if found else np.zeros((parent_rows, 1))


def without_lines(target: Floats, inputs: AnyArray, rows: Ints) -> Floats:
    """Return targets less what straight lines over the inputs tell of them, fitted to some rows."""
    spread = inputs[rows].std(axis=0) if len(rows) else np.zeros(inputs.shape[1])
    kept = inputs[:, spread > 0].astype(np.float64)
    kept = (kept - kept[rows].mean(axis=0)) / spread[spread > 0]
    here = kept[rows]
    if not here.shape[1] or len(rows) <= here.shape[1]:
        return target
    squares = np.einsum("ij,ik->jk", here, here) + np.eye(here.shape[1]) * RIDGE_ROWS
    products = np.einsum("ij,ik->jk", here, target[rows] - target[rows].mean(axis=0))
    return target - np.einsum("ij,jk->ik", kept, np.linalg.solve(squares, products))


@dataclass(frozen=True)
class FamilyKinds:
    """Kinds of families: which one each parent's is (-1: it has no children), and their centres."""

    labels: NDArray[np.int32]
    centres: Floats
    dimensions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of a child's column, where it counts

    def orders(self, column: str) -> list[NDArray[np.float32]]:
        """Return what kinds (NULL first) say of a column of the child: an order for each of its dimensions."""
        places = self.dimensions.get(column, ())
        return [np.concatenate(([0.0], self.centres[:, i], [0.0])).astype(np.float32) for i in places]


def dimensions_of(traits: Sequence[FamilyTraits]) -> dict[str, tuple[int, ...]]:
    """Return where the columns of a child are in a family matrix; those that siblings do not share are left out."""
    found, place = {}, 0
    for trait in traits:
        if trait.weight:
            found[trait.name] = tuple(range(place, place + len(trait.columns)))
        place += len(trait.columns)
    return found


def sort_families(matrix: Floats, counts: Ints, seed: int, most: int = LATENT_COUNT) -> FamilyKinds:
    """Sort families into kinds by what they have in common: k-means of our own, which no number of threads changes."""
    full = np.flatnonzero(counts > 0)
    kinds = max(min(most, len(full) // FAMILY_DIVISOR), 1)
    random = np.random.default_rng(seed)
    sample = matrix[full[np.sort(random.permutation(len(full))[:SAMPLE_FAMILIES])]]
    centres = _centres(sample, kinds, random) if len(full) else np.zeros((1, matrix.shape[1]))
    return FamilyKinds(nearest(matrix, counts, centres), centres)


def nearest(matrix: Floats, counts: Ints, centres: Floats) -> NDArray[np.int32]:
    """Return the nearest centre of each family that has children, else -1."""
    labels = np.full(len(matrix), -1, dtype=np.int32)
    full = np.flatnonzero(counts > 0)
    for start in range(0, len(full), SAMPLE_FAMILIES):
        rows = full[start : start + SAMPLE_FAMILIES]
        labels[rows] = _distances(matrix[rows], centres).argmin(axis=1)
    return labels


def _distances(matrix: Floats, centres: Floats) -> Floats:
    module = import_from_extra("scipy.spatial.distance", "tables", "Synthetic data")
    return np.asarray(module.cdist(matrix, centres, "sqeuclidean"), dtype=np.float64)


def _centres(sample: Floats, kinds: int, random: np.random.Generator) -> Floats:
    """Return centres: far from each other at first, then the means of what is nearest to them."""
    chosen = [int(random.integers(len(sample)))]
    near = _distances(sample, sample[chosen])[:, 0]
    for _ in range(kinds - 1):
        total = near.sum()
        pick = int(np.searchsorted(np.cumsum(near), random.random() * total)) if total > 0 else 0
        chosen.append(min(pick, len(sample) - 1))
        near = np.minimum(near, _distances(sample, sample[chosen[-1:]])[:, 0])
    centres = sample[chosen]
    for _ in range(ROUND_COUNT):
        labels = _distances(sample, centres).argmin(axis=1)
        sizes = np.bincount(labels, minlength=kinds)
        sums = np.column_stack([np.bincount(labels, weights=column, minlength=kinds) for column in sample.T])
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return np.asarray(centres, dtype=np.float64)


def odd_siblings(parents: Ints) -> NDArray[np.bool_]:
    """Return which rows are the 1st, 3rd, 5th … of their family, in the order of rows."""
    order = np.argsort(parents, kind="stable")
    ordered = parents[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(ordered) else np.zeros(0, dtype=bool)
    starts = np.maximum.accumulate(np.where(first, np.arange(len(ordered)), 0))
    odd = np.zeros(len(parents), dtype=bool)
    odd[order] = (np.arange(len(ordered)) - starts) % 2 == 0
    return odd


def explained_share(trait: Floats, parents: Ints) -> float:
    """Return the share of a column's variance that lies between families, corrected for chance."""
    here = parents >= 0
    column, owner = trait[here], parents[here]
    spread = float(np.sum((column - column.mean()) ** 2)) if len(column) else 0.0
    _, places = np.unique(owner, return_inverse=True)
    sizes = np.bincount(places) if len(places) else np.zeros(0)
    if spread <= 0 or len(column) <= len(sizes):
        return 0.0
    means = np.bincount(places, weights=column) / sizes
    within = spread - float(np.sum(sizes * (means - column.mean()) ** 2))
    return 1 - (within / (len(column) - len(sizes))) / (spread / max(len(column) - 1, 1))
