"""Names of Arrow types: what pyarrow prints of a type, and the type of such a name."""

import re

import pyarrow as pa

_KINDS: "tuple[pa.DataType, ...]" = (
    pa.null(),
    pa.bool_(),
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.uint8(),
    pa.uint16(),
    pa.uint32(),
    pa.uint64(),
    pa.float32(),
    pa.float64(),
    pa.string(),
    pa.large_string(),
    pa.binary(),
    pa.large_binary(),
    pa.date32(),
    *(pa.time32(unit) for unit in ("s", "ms")),
    *(pa.time64(unit) for unit in ("us", "ns")),
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
)
_PLAIN = {str(kind): kind for kind in _KINDS}
_DECIMAL = re.compile(r"decimal(128|256)\((\d+), (-?\d+)\)")
_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), tz=(.+)\]")
_FIXED = re.compile(r"fixed_size_binary\[(\d+)\]")


def type_name(kind: pa.DataType) -> str:
    """Return the name of a type: "int64", "decimal128(10, 2)", "timestamp[us, tz=UTC]".

    Raises ValueError for types that tables do not store: nested ones, dictionaries.
    """
    name = str(kind)
    if arrow_type(name) != kind:
        raise ValueError(f"Tables do not store {name}.")
    return name


def arrow_type(name: str) -> pa.DataType:
    """Return the type that has a name. Raises ValueError."""
    if name in _PLAIN:
        return _PLAIN[name]
    if found := _DECIMAL.fullmatch(name):
        make = pa.decimal128 if found[1] == "128" else pa.decimal256
        return make(int(found[2]), int(found[3]))
    if found := _ZONED.fullmatch(name):
        return pa.timestamp(found[1], found[2])  # type: ignore[type-var]  # the pattern names the units
    if found := _FIXED.fullmatch(name):
        return pa.binary(int(found[1]))
    raise ValueError(f"There is no type {name!r} of columns.")
