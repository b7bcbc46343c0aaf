"""Values that a column could have, where nobody has seen any: numbers and moments between ends, spread as usual."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import RuleBroken
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.model import RuleKind, TableColumn, TableRule
from filesync_dagster.tables.synthetic.schema_only.vocabulary import (
    DAYS_BACK,
    LAST_DAY,
    NUMBERS,
    PLAIN_NUMBER,
    PLAIN_YEARS_BACK,
    YEAR_DAYS,
    NumberShape,
    first_match,
)
from filesync_dagster.tables.synthetic.values import Floats, Ints

SAMPLE_ROWS: Final = 2_000
EPOCH: Final = date(1970, 1, 1)
DAY_SECONDS: Final = 86_400
_RANGE_FACTOR: Final = 5.0  # so many standard deviations are between the ends
_LOW_FACTOR: Final = 5.0
_SAFE_INTEGER: Final = 2**53
MOMENT_UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_HOUR, _LAST_HOUR = 7, 21


def spread(shape: NumberShape, rows: int = SAMPLE_ROWS) -> Floats:
    """Return numbers in their order, as a shape has them, at equal steps of chance."""
    part = (np.arange(rows) + 0.5) / rows
    low, high = shape.low, shape.high
    if shape.shape == "even" or high <= low:
        return np.asarray(low + part * (high - low))
    if shape.shape == "low":
        found = low - np.log(1 - part) * (high - low) / _LOW_FACTOR
        return np.clip(found, low, high)
    normal = import_from_extra("scipy.special", "tables", "Synthetic data").ndtri(part)
    if shape.shape == "middle":
        return np.clip((low + high) / 2 + normal * (high - low) / _RANGE_FACTOR, low, high)
    first = np.log(max(low, 1e-6))
    last = np.log(max(high, 2e-6))
    return np.clip(np.exp((first + last) / 2 + normal * (last - first) / _RANGE_FACTOR), low, high)


def numbers_of(column: TableColumn, name: str, rules: Iterable[TableRule]) -> Ints | Floats:
    """Return values of a column of numbers or moments in the units of its type, inside of what its rules allow."""
    rules = list(rules)
    allowed = [rule.value for rule in rules if rule.kind is RuleKind.ALLOWED]
    kind: Any = column.type
    if allowed:
        return np.resize(np.array([to_unit(value, kind) for value in allowed[0]]), SAMPLE_ROWS)
    step = _step(kind)
    low, high = _bounds(column, rules, step)
    shape = _moments_shape(name, kind) if pa.types.is_temporal(kind) else _number_shape(column, name)
    shape = _inside(shape, low, high)
    found = spread(shape)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        found = np.rint(found / MOMENT_UNITS[kind.unit]) * MOMENT_UNITS[kind.unit]
    if pa.types.is_timestamp(kind):
        found = _in_daytime(found, MOMENT_UNITS[kind.unit])
    found = np.round(found, max(shape.decimals, 2)) if pa.types.is_floating(kind) else np.rint(found)
    found = np.clip(found, low if low is not None else -np.inf, high if high is not None else np.inf)
    return found if pa.types.is_floating(kind) else found.astype(np.int64)


def to_unit(value: Any, kind: Any) -> float | int:
    """Return a value of a rule in the units of a type. Raises RuleBroken for one that the type does not have."""
    try:
        if isinstance(value, str) and bool(pa.types.is_temporal(kind)):
            moment = datetime.fromisoformat(value).replace(tzinfo=None)
            days = (moment.date() - EPOCH).days
            if pa.types.is_date32(kind):
                return days
            seconds = days * DAY_SECONDS + moment.hour * 3600 + moment.minute * 60 + moment.second
            return seconds * MOMENT_UNITS[kind.unit]
        if pa.types.is_decimal(kind):
            return int(Decimal(str(value)).scaleb(kind.scale).to_integral_value())
        return float(value) if pa.types.is_floating(kind) else int(value)
    except (ValueError, ArithmeticError, TypeError, AttributeError):
        raise RuleBroken(f"A rule has the value {value!r}, which is no {kind}.", code="bad_rule") from None


def _step(kind: Any) -> float:
    """Return how far two neighbours are from one another, in the units of a type."""
    if pa.types.is_timestamp(kind):
        return float(MOMENT_UNITS[kind.unit])
    return 0.01 if pa.types.is_floating(kind) else 1


def _bounds(column: TableColumn, rules: Iterable[TableRule], step: float) -> tuple[float | None, float | None]:
    """Return between which ends rules and type let a column be."""
    kind = column.type
    low, high = _type_bounds(kind)
    for rule in rules:
        value: Mapping[str, Any] = rule.value if isinstance(rule.value, Mapping) else {}
        sign = rule.operator if rule.kind in {RuleKind.COMPARE, RuleKind.SIGN} and len(rule.columns) == 1 else None
        if rule.kind is RuleKind.SIGN and sign is None:
            sign = rule.value if isinstance(rule.value, str) else ">="
        bound = 0 if rule.value is None or rule.kind is RuleKind.SIGN else rule.value
        if sign in {">=", ">"}:
            value = {"min": to_unit(bound, kind) + (step if sign == ">" else 0)}
        elif sign in {"<=", "<"}:
            value = {"max": to_unit(bound, kind) - (step if sign == "<" else 0)}
        elif sign == "=":
            value = {"min": to_unit(bound, kind), "max": to_unit(bound, kind)}
        elif rule.kind is RuleKind.RANGE:
            value = {key: to_unit(one, kind) for key, one in value.items() if one is not None}
        else:
            continue
        low = max((one for one in (low, value.get("min")) if one is not None), default=None)
        high = min((one for one in (high, value.get("max")) if one is not None), default=None)
    if low is not None and high is not None and low > high:
        raise RuleBroken(
            f"The rules of {column.name} leave no value: it would have to be at least {low} and at most {high}.",
            code="contradiction",
            field=column.name,
        )
    return low, high


def _type_bounds(kind: Any) -> tuple[float | None, float | None]:
    if pa.types.is_integer(kind):
        bits = min(kind.bit_width, 53)
        return (0, 2**bits - 1) if pa.types.is_unsigned_integer(kind) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if pa.types.is_decimal(kind):
        most = min(10**kind.precision - 1, _SAFE_INTEGER)
        return -most, most
    if pa.types.is_time(kind):
        return 0, DAY_SECONDS * MOMENT_UNITS[kind.unit] - 1
    return None, None


def _number_shape(column: TableColumn, name: str) -> NumberShape:
    """Return the shape of numbers that are called so, in the units of their type."""
    kind: Any = column.type
    shape = first_match(name, NUMBERS) or PLAIN_NUMBER
    scale = 10**kind.scale if pa.types.is_decimal(kind) else 1
    if shape.high <= 1 and pa.types.is_integer(kind):  # a share in whole numbers is one of a hundred
        scale = 100
    return NumberShape(shape.low * scale, shape.high * scale, shape.shape, shape.decimals)


def _moments_shape(name: str, kind: Any) -> NumberShape:
    """Return the shape of days or moments that are called so, in the units of their type."""
    if pa.types.is_time(kind):
        unit = MOMENT_UNITS[kind.unit]
        return NumberShape(_FIRST_HOUR * 3600 * unit, _LAST_HOUR * 3600 * unit, "middle")
    if pa.types.is_duration(kind):
        return NumberShape(60 * MOMENT_UNITS[kind.unit], DAY_SECONDS * MOMENT_UNITS[kind.unit], "low")
    found = first_match(name, DAYS_BACK)
    first, last = (found[0], found[1]) if found else PLAIN_YEARS_BACK
    end = (LAST_DAY - EPOCH).days
    unit = (
        1 if pa.types.is_date32(kind) else DAY_SECONDS * (MOMENT_UNITS[kind.unit] if pa.types.is_timestamp(kind) else 1)
    )
    low, high = (float((end - years * YEAR_DAYS) * unit) for years in (first, last))
    return NumberShape(low, high, "middle" if found and found[2] == "middle" else "even")


def _inside(shape: NumberShape, low: float | None, high: float | None) -> NumberShape:
    """Return a shape between the bounds of rules: its own, where there is room for it."""
    width = shape.high - shape.low
    first = shape.low if low is None else max(shape.low, low)
    last = shape.high if high is None else min(shape.high, high)
    if first < last:
        return NumberShape(first, last, shape.shape if first > 0 or shape.shape != "steep" else "low", shape.decimals)
    if low is not None and high is not None:
        return NumberShape(low, high, "even", shape.decimals)
    if low is not None and low > shape.high:
        return NumberShape(low, low + width, "even", shape.decimals)
    if high is not None and high < shape.low:
        return NumberShape(high - width, high, "even", shape.decimals)
    return NumberShape(first, first, "even", shape.decimals)


def _in_daytime(found: Floats, unit: int) -> Floats:
    """Return moments by day, and to the second."""
    seconds = np.floor(found / unit)
    day, second = np.divmod(seconds, DAY_SECONDS)
    span = (_LAST_HOUR - _FIRST_HOUR) * 3600
    return np.asarray((day * DAY_SECONDS + _FIRST_HOUR * 3600 + second * 7_919 % span) * unit)
