"""Rules that the rows of a data set obey: found on all rows, shown to people, kept by synthetic data.

A rule needs 200 rows and holds in all of them; one that holds in 99.5 % is proposed, with rows that break it.
"""

from collections.abc import Iterator
from dataclasses import replace

from filesync_dagster.tables.model import DataSet, Role, RuleKind, Table, TableRule
from filesync_dagster.tables.profile import Cancel
from filesync_dagster.tables.profile.database import open_tables
from filesync_dagster.tables.rules.across import relation_rules
from filesync_dagster.tables.rules.lookups import lookup_rules
from filesync_dagster.tables.rules.proof import Evidence
from filesync_dagster.tables.rules.within import (
    arithmetic_rules,
    null_rules,
    order_rules,
    sequence_rules,
    sign_rules,
)


def mine_rules(data_set: DataSet, *, cancel: Cancel = lambda: False) -> DataSet:
    """Return a data set, as `find_keys` gave it, with the rules that its rows obey beside those that it has.

    Columns that are calculated get the role `derived`. Raises Cancelled.
    """
    with open_tables(data_set.tables) as connection:
        evidence = Evidence(connection, cancel)
        found = list(data_set.rules)
        known = {(rule.kind, rule.table, rule.columns) for rule in found}
        for rule in _mine(data_set, evidence):
            if (rule.kind, rule.table, rule.columns) not in known:
                known.add((rule.kind, rule.table, rule.columns))
                found.append(rule)
    return DataSet(tuple(_with_derived(table, found) for table in data_set.tables), data_set.relations, tuple(found))


def _mine(data_set: DataSet, evidence: Evidence) -> Iterator[TableRule]:
    for table in data_set.tables:
        if not table.schema.row_count:
            continue
        parents = dict.fromkeys(
            each.child_columns[0]
            for each in data_set.relations
            if each.child == table.name and each.holds and len(each.child_columns) == 1
        )
        sums = list(arithmetic_rules(table, evidence.connection, evidence))
        yield from sums
        made = {frozenset((rule.columns[0], part)) for rule in sums for part in rule.columns[1:]}
        for rule in order_rules(table, evidence):
            if frozenset(rule.columns) not in made:  # a sum is at least its parts: that is no news
                yield rule
        yield from sign_rules(table)
        yield from null_rules(table, evidence)
        yield from sequence_rules(table, list(parents), evidence)
        yield from lookup_rules(table, evidence.connection, evidence)
    yield from relation_rules(data_set, evidence)


def _with_derived(table: Table, rules: list[TableRule]) -> Table:
    """Return a table whose calculated columns say so."""
    kinds = {RuleKind.SUM, RuleKind.DIFFERENCE, RuleKind.PRODUCT}
    names = {rule.columns[0] for rule in rules if rule.table == table.name and rule.kind in kinds and rule.enabled}
    columns = [
        replace(column, role=Role.DERIVED) if column.name in names else column for column in table.schema.columns
    ]
    return replace(table, schema=table.schema.with_columns(columns))
