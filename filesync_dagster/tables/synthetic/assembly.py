"""The model of a table put together: in which order its columns come about, and what its blocks must look out for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from filesync_dagster.tables.model import TableRule
from filesync_dagster.tables.synthetic.columns import ColumnFit
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.identity import RowIdentity
from filesync_dagster.tables.synthetic.keys import KeyMaker
from filesync_dagster.tables.synthetic.model import LinkFacts, TableModel
from filesync_dagster.tables.synthetic.real import RealTable
from filesync_dagster.tables.synthetic.relations import LinkUse
from filesync_dagster.tables.synthetic.rule_plan import RulePlan
from filesync_dagster.tables.synthetic.steps import ColumnStep


@dataclass(frozen=True)
class TableParts:
    """What the model of a table is put together from."""

    identity: RowIdentity
    plan: RulePlan
    steps: tuple[ColumnStep, ...]
    keys: Mapping[str, KeyMaker]
    later: tuple[ColumnStep, ...]
    outside: Mapping[int, tuple[str, ...]]


def assemble(fitter: Fitter, table: RealTable, parts: TableParts, facts: Mapping[int, LinkFacts]) -> TableModel:
    """Return the model of a table. Groups of parents that are found before all else come first."""
    name = table.schema.name
    identity, plan = parts.identity, parts.plan
    groups = [step for step in parts.steps if step.name.startswith("g:") and fitter.columns[name][step.name].rank < 0]
    return TableModel(
        table.schema,
        table.rows,
        (*groups, *(step for step in parts.steps if step not in groups)),
        len(groups),
        parts.keys,
        later=parts.later,
        checks=_block_checks(fitter, name, plan.checks),
        distinct=(*identity.distinct, *plan.distinct),
        distinct_links=_distinct_links(fitter, name, identity, facts),
        one_block=_needs_one_block(fitter, name, identity, plan),
        outside=parts.outside,
    )


def after_what_they_need(columns: Sequence[ColumnFit], plan: RulePlan) -> list[ColumnFit]:
    """Return columns in their order, but each after those that its rules calculate it from."""
    found: dict[str, ColumnFit] = {}
    by_name = {each.name: each for each in columns}

    def put(each: ColumnFit) -> None:
        if each.name in found:
            return
        for need in sorted(plan.needs(each.name.removeprefix("c:"))) if each.name.startswith("c:") else ():
            if f"c:{need}" in by_name:
                put(by_name[f"c:{need}"])
        found[each.name] = each

    for each in columns:
        put(each)
    return list(found.values())


def _block_checks(fitter: Fitter, table: str, rules: Sequence[TableRule]) -> tuple[TableRule, ...]:
    """Return the rules that can be checked before late keys are there."""
    late = {
        name for link in fitter.plan.of_child(table, LinkUse.OWN, LinkUse.LATE) for name in link.relation.child_columns
    }
    found: list[TableRule] = []
    for rule in rules:
        if rule not in found and not late & set(rule.columns):
            found.append(rule)
    return tuple(found)


def _needs_one_block(fitter: Fitter, table: str, identity: RowIdentity, plan: RulePlan) -> bool:
    primary = fitter.plan.primary(table)
    family = set(primary.relation.child_columns) if primary else set()
    apart = any(primary is None or number != primary.number for number in plan.shared.values())
    sequences = any({group} != family for group, _ in plan.sequences.values())
    distinct = any(not family or not family <= set(columns) for columns in plan.distinct)
    return identity.needs_one_block(primary) or apart or sequences or distinct


def _distinct_links(
    fitter: Fitter, table: str, identity: RowIdentity, facts: Mapping[int, LinkFacts]
) -> tuple[tuple[int, ...], ...]:
    """Return the links whose parents no two rows share: of keys that are foreign keys alone, and of one to one."""
    links = fitter.plan.of_child(table, LinkUse.PRIMARY, LinkUse.OTHER)
    links = tuple(sorted(links, key=lambda link: link.use is not LinkUse.PRIMARY))
    found: list[tuple[int, ...]] = [
        (link.number,) for link in links if link.use is LinkUse.OTHER and facts[link.number].single
    ]
    for columns in identity.foreign:
        chosen = [link for link in links if set(link.relation.child_columns) <= set(columns)]
        covered = {name for link in chosen for name in link.relation.child_columns}
        if covered == set(columns) and not (len(chosen) == 1 and chosen[0].use is LinkUse.PRIMARY):
            found.append(tuple(link.number for link in chosen))
    return tuple(dict.fromkeys(found))
