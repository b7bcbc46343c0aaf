"""The naive sampler: every column drawn on its own, whatever the others say. What is no better has learnt nothing."""

import numpy as np

from filesync_dagster.tables.synthetic.measures.columns import Floats, Indices
from filesync_dagster.tables.synthetic.measures.families import Census, Columns, Families


def naive_families(families: Families, rng: np.random.Generator) -> Families:
    """Return families with columns as they were, dealt out anew; so are the sizes of families, and who is in which."""
    order = rng.permutation(families.family_count)
    return Families(
        _deal(families.children, families.row_count, rng),
        rng.permutation(order[families.link]),
        _deal(families.parents, families.family_count, rng),
        _deal(families.above, families.family_count, rng),
        _permute_sizes(families.sizes, order),
    )


def naive_census(census: Census, rng: np.random.Generator) -> Census:
    """Return parents with columns as they were, dealt out anew, and so are their numbers of children."""
    return Census(_deal(census.columns, len(census.sizes), rng), rng.permutation(census.sizes))


def _deal(columns: Columns, rows: int, rng: np.random.Generator) -> dict[str, Floats]:
    return {name: values[rng.permutation(rows)] for name, values in columns.items()}


def _permute_sizes(sizes: Indices, order: Indices) -> Indices:
    """Return the sizes of families under their new numbers: family i is now `order[i]`."""
    found = np.empty_like(sizes)
    found[order] = sizes
    return found
