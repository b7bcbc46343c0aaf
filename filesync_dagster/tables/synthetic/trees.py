"""Decision trees whose leaves hold the values of real rows: what is drawn from a leaf has been in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.synthetic.values import AnyArray, Bools, ColumnValues, Floats, Ints

LEAF_COUNT = 4_000
SMOOTHING_ROWS = 10
BLEND_COUNT = 2

FloatMatrix = NDArray[np.float32]


@dataclass(frozen=True)
class TreeInput:
    """A column that a tree looks at; `order` has a number for each code (from NULL on), so that it can be split."""

    name: str
    order: NDArray[np.float32] | None = None

    def read(self, codes: AnyArray) -> NDArray[np.float32]:
        """Return what the tree sees of codes."""
        if self.order is None:
            return codes.astype(np.float32)
        return np.asarray(self.order[np.minimum(codes + 1, len(self.order) - 1)], dtype=np.float32)


@dataclass(frozen=True)
class SplitTree:
    """The splits of a tree: a leaf has no children (-1)."""

    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats

    @cached_property
    def leaf_of_node(self) -> NDArray[np.int32]:
        """The number of each leaf, from 0; -1 of nodes that are none."""
        leaf = self.left < 0
        return np.where(leaf, np.cumsum(leaf) - 1, -1).astype(np.int32)

    @property
    def leaf_count(self) -> int:
        """How many leaves there are."""
        return int(np.count_nonzero(self.left < 0))

    @cached_property
    def _walker(self) -> Any:
        """The tree in the form that walks fast."""
        module = import_from_extra("sklearn.tree._tree", "tables", "Synthetic data")
        nodes = np.zeros(len(self.left), dtype=module.NODE_DTYPE)
        nodes["left_child"], nodes["right_child"] = self.left, self.right
        nodes["feature"], nodes["threshold"] = self.feature, self.threshold
        walker = module.Tree(max(int(self.feature.max()) + 1, 1), np.array([1], dtype=np.intp), 1)
        state = {"max_depth": 1, "node_count": len(nodes), "nodes": nodes, "values": np.zeros((len(nodes), 1, 1))}
        walker.__setstate__(state)
        return walker

    def leaves(self, inputs: FloatMatrix) -> NDArray[np.int32]:
        """Return the leaf of each row."""
        if len(self.left) == 1:
            return np.zeros(len(inputs), dtype=np.int32)
        return np.asarray(self.leaf_of_node[self._walker.apply(np.ascontiguousarray(inputs))], dtype=np.int32)


@dataclass(frozen=True)
class DonorLeaves:
    """What each leaf holds: so many NULLs, then values in their order (ranks of them, where `interpolates`)."""

    values: AnyArray
    offsets: Ints  # one more than there are leaves
    nulls: Ints
    interpolates: bool

    def draw(self, leaves: NDArray[np.int32], random: np.random.Generator) -> ColumnValues:
        """Draw a value for each row, each donor of a leaf as often as any other."""
        place = balanced_places(leaves, self.offsets, self.nulls, random)
        within = place.astype(np.int64)
        nulls = self.nulls[leaves]
        null = within < nulls
        size = np.diff(self.offsets)[leaves]
        index = np.minimum(np.maximum(within - nulls, 0), np.maximum(size - 1, 0))
        first = self.offsets[:-1][leaves]
        if not len(self.values):
            return ColumnValues(np.zeros(len(leaves)), np.ones(len(leaves), dtype=bool))
        data = self.values[np.minimum(first + index, len(self.values) - 1)]
        if self.interpolates:
            after = self.values[
                np.minimum(first + np.minimum(index + 1, np.maximum(size - 1, 0)), len(self.values) - 1)
            ]
            part = place - within
            data = data * (1 - part) + after * part
        return ColumnValues(data, null)


def balanced_places(
    leaves: NDArray[np.int32], offsets: Ints, nulls: Ints, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return a place among the donors of its leaf for each row: m rows are spread evenly over L donors."""
    count = len(leaves)
    mixed = random.permutation(count)
    small = leaves.astype(np.uint16) if len(offsets) <= np.iinfo(np.uint16).max else leaves
    order = mixed[np.argsort(small[mixed], kind="stable")]
    sizes = np.bincount(leaves, minlength=len(offsets) - 1)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    inside = np.empty(count)
    inside[order] = np.arange(count) - np.repeat(starts, sizes)
    donors = np.diff(offsets) + nulls
    return np.asarray((inside + random.random(count)) / sizes[leaves] * donors[leaves], dtype=np.float64)


def hold_donors(tree: SplitTree, inputs: FloatMatrix, values: ColumnValues, *, interpolates: bool) -> DonorLeaves:
    """Put values of real rows into the leaves of a tree."""
    leaves = tree.leaves(inputs)
    count = tree.leaf_count
    nulls = np.bincount(leaves[values.null], minlength=count)
    kept, data = leaves[~values.null], values.present()
    order = np.lexsort((data, kept))
    offsets = np.concatenate(([0], np.cumsum(np.bincount(kept, minlength=count))))
    stored = data[order].astype(np.float32) if interpolates else data[order]
    return DonorLeaves(stored, offsets, nulls, interpolates)


def grow(inputs: FloatMatrix, target: Floats, leaf: int, seed: int) -> SplitTree:
    """Grow a tree that tells rows apart by their targets, with at least `leaf` rows in each leaf."""
    rows = len(inputs)
    if not inputs.shape[1] or rows < 2 * leaf:
        return single_leaf()
    sklearn = import_from_extra("sklearn.tree", "tables", "Synthetic data")
    most = LEAF_COUNT if rows > LEAF_COUNT * leaf else None
    model = sklearn.DecisionTreeRegressor(min_samples_leaf=leaf, max_leaf_nodes=most, random_state=seed % 2**31)
    tree = model.fit(inputs, target).tree_
    return SplitTree(
        tree.children_left.astype(np.int64),
        tree.children_right.astype(np.int64),
        tree.feature.astype(np.int64),
        tree.threshold.astype(np.float64),
    )


def importances(inputs: FloatMatrix, target: Floats, leaf: int, seed: int) -> Floats:
    """Return the share of what a tree tells apart that is owed to each input."""
    if len(inputs) < 2 * leaf:
        return np.zeros(inputs.shape[1])
    sklearn = import_from_extra("sklearn.tree", "tables", "Synthetic data")
    model = sklearn.DecisionTreeRegressor(min_samples_leaf=leaf, random_state=seed % 2**31)
    return np.asarray(model.fit(inputs, target).feature_importances_, dtype=np.float64)


def single_leaf() -> SplitTree:
    """Return the tree that tells nothing apart."""
    none = np.array([-1], dtype=np.int64)
    return SplitTree(none, none, np.array([-2], dtype=np.int64), np.array([-2.0]))


def prune_inputs(tree: SplitTree, inputs: Sequence[TreeInput]) -> tuple[SplitTree, tuple[TreeInput, ...]]:
    """Return the tree over the inputs that it looks at, and these."""
    used = np.unique(tree.feature[tree.left >= 0])
    if used.max(initial=-1) >= len(inputs):  # it looks at the blend, which takes all of them
        return tree, tuple(inputs)
    place = np.full(max(len(inputs), 1), -2, dtype=np.int64)
    place[used] = np.arange(len(used))
    feature = np.where(tree.left >= 0, place[np.maximum(tree.feature, 0)], -2)
    return SplitTree(tree.left, tree.right, feature, tree.threshold), tuple(inputs[i] for i in used)


def blend_weights(inputs: FloatMatrix, target: Floats) -> Floats | None:
    """Return how much of each input goes into the straight line that tells most of a target; None of less than two.

    A tree that may split on the line itself needs few leaves where several things add up.
    """
    if inputs.shape[1] < BLEND_COUNT or len(inputs) <= inputs.shape[1]:
        return None
    spread = inputs.std(axis=0, dtype=np.float64)
    here = (inputs - inputs.mean(axis=0, dtype=np.float64)) / np.where(spread > 0, spread, 1.0)
    centred = target - target.mean(axis=0)
    axis = centred[:, :1] if target.shape[1] <= BLEND_COUNT else centred @ _main_axes(centred)[:, :1]
    squares = np.einsum("ij,ik->jk", here, here) + np.eye(here.shape[1]) * SMOOTHING_ROWS
    found = np.linalg.solve(squares, np.einsum("ij,ik->jk", here, axis))[:, 0]
    return np.asarray(found / np.where(spread > 0, spread, np.inf), dtype=np.float64)


def add_blend(inputs: FloatMatrix, weights: Floats | None) -> FloatMatrix:
    """Return inputs and, as the last of them, their blend."""
    if weights is None:
        return inputs
    return np.column_stack((inputs, np.einsum("ij,j->i", inputs.astype(np.float64), weights).astype(np.float32)))


def order_codes(codes: AnyArray, target: Floats) -> list[NDArray[np.float32]]:
    """Return one or two orders of a category's codes (NULL first): along what the target varies most in."""
    count = int(codes.max(initial=-1)) + 3  # NULL, and one for what was never seen
    centred = target - target.mean(axis=0)
    axes = centred[:, :1] if target.shape[1] == 1 else centred @ _main_axes(centred)
    sizes = np.bincount(codes + 1, minlength=count)
    return [
        (np.bincount(codes + 1, weights=axis, minlength=count) / (sizes + SMOOTHING_ROWS)).astype(np.float32)
        for axis in axes.T
    ]


def _main_axes(centred: Floats) -> Floats:
    _, vectors = np.linalg.eigh(np.einsum("ij,ik->jk", centred, centred))
    axes = vectors[:, ::-1][:, :2]
    signs = np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    return np.asarray(axes * signs, dtype=np.float64)


def stack_inputs(inputs: Sequence[TreeInput], codes: dict[str, NDArray[np.int32]], rows: int) -> FloatMatrix:
    """Return what a tree sees of rows."""
    matrix = np.empty((rows, len(inputs)), dtype=np.float32)
    for i, each in enumerate(inputs):
        matrix[:, i] = each.read(codes[each.name])
    return matrix


@dataclass(frozen=True)
class ValueModel:
    """How the values of one column come about: what its tree looks at, the tree, and what its leaves hold."""

    inputs: tuple[TreeInput, ...] = ()
    blend: Floats | None = None
    tree: SplitTree = field(default_factory=single_leaf)
    leaves: DonorLeaves = field(
        default_factory=lambda: DonorLeaves(
            np.empty(0), np.zeros(2, np.int64), np.ones(1, np.int64), interpolates=False
        )
    )

    def draw(self, codes: dict[str, NDArray[np.int32]], rows: int, random: np.random.Generator) -> ColumnValues:
        """Draw a value for each row, given the codes of what is known about it."""
        matrix = add_blend(stack_inputs(self.inputs, codes, rows), self.blend)
        return self.leaves.draw(self.tree.leaves(matrix), random)

    def allows(self, allowed: Bools) -> "ValueModel":
        """Return the model of a single leaf that holds the allowed ones of its values alone."""
        kept = self.leaves.values[allowed]
        offsets = np.array([0, len(kept)], dtype=np.int64)
        held = DonorLeaves(kept, offsets, np.zeros(1, np.int64), self.leaves.interpolates)
        return ValueModel(leaves=held)
