"""Rules as CHECK constraints, where a database decides them as we do; the others are left out."""

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from filesync_dagster.tables.exports.dialects import Dialect
from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.exports.literals import Literals
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import RuleKind, TableRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filesync_dagster.tables.exports.blueprint import ColumnPlan

ALLOWED_MAX_COUNT = 200  # of values: a longer list is no check but a table

_EXACT = {ValueKind.INTEGER, ValueKind.DECIMAL}
_COMPARABLE = _EXACT | {ValueKind.FLOAT, ValueKind.DATE, ValueKind.TIMESTAMP, ValueKind.MOMENT, ValueKind.TIME}
_OPERATORS = {"<=": "<=", "<": "<", "=": "=", "==": "=", "!=": "<>", "<>": "<>", ">=": ">=", ">": ">"}
_SUMS = {RuleKind.SUM: "+", RuleKind.DIFFERENCE: "-", RuleKind.PRODUCT: "*"}


def rule_check(rule: TableRule, columns: "Sequence[ColumnPlan]", dialect: Dialect) -> str | None:
    """Return the condition of a rule; None where the database might decide it otherwise.

    Text is compared by collation, sums of doubles are rounded, other tables are not to be seen.
    """
    known = {column.source: column for column in columns}
    if not rule.columns or not set(rule.columns) <= set(known):
        return None
    found = [known[name] for name in rule.columns]
    if rule.kind in _SUMS:
        return _arithmetic(rule.kind, found, dialect)
    if rule.kind is RuleKind.NULL_TOGETHER:
        return f"({_all(found, 'IS NULL')}) OR ({_all(found, 'IS NOT NULL')})"
    if rule.kind is RuleKind.AT_MOST or (rule.kind is RuleKind.COMPARE and len(found) > 1):
        operator = "<=" if rule.kind is RuleKind.AT_MOST else _OPERATORS.get(rule.operator or "")
        is_plain = operator and len(found) == 2 and _comparable(found)  # noqa: PLR2004  # two sides
        return f"{found[0].name} {operator} {found[1].name}" if is_plain else None
    return _against_values(rule, found[0], dialect)


def _all(columns: "Sequence[ColumnPlan]", test: str) -> str:
    return " AND ".join(f"{column.name} {test}" for column in columns)


def _comparable(columns: "Sequence[ColumnPlan]") -> bool:
    kinds = {kind_of(column.type) for column in columns}
    is_number = kinds <= _EXACT | {ValueKind.FLOAT}
    return not any(column.is_quoted for column in columns) and (is_number or (len(kinds) == 1 and kinds <= _COMPARABLE))


def _arithmetic(kind: RuleKind, columns: "Sequence[ColumnPlan]", dialect: Dialect) -> str | None:
    if any(kind_of(column.type) not in _EXACT or column.is_quoted for column in columns):
        return None
    whole, *parts = columns
    scale = max(getattr(whole.type, "scale", 0), 0)
    result = f" {_SUMS[kind]} ".join(part.name for part in parts)
    is_rounded = kind is RuleKind.PRODUCT or (dialect.name == "sqlite" and any(_scale(column) for column in columns))
    if not is_rounded:
        return f"{whole.name} = {result}"
    if kind is RuleKind.PRODUCT and any(_scale(part) for part in parts) and dialect.name == "sqlite":
        return None  # a product of doubles that lies halfway is rounded either way
    left = f"ROUND({whole.name}, {scale})" if dialect.name == "sqlite" else whole.name
    return f"{left} = ROUND({result}, {scale})"


def _scale(column: "ColumnPlan") -> int:
    return max(getattr(column.type, "scale", 0), 0)


def _against_values(rule: TableRule, column: "ColumnPlan", dialect: Dialect) -> str | None:
    kind = kind_of(column.type)

    def literal(value: Any) -> str | None:
        return _literal(value, column, dialect)

    if rule.kind is RuleKind.ALLOWED and isinstance(rule.value, list) and len(rule.value) <= ALLOWED_MAX_COUNT:
        found = [literal(value) for value in rule.value if value is not None]
        is_whole = found and None not in found and kind in _EXACT | {ValueKind.TEXT, ValueKind.BOOLEAN, ValueKind.DATE}
        return f"{column.name} IN ({', '.join(str(value) for value in found)})" if is_whole else None
    if not _comparable([column]):
        return None
    if rule.kind is RuleKind.SIGN:
        operator = _OPERATORS.get(str(rule.value if rule.value is not None else ">=").replace("0", "").strip())
        return f"{column.name} {operator} 0" if operator and kind in _EXACT | {ValueKind.FLOAT} else None
    if rule.kind is RuleKind.COMPARE:
        operator, value = _OPERATORS.get(rule.operator or ""), literal(rule.value)
        return f"{column.name} {operator} {value}" if operator and value else None
    if rule.kind is RuleKind.RANGE and isinstance(rule.value, dict):
        bounds = [(">=", rule.value.get("min")), ("<=", rule.value.get("max"))]
        limits = [(operator, literal(value)) for operator, value in bounds if value is not None]
        if limits and all(value is not None for _, value in limits):
            return " AND ".join(f"{column.name} {operator} {value}" for operator, value in limits)
    return None


def _literal(value: Any, column: "ColumnPlan", dialect: Dialect) -> str | None:
    """Return a JSON value as a literal of a column; None where it is none of its values."""
    kind = kind_of(column.type)
    readers: dict[ValueKind, Any] = {
        ValueKind.DATE: date.fromisoformat,
        ValueKind.TIMESTAMP: datetime.fromisoformat,
        ValueKind.MOMENT: datetime.fromisoformat,
        ValueKind.TIME: time.fromisoformat,
    }
    try:
        if kind in _EXACT | {ValueKind.FLOAT}:
            number = Decimal(str(value))
            return format(number, "f") if number.is_finite() and not isinstance(value, bool) else None
        exact = readers[kind](value) if kind in readers else value
        array = pa.array([exact], column.type)
    except (ValueError, TypeError, InvalidOperation, pa.ArrowException):
        return None
    [literal] = Literals(dialect, "", ExportWatch()).write(column.source, array, quoted=column.is_quoted).to_pylist()
    return None if literal is None else str(literal)
