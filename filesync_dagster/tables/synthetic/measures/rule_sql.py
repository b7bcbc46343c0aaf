"""Rules as SQL: one query for each, which says what share of the rows satisfies it. A NULL breaks no comparison."""

from collections.abc import Callable, Mapping
from typing import Any

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import RuleKind, TableRule

_OPERATORS = frozenset({"<=", "<", "=", "!=", ">=", ">"})
_USUAL_DECIMALS = 2  # of a product, where nobody counted them
_ROUNDING_DIGITS = 9  # of sums of floats, relative to their size

Place = Callable[[str], str]
"""Gives the SQL of a column, by the name that the rule has for it."""


def quote(name: str) -> str:
    """Return an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """Return a value of a rule."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def share_sql(rule: TableRule, place: Place, decimals: int | None, rows: str) -> str:
    """Return a query for the share of the rows of a relation that satisfy a rule; NULL where there is no row.

    `decimals`: of the first column, for products, which are digits to it. Raises TableError for a rule that says
    nothing.
    """
    columns = [place(name) for name in rule.columns]
    whole = {RuleKind.UNIQUE: _unique, RuleKind.LOOKUP: _lookup, RuleKind.SEQUENCE: _sequence}.get(rule.kind)
    if whole is not None and columns:
        return whole(columns, rows)
    condition = _condition(rule, columns, decimals)
    return f"SELECT avg(CASE WHEN ({condition}) IS FALSE THEN 0 ELSE 1 END) FROM {rows}"


def _unique(columns: list[str], rows: str) -> str:
    some_null = " OR ".join(f"{column} IS NULL" for column in columns)
    place = f"row_number() OVER (PARTITION BY {', '.join(columns)})"
    counted = f"SELECT {some_null} AS free, {place} AS n FROM {rows}"
    return f"SELECT avg(CASE WHEN free OR n = 1 THEN 1 ELSE 0 END) FROM ({counted})"


def _lookup(columns: list[str], rows: str) -> str:
    """Return the share of the rows whose last column is what it mostly is where the others are the same."""
    names = [f"c{i}" for i in range(len(columns))]
    counted = f"SELECT {', '.join(columns)}, count(*) FROM {rows} GROUP BY ALL"
    by_key = f"SELECT max(n) AS most, sum(n) AS n FROM ({counted}) AS t({', '.join(names)}, n)"
    grouped = f"{by_key} GROUP BY {', '.join(names[:-1])}" if len(names) > 1 else by_key
    return f"SELECT sum(most) / sum(n) FROM ({grouped})"


def _sequence(columns: list[str], rows: str) -> str:
    number, family, *order = columns
    place = f"row_number() OVER (PARTITION BY {family} ORDER BY {', '.join([*order, number])})"
    return f"SELECT avg(CASE WHEN a = n THEN 1 ELSE 0 END) FROM (SELECT {number} AS a, {place} AS n FROM {rows})"


def _condition(rule: TableRule, columns: list[str], decimals: int | None) -> str:
    """Return what each row satisfies."""
    if rule.kind is RuleKind.SQL and rule.expression:
        return rule.expression
    condition = _CONDITIONS.get(rule.kind)
    if condition is None or not columns or (rule.kind in _BETWEEN_COLUMNS and len(columns) < 2):  # noqa: PLR2004  # two
        raise _meaningless(rule, "nothing")
    return condition(rule, columns, decimals)


def _product(rule: TableRule, columns: list[str], decimals: int | None) -> str:
    first, *factors = (f"{column}::DOUBLE" for column in columns)
    half_a_step = 0.5000001 * 10 ** -(_USUAL_DECIMALS if decimals is None else decimals)
    return f"abs({first} - {' * '.join(factors)}) <= {half_a_step!r} + 1e-12 * abs({first})"


def _null_together(rule: TableRule, columns: list[str], decimals: int | None) -> str:
    absent = " AND ".join(f"{column} IS NULL" for column in columns)
    present = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    return f"({absent}) OR ({present})"


def _range(rule: TableRule, columns: list[str], decimals: int | None) -> str:
    bounds = rule.value if isinstance(rule.value, dict) else {}
    ends = [(">=", bounds.get("min")), ("<=", bounds.get("max"))]
    return " AND ".join(f"{columns[0]} {sign} {literal(end)}" for sign, end in ends if end is not None) or "TRUE"


def _allowed(rule: TableRule, columns: list[str], decimals: int | None) -> str:
    values = ", ".join(literal(value) for value in rule.value or () if value is not None)
    return f"{columns[0]} IN ({values})" if values else f"{columns[0]} IS NULL"


def _compare(rule: TableRule, columns: list[str], decimals: int | None) -> str:
    if rule.operator not in _OPERATORS:
        raise _meaningless(rule, f"the operator {rule.operator!r}")
    return f"{columns[0]} {rule.operator} {columns[1] if len(columns) > 1 else literal(rule.value)}"


_BETWEEN_COLUMNS = {RuleKind.AT_MOST, RuleKind.SUM, RuleKind.DIFFERENCE, RuleKind.PRODUCT}
_CONDITIONS: Mapping[RuleKind, Callable[[TableRule, list[str], int | None], str]] = {
    RuleKind.AT_MOST: lambda rule, columns, decimals: f"{columns[0]} <= {columns[1]}",
    RuleKind.SUM: lambda rule, columns, decimals: _equal(columns[0], " + ".join(columns[1:])),
    RuleKind.DIFFERENCE: lambda rule, columns, decimals: _equal(columns[0], " - ".join(columns[1:])),
    RuleKind.PRODUCT: _product,
    RuleKind.NULL_TOGETHER: _null_together,
    RuleKind.SIGN: lambda rule, columns, decimals: f"{columns[0]} {_sign(rule)} 0",
    RuleKind.RANGE: _range,
    RuleKind.ALLOWED: _allowed,
    RuleKind.COMPARE: _compare,
}


def _equal(first: str, other: str) -> str:
    """Return that two numbers are equal: exactly, or as nearly as sums of floats are."""
    size = f"greatest(1, abs({first}::DOUBLE))"
    return f"abs({first} - ({other})) <= 1e-{_ROUNDING_DIGITS} * {size}"


def _sign(rule: TableRule) -> str:
    signs = {None: ">=", "+": ">", "-": "<", 1: ">=", -1: "<="}
    sign = rule.value if rule.value in _OPERATORS else signs.get(rule.value)
    if sign is None:
        raise _meaningless(rule, f"the sign {rule.value!r}")
    return str(sign)


def _meaningless(rule: TableRule, what: str) -> TableError:
    return TableError(f"A rule {rule.kind} of {rule.table} says {what}.", code="bad_rule", field=f"rules.{rule.table}")
