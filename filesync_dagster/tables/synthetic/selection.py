"""What a tree may look at, and how fine it may be: chosen by rows, or whole families, that it was not grown on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.tables.synthetic.options import FitOptions
from filesync_dagster.tables.synthetic.trees import (
    FloatMatrix,
    SplitTree,
    TreeInput,
    ValueModel,
    add_blend,
    blend_weights,
    grow,
    hold_donors,
    importances,
    order_codes,
    prune_inputs,
    stack_inputs,
)
from filesync_dagster.tables.synthetic.values import AnyArray, Bools, ColumnValues, Floats, Ints

CONTEXT_ERRORS_COUNT = 2.0
LEAF_ERRORS_COUNT = 1.0
HELD_OUT_SHARE = 0.3
FOLD_ROWS = 5_000  # fewer rows are held out three times, in turn
FOLD_COUNT = 3
INPUT_COUNT = 24
LARGE_TEST_ROWS = 2_000
INPUT_COUNTS = (0, 1, 2, 4, 8)
QUICK_ROWS = 8_000
QUICK_LEAF_ROWS = 30
CORRELATED_COUNT = 60

CodesByName = Mapping[str, NDArray[np.int32]]


@dataclass(frozen=True)
class TreeData:
    """The rows that a column's tree is grown on: codes of what is known of them, and the target."""

    codes: CodesByName
    nominal: frozenset[str]  # names whose codes have no order
    target: Floats
    groups: Ints  # rows of a group are held out together
    orders: Mapping[str, Sequence[NDArray[np.float32]]] = field(default_factory=dict)  # of codes that mean something

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.target)

    def inputs(self, names: Sequence[str], rows: AnyArray) -> tuple[TreeInput, ...]:
        """Return what a tree sees of columns; categories are put in order by the targets of `rows`."""
        found: list[TreeInput] = []
        for name in names:
            codes = self.codes[name]
            if name in self.orders:
                found.extend(TreeInput(name, order) for order in self.orders[name])
            elif name in self.nominal and codes.max(initial=0) > 1:
                orders = order_codes(codes[rows], self.target[rows])
                found.extend(TreeInput(name, order) for order in orders)
            else:
                found.append(TreeInput(name))
        return tuple(found)

    def matrix(self, inputs: Sequence[TreeInput], rows: AnyArray) -> FloatMatrix:
        """Return what a tree sees of rows."""
        return stack_inputs(inputs, {each.name: self.codes[each.name][rows] for each in inputs}, len(rows))


def held_out_losses(data: TreeData, names: Sequence[str], leaf: int, folds: Sequence[Bools], seed: int) -> Floats:
    """Return how far the leaves' means are from the target of each row, by trees that were not grown on it.

    Rows that no fold holds out have NaN.
    """
    losses = np.full(data.rows, np.nan)
    for held in folds:
        train, test = np.flatnonzero(~held), np.flatnonzero(held)
        if not len(train) or not len(test):
            continue
        inputs = data.inputs(names, train)
        seen = data.matrix(inputs, train)
        blend = blend_weights(seen, data.target[train])
        seen = add_blend(seen, blend)
        tree = grow(seen, data.target[train], leaf, seed)
        means = _leaf_means(tree, seen, data.target[train])
        guess = means[tree.leaves(add_blend(data.matrix(inputs, test), blend))]
        losses[test] = np.sum((guess - data.target[test]) ** 2, axis=1)
    return losses


def _leaf_means(tree: SplitTree, inputs: FloatMatrix, target: Floats) -> Floats:
    leaves = tree.leaves(inputs)
    sizes = np.maximum(np.bincount(leaves, minlength=tree.leaf_count), 1)
    sums = [np.bincount(leaves, weights=column, minlength=tree.leaf_count) for column in target.T]
    return np.asarray(np.column_stack(sums) / sizes[:, None], dtype=np.float64)


def make_folds(groups: Ints, seed: int) -> list[Bools]:
    """Return which rows are held out, once or three times: those of some groups, as if drawn."""
    ids, places = np.unique(groups, return_inverse=True)
    draw = np.random.default_rng(seed).random(len(ids))[places]
    if len(groups) >= FOLD_ROWS:
        return [draw < HELD_OUT_SHARE]
    return [(draw >= i / FOLD_COUNT) & (draw < (i + 1) / FOLD_COUNT) for i in range(FOLD_COUNT)]


def choose_simplest(losses: Sequence[Floats], groups: Ints, errors: float) -> int:
    """Return the place of the first losses that are not worse than the best, beyond what chance makes of them.

    `errors`: how many standard errors of the difference, counted by groups, are chance.
    """
    means = [float(np.nanmean(some)) if np.isfinite(some).any() else 0.0 for some in losses]
    best = losses[int(np.argmin(means))]
    tested = np.isfinite(best)
    _, places = np.unique(groups[tested], return_inverse=True)
    for place, some in enumerate(losses):
        worse = (some - best)[tested]
        sums = np.bincount(places, weights=worse) if len(places) else np.zeros(1)
        if sums.sum() <= errors * np.sqrt(np.sum(sums**2)) * (1 + 1e-9):
            return place
    return len(losses) - 1


def choose_names(data: TreeData, sets: Sequence[Sequence[str]], options: FitOptions, seed: int) -> Sequence[str]:
    """Return the set of names that tells most of rows held out. The simplest set is the first."""
    if len(sets) == 1 or data.rows < FOLD_COUNT:
        return sets[0]
    folds = make_folds(data.groups, seed)
    leaf = options.leaves()[0 if data.rows >= LARGE_TEST_ROWS else 1]
    losses = [held_out_losses(data, names, leaf, folds, seed) for names in sets]
    return sets[choose_simplest(losses, data.groups, CONTEXT_ERRORS_COUNT)]


def choose_leaf(data: TreeData, names: Sequence[str], options: FitOptions, seed: int) -> int:
    """Return the size of leaves that tells most of rows held out."""
    sizes = options.leaves()
    if not names or data.rows < FOLD_COUNT:
        return sizes[0]
    folds = make_folds(data.groups, seed)
    losses = [held_out_losses(data, names, size, folds, seed) for size in sizes]
    return sizes[choose_simplest(losses, data.groups, LEAF_ERRORS_COUNT)]


def by_relevance(data: TreeData, names: Sequence[str], seed: int) -> tuple[str, ...]:
    """Return names by how much a quick tree makes of them, the most telling first."""
    if len(names) <= 1:
        return tuple(names)
    rows = np.sort(np.random.default_rng(seed).permutation(data.rows)[:QUICK_ROWS])
    names = _correlated(data, names, rows)
    inputs = data.inputs(names, rows)
    gains = dict.fromkeys(names, 0.0)
    shares = importances(data.matrix(inputs, rows), data.target[rows], QUICK_LEAF_ROWS, seed)
    for each, share in zip(inputs, shares, strict=True):
        gains[each.name] += float(share)
    return tuple(sorted(names, key=lambda name: -gains[name]))


def choose_fewest(data: TreeData, names: Sequence[str], options: FitOptions, seed: int) -> Sequence[str]:
    """Return as few of the names, the most telling first, as tell rows held out no worse than all of them."""
    sets = [names[:count] for count in INPUT_COUNTS if count < len(names)]
    return choose_names(data, [*sets, names], options, seed)


def _correlated(data: TreeData, names: Sequence[str], rows: Ints) -> tuple[str, ...]:
    """Return at most 60 names: those whose codes, put in order, go along with the target."""
    if len(names) <= CORRELATED_COUNT:
        return tuple(names)
    inputs = [data.inputs([name], rows)[0] for name in names]
    matrix = data.matrix(inputs, rows).astype(np.float64)
    matrix -= matrix.mean(axis=0)
    target = data.target[rows, 0] - data.target[rows, 0].mean()
    spread = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))
    strength = np.abs(np.einsum("ij,i->j", matrix, target)) / np.where(spread > 0, spread, np.inf)
    chosen = set(np.argsort(-strength, kind="stable")[:CORRELATED_COUNT].tolist())
    return tuple(name for i, name in enumerate(names) if i in chosen)


def fit_values(
    data: TreeData, names: Sequence[str], leaf: int, values: ColumnValues, seed: int, *, interpolates: bool, rows: int
) -> ValueModel:
    """Grow the tree of a column over at most so many rows, and let its leaves hold the values of all."""
    every = np.arange(data.rows)
    grown = every if data.rows <= rows else np.sort(np.random.default_rng(seed).permutation(data.rows)[:rows])
    inputs = data.inputs(names, grown)
    seen = data.matrix(inputs, grown)
    blend = blend_weights(seen, data.target[grown])
    tree, used = prune_inputs(grow(add_blend(seen, blend), data.target[grown], leaf, seed), inputs)
    blend = blend if tree.feature.max(initial=-1) >= len(used) else None
    held = hold_donors(tree, add_blend(data.matrix(used, every), blend), values, interpolates=interpolates)
    return ValueModel(used, blend, tree, held)
