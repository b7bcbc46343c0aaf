"""Types of SQL by their names: how a catalogue's or a database's word for a type is stored in Arrow."""

import re
from typing import Final

import pyarrow as pa

TYPE: Final = re.compile(
    r"\s*([a-z][a-z0-9_ ]*?)\s*(?:\(\s*([\d*]+)?\s*(?:,\s*(-?\d+)\s*)?[a-z ]*\)\s*([a-z ]*))?", re.IGNORECASE
)
DIGITS_MAX_COUNT: Final = 38

KINDS: Final[dict[str, pa.DataType]] = {
    **dict.fromkeys(("boolean", "bool"), pa.bool_()),
    **dict.fromkeys(("tinyint",), pa.int16()),
    **dict.fromkeys(("smallint", "int2", "short"), pa.int16()),
    **dict.fromkeys(("int", "integer", "int4", "mediumint"), pa.int32()),
    **dict.fromkeys(("bigint", "int8", "long"), pa.int64()),
    **dict.fromkeys(("real", "float4"), pa.float32()),
    **dict.fromkeys(("float", "double", "double precision", "float8", "binary_double", "binary_float"), pa.float64()),
    "date": pa.date32(),
    "time": pa.time64("us"),
    **dict.fromkeys(("timestamp", "datetime", "datetime2", "smalldatetime", "timestamp_ntz"), pa.timestamp("us")),
    **dict.fromkeys(("timestamptz", "timestamp_tz", "timestamp_ltz", "datetimeoffset"), pa.timestamp("us", "UTC")),
    **dict.fromkeys(("binary", "varbinary", "bytea", "blob", "raw", "image"), pa.binary()),
}
DECIMALS: Final = frozenset({"decimal", "numeric", "number", "dec"})


def arrow_type_of(text: str | None) -> pa.DataType:
    """Return how a type of SQL is stored; text for all that has no other form.

    >>> [str(arrow_type_of(name)) for name in ("VARCHAR(20)", "decimal(10, 2)", "timestamp with time zone", "map<a>")]
    ['string', 'decimal128(10, 2)', 'timestamp[us, tz=UTC]', 'string']
    """
    found = TYPE.fullmatch(text or "")
    if found is None:
        return pa.string()
    name, precision, scale = found[1].lower().removesuffix(" unsigned"), found[2], found[3]
    if name in DECIMALS:
        return _decimal(precision, scale)
    whole = " ".join(f"{name} {(found[4] or '').lower()}".split())
    if name.startswith("timestamp") and "time zone" in whole and "without" not in whole:
        return pa.timestamp("us", "UTC")
    return KINDS.get(whole.removesuffix(" without time zone"), pa.string())


def _decimal(precision: str | None, scale: str | None) -> pa.DataType:
    digits = DIGITS_MAX_COUNT if precision in {None, "*"} else int(precision or DIGITS_MAX_COUNT)
    after = int(scale or 0) if precision else 0
    if not 0 < digits <= DIGITS_MAX_COUNT or not 0 <= after <= digits:
        return pa.string()
    return pa.decimal128(digits, after)
