"""Rules that follow from others: a project ends after it starts, where its assignments lie between the two.

An order that rows obey towards two parents, or towards two columns of one, asks for an order of those: parents that do
not go together would leave their child no value.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

from filesync_dagster.core.errors import RuleBroken
from filesync_dagster.tables.model import Origin, RuleKind, TableRelation, TableRule
from filesync_dagster.tables.synthetic.amounts import comparable
from filesync_dagster.tables.synthetic.real import RealTable
from filesync_dagster.tables.synthetic.rule_check import check_rule, parents_of
from filesync_dagster.tables.synthetic.values import Ints, is_number

SUPPORT_ROWS = 20


def implied_rules(
    rules: Sequence[TableRule],
    real: Mapping[str, RealTable],
    relations: Sequence[TableRelation],
    known: Mapping[TableRelation, Ints],
) -> list[TableRule]:
    """Return the orders of parents' columns that follow from rules of their children, and that real rows obey."""
    found: list[TableRule] = []
    said = {(rule.table, rule.columns) for rule in rules if rule.kind is RuleKind.AT_MOST}
    for rule in _candidates(rules, real):
        if (rule.table, rule.columns) in said or not _is_comparable(rule, real):
            continue
        parents = parents_of(rule.table, real, relations, known)
        if real[rule.table].rows < SUPPORT_ROWS or any(_parent(name, parents) is None for name in _outside(rule, real)):
            continue
        said.add((rule.table, rule.columns))
        try:
            check_rule(rule, real[rule.table], parents)
        except RuleBroken:
            continue
        found.append(rule)
    return found


def _candidates(rules: Sequence[TableRule], real: Mapping[str, RealTable]) -> Iterator[TableRule]:
    """Yield the orders that could be: of two columns of one parent, and of columns of two parents."""
    orders = [rule for rule in rules if rule.kind is RuleKind.AT_MOST and len(rule.columns) > 1]
    for table in dict.fromkeys(rule.table for rule in orders):
        here = [rule.columns[:2] for rule in orders if rule.table == table]
        above = {name for pair in here for name in pair if name not in real[table].schema.names}
        for low, high in permutations(sorted(above), 2):
            (one, first), (other, last) = _parts(low, real), _parts(high, real)
            between = {mine for name, mine in here if name == low} & {mine for mine, name in here if name == high}
            if one and one == other and between:
                yield TableRule(RuleKind.AT_MOST, one, (first, last), Origin.DETECTED, support=real[one].rows)
            elif one and other and one != other:
                yield TableRule(RuleKind.AT_MOST, table, (low, high), Origin.DETECTED, support=real[table].rows)


def _parts(name: str, real: Mapping[str, RealTable]) -> tuple[str, str]:
    """Return the table and the column of `parent.column`."""
    found = [table for table in real if name.startswith(f"{table}.")]
    table = max(found, key=len, default="")
    return table, name[len(table) + 1 :]


def _parent(name: str, parents: Mapping[str, object]) -> str | None:
    return next((parent for parent in parents if name.startswith(f"{parent}.")), None)


def _outside(rule: TableRule, real: Mapping[str, RealTable]) -> list[str]:
    return [name for name in rule.columns if name not in real[rule.table].schema.names]


def _is_comparable(rule: TableRule, real: Mapping[str, RealTable]) -> bool:
    kinds = []
    for name in rule.columns:
        own = name in real[rule.table].schema.names
        table, column = (rule.table, name) if own else _parts(name, real)
        if column not in real[table].schema.names:
            return False
        kinds.append(real[table].schema.column(column).type)
    return all(is_number(kind) for kind in kinds) and comparable(kinds[0], kinds[1])
