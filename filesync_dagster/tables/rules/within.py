"""Rules between the columns of one table: order, arithmetic, sign, NULL together, sequences."""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from filesync_dagster.tables.keys.names import is_reference
from filesync_dagster.tables.model import Origin, Role, RuleKind, Table, TableColumn, TableRule
from filesync_dagster.tables.profile.database import quote
from filesync_dagster.tables.profile.values import is_number, is_temporal
from filesync_dagster.tables.rules.proof import SUPPORT_ROWS, Evidence

SAMPLE_ROWS = 2_000
MOST_NUMBERS_COUNT = 16
CHANCE_SHARE = 0.01
"""In fewer pairs of independent values an order would be broken: it says nothing then."""

_IDENTIFYING = {Role.KEY, Role.FOREIGN_KEY, Role.PERSON, Role.CONSTANT}


def numbers_of(table: Table) -> list[TableColumn]:
    """Return the columns that are amounts and counts, not names of rows."""
    key = table.schema.primary_key
    found = [
        column
        for column in table.schema.columns
        if is_number(column.type)
        and column.role not in _IDENTIFYING
        and not (is_reference(column.name) or column.name in key)
    ]
    return found[:MOST_NUMBERS_COUNT]


def order_rules(table: Table, evidence: Evidence) -> Iterator[TableRule]:
    """Yield which columns are never larger than others: where they would be, were they independent."""
    columns = [*(column for column in table.schema.columns if is_comparable_time(column)), *numbers_of(table)]
    for low, high in permutations(columns, 2):
        if is_temporal(low.type) != is_temporal(high.type) or not is_likely(low, high):
            continue
        a, b = quote(low.name), quote(high.name)
        rule = TableRule(RuleKind.AT_MOST, table.name, (low.name, high.name))
        found = evidence.judge(rule, quote(table.name), f"{a} <= {b}", f"{a}, {b}")
        if found is not None and (found.enabled or is_temporal(low.type)):  # of numbers, almost is an accident
            yield found


def is_comparable_time(column: TableColumn) -> bool:
    """Tell whether a column is of days or moments, which are compared with each other."""
    return bool(pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)) and column.stats["distinct"] > 1


def is_likely(low: TableColumn, high: TableColumn, *, of_one_table: bool = True) -> bool:
    """Tell whether one column may be at most another one, and whether that is not so by their ranges alone.

    In one table without NULL what is at most another in each row is so in each quantile.
    """
    lows, highs = ([_comparable(value) for value in column.stats.get("quantiles", ())] for column in (low, high))
    if not lows or not highs or lows[0] > highs[-1]:
        return False
    is_filled = of_one_table and not low.stats["nulls"] and not high.stats["nulls"]
    if is_filled and any(a > b for a, b in zip(lows, highs, strict=True)):
        return False
    return float(np.mean([a > b for a in lows for b in highs])) >= CHANCE_SHARE


def _comparable(value: Any) -> Any:
    """Return a quantile as what sorts: a day is the beginning of it."""
    return value.replace("T", " ") if isinstance(value, str) else value


def arithmetic_rules(table: Table, connection: duckdb.DuckDBPyConnection, evidence: Evidence) -> Iterator[TableRule]:
    """Yield sums and products: `total = base + bonus`, `amount = price * pieces`, to the decimals of the result."""
    numbers = numbers_of(table)
    if len(numbers) < 3:  # noqa: PLR2004 - a result and two parts
        return
    names = ", ".join(f"{quote(column.name)}::DOUBLE AS {quote(column.name)}" for column in numbers)
    sample = connection.execute(
        f"SELECT {names} FROM {quote(table.name)} USING SAMPLE reservoir({SAMPLE_ROWS} ROWS) REPEATABLE (1)"
    ).fetchnumpy()
    values = {column.name: np.ma.filled(sample[column.name], np.nan) for column in numbers}
    for result in numbers:
        for left, right in combinations([each for each in numbers if each is not result], 2):
            kind = _arithmetic(values[result.name], values[left.name], values[right.name], _tolerance(result))
            if kind is None:
                continue
            sign = "+" if kind is RuleKind.SUM else "*"
            a, b, c = (quote(each.name) for each in (result, left, right))
            condition = f"abs({a}::DOUBLE - ({b}::DOUBLE {sign} {c}::DOUBLE)) <= {_tolerance(result)!r}"
            rule = TableRule(kind, table.name, (result.name, left.name, right.name))
            if found := evidence.judge(rule, quote(table.name), condition, f"{a}, {b}, {c}"):
                yield found


def _tolerance(column: TableColumn) -> float:
    """Return by how much a result may differ: half of its last decimal."""
    decimals = column.type.scale if pa.types.is_decimal(column.type) else column.stats.get("decimals") or 0
    return 0.5 * 10.0**-decimals + 1e-9 if decimals or not pa.types.is_floating(column.type) else 1e-6


def _arithmetic(result: np.ndarray, left: np.ndarray, right: np.ndarray, tolerance: float) -> RuleKind | None:
    """Return how a result is made of two others, None where it is not, or one of them alone makes it."""
    is_there = ~(np.isnan(result) | np.isnan(left) | np.isnan(right))
    a, b, c = result[is_there], left[is_there], right[is_there]
    if len(a) < 20 or np.mean(np.abs(a - b) <= tolerance) > 0.9 or np.mean(np.abs(a - c) <= tolerance) > 0.9:  # noqa: PLR2004
        return None
    if np.mean(np.abs(a - (b + c)) <= tolerance) > 0.99:  # noqa: PLR2004 - exactly, once all rows are asked
        return RuleKind.SUM
    is_made = np.mean(np.abs(a - b * c) <= tolerance) > 0.99 and np.mean(np.abs(a) <= tolerance) < 0.5  # noqa: PLR2004
    return RuleKind.PRODUCT if is_made else None


def sign_rules(table: Table) -> Iterator[TableRule]:
    """Yield which numbers are never negative."""
    for column in numbers_of(table):
        rows = column.stats["count"] - column.stats["nulls"]
        low = column.stats.get("min")
        if rows >= SUPPORT_ROWS and low is not None and float(low) >= 0:
            yield _of_statistics(RuleKind.SIGN, table, (column.name,), rows, ">=")


def null_rules(table: Table, evidence: Evidence) -> Iterator[TableRule]:
    """Yield which columns are NULL together, or not at all."""
    groups: dict[int, list[str]] = {}
    for column in table.schema.columns:
        if 0 < column.stats["nulls"] < column.stats["count"]:
            groups.setdefault(column.stats["nulls"], []).append(column.name)
    for names in groups.values():
        while len(names) > 1:
            first, *others = names
            together = [first, *(name for name in others if _are_together(table, first, name, evidence))]
            if len(together) > 1:
                rows = table.schema.row_count or 0
                yield _of_statistics(RuleKind.NULL_TOGETHER, table, tuple(together), rows, None)
            names = [name for name in others if name not in together]  # noqa: PLW2901 - those that are left


def _are_together(table: Table, one: str, other: str, evidence: Evidence) -> bool:
    condition = f"({quote(one)} IS NULL) = ({quote(other)} IS NULL)"
    rule = TableRule(RuleKind.NULL_TOGETHER, table.name, (one, other))
    found = evidence.judge(rule, quote(table.name), condition, quote(one))
    return found is not None and found.enabled


def sequence_rules(table: Table, parents: Sequence[str], evidence: Evidence) -> Iterator[TableRule]:
    """Yield which integers number the children of a parent, 1 to n, in the order of a time or of themselves."""
    times = [column.name for column in table.schema.columns if is_comparable_time(column)]
    for column in table.schema.columns:
        is_counted = pa.types.is_integer(column.type) and not column.stats["nulls"] and column.stats.get("min") == 1
        if not is_counted or column.role is Role.CONSTANT:
            continue
        for parent in parents:
            if parent == column.name:
                continue
            for order in (*times, column.name):
                a, b, c = (quote(name) for name in (column.name, parent, order))
                numbered = (
                    f"(SELECT {a}, {b}, row_number() OVER (PARTITION BY {b} ORDER BY {c}, {a}) AS place, "
                    f"count(*) OVER (PARTITION BY {b}) AS family FROM {quote(table.name)} WHERE {b} IS NOT NULL)"
                )
                rule = TableRule(RuleKind.SEQUENCE, table.name, (column.name, parent, order))
                condition = f"CASE WHEN family > 1 THEN {a} = place END"
                if found := evidence.judge(rule, numbered, condition, f"{a}, {b}"):
                    yield found
                    break


def _of_statistics(kind: RuleKind, table: Table, columns: tuple[str, ...], rows: int, value: Any) -> TableRule:
    """Return a rule that statistics have proved."""
    return TableRule(kind, table.name, columns, origin=Origin.DETECTED, value=value, support=rows, share=1.0)
