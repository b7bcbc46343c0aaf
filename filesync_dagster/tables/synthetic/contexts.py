"""What a column looks at: earlier columns, parents, the kind of its family; each if it tells more."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.tables.synthetic.columns import ColumnFit
from filesync_dagster.tables.synthetic.draft import seed_at
from filesync_dagster.tables.synthetic.families import odd_siblings
from filesync_dagster.tables.synthetic.fitter import Fitter, sample_rows, take_codes
from filesync_dagster.tables.synthetic.relations import Link, LinkUse
from filesync_dagster.tables.synthetic.selection import (
    INPUT_COUNT,
    TreeData,
    by_relevance,
    choose_fewest,
    choose_leaf,
    choose_names,
    fit_values,
)
from filesync_dagster.tables.synthetic.siblings import SMALL_FAMILY_ROWS, sibling_names
from filesync_dagster.tables.synthetic.trees import ValueModel
from filesync_dagster.tables.synthetic.values import Ints

if TYPE_CHECKING:
    from filesync_dagster.tables.synthetic.peers.mostlyai.learner import Learner

LARGE_FAMILY_ROWS = 20
ANCESTOR_COUNT = 8


def fit_column(
    fitter: Fitter, table: str, column: ColumnFit, known: Sequence[str], among: Ints | None = None
) -> ValueModel:
    """Fit the model of a column to what is known before it. `among`: only to these rows."""
    if fitter.learner is not None:
        return _learn_column(fitter, fitter.learner, table, column, among)
    seed = seed_at(fitter.options.seed, table, column.name)
    rows = np.arange(len(column.codes)) if among is None else among
    rows = rows[sample_rows(len(rows), fitter.options.donor_rows, seed)]
    link = fitter.plan.primary(table)
    others = [other for other in fitter.plan.of_child(table, LinkUse.OTHER) if f"g:{other.number}" in known]
    names = [*known, *(context for one in ([link] if link else []) + others for context in _context(fitter, one))]
    data = _tree_data(fitter, table, column, names, rows, link=link)
    names = list(by_relevance(data, names, seed)[:INPUT_COUNT])
    tested = _smaller(data, fitter.options.test_rows, seed)
    chosen = _choose_context(fitter, table, column, tested, names)
    leaf = choose_leaf(tested, chosen, fitter.options, seed)
    held = column.values.take(rows)
    return fit_values(data, chosen, leaf, held, seed, interpolates=column.interpolates, rows=fitter.options.tree_rows)


def _learn_column(fitter: Fitter, learner: "Learner", table: str, column: ColumnFit, among: Ints | None) -> ValueModel:
    """Leave a column to another engine: but how many children there are, and what only trees look at."""
    kind, _, number = column.name.partition(":")
    if kind.startswith(("n", "z", "m")):
        link = fitter.plan.links[int(number)]
        if link.use is LinkUse.PRIMARY:
            return learner.count(table, link.child) if kind == "n" else learner.draw_zeros(table)
    return learner.learn(
        table, column.name, column.values, among, nominal=column.nominal, interpolates=column.interpolates
    )


def _context(fitter: Fitter, link: Link) -> list[str]:
    """Return the names of what a child may look at of a parent, and of the parent's own parent."""
    prefix = f"r{link.number}:"
    own = [each for each in fitter.columns[link.parent].values() if each.constant is None]
    found = [prefix + each.name for each in own if each.name.startswith("c:")]
    if link.use is LinkUse.PRIMARY:
        found += [f"{prefix}n:{link.number}", f"{prefix}z:{link.number}"]
        found += [prefix + name for name in sibling_names(fitter, link)]
    above = fitter.plan.primary(link.parent)
    if above is not None and link.use is LinkUse.PRIMARY:
        far = [each for each in fitter.columns[above.parent].values() if each.constant is None]
        found += [f"{prefix}r{above.number}:{each.name}" for each in far if each.name.startswith("c:")][:ANCESTOR_COUNT]
    return found


def _tree_data(
    fitter: Fitter, table: str, column: ColumnFit, names: Sequence[str], rows: Ints, *, link: Link | None
) -> TreeData:
    codes = {name: fitter.codes(table, name)[rows] for name in names}
    nominal = frozenset(name for name in names if fitter.is_nominal(table, name))
    groups = rows if link is None else family_ids(fitter.parents[link.relation])[rows]
    return TreeData(codes, nominal, column.target(rows), groups, _orders(fitter, names, column))


def _orders(fitter: Fitter, names: Sequence[str], column: ColumnFit) -> dict[str, list[NDArray[np.float32]]]:
    """Return what kinds of families say of a column, by the names of these kinds."""
    found = {}
    for name in names:
        kind, _, number = name.rpartition(":")
        if kind == "g" or kind.endswith(":z"):
            orders = fitter.families[int(number)].kinds.orders(column.name)
            if orders:
                found[name] = orders
    return found


def family_ids(parents: Ints) -> Ints:
    """Return a number for each family; a row without a parent is a family of its own."""
    return np.where(parents >= 0, parents, -1 - np.arange(len(parents)))


def _smaller(data: TreeData, most: int, seed: int) -> TreeData:
    """Return so many of the rows."""
    if data.rows <= most:
        return data
    rows = sample_rows(data.rows, most, seed)
    codes = {name: codes[rows] for name, codes in data.codes.items()}
    return replace(data, codes=codes, target=data.target[rows], groups=data.groups[rows])


def _choose_context(
    fitter: Fitter, table: str, column: ColumnFit, tested: TreeData, names: Sequence[str]
) -> Sequence[str]:
    """Choose what a column looks at, the fewest first; then whether the kind of its family tells more.

    Large families always look at their parent: there are too few of them for a test of that.
    """
    options = fitter.options
    seed = seed_at(options.seed, table, column.name, "context")
    link = fitter.plan.primary(table)
    if link is None:
        return choose_fewest(tested, names, options, seed)
    counts = fitter.families[link.number].counts
    size = float(counts[counts > 0].mean()) if np.any(counts > 0) else 0.0
    latent = f"r{link.number}:z:{link.number}"
    large = size >= LARGE_FAMILY_ROWS
    parent = [name for name in names if large and name.startswith(f"r{link.number}:") and name != latent]
    others = [name for name in names if name not in parent and name != latent]
    fewest = [*choose_fewest(tested, others, options, seed), *parent]
    if latent not in names or size < SMALL_FAMILY_ROWS:
        return fewest
    own = [name for name in fewest if not name.startswith(f"r{link.number}:")]
    simple = [fewest] if large or own == fewest else [own, fewest]
    sets = [*simple, *([*some, latent] for some in simple)]
    return choose_names(_halves(fitter, table, column, sets[-1], latent), sets[::-1] if large else sets, options, seed)


def _halves(fitter: Fitter, table: str, column: ColumnFit, names: Sequence[str], latent: str) -> TreeData:
    """Return rows for a test of the kind of a family: it comes of the odd siblings, and the even ones are foretold."""
    link = fitter.plan.primary(table)
    assert link is not None
    parents = fitter.parents[link.relation]
    even = np.flatnonzero(~odd_siblings(parents) | (parents < 0))
    seed = seed_at(fitter.options.seed, table, column.name, "halves")
    rows = even[sample_rows(len(even), fitter.options.test_rows, seed)]
    data = _tree_data(fitter, table, column, [name for name in names if name != latent], rows, link=link)
    codes = {**data.codes, latent: take_codes(fitter.families[link.number].odd, parents[rows])}
    return replace(data, codes=codes, nominal=data.nominal | {latent}, orders=_orders(fitter, names, column))
