"""Keys of tables that nobody has seen rows of: numbers from 1, codes with the table's letters, UUIDs."""

import re
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.model import RuleKind
from filesync_dagster.tables.synthetic.keys import UUID_LETTERS, CountedKeys, KeyMaker, MaskedKeys, UuidKeys
from filesync_dagster.tables.synthetic.schema_only.marginals import DAY_SECONDS, EPOCH, MOMENT_UNITS, to_unit
from filesync_dagster.tables.synthetic.schema_only.sketch import ColumnSketch
from filesync_dagster.tables.synthetic.schema_only.vocabulary import LAST_DAY
from filesync_dagster.tables.synthetic.values import is_number

FIRST_KEY_AGE: Final = timedelta(days=3_650)
_UUID: Final = re.compile(r"(^|_)(uuid|guid)(_|$)")


def key_form(sketch: ColumnSketch) -> KeyMaker:
    """Return what makes the keys of a column. Raises KeysBroken for a type that has no keys."""
    kind: Any = sketch.column.type
    if pa.types.is_date32(kind) or pa.types.is_timestamp(kind):
        unit = 1 if pa.types.is_date32(kind) else DAY_SECONDS * MOMENT_UNITS[kind.unit]
        return CountedKeys(kind, unit, (LAST_DAY - FIRST_KEY_AGE - EPOCH).days * unit)
    if is_number(kind):
        low = next((one for rule in sketch.rules if (one := _least(rule.kind, rule.value, kind)) is not None), None)
        return CountedKeys(kind, after=None if low is None else low - 1)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        said = f"{sketch.name}_{plain_type(sketch.column.sql_type)}"
        if _UUID.search(said) or sketch.width == UUID_LETTERS:
            return UuidKeys(kind)
        return MaskedKeys(kind, sketch.code_mask(), np.zeros(1, dtype=np.int64), fixed=sketch.width is not None)
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return UuidKeys(kind)
    raise KeysBroken(
        f"{sketch.schema.name}.{sketch.column.name} is a key, and {sketch.column.sql_type or kind} has no keys.",
        code="key_types",
        field=sketch.schema.name,
    )


def plain_type(text: str | None) -> str:
    """Return the word of a type: `uuid` of `UUID NOT NULL`."""
    return (text or "").lower().partition("(")[0].partition(" ")[0]


def _least(kind: RuleKind, value: Any, column: pa.DataType) -> int | None:
    if kind is RuleKind.RANGE and isinstance(value, dict) and value.get("min") is not None:
        return int(to_unit(value["min"], column))
    return None
