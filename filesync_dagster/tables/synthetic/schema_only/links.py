"""Relations that nobody has seen rows of: how many children parents have, and how deep a hierarchy is."""

from typing import Final

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.model import Multiplicity
from filesync_dagster.tables.synthetic.books import book_of_values
from filesync_dagster.tables.synthetic.columns import ColumnFit, number_column
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.model import LinkFacts
from filesync_dagster.tables.synthetic.relations import Link, LinkUse
from filesync_dagster.tables.synthetic.schema_only.marginals import SAMPLE_ROWS
from filesync_dagster.tables.synthetic.schema_only.sketch import plain_classes
from filesync_dagster.tables.synthetic.values import ColumnValues

MEAN_CHILDREN_COUNT: Final = 1.0
LEVEL_SHARES: Final = (0.05, 0.25, 0.7)
"""Of a hierarchy: the top, those below it, and all others."""


def link_facts(fitter: Fitter, link: Link) -> LinkFacts:
    """Return what holds for the rows of a relation. Raises KeysBroken for a hierarchy that nobody can be on top of."""
    schema = fitter.real[link.child].schema
    columns = link.relation.child_columns
    nullable = any(schema.column(name).nullable and name not in schema.primary_key for name in columns)
    unique = {schema.primary_key, *schema.unique_keys}
    single = columns in unique or link.relation.multiplicity is Multiplicity.ONE_TO_ONE
    if link.use is LinkUse.OWN and not nullable and not fitter.options.deferrable:
        raise KeysBroken(
            f"Each row of {link.child} names another ({', '.join(columns)}), never NULL: no row can be the first.",
            hint="Let the column be NULL.",
            code="cycle",
            field=link.child,
        )
    within = None
    if link.use is LinkUse.LATE:
        back = [
            one for one in fitter.plan.of_child(link.parent, LinkUse.PRIMARY, LinkUse.OTHER) if one.parent == link.child
        ]
        within = back[0].number if back else None
    own_root = link.use is LinkUse.OWN and not nullable
    return LinkFacts(single=single, nullable=nullable, own_root=own_root, within=within)


def add_link(fitter: Fitter, link: Link, facts: LinkFacts) -> None:
    """Add what a link's parents and children know of each other, as columns of theirs."""
    if link.use is LinkUse.IMPLIED:
        return
    parents, children = fitter.columns[link.parent], fitter.columns[link.child]
    n, z, g, d = (f"{letter}:{link.number}" for letter in "nzgd")
    parents[n] = _counts(n, _children(single=facts.single), rank=5)
    one = np.zeros(SAMPLE_ROWS, dtype=np.int32)
    parents[z] = _group(z, one, rank=7)
    if link.use is not LinkUse.PRIMARY:
        children[g] = _group(g, one, rank=-1 if link.use is LinkUse.OTHER else 4)
    if link.use is LinkUse.OWN:
        counts = [round(share * SAMPLE_ROWS) for share in LEVEL_SHARES]
        parents[d] = _counts(d, np.repeat(np.arange(len(counts)), counts), rank=-1)


def _children(*, single: bool) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return how many children parents have: one each on average, many of them none, some of them several."""
    if single:
        return np.ones(SAMPLE_ROWS, dtype=np.int64)
    part = (np.arange(SAMPLE_ROWS) + 0.5) / SAMPLE_ROWS
    return np.floor(np.log(1 - part) / np.log(MEAN_CHILDREN_COUNT / (1 + MEAN_CHILDREN_COUNT))).astype(np.int64)


def _counts(name: str, data: "np.ndarray[tuple[int], np.dtype[np.int64]]", rank: int) -> ColumnFit:
    values = ColumnValues(data, np.zeros(len(data), dtype=bool))
    book = book_of_values(values, pa.int64(), 1, keep_extremes=True, discrete=True)
    found = number_column(name, values, book, rank=rank)
    found.rank = rank
    return found


def _group(name: str, codes: "np.ndarray[tuple[int], np.dtype[np.int32]]", rank: int) -> ColumnFit:
    found = plain_classes(name, pa.int32(), pa.array([0], pa.int32()), codes)
    found.rank = rank
    return found
