"""Record batches as CSV and JSON lines, as Python's `csv` and `json` write them, but a column at a time.

Text that has to be escaped is rare; where it is, each such value is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pc: Any = pyarrow.compute
"""Its annotations know neither scalars beside arrays nor what comes out."""

Text = Any
"""An Arrow array of strings."""

CSV_NEEDS_QUOTES = '[",\r\n]'
JSON_NEEDS_ESCAPES = '["\\\\\\x00-\\x1f]'


def csv_lines(batch: pa.RecordBatch) -> bytes:
    """Return rows as CSV with CRLF; a field is quoted where it must be, and null is an empty field."""
    columns = [_csv_field(column) for column in batch.columns]
    if len(columns) == 1:  # a row of one empty field would be an empty line
        columns = [pc.if_else(pc.equal(columns[0], ""), '""', columns[0])]
    return _lines(columns, ",", "", "\r\n")


def json_lines(batch: pa.RecordBatch) -> bytes:
    """Return each row as a JSON object on a line of its own."""
    keys = [json.dumps(name, ensure_ascii=False) for name in batch.schema.names]
    columns = [
        pc.binary_join_element_wise(f"{key}: ", _json_value(column), "")
        for key, column in zip(keys, batch.columns, strict=True)
    ]
    return _lines(columns, ", ", "{", "}\n")


def _lines(columns: Sequence[Text], separator: str, opening: str, end: str) -> bytes:
    if not len(columns[0]):
        return b""
    rows = pc.binary_join_element_wise(*columns, separator)
    whole = pc.binary_join_element_wise(opening, rows, end, "")
    return b"".join(whole.cast(pa.large_binary()).to_pylist())


def _csv_field(column: pa.Array[Any]) -> Text:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text: Text = pc.fill_null(column, "")
        return _replace_where(text, CSV_NEEDS_QUOTES, lambda value: '"' + value.replace('"', '""') + '"')
    if pa.types.is_integer(column.type):
        return pc.fill_null(column.cast(pa.string()), "")
    return pa.array(["" if value is None else str(value) for value in column.to_pylist()], pa.string())


def _json_value(column: pa.Array[Any]) -> Text:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        plain = pc.invert(pc.match_substring_regex(column, JSON_NEEDS_ESCAPES))
        quoted = pc.if_else(plain, pc.binary_join_element_wise('"', column, '"', ""), column)
        text = _replace_where(quoted, None, lambda value: json.dumps(value, ensure_ascii=False), pc.invert(plain))
        return pc.fill_null(text, "null")
    if pa.types.is_integer(column.type):
        return pc.fill_null(column.cast(pa.string()), "null")
    return pa.array([json.dumps(value, ensure_ascii=False) for value in column.to_pylist()], pa.string())


def _replace_where(text: Text, pattern: str | None, of: Callable[[str], str], chosen: Text = None) -> Text:
    """Replace each chosen value (those that match the pattern) by what a function makes of it."""
    if pattern is not None:
        chosen = pc.match_substring_regex(text, pattern)
    chosen = pc.fill_null(chosen, False)
    values = text.filter(chosen)
    if not len(values):
        return text
    return pc.replace_with_mask(text, chosen, pa.array([of(value) for value in values.to_pylist()], text.type))
