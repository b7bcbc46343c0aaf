"""Rules and conditions as SQL: a boolean over `rows`, which has a table's columns, and a struct for each parent."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import RuleBroken
from filesync_dagster.tables.model import RuleKind, TableRule
from filesync_dagster.tables.synthetic.options import RowCondition
from filesync_dagster.tables.synthetic.values import ArrowArray, Bools

RULE_TIMEOUT_SECONDS = 120.0
OPERATORS = ("<=", "<", "=", "!=", ">=", ">")
EXAMPLE_COUNT = 5
EXAMPLE_LETTERS = 200


def quote(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """Return a value as SQL has it: numbers as they are, all else as text that takes its type from what it meets."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def operand(name: str, columns: tuple[str, ...], parents: tuple[str, ...]) -> str:
    """Return a rule's `column` or `parent.column` as SQL."""
    if name in columns:
        return quote(name)
    for parent in sorted(parents, key=len, reverse=True):
        if name.startswith(f"{parent}."):
            return f"{quote(parent)}.{quote(name[len(parent) + 1 :])}"
    raise RuleBroken(f"A rule speaks of {name}, which is not there.", code="unknown_column", field=name)


def rule_condition(rule: TableRule, columns: tuple[str, ...], parents: tuple[str, ...]) -> str | None:
    """Return what holds in each row by itself; None where a rule is about several rows. NULL on a side holds."""
    names = [operand(name, columns, parents) for name in rule.columns]
    simple = {
        RuleKind.AT_MOST: "{0} <= {1}",
        RuleKind.SUM: "abs({0} - ({1} + {2})) <= 1e-9 * greatest(1, abs({0}))",
        RuleKind.DIFFERENCE: "abs({0} - ({1} - {2})) <= 1e-9 * greatest(1, abs({0}))",
    }
    if rule.kind in simple:
        return simple[rule.kind].format(*names)
    if rule.kind is RuleKind.PRODUCT:
        return _product(rule, names)
    if rule.kind is RuleKind.NULL_TOGETHER:
        nulls = " + ".join(f"({name} IS NULL)::INT" for name in names)
        return f"{nulls} IN (0, {len(names)})"
    if rule.kind in {RuleKind.SIGN, RuleKind.COMPARE}:
        return _comparison(rule, names)
    return _value_condition(rule, names)


def _value_condition(rule: TableRule, names: list[str]) -> str | None:
    if rule.kind is RuleKind.RANGE:
        bounds = rule.value or {}
        parts = [
            f"{names[0]} {sign} {literal(bounds[key])}"
            for key, sign in (("min", ">="), ("max", "<="))
            if bounds.get(key) is not None
        ]
        return " AND ".join(parts) or "true"
    if rule.kind is RuleKind.ALLOWED:
        return f"{names[0]} IN ({', '.join(literal(value) for value in rule.value)})"
    return f"({rule.expression})" if rule.kind is RuleKind.SQL else None


def _product(rule: TableRule, names: list[str]) -> str:
    unit = f"(0.5 * pow(10, -{int(rule.value)}))" if isinstance(rule.value, int) else "0.5"
    return (
        f"abs({names[0]}::DOUBLE - {names[1]}::DOUBLE * {names[2]}::DOUBLE) <= {unit} + 1e-9 * abs({names[0]}::DOUBLE)"
    )


def _comparison(rule: TableRule, names: list[str]) -> str:
    sign = rule.operator or ">="
    if sign not in OPERATORS:
        raise RuleBroken(f"A rule compares by {sign}.", code="unknown_operator", field=rule.columns[0])
    if len(names) > 1:
        return f"{names[0]} {sign} {names[1]}"
    value = 0 if rule.value is None else rule.value
    if rule.kind is RuleKind.SIGN and isinstance(value, str):
        return f"{names[0]} {value if value in OPERATORS else '>='} 0"
    return f"{names[0]} {sign} {literal(value)}"


def wanted_rows(condition: RowCondition, columns: tuple[str, ...], parents: tuple[str, ...]) -> str:
    """Return the SQL of a condition: NULL does not fulfil it, unless it is asked for."""
    parts = ["true"]
    for name, value in condition.where.items():
        column = operand(name, columns, parents)
        if isinstance(value, Mapping):
            parts += [
                f"{column} {sign} {literal(value[key])}"
                for key, sign in (("min", ">="), ("max", "<="))
                if value.get(key) is not None
            ]
        elif isinstance(value, list | tuple):
            parts.append(f"{column} IN ({', '.join(literal(one) for one in value)})")
        else:
            parts.append(f"{column} IS NULL" if value is None else f"{column} = {literal(value)}")
    return " AND ".join(parts)


@contextmanager
def locked_connection(
    arrays: Mapping[str, ArrowArray], parents: Mapping[str, Mapping[str, ArrowArray]]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that sees `rows` and nothing else: no file, no network, no variable of ours."""
    fields = dict(arrays)
    for parent, columns in parents.items():
        if columns and parent not in fields:
            fields[parent] = pa.StructArray.from_arrays(list(columns.values()), names=list(columns))
    with duckdb.connect(config={"threads": 1, "python_enable_replacements": False}) as con:
        con.register("rows", pa.table(fields))
        con.execute("SET enable_external_access = false; SET lock_configuration = true")
        timer = threading.Timer(RULE_TIMEOUT_SECONDS, con.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield con
        finally:
            timer.cancel()


def evaluate(con: duckdb.DuckDBPyConnection, condition: str, *, null_holds: bool) -> Bools:
    """Return where a condition holds. Raises RuleBroken where it is no condition at all."""
    sql = f"SELECT coalesce(({condition})::BOOLEAN, {str(null_holds).lower()}) AS holds FROM rows"
    try:
        if len(duckdb.extract_statements(sql)) != 1:
            raise RuleBroken("A rule is one boolean expression.", code="bad_rule")
        found: ArrowArray = con.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0][:EXAMPLE_LETTERS]
        raise RuleBroken(f"A rule cannot be evaluated: {reason}", code="bad_rule") from error
    return np.asarray(found.column(0).to_numpy(), dtype=bool)
