"""The parents of synthetic rows: by families, by groups, of the level above, and of cycles."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.model import RuleKind
from filesync_dagster.tables.synthetic.amounts import convert_bound
from filesync_dagster.tables.synthetic.books import Codes
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.layout import (
    adjust_counts,
    block_bounds,
    choose_parents,
    keep_within,
    lay_out,
    make_distinct,
    scale_rows,
)
from filesync_dagster.tables.synthetic.model import TableModel, inputs_of
from filesync_dagster.tables.synthetic.orphans import leave_orphans
from filesync_dagster.tables.synthetic.peers.pool import POOL_ROW
from filesync_dagster.tables.synthetic.real import NO_PARENT
from filesync_dagster.tables.synthetic.relations import Link, LinkUse
from filesync_dagster.tables.synthetic.state import Generation, TableState
from filesync_dagster.tables.synthetic.values import ArrowArray, Bools, Floats, Ints, from_arrow


def begin_table(work: Generation, model: TableModel) -> TableState:
    """Find how many rows a table has, and which rows of its parents these name, as far as parents are there."""
    name = model.schema.name
    link = work.model.plan.primary(name)
    if link is None:
        state = work.states[name] = TableState(root_rows(work, model))
    else:
        families = _families(work, model, link)
        state = work.states[name] = TableState(len(families), parents={link.number: families})
    _find_pool_rows(work, name, state)
    _find_others(work, model, state)
    for number, rows in state.parents.items():
        work.make_orphan_keys(work.model.plan.links[number], rows)
    for numbers in model.distinct_links:
        _spread(work, model, state, numbers)
    return state


def _find_pool_rows(work: Generation, name: str, state: TableState) -> None:
    """Say which drawn row of another engine each row is made of: children of those of their parents."""
    pool, link, random = work.model.pool, work.model.plan.primary(name), work.random(name, "pool")
    if pool is None:
        return
    if link is None:
        state.pool_rows = pool.first_rows(name, state.rows, random)
    else:
        above = work.states[link.parent].codes[POOL_ROW].astype(np.int64)
        state.pool_rows = pool.family_rows(name, state.parents[link.number], above, random)


def root_rows(work: Generation, model: TableModel) -> int:
    """Return how many rows a table without a primary parent has: as asked for, or as its children's number asks for."""
    name = model.schema.name
    request = work.request
    for condition in request.conditions:
        if condition.table == name and condition.rows is not None:
            return condition.rows
    if name in request.rows:
        return request.rows[name]
    return scale_rows(model.rows, _scale_for_children(work, name))


def _scale_for_children(work: Generation, name: str) -> float:
    for link in work.model.plan.of_parent(name):
        if link.use is not LinkUse.PRIMARY:
            continue
        child = work.model.tables[link.child]
        if link.child in work.request.rows and child.rows:
            return work.request.rows[link.child] / child.rows
        further = _scale_for_children(work, link.child)
        if further != work.request.scale:
            return further
    return work.request.scale


def _families(work: Generation, model: TableModel, link: Link) -> Ints:
    """Return the row of the primary parent of each row."""
    name = model.schema.name
    facts, parent = work.model.links[link.number], work.states[link.parent]
    counts = parent.codes[f"n:{link.number}"].astype(np.int64)
    if work.model.pool is not None:
        counts = work.model.pool.counts[name][parent.codes[POOL_ROW]]
    wanted = _wanted_rows(work, model, link)
    if wanted is None:  # parents that conditions chose have the children that they have
        wanted = round(int(counts.sum()) * (1 + facts.parentless))
    alone = round(wanted * facts.parentless / (1 + facts.parentless))
    if not parent.rows and alone < wanted:
        alone = wanted if facts.nullable or facts.orphan_keys else 0
        wanted = alone
    counts = adjust_counts(counts, wanted - alone, work.random(name, "counts"), single=facts.single)
    return leave_orphans(facts.orphan_keys, lay_out(counts, alone), work.random(name, "alone"))


def _wanted_rows(work: Generation, model: TableModel, link: Link) -> int | None:
    name = model.schema.name
    for condition in work.request.conditions:
        if condition.table == name and condition.rows is not None:
            return condition.rows
    if name in work.request.rows:
        return work.request.rows[name]
    if _is_conditioned(work, link.parent) or work.model.pool is not None:
        return None
    parent = work.model.tables[link.parent]
    if parent.kept is not None:
        return scale_rows(model.rows, work.request.scale)
    return round(model.rows * work.states[link.parent].rows / parent.rows) if parent.rows else 0


def _is_conditioned(work: Generation, table: str) -> bool:
    link = work.model.plan.primary(table)
    here = any(condition.table == table for condition in work.request.conditions)
    return here or (link is not None and _is_conditioned(work, link.parent))


def _find_others(work: Generation, model: TableModel, state: TableState) -> None:
    """Find the rows of the other parents: first a group for each row, then a parent of that group."""
    name = model.schema.name
    primary = work.model.plan.primary(name)
    families = state.parents[primary.number] if primary else None
    for step in model.steps[: model.group_count]:
        number = int(step.name.partition(":")[2])
        drawn: list[Codes] = []
        bounds = block_bounds(families, state.rows, work.request.block_rows)
        for block, (first, last) in enumerate(bounds):
            draft = begin_draft(state, first, last)
            work.read_context(draft, inputs_of(step))
            step.draw(draft, work.random(name, step.name, block))
            drawn.append(draft.codes[step.name])
        groups = np.concatenate(drawn) if drawn else np.empty(0, dtype=np.int32)
        link = work.model.plan.links[number]
        parent = work.states[link.parent]
        state.codes[step.name] = groups
        kinds, random = parent.codes[f"z:{number}"].astype(np.int32), work.random(name, "parents", number)
        weights, lost = parent.codes[f"n:{number}"].astype(np.int64), _is_orphan(work, link, groups)
        chosen = choose_parents(np.where(lost, np.int32(-1), groups), kinds, weights, random)
        state.parents[number] = leave_orphans(work.model.links[number].orphan_keys, chosen, random, among=lost)
        state.parents[number] = _agree(work, model, state, link)


def _is_orphan(work: Generation, link: Link, groups: Codes) -> Bools:
    """Return which rows are of the group of those whose parent is not there."""
    keys = work.model.links[link.number].orphan_keys
    return np.zeros(len(groups), dtype=bool) if keys is None else np.asarray(groups == keys.group, dtype=bool)


def _agree(work: Generation, model: TableModel, state: TableState, link: Link) -> Ints:
    """Return the parents of rows by a link, chosen so that they go together with the other parents of the same row.

    What must go together are orders across parents: an employee is hired before the project of an assignment starts.
    """
    chosen = state.parents[link.number]
    mine = {f"{link.parent}.{column}": column for column in model.outside.get(link.number, ())}
    for own in mine:
        for is_low in (True, False):
            bounds = [
                bound
                for rule in model.checks
                if rule.kind is RuleKind.AT_MOST and rule.columns[not is_low] == own
                if (bound := _bound(work, model, state, link, rule.columns[is_low], own)) is not None
            ]
            if not bounds:
                continue
            sign = 1.0 if is_low else -1.0
            bound = np.fmin.reduce([sign * one for one in bounds])
            values = _numbers(work.states[link.parent].arrays[mine[own]]) * sign
            random = work.random(model.schema.name, "agree", link.number, own)
            groups = state.codes[f"g:{link.number}"].astype(np.int32)
            lowest = np.where(np.isnan(values), -np.inf, values)
            chosen = keep_within(chosen, groups, lowest, np.where(np.isnan(bound), np.inf, bound), random)
    return chosen


def _bound(  # noqa: PLR0917 - whose, of what, and against what
    work: Generation, model: TableModel, state: TableState, link: Link, name: str, own: str
) -> Floats | None:
    """Return the values that another parent of each row has in a column, in the units of `own`."""
    kind = work.states[link.parent].arrays[own[len(link.parent) + 1 :]].type
    for number, columns in model.outside.items():
        other = work.model.plan.links[number]
        column = name[len(other.parent) + 1 :]
        if number == link.number or number not in state.parents or name != f"{other.parent}.{column}":
            continue
        if column in columns:
            there = work.parent_values(other, column, state.parents[number])
            return _numbers(there, kind)
    return None


def _numbers(values: ArrowArray, kind: pa.DataType | None = None) -> Floats:
    """Return an array as floats, NULL as NaN."""
    found = from_arrow(values)
    if kind is not None:
        found = convert_bound(found, values.type, kind, up=False)
    return np.where(found.null, np.nan, found.data.astype(np.float64))


def begin_draft(state: TableState, first: int, last: int) -> RowDraft:
    """Return a draft of rows that know their parents, and the groups of these."""
    parents = {number: rows[first:last].copy() for number, rows in state.parents.items()}
    codes = {name: codes[first:last].astype(np.int32) for name, codes in state.codes.items() if name.startswith("g:")}
    if len(state.pool_rows):
        codes[POOL_ROW] = state.pool_rows[first:last].astype(np.int32)
    return RowDraft(np.arange(first, last), parents, codes)


def _spread(work: Generation, model: TableModel, state: TableState, numbers: Sequence[int]) -> None:
    """Let no two rows have the same parents by these links; rows for which none are left go."""
    name = model.schema.name
    last = work.model.plan.links[numbers[-1]]
    first = np.zeros(state.rows, dtype=np.int64)
    for number in numbers[:-1]:
        parents = np.maximum(state.parents[number], -1)
        first = first * (work.states[work.model.plan.links[number].parent].rows + 1) + parents + 1
    random = work.random(name, "distinct", *numbers)
    chosen, gone = make_distinct(first, state.parents[last.number], work.states[last.parent].rows, random)
    state.parents[last.number] = chosen
    if not gone.any():
        return
    if len(numbers) == 1 and work.model.links[last.number].nullable:
        state.parents[last.number][gone] = -1
        return
    state.rows -= int(gone.sum())
    state.parents = {number: rows[~gone] for number, rows in state.parents.items()}
    state.codes = {name: codes[~gone] for name, codes in state.codes.items()}
    state.pool_rows = state.pool_rows[~gone] if len(state.pool_rows) else state.pool_rows
    pairs = ", ".join("+".join(work.model.plan.links[number].relation.child_columns) for number in numbers)
    work.warn(
        name, "rows_left_out", f"Rows were left out: there are not so many different {pairs}.", count=int(gone.sum())
    )


def climb(work: Generation, model: TableModel, link: Link) -> Ints:
    """Return the row of the same table that each row names: of the level above, of its group. There are no cycles."""
    name = model.schema.name
    state, facts = work.states[name], work.model.links[link.number]
    depth = state.codes[f"d:{link.number}"].astype(np.int64)
    groups = state.codes[f"g:{link.number}"].astype(np.int32)
    kinds, weights = state.codes[f"z:{link.number}"].astype(np.int32), state.codes[f"n:{link.number}"].astype(np.int64)
    found = np.full(state.rows, -1, dtype=np.int64)
    above = np.flatnonzero(depth <= 0)
    if not len(above) and state.rows:  # somebody must be the first
        above = np.array([int(np.argmin(depth))])
    placed = np.zeros(state.rows, dtype=bool)
    placed[above] = True
    for level in np.unique(depth[depth > 0]):
        rows = np.flatnonzero((depth == level) & ~placed)
        if not len(rows):
            continue
        known = np.where(groups[rows] >= 0, groups[rows], np.iinfo(np.int32).max)
        random = work.random(name, "levels", link.number, int(level))
        found[rows] = above[choose_parents(known, kinds[above], weights[above], random)]
        placed[rows] = True
        above = rows
    found = leave_orphans(facts.orphan_keys, found, work.random(name, "alone", link.number))
    if facts.own_root:
        found = np.where(found == NO_PARENT, np.arange(state.rows), found)
    elif not facts.nullable and np.any(found == NO_PARENT):
        raise KeysBroken(f"{name} has a first row that must name another.", code="cycle", field=name)
    return found


def close_cycle(work: Generation, model: TableModel, link: Link) -> Ints:
    """Return the rows that a late link leads to."""
    groups = work.states[model.schema.name].codes[f"g:{link.number}"].astype(np.int32)
    lost = _is_orphan(work, link, groups)
    chosen = _choose_late(work, model, link, np.where(lost, np.int32(-1), groups))
    random = work.random(model.schema.name, "alone", link.number)
    return leave_orphans(work.model.links[link.number].orphan_keys, chosen, random, among=lost)


def _choose_late(work: Generation, model: TableModel, link: Link, groups: Codes) -> Ints:
    name = model.schema.name
    state, parent = work.states[name], work.states[link.parent]
    weights = parent.codes[f"n:{link.number}"].astype(np.int64)
    random = work.random(name, "late", link.number)
    within = work.model.links[link.number].within
    if within is None or within not in parent.parents:
        kinds = parent.codes[f"z:{link.number}"].astype(np.int32)
        return choose_parents(groups, kinds, weights, random)
    owner = parent.parents[within]
    order = np.lexsort((random.random(parent.rows), -weights, owner))
    owners, places = np.unique(owner[order], return_index=True)
    found = np.full(state.rows, -1, dtype=np.int64)
    here = owners >= 0
    found[owners[here]] = order[places[here]]
    chosen = np.where(groups >= 0, found, -1)
    facts = work.model.links[link.number]
    lonely = (chosen < 0) & (groups >= 0)
    if lonely.any() and not facts.nullable:  # nobody is within: anybody will do
        everyone = np.full(parent.rows, 0, dtype=np.int32)
        chosen[lonely] = choose_parents(np.zeros(int(lonely.sum()), np.int32), everyone, weights, random)
    return chosen
