"""Orphans that are kept: rows that name a parent that is not there, as many as really do, by keys that nobody has.

In the numbers of parents' rows, -2 is the first key that leads nowhere, -3 the second, and so on; -1 is NULL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import TableRelation
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.keys import KeyMaker, key_maker
from filesync_dagster.tables.synthetic.real import NO_PARENT, ORPHAN, key_codes, same_type
from filesync_dagster.tables.synthetic.relations import Link, LinkUse
from filesync_dagster.tables.synthetic.values import ArrowArray, Bools, Ints, pc


@dataclass(frozen=True)
class OrphanKeys:
    """What the orphans of a relation name. The parent's columns that have no maker are those of any parent."""

    makers: Mapping[str, KeyMaker]  # by the column of the parent
    sizes: Ints  # of real orphans: how many name the same
    share: float  # of the rows without a parent, those that are no NULL
    group: int = -1  # of parents, that orphans are drawn as

    def spread(self, rows: int, random: np.random.Generator) -> Ints:
        """Return what so many orphans name: -2, -3, …, each as often as real ones are named."""
        sizes = np.tile(self.sizes, -(-rows // int(self.sizes.sum())))
        numbers = np.repeat(np.arange(len(sizes), dtype=np.int64), random.permutation(sizes))[:rows]
        return random.permutation(ORPHAN - numbers)

    def make(
        self, parents: Mapping[str, ArrowArray], count: int, start: int, random: np.random.Generator
    ) -> dict[str, ArrowArray]:
        """Return so many keys that no parent has, column by column. `parents`: the columns of the parents' keys."""
        some = random.integers(max(len(next(iter(parents.values()))), 1), size=count)
        found = {}
        for column, known in parents.items():
            maker = self.makers.get(column)
            if maker is None:
                found[column] = known.take(pa.array(some, mask=np.full(count, not len(known))))
                continue
            made = maker.make(len(known) + count, start, random).cast(known.type)
            fresh = np.flatnonzero(pc.invert(pc.is_in(made, known)).to_numpy(zero_copy_only=False))
            found[column] = made.take(pa.array(np.sort(random.permutation(fresh)[:count])))
        return found


def find_orphan_keys(fitter: Fitter, link: Link) -> OrphanKeys | None:
    """Return what the orphans of a link name; None where there are none, or no key can be made that leads nowhere."""
    parents = fitter.parents[link.relation]
    lost = np.flatnonzero(parents == ORPHAN)
    if not fitter.options.keep_orphans or not len(lost) or link.use is LinkUse.IMPLIED:
        return None
    child, parent = fitter.real[link.child], fitter.real[link.parent]
    theirs = dict(zip(link.relation.parent_columns, link.relation.child_columns, strict=True))
    bound = {
        name for other in fitter.plan.of_child(link.child, LinkUse.IMPLIED) for name in other.relation.child_columns
    }
    makers = {
        column: key_maker(_all_keys(child.column(mine), parent.column(column)))
        for column, mine in theirs.items()
        if mine not in bound and not pa.types.is_boolean(parent.column(column).type)
    }
    if not makers:
        return None
    named = [column.take(pa.array(lost)) for column in child.columns(link.relation.child_columns)]
    sizes = np.bincount(key_codes(named, named)[1])
    sizes = np.ones(1, dtype=np.int64) if _must_differ(fitter, link) else sizes[sizes > 0]
    return OrphanKeys(makers, sizes, len(lost) / int(np.count_nonzero(parents < 0)))


def _all_keys(child: ArrowArray, parent: ArrowArray) -> ArrowArray:
    """Return the keys of either side: none of them is made again."""
    mine, theirs = same_type(child, parent)
    return pa.concat_arrays([theirs, mine]) if theirs.type == parent.type else parent


def _must_differ(fitter: Fitter, link: Link) -> bool:
    """Tell whether a key of the child has columns of the link: two orphans that name the same could be one row."""
    schema = fitter.real[link.child].schema
    columns = set(link.relation.child_columns)
    return any(columns & set(key) for key in (schema.primary_key, *schema.unique_keys))


def leave_orphans(
    keys: OrphanKeys | None, parents: Ints, random: np.random.Generator, *, among: Bools | None = None
) -> Ints:
    """Return parents' rows in which some rows are orphans.

    `among`: those that are; otherwise as large a share of those without a parent as of real ones.
    """
    if keys is None:
        return parents
    rows = np.flatnonzero(parents == NO_PARENT if among is None else among)
    if among is None:
        rows = np.sort(random.permutation(rows)[: round(len(rows) * keys.share)])
    found = parents.copy()
    found[rows] = keys.spread(len(rows), random)
    return found


def with_inclusion(relation: TableRelation, keys: OrphanKeys | None, parents: Ints | None) -> TableRelation:
    """Return a relation that says which share of its synthetic rows have the parent that they name."""
    if keys is None or parents is None:
        return relation if relation.inclusion is None else replace(relation, inclusion=1.0)
    named = int(np.count_nonzero(parents != NO_PARENT))
    return replace(relation, inclusion=int(np.count_nonzero(parents >= 0)) / named if named else None)
