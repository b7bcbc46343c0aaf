"""Rules on whole tables: which rows of real ones break a rule, and whether what was written satisfies all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb
import pyarrow as pa

from filesync_dagster.core.errors import RuleBroken
from filesync_dagster.tables.model import (
    DataSet,
    Origin,
    RuleKind,
    Table,
    TableRelation,
    TableRule,
    TableWarning,
)
from filesync_dagster.tables.synthetic.conditions import (
    EXAMPLE_COUNT,
    EXAMPLE_LETTERS,
    locked_connection,
    quote,
    rule_condition,
)
from filesync_dagster.tables.synthetic.real import RealTable, find_parents
from filesync_dagster.tables.synthetic.values import ArrowArray, Ints

ParentRows = Mapping[str, tuple[RealTable, Ints]]


def active_rules(data_set: DataSet) -> tuple[TableRule, ...]:
    """Return the rules that hold: switched on, and declared, or found without exception."""
    return tuple(rule for rule in data_set.rules if rule.enabled and rule.origin in {Origin.DECLARED, Origin.DETECTED})


def parents_of(
    table: str, real: Mapping[str, RealTable], relations: Sequence[TableRelation], known: Mapping[TableRelation, Ints]
) -> dict[str, tuple[RealTable, Ints]]:
    """Return the parents of a table that rules may speak of: the first relation to each other table."""
    found: dict[str, tuple[RealTable, Ints]] = {}
    for relation in relations:
        if relation.child == table and relation.parent != table and relation.parent not in found:
            rows = known.get(relation)
            if rows is None:
                child, parent = real[table], real[relation.parent]
                rows = find_parents(child.columns(relation.child_columns), parent.columns(relation.parent_columns))
            found[relation.parent] = (real[relation.parent], rows)
    return found


def check_rule(rule: TableRule, table: RealTable, parents: ParentRows) -> None:
    """Raise RuleBroken where rows of a table break a rule, with some of them."""
    arrays, outside = _columns(rule, table, parents)
    broken = _broken_query(rule, tuple(table.schema.names), tuple(parents))
    with locked_connection(arrays, outside) as con:
        try:
            count = con.execute(f"SELECT count(*) FROM ({broken})").fetchall()[0][0]
            rows = con.execute(f"{broken} LIMIT {EXAMPLE_COUNT}").fetchall() if count else []
        except duckdb.Error as error:
            reason = str(error).splitlines()[0][:EXAMPLE_LETTERS]
            raise RuleBroken(
                f"The rule {describe(rule)} cannot be evaluated: {reason}", code="bad_rule", field=rule.table
            ) from error
    if count:
        examples = "; ".join(", ".join(str(value)[:40] for value in row) for row in rows)
        raise RuleBroken(
            f"{count} of {table.rows} rows of {rule.table} break the rule {describe(rule)}: {examples}.",
            hint="Switch the rule off, or correct the rows.",
            code="rule_broken",
            field=rule.table,
        )


def describe(rule: TableRule) -> str:
    """Return a rule in a few words."""
    if rule.kind is RuleKind.SQL:
        return (rule.expression or "")[:EXAMPLE_LETTERS]
    more = f" {rule.operator or ''} {'' if rule.value is None else rule.value}".rstrip()
    return f"{rule.kind} of {', '.join(rule.columns)}{more}"


def _columns(
    rule: TableRule, table: RealTable, parents: ParentRows
) -> tuple[dict[str, ArrowArray], dict[str, dict[str, ArrowArray]]]:
    """Return the columns that a rule may speak of: all that it names, or whose name is in its text."""
    text = rule.expression or ""
    own = [name for name in table.schema.names if name in rule.columns or name in text]
    outside: dict[str, dict[str, ArrowArray]] = {}
    for name, (parent, rows) in parents.items():
        index: ArrowArray = pa.array(rows.clip(0), mask=rows < 0)
        for column in parent.schema.names:
            if f"{name}.{column}" in rule.columns or (name in text and column in text):
                values = parent.column(column)
                outside.setdefault(name, {})[column] = values.take(index) if len(values) else _nulls(len(rows), values)
    own = own or [table.schema.names[0]]
    return {name: table.column(name) for name in own}, outside


def _nulls(rows: int, like: ArrowArray) -> ArrowArray:
    return pa.array([None] * rows, like.type)


def _broken_query(rule: TableRule, columns: tuple[str, ...], parents: tuple[str, ...]) -> str:
    """Return a query for what breaks a rule."""
    names = [quote(name) for name in rule.columns]
    shown = ", ".join(names) or "*"
    if rule.kind is RuleKind.UNIQUE:
        whole = " AND ".join(f"{name} IS NOT NULL" for name in names)
        return f"SELECT {shown}, count(*) FROM rows WHERE {whole} GROUP BY ALL HAVING count(*) > 1"
    if rule.kind is RuleKind.LOOKUP:
        keys, last = ", ".join(names[:-1]), names[-1]
        several = f"count(DISTINCT {last}) + (count(*) > count({last}))::INT > 1"
        return f"SELECT {keys}, min({last}::VARCHAR), max({last}::VARCHAR) FROM rows GROUP BY {keys} HAVING {several}"
    if rule.kind is RuleKind.SEQUENCE:
        order = names[2] if len(names) > 2 else names[0]  # noqa: PLR2004 - the third says in which order
        number = f"row_number() OVER (PARTITION BY {names[1]} ORDER BY {order}, {names[0]})"
        return f"SELECT {shown} FROM (SELECT *, {number} AS n_ FROM rows) WHERE {names[0]} != n_"
    condition = rule_condition(rule, columns, parents)
    shown = ", ".join(quote(name) if name in columns else rule_name(name, parents) for name in rule.columns) or "*"
    return f"SELECT {shown} FROM rows WHERE NOT coalesce(({condition})::BOOLEAN, true)"


def rule_name(name: str, parents: tuple[str, ...]) -> str:
    """Return a parent's column as SQL."""
    parent = next(one for one in sorted(parents, key=len, reverse=True) if name.startswith(f"{one}."))
    return f"{quote(parent)}.{quote(name[len(parent) + 1 :])}"


def verify_rules(data_set: DataSet) -> DataSet:
    """Return what is written with the rules that it satisfies. Raises RuleBroken where one is broken that was declared.

    One that was only found among real rows is told as a warning of its table, and is a proposal from now on.
    """
    broken = broken_rules(data_set, active_rules(data_set))
    for rule, error in broken:
        if rule.origin is Origin.DECLARED:
            raise error
    if not broken:
        return data_set
    lost = [rule for rule, _ in broken]
    rules = tuple(replace(rule, origin=Origin.PROPOSED) if rule in lost else rule for rule in data_set.rules)
    tables = tuple(
        _with_warnings(table, [error for rule, error in broken if rule.table == table.name])
        for table in data_set.tables
    )
    return replace(data_set, tables=tables, rules=rules)


def broken_rules(data_set: DataSet, rules: Sequence[TableRule]) -> list[tuple[TableRule, RuleBroken]]:
    """Return the rules that are broken, with the error that says how."""
    real = {table.name: RealTable(table) for table in data_set.tables} if rules else {}
    relations = [relation for relation in data_set.relations if relation.holds]
    broken = []
    for name in dict.fromkeys(rule.table for rule in rules):
        parents = parents_of(name, real, relations, {})
        for rule in rules:
            if rule.table == name:
                try:
                    check_rule(rule, real[name], parents)
                except RuleBroken as error:
                    broken.append((rule, error))
        for table in real.values():
            table.forget()
    return broken


def _with_warnings(table: Table, errors: Sequence[RuleBroken]) -> Table:
    told = tuple(
        TableWarning("rule_not_kept", f"A rule that real rows obey is not kept: {error.message}") for error in errors
    )
    return replace(table, schema=replace(table.schema, warnings=(*table.schema.warnings, *told)))
