"""Schema drift: what became of the columns of a table since it was read before. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from filesync_dagster.tables.daily.model import Drift
from filesync_dagster.tables.model import TableSchema

DECIMAL_DIGITS: Final = {
    pa.int8(): 3, pa.int16(): 5, pa.int32(): 10, pa.int64(): 19, pa.uint8(): 3, pa.uint16(): 5, pa.uint32(): 10,
    pa.uint64(): 20,
}  # fmt: skip
"""Digits before the point that whole numbers of a type may have."""


def schema_drift(before: Mapping[str, TableSchema], after: Mapping[str, TableSchema]) -> list[Drift]:
    """Return what changed, by table: what is gone and narrower, what was added and is wider. Nothing at first."""
    if not before:
        return []
    found = [Drift(name, None, "gone", f"The table {name} is gone.") for name in sorted(before.keys() - after.keys())]
    found += [Drift(name, None, "added", f"The table {name} is new.") for name in sorted(after.keys() - before.keys())]
    for name in sorted(before.keys() & after.keys()):
        found += _of_table(before[name], after[name])
    return found


def _of_table(before: TableSchema, after: TableSchema) -> Iterator[Drift]:
    then, now = ({column.name: column.type for column in schema.columns} for schema in (before, after))
    for name in then:
        if name not in now:
            yield Drift(after.name, name, "gone", f"{after.name} has no column {name} any more.")
        elif then[name] != now[name]:
            is_wider = holds_all(now[name], then[name])
            text = f"{after.name}.{name} was {then[name]} and is {now[name]}."
            yield Drift(after.name, name, "wider" if is_wider else "narrower", text)
    for name in now:
        if name not in then:
            yield Drift(after.name, name, "added", f"{after.name} has a new column {name} ({now[name]}).")


def holds_all(kind: pa.DataType, other: pa.DataType) -> bool:
    """Tell whether a type has every value of another one, exactly.

    >>> holds_all(pa.int64(), pa.int32()), holds_all(pa.int32(), pa.int64()), holds_all(pa.float64(), pa.int64())
    (True, False, False)
    >>> holds_all(pa.decimal128(12, 2), pa.int32()), holds_all(pa.date32(), pa.timestamp("us"))
    (True, False)
    """
    if kind == other or pa.types.is_null(other) or _is_text(kind):
        return True  # every value can be written as a text
    if kind in DECIMAL_DIGITS or pa.types.is_decimal(kind):
        return _holds_digits(kind, other)
    if pa.types.is_floating(kind):
        return _float_holds(kind, other)
    if pa.types.is_timestamp(kind):
        return pa.types.is_date(other) or _moment_holds(kind, other)
    return _is_binary(kind) and _is_binary(other)


def _holds_digits(kind: Any, other: Any) -> bool:
    if not (other in DECIMAL_DIGITS or pa.types.is_decimal(other)):
        return False
    if kind in DECIMAL_DIGITS and other in DECIMAL_DIGITS:
        if pa.types.is_unsigned_integer(kind):
            return pa.types.is_unsigned_integer(other) and bool(kind.bit_width >= other.bit_width)
        spare = 1 if pa.types.is_unsigned_integer(other) else 0
        return bool(kind.bit_width >= other.bit_width + spare)
    if kind in DECIMAL_DIGITS:
        return False  # a decimal may have more digits than a whole number has room for
    whole, scale = kind.precision - kind.scale, kind.scale
    if other in DECIMAL_DIGITS:
        return bool(whole >= DECIMAL_DIGITS[other])
    return bool(whole >= other.precision - other.scale and scale >= other.scale)


def _float_holds(kind: Any, other: Any) -> bool:
    exact_bits = {16: 11, 32: 24, 64: 53}[kind.bit_width]
    if pa.types.is_floating(other):
        return bool(kind.bit_width >= other.bit_width)
    return pa.types.is_integer(other) and bool(other.bit_width <= exact_bits)


def _moment_holds(kind: Any, other: Any) -> bool:
    units = ("s", "ms", "us", "ns")
    return (
        pa.types.is_timestamp(other)
        and (kind.tz is None) == (other.tz is None)
        and units.index(kind.unit) >= units.index(other.unit)
    )


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
