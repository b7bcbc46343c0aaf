"""What parents know of their children when a model is fitted: how many they are, and of which kind."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filesync_dagster.tables.model import TableRelation
from filesync_dagster.tables.synthetic.books import CategoryBook, Codes, book_of_values
from filesync_dagster.tables.synthetic.columns import ColumnFit, class_column, number_column
from filesync_dagster.tables.synthetic.draft import seed_at
from filesync_dagster.tables.synthetic.families import (
    FamilyKinds,
    FamilyTraits,
    count_children,
    dimensions_of,
    explained_share,
    family_matrix,
    nearest,
    odd_siblings,
    sort_families,
    without_lines,
)
from filesync_dagster.tables.synthetic.fitter import Family, Fitter, sample_rows, take_codes
from filesync_dagster.tables.synthetic.real import NO_PARENT, ORPHAN
from filesync_dagster.tables.synthetic.relations import Link, LinkUse
from filesync_dagster.tables.synthetic.selection import INPUT_COUNT, TreeData, by_relevance
from filesync_dagster.tables.synthetic.siblings import add_siblings, is_small
from filesync_dagster.tables.synthetic.steps import CategoryStep
from filesync_dagster.tables.synthetic.targets import NULL_FACTOR
from filesync_dagster.tables.synthetic.trees import grow
from filesync_dagster.tables.synthetic.values import ColumnValues, Floats, Ints

TRAIT_LEAF_ROWS = 100


def explain_child(fitter: Fitter, relation: TableRelation) -> float:
    """Return how much of the child's columns lies between the families of a relation."""
    shares = [
        explained_share(column, fitter.parents[relation])
        for each in fitter.columns[relation.child].values()
        if each.constant is None
        for column in each.traits().columns[:1]
    ]
    return float(np.mean(shares)) if shares else 0.0


def add_family(fitter: Fitter, link: Link, *, keeps_orphans: bool = False) -> None:
    """Add what a link's parents know of their children: how many, and of which kind. Orphans are of a kind, too."""
    parents = fitter.parents[link.relation]
    rows = fitter.real[link.parent].rows
    counts = count_children(parents, rows)
    traits = _unexplained_traits(fitter, link)
    matrix = family_matrix(traits, parents, rows)
    if link.parent in fitter.options.keep:  # each row is a kind of its own
        kinds = FamilyKinds(np.arange(rows, dtype=np.int32), matrix)
    else:
        kinds = sort_families(matrix, counts, seed_at(fitter.options.seed, "kinds", link.number))
    kinds = replace(kinds, dimensions=dimensions_of(traits))
    odd = np.where(odd_siblings(parents), parents, NO_PARENT)
    odd_kinds = nearest(family_matrix(traits, odd, rows), count_children(odd, rows), kinds.centres)
    fitter.families[link.number] = Family(counts, kinds, odd_kinds)
    present = ColumnValues(counts, np.zeros(rows, dtype=bool))
    book = book_of_values(present, pa.int64(), 1, keep_extremes=True, discrete=True)
    columns = fitter.columns[link.parent]
    columns[f"n:{link.number}"] = number_column(f"n:{link.number}", present, book, rank=5)
    columns[f"z:{link.number}"] = group_column(f"z:{link.number}", kinds.labels, kinds, rank=7)
    if link.use is LinkUse.PRIMARY and is_small(counts):
        add_siblings(fitter, link)
    if link.use in {LinkUse.OTHER, LinkUse.LATE, LinkUse.OWN}:
        labels = take_codes(kinds.labels, parents)
        if keeps_orphans and link.use is not LinkUse.OWN:
            labels = np.where(parents == ORPHAN, np.int32(len(kinds.centres)), labels)
        if link.use is LinkUse.OTHER and not _may_be_null(fitter, link):
            labels = _with_others(labels)
        rank = -1 if link.use is LinkUse.OTHER else 4
        fitter.columns[link.child][f"g:{link.number}"] = group_column(f"g:{link.number}", labels, kinds, rank=rank)
    if link.use is LinkUse.OWN:
        levels = ColumnValues(find_levels(parents), np.zeros(rows, dtype=bool))
        book = book_of_values(levels, pa.int64(), 1, keep_extremes=True, discrete=True)
        columns[f"d:{link.number}"] = number_column(f"d:{link.number}", levels, book, rank=-1)


def _may_be_null(fitter: Fitter, link: Link) -> bool:
    schema = fitter.real[link.child].schema
    return any(schema.column(one).nullable and one not in schema.primary_key for one in link.relation.child_columns)


def _with_others(labels: Codes) -> Codes:
    """Return labels in which rows that name a parent that is not there have the label of another row."""
    lost = labels < 0
    if not lost.any() or lost.all():
        return labels
    found = labels.copy()
    found[lost] = np.resize(labels[~lost], int(lost.sum()))
    return found


def _unexplained_traits(fitter: Fitter, link: Link) -> list[FamilyTraits]:
    """Return what families may have in common beyond what the parent's own columns tell of their children."""
    parents = fitter.parents[link.relation]
    seed = seed_at(fitter.options.seed, "traits", link.number)
    here = np.flatnonzero(parents >= 0)
    rows = here[sample_rows(len(here), fitter.options.tree_rows, seed)]
    above = [
        each for each in fitter.columns[link.parent].values() if each.constant is None and each.name.startswith("c:")
    ]
    found = []
    for each in fitter.columns[link.child].values():
        if each.constant is not None or not each.name.startswith("c:"):
            continue
        target = np.column_stack(each.traits().columns)
        codes = {one.name: take_codes(one.codes, parents) for one in above}
        data = TreeData(codes, frozenset(one.name for one in above if one.nominal), target, parents)
        names = by_relevance(data, list(codes), seed)[:INPUT_COUNT]
        inputs = data.inputs(names, rows)
        seen = data.matrix(inputs, np.arange(len(parents)))
        target = without_lines(target, seen, rows)
        tree = grow(seen[rows], target[rows], TRAIT_LEAF_ROWS, seed)
        leaves = tree.leaves(seen)
        found.append(
            FamilyTraits(each.name, tuple(_without_means(column, leaves, rows) for column in target.T)).weigh(parents)
        )
    return found


def _without_means(column: Floats, leaves: NDArray[np.int32], rows: Ints) -> Floats:
    """Return a column less the mean of each leaf."""
    sizes = np.bincount(leaves[rows], minlength=int(leaves.max(initial=0)) + 1)
    sums = np.bincount(leaves[rows], weights=column[rows], minlength=len(sizes))
    return column - (sums / np.maximum(sizes, 1))[leaves]


def group_column(name: str, labels: Codes, kinds: FamilyKinds, rank: int) -> ColumnFit:
    """Make a column of kinds of families ready."""
    count = max(len(kinds.centres), int(labels.max(initial=-1)) + 1)  # one more, where orphans are kept
    book = CategoryBook(pa.int32(), pa.array(np.arange(count, dtype=np.int32)))
    centres = np.pad(kinds.centres, ((0, count - len(kinds.centres)),) * 2)
    centres[len(kinds.centres) :, kinds.centres.shape[1] :] = NULL_FACTOR
    found = class_column(name, labels, book, lambda model: CategoryStep(name, book, model), centres)
    found.rank = rank
    return found


def find_levels(parents: Ints) -> Ints:
    """Return how many rows are above each one; those that are in a circle count as if they were below a first one."""
    levels = np.full(len(parents), -1, dtype=np.int64)
    levels[(parents < 0) | (parents == np.arange(len(parents)))] = 0
    for level in range(1, len(parents) + 1):
        below = (levels < 0) & (levels[np.maximum(parents, 0)] == level - 1)
        if not below.any():
            break
        levels[below] = level
    return np.where(levels < 0, 1, levels)
