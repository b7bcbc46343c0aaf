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
    parts = [part for column in columns for part in (column, ",")]
    return _joined([*parts[:-1], "\r\n"], batch.num_rows)


def json_lines(batch: pa.RecordBatch) -> bytes:
    """Return each row as a JSON object on a line of its own."""
    parts: list[Text | str] = []
    before = "{"
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        key = f"{before}{json.dumps(name, ensure_ascii=False)}: "
        if _is_text(column) and not column.null_count and not _any(column, JSON_NEEDS_ESCAPES):
            parts += [f'{key}"', column]
            before = '", '
        else:
            parts += [key, _json_value(column)]
            before = ", "
    return _joined([*parts, before.removesuffix(", ") + "}\n"], batch.num_rows)


def moments(column: pa.Array[Any]) -> Text:
    """Return moments as ISO 8601 text in UTC, with microseconds where there are any."""
    text = pc.replace_substring(column.cast(pa.timestamp("us")).cast(pa.string()), " ", "T")
    return pc.replace_substring(pc.binary_join_element_wise(text, "Z", ""), ".000000Z", "Z")


def _joined(parts: Sequence[Text | str], rows: int) -> bytes:
    """Return what the parts of each row say, one row behind the other."""
    if not rows:
        return b""
    lines = pc.binary_join_element_wise(*parts, "")
    _, offsets, data = lines.buffers()
    starts = memoryview(offsets).cast("i")
    return bytes(data[starts[lines.offset] : starts[lines.offset + rows]])


def _is_text(column: pa.Array[Any]) -> bool:
    return pa.types.is_string(column.type)


def _any(column: Text, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, pattern)).as_py())


def _csv_field(column: pa.Array[Any]) -> Text:
    if _is_text(column):
        text = pc.fill_null(column, "")
        return _replaced(text, pc.match_substring_regex(text, CSV_NEEDS_QUOTES), text, _quoted)
    if pa.types.is_integer(column.type):
        return pc.fill_null(column.cast(pa.string()), "")
    return pa.array(["" if value is None else str(value) for value in column.to_pylist()], pa.string())


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _json_value(column: pa.Array[Any]) -> Text:
    if _is_text(column):
        quoted = pc.fill_null(pc.binary_join_element_wise('"', column, '"', ""), "null")
        escaped = pc.fill_null(pc.match_substring_regex(column, JSON_NEEDS_ESCAPES), False)
        return _replaced(quoted, escaped, column, lambda value: json.dumps(value, ensure_ascii=False))
    if pa.types.is_integer(column.type):
        return pc.fill_null(column.cast(pa.string()), "null")
    return pa.array([json.dumps(value, ensure_ascii=False) for value in column.to_pylist()], pa.string())


def _replaced(text: Text, chosen: Text, values: Text, of: Callable[[str], str]) -> Text:
    """Put what a function makes of the chosen values in their places."""
    made = [of(value) for value in values.filter(chosen).to_pylist()]
    return pc.replace_with_mask(text, chosen, pa.array(made, text.type)) if made else text
