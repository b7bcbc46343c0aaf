"""Blocks of rows: drawn, checked, and drawn again where a rule, a condition or a key asks for it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import KeysBroken, RuleBroken
from filesync_dagster.tables.synthetic.ancestry import begin_draft
from filesync_dagster.tables.synthetic.conditions import evaluate, locked_connection, rule_condition, wanted_rows
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.model import TableModel, inputs_of
from filesync_dagster.tables.synthetic.options import RowCondition
from filesync_dagster.tables.synthetic.peers.pool import POOL_ROW
from filesync_dagster.tables.synthetic.real import key_codes
from filesync_dagster.tables.synthetic.relations import LinkUse
from filesync_dagster.tables.synthetic.state import Generation
from filesync_dagster.tables.synthetic.values import AnyArray, ArrowArray, Bools, Ints, null_mask

RULE_ROUNDS = 20
CONDITION_BUDGET_TIMES = 64
CONDITION_DRAW_TIMES = 8


def draw_block(work: Generation, model: TableModel, item: tuple[int, tuple[int, int]]) -> RowDraft:
    """Draw the rows of a block; all of them satisfy the rules of the table, and the conditions of the request."""
    block, (first, last) = item
    draft = _draw(work, model, begin_draft(work.states[model.schema.name], first, last), (block, 0))
    conditions = [condition for condition in work.request.conditions if condition.table == model.schema.name]
    if conditions:
        draft = _fulfil(work, model, draft, conditions, block)
    _repeat_until_right(work, model, draft, block, conditions)
    for step in model.later:
        step.draw(draft, work.random(model.schema.name, step.name, block))
    return draft


def _draw(work: Generation, model: TableModel, draft: RowDraft, place: tuple[int, ...]) -> RowDraft:
    name = model.schema.name
    state = work.states[name]
    if work.model.pool is not None and POOL_ROW not in draft.codes:
        drawn = work.model.pool.any_rows(name, draft.rows, work.random(name, "pool", *place))
        draft.codes[POOL_ROW] = drawn.astype(np.int32)
    for column, values in state.arrays.items():
        draft.arrays[column] = values.take(pa.array(draft.numbers))
    for link in work.model.plan.of_child(name, LinkUse.PRIMARY, LinkUse.OTHER):
        draft.arrays |= work.foreign_keys(link, draft.parents[link.number])
    for number, columns in model.outside.items():
        link = work.model.plan.links[number]
        draft.outside[link.parent] = {
            column: work.parent_values(link, column, draft.parents[number]) for column in columns
        }
    for step in model.steps[model.group_count :]:
        work.watch.check()
        work.read_context(draft, inputs_of(step))
        step.draw(draft, work.random(name, step.name, *place))
    return draft


def _again(work: Generation, model: TableModel, draft: RowDraft, rows: Ints, place: tuple[int, ...]) -> RowDraft:
    """Return other rows in the place of some."""
    parents = {number: parents[rows].copy() for number, parents in draft.parents.items()}
    groups = {name: codes[rows] for name, codes in draft.codes.items() if name.startswith("g:")}
    fixed = {number for numbers in model.distinct_links for number in numbers}
    if model.checks and place[1] > 1:  # it may be the parents who do not go together
        for link in work.model.plan.of_child(model.schema.name, LinkUse.OTHER):
            if link.number not in fixed:
                random = work.random(model.schema.name, "again", link.number, *place)
                known = work.states[model.schema.name].codes[f"g:{link.number}"]
                rough = 0 if place[1] > RULE_ROUNDS // 2 else 1  # at last, of any group
                parents[link.number] = _others_of_group(
                    groups[f"g:{link.number}"] * rough,
                    known * rough,
                    work.states[model.schema.name].parents[link.number],
                    random,
                )
    return _draw(work, model, RowDraft(draft.numbers[rows], parents, groups), place)


def _others_of_group(groups: AnyArray, known: AnyArray, parents: Ints, random: np.random.Generator) -> Ints:
    """Return the parent of any row of the same group, for each of some rows."""
    found = np.empty(len(groups), dtype=np.int64)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        found[rows] = random.choice(parents[known == group], size=len(rows))
    return found


def _holds(model: TableModel, draft: RowDraft, conditions: Sequence[RowCondition], *, rules: bool) -> Bools:
    """Return which rows are as they must be."""
    columns, parents = tuple(draft.arrays), tuple(draft.outside)
    fine = np.ones(draft.rows, dtype=bool)
    with locked_connection(draft.arrays, draft.outside) as con:
        for condition in conditions:
            fine &= evaluate(con, wanted_rows(condition, columns, parents), null_holds=False)
        for rule in model.checks if rules else ():
            sql = rule_condition(rule, columns, parents)
            if sql is not None:
                fine &= evaluate(con, sql, null_holds=True)
    return fine


def _fulfil(
    work: Generation, model: TableModel, draft: RowDraft, conditions: Sequence[RowCondition], block: int
) -> RowDraft:
    """Draw candidates, of any family, until every row fulfils the conditions: at most 64 for each row."""
    name = model.schema.name
    state = work.states[name]
    missing = np.flatnonzero(~_holds(model, draft, conditions, rules=False))
    drawn, hits, turn = draft.rows, draft.rows - len(missing), 0
    while len(missing):
        turn += 1
        budget = draft.rows * CONDITION_BUDGET_TIMES - drawn
        if budget <= 0:
            asked = ", ".join(f"{column} = {value}" for one in conditions for column, value in one.where.items())
            raise RuleBroken(
                f"Of {drawn} rows of {name} that were drawn, {hits} have {asked}; {draft.rows} were asked for.",
                hint="Ask for fewer rows, or for values that are less rare.",
                code="condition_too_rare",
                field=name,
            )
        size = min(len(missing) * CONDITION_DRAW_TIMES, budget, work.request.block_rows)
        random = work.random(name, "candidates", block, turn)
        source = np.sort(random.integers(state.rows, size=size))
        parents = {number: rows[source] for number, rows in state.parents.items()}
        groups = {key: codes[source].astype(np.int32) for key, codes in state.codes.items() if key.startswith("g:")}
        some = _draw(work, model, RowDraft(np.resize(draft.numbers, size), parents, groups), (block, -turn % 2**31))
        right = np.flatnonzero(_holds(model, some, conditions, rules=False))[: len(missing)]
        drawn += size
        hits += len(right)
        if len(right):
            draft.put_rows(
                missing[: len(right)], _part(some, right, draft.numbers[missing[: len(right)]], state.arrays)
            )
        missing = missing[len(right) :]
    return draft


def _part(draft: RowDraft, rows: Ints, numbers: Ints, keys: dict[str, ArrowArray]) -> RowDraft:
    """Return some rows of a draft, under other numbers."""
    index: ArrowArray = pa.array(rows)
    found = RowDraft(numbers, {number: parents[rows] for number, parents in draft.parents.items()})
    found.codes = {name: codes[rows] for name, codes in draft.codes.items()}
    found.values = {name: values.take(rows) for name, values in draft.values.items()}
    found.arrays = {name: array.take(index) for name, array in draft.arrays.items()}
    found.arrays |= {name: values.take(pa.array(numbers)) for name, values in keys.items()}
    found.outside = {
        parent: {name: array.take(index) for name, array in columns.items()}
        for parent, columns in draft.outside.items()
    }
    return found


def _repeat_until_right(
    work: Generation, model: TableModel, draft: RowDraft, block: int, conditions: Sequence[RowCondition]
) -> None:
    """Draw rows again that break a rule, or repeat what must not repeat."""
    if not model.checks and not model.distinct:
        return
    wrong = _wrong_rows(model, draft, conditions)
    for turn in range(1, RULE_ROUNDS + 1):
        if not len(wrong):
            return
        draft.put_rows(wrong, _again(work, model, draft, wrong, (block, turn)))
        wrong = _wrong_rows(model, draft, conditions)
    if len(wrong):
        _give_up(model, draft, len(wrong))


def _wrong_rows(model: TableModel, draft: RowDraft, conditions: Sequence[RowCondition]) -> Ints:
    fine = _holds(model, draft, conditions, rules=True) if model.checks else np.ones(draft.rows, dtype=bool)
    for columns in model.distinct:
        arrays = [draft.arrays[name] for name in columns]
        whole = ~np.logical_or.reduce([null_mask(array) for array in arrays])
        _, codes = key_codes(arrays, arrays)
        _, once = np.unique(codes, return_index=True)
        first = np.zeros(draft.rows, dtype=bool)
        first[once] = True
        fine &= first | ~whole
    return np.flatnonzero(~fine)


def _give_up(model: TableModel, draft: RowDraft, wrong: int) -> None:
    share = 1 - wrong / draft.rows
    name = model.schema.name
    if model.checks:
        kinds = "; ".join(f"{rule.kind} of {', '.join(rule.columns) or rule.expression}" for rule in model.checks)
        raise RuleBroken(
            f"After {RULE_ROUNDS} rounds {share:.1%} of the rows of {name} satisfy its rules ({kinds}).",
            hint="Leave out the rule that is satisfied so seldom.",
            code="rule_too_rare",
            field=name,
        )
    keys = "; ".join(", ".join(columns) for columns in model.distinct)
    raise KeysBroken(
        f"After {RULE_ROUNDS} rounds {wrong} rows of {name} still repeat {keys}.", code="key_not_unique", field=name
    )
