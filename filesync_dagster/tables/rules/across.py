"""Rules across a relation: nobody orders before the signup."""

from collections.abc import Iterator

from filesync_dagster.tables.model import DataSet, RuleKind, TableRelation, TableRule
from filesync_dagster.tables.profile.database import quote
from filesync_dagster.tables.rules.proof import Evidence
from filesync_dagster.tables.rules.within import is_comparable_time, is_likely


def relation_rules(data_set: DataSet, evidence: Evidence) -> Iterator[TableRule]:
    """Yield which times of a child are never before, or never after, those of its parent.

    Only where a child has one relation to that parent: a rule names the parent by its table.
    """
    used = [relation for relation in data_set.relations if relation.holds]
    for relation in used:
        is_only = sum((each.child, each.parent) == (relation.child, relation.parent) for each in used) == 1
        if is_only and relation.child != relation.parent:
            yield from _of_relation(data_set, relation, evidence)


def _of_relation(data_set: DataSet, relation: TableRelation, evidence: Evidence) -> Iterator[TableRule]:
    child, parent = data_set.table(relation.child).schema, data_set.table(relation.parent).schema
    joined = " AND ".join(
        f"c.{quote(a)} = p.{quote(b)}" for a, b in zip(relation.child_columns, relation.parent_columns, strict=True)
    )
    tables = f"{quote(child.name)} AS c JOIN {quote(parent.name)} AS p ON {joined}"
    for own in filter(is_comparable_time, child.columns):
        for other in filter(is_comparable_time, parent.columns):
            above, below = f"p.{quote(other.name)}", f"c.{quote(own.name)}"
            sides = (
                (other, own, (f"{parent.name}.{other.name}", own.name), above, below),
                (own, other, (own.name, f"{parent.name}.{other.name}"), below, above),
            )
            for low, high, names, a, b in sides:
                rule = TableRule(RuleKind.AT_MOST, child.name, names)
                if not is_likely(low, high, of_one_table=False):
                    continue
                if found := evidence.judge(rule, tables, f"{a} <= {b}", f"{a}, {b}"):
                    yield found
