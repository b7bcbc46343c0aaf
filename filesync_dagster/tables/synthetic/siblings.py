"""Siblings in small families: what the others of a family are like on average, number by number.

Kinds of families need several children to be told; of two or three, the mean of the others says more. A row is
foretold from the others alone, never from itself, so that siblings that have nothing in common are given nothing.
"""

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.synthetic.books import book_of_values
from filesync_dagster.tables.synthetic.columns import ColumnFit, number_column
from filesync_dagster.tables.synthetic.draft import seed_at
from filesync_dagster.tables.synthetic.families import explained_share
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.relations import Link
from filesync_dagster.tables.synthetic.targets import mean_ranks
from filesync_dagster.tables.synthetic.values import ColumnValues, Ints

SMALL_FAMILY_ROWS = 3
ALIKE_SHARE = 0.1
COLUMN_COUNT = 4
RANK_COUNT = 1_000


def is_small(counts: Ints) -> bool:
    """Tell whether families are too small to be sorted into kinds."""
    return bool(np.any(counts > 1)) and float(counts[counts > 0].mean()) < SMALL_FAMILY_ROWS


def sibling_names(fitter: Fitter, link: Link) -> list[str]:
    """Return the names of what a link's parents know of their children's numbers."""
    return [name for name in fitter.columns[link.parent] if name.startswith("m") and name.endswith(f":{link.number}")]


def add_siblings(fitter: Fitter, link: Link) -> None:
    """Add the mean of each number that siblings resemble each other in, as columns of their parents."""
    parents = fitter.parents[link.relation]
    rows = fitter.real[link.parent].rows
    numbers = [
        each
        for each in fitter.columns[link.child].values()
        if each.constant is None and not each.nominal and each.is_plain and each.name.startswith("c:")
    ]
    shares = {each.name: explained_share(mean_ranks(each.values), parents) for each in numbers}
    chosen = sorted((each for each in numbers if shares[each.name] >= ALIKE_SHARE), key=lambda one: -shares[one.name])
    for place, each in enumerate(chosen[:COLUMN_COUNT]):
        name = f"m{place}:{link.number}"
        others = _others(each, parents, rows)
        if others.null.all():
            continue
        book = book_of_values(others, pa.int64(), 1, keep_extremes=True, discrete=True)
        fitter.siblings[link.child, f"r{link.number}:{name}"] = book.encode(others)
        seed = seed_at(fitter.options.seed, "siblings", link.number, place)
        mean = _one_of_each(others, parents, rows, seed)
        found = number_column(name, mean, book)
        found.rank = 6
        fitter.columns[link.parent][name] = found


def _others(column: ColumnFit, parents: Ints, rows: int) -> ColumnValues:
    """Return the mean rank of the other children of each row's parent, in thousandths; NULL where there are none."""
    values = column.values
    here = (parents >= 0) & ~values.null
    ranks = mean_ranks(values)
    counts = np.bincount(parents[here], minlength=rows)[np.maximum(parents, 0)] - here
    sums = np.bincount(parents[here], weights=ranks[here], minlength=rows)[np.maximum(parents, 0)] - ranks * here
    null = (parents < 0) | (counts < 1)
    means = np.divide(sums, counts, out=np.zeros(len(sums)), where=~null)
    return ColumnValues(np.rint(means * RANK_COUNT).astype(np.int64), null)


def _one_of_each(others: ColumnValues, parents: Ints, rows: int, seed: int) -> ColumnValues:
    """Return what one child of each parent, whichever, sees of the others."""
    order = np.random.default_rng(seed).permutation(len(parents))
    seen = order[(parents[order] >= 0) & ~others.null[order]]
    data, null = np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=bool)
    data[parents[seen]], null[parents[seen]] = others.data[seen], False
    return ColumnValues(data, null)
