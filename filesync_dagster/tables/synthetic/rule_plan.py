"""What rules mean for the columns of a table: which are calculated, bounded or looked up, and what is left to check."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from filesync_dagster.core.errors import RuleBroken
from filesync_dagster.tables.model import Origin, RuleKind, TableRule
from filesync_dagster.tables.synthetic.amounts import comparable
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.relations import LinkUse
from filesync_dagster.tables.synthetic.rule_check import describe
from filesync_dagster.tables.synthetic.steps import COLUMN
from filesync_dagster.tables.synthetic.values import is_number

CALCULATIONS = {RuleKind.SUM, RuleKind.DIFFERENCE, RuleKind.PRODUCT}
MIRROR = {">=": "<=", ">": "<"}
EQUAL = "="


@dataclass
class RulePlan:
    """What the rules of a table mean for its columns."""

    computed: dict[str, tuple[RuleKind, tuple[str, ...]]] = field(default_factory=dict)
    lookups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lower: dict[str, tuple[str, ...]] = field(default_factory=dict)
    upper: dict[str, tuple[str, ...]] = field(default_factory=dict)
    leaders: dict[str, str] = field(default_factory=dict)  # who is NULL together with whom
    shared: dict[str, int] = field(default_factory=dict)  # columns that a parent's row determines, by a link
    sequences: dict[str, tuple[str, str]] = field(default_factory=dict)
    distinct: list[tuple[str, ...]] = field(default_factory=list)
    checks: list[TableRule] = field(default_factory=list)
    left_out: list[TableRule] = field(default_factory=list)

    def needs(self, column: str) -> set[str]:
        """Return the columns of the same table that must be there before a column."""
        found = set(self.lookups.get(column, ())) | {*self.lower.get(column, ()), *self.upper.get(column, ())}
        found |= set(self.computed.get(column, (None, ()))[1])
        return found | ({self.leaders[column]} if column in self.leaders else set())

    def would_circle(self, target: str, inputs: Iterable[str]) -> bool:
        """Tell whether one of the inputs needs the target itself."""
        front, seen = list(inputs), set()
        while front:
            name = front.pop()
            if name == target:
                return True
            if name not in seen:
                seen.add(name)
                front.extend(self.needs(name))
        return False

    def is_free(self, column: str) -> bool:
        """Tell whether nothing says yet how a column comes about."""
        return not any(
            column in some for some in (self.computed, self.lookups, self.shared, self.sequences, self.leaders)
        )


def plan_rules(fitter: Fitter, table: str, rules: list[TableRule]) -> RulePlan:
    """Say for each rule of a table how it is satisfied. Raises RuleBroken for a declared one that cannot be."""
    plan = RulePlan()
    order = [
        *(rule for rule in rules if rule.operator == EQUAL and len(rule.columns) > 1),
        *(rule for rule in rules if rule.kind in CALCULATIONS),
        *(rule for rule in rules if rule.kind is RuleKind.SEQUENCE),
        *(rule for rule in rules if rule.kind is RuleKind.LOOKUP),
        *(rule for rule in rules if rule.kind is RuleKind.NULL_TOGETHER),
    ]
    planned = {id(rule) for rule in order}
    for rule in [*order, *(rule for rule in rules if id(rule) not in planned)]:
        _plan_rule(fitter, table, plan, rule)
    return plan


def _plan_rule(fitter: Fitter, table: str, plan: RulePlan, rule: TableRule) -> None:
    modelled = {name.removeprefix(COLUMN) for name in fitter.columns[table] if name.startswith(COLUMN)}
    several = len(rule.columns) > 1
    planners = {RuleKind.SEQUENCE: _plan_sequence, RuleKind.LOOKUP: _plan_lookup, RuleKind.AT_MOST: _plan_order}
    if rule.kind in CALCULATIONS or (rule.operator == EQUAL and several):
        _plan_calculation(fitter, table, plan, rule)
    elif rule.kind in planners:
        planners[rule.kind](fitter, table, plan, rule)
    elif rule.kind is RuleKind.COMPARE and several:
        _plan_order(fitter, table, plan, rule)
    elif rule.kind is RuleKind.NULL_TOGETHER:
        _plan_nulls(plan, rule, modelled)
    elif rule.kind is RuleKind.UNIQUE:
        if set(rule.columns) <= modelled:
            plan.distinct.append(rule.columns)
    elif rule.origin is Origin.DECLARED or _is_touched(plan, rule):
        plan.checks.append(rule)


def _is_touched(plan: RulePlan, rule: TableRule) -> bool:
    """Tell whether other rules say how one of its columns comes about: else leaves hold what satisfies it."""
    return any(not plan.is_free(name) or name in plan.lower or name in plan.upper for name in rule.columns)


def _plan_nulls(plan: RulePlan, rule: TableRule, modelled: set[str]) -> None:
    leader, *followers = rule.columns
    for name in followers:
        if {name, leader} <= modelled and plan.is_free(name) and not plan.would_circle(name, [leader]):
            plan.leaders[name] = leader
        else:
            plan.checks.append(rule)


def _type(fitter: Fitter, table: str, name: str) -> pa.DataType | None:
    """Return the type of `column` or `parent.column`; None where there is no such number or moment."""
    schema = fitter.real[table].schema
    if name in schema.names:
        kind = schema.column(name).type
        return kind if is_number(kind) else None
    for link in fitter.plan.of_child(table, LinkUse.PRIMARY, LinkUse.OTHER):
        parent = fitter.real[link.parent].schema
        column = name[len(link.parent) + 1 :]
        if name.startswith(f"{link.parent}.") and column in parent.names:
            kind = parent.column(column).type
            return kind if is_number(kind) else None
    return None


def _is_target(fitter: Fitter, table: str, plan: RulePlan, name: str, inputs: tuple[str, ...]) -> bool:
    column = fitter.columns[table].get(COLUMN + name)
    return (
        column is not None
        and column.constant is None
        and not column.nominal
        and column.is_plain
        and plan.is_free(name)
        and not plan.would_circle(name, inputs)
    )


def _plan_calculation(fitter: Fitter, table: str, plan: RulePlan, rule: TableRule) -> None:
    target, *operands = rule.columns
    kinds = [_type(fitter, table, name) for name in rule.columns]
    plain = all(kind is not None and not pa.types.is_temporal(kind) and not pa.types.is_uint64(kind) for kind in kinds)
    same = rule.operator == EQUAL and kinds[0] is not None and len(set(kinds)) == 1
    if (plain or same) and _is_target(fitter, table, plan, target, tuple(operands)):
        plan.computed[target] = (rule.kind, tuple(operands))
    else:
        plan.checks.append(rule)


def _plan_sequence(fitter: Fitter, table: str, plan: RulePlan, rule: TableRule) -> None:
    target, group, *order = rule.columns
    kind = _type(fitter, table, order[0]) if order else None
    if kind is not None and _is_target(fitter, table, plan, target, tuple(order)):
        plan.sequences[target] = (group, order[0])
    else:
        _leave_out(plan, rule)


def _plan_lookup(fitter: Fitter, table: str, plan: RulePlan, rule: TableRule) -> None:
    *determinants, target = rule.columns
    columns = fitter.columns[table]
    links = [
        link
        for link in fitter.plan.of_child(table, LinkUse.PRIMARY, LinkUse.OTHER)
        if set(link.relation.child_columns) == set(determinants)
    ]
    column = columns.get(COLUMN + target)
    if column is None or column.constant is not None:
        return  # a key is not looked up, and a column of one value needs no rule
    free = plan.is_free(target) and not plan.would_circle(target, determinants)
    known = all(
        COLUMN + name in columns and columns[COLUMN + name].is_plain and not columns[COLUMN + name].interpolates
        for name in determinants
    )
    if free and links:
        plan.shared[target] = links[0].number
    elif free and known and column.is_plain:
        plan.lookups[target] = tuple(determinants)
    elif not set(determinants) & set(fitter.real[table].schema.primary_key) or len(determinants) > 1:
        _leave_out(plan, rule)


def _leave_out(plan: RulePlan, rule: TableRule) -> None:
    """Leave out a rule that was found by itself; one that somebody declared cannot be."""
    if rule.origin is Origin.DECLARED:
        raise RuleBroken(
            f"The rule {describe(rule)} of {rule.table} cannot be built into rows.", code="rule_form", field=rule.table
        )
    plan.left_out.append(rule)


def _plan_order(fitter: Fitter, table: str, plan: RulePlan, rule: TableRule) -> None:
    low, high = rule.columns[:2]
    sign = rule.operator or "<="
    if sign in MIRROR:
        low, high, sign = high, low, MIRROR[sign]
    one, other = _type(fitter, table, low), _type(fitter, table, high)
    if sign not in {"<=", "<"} or one is None or other is None or not comparable(one, other):
        plan.checks.append(rule)
    elif _is_target(fitter, table, plan, high, (low,)):
        plan.lower[high] = (*plan.lower.get(high, ()), low)
    elif _is_target(fitter, table, plan, low, (high,)):
        plan.upper[low] = (*plan.upper.get(low, ()), high)
    else:
        plan.checks.append(rule)
