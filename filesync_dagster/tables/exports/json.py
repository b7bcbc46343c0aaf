"""JSON: an object of tables, each an array of objects; or lines of objects. Numbers are exact, or they are text."""

from typing import Any, BinaryIO

import orjson
import pyarrow as pa

from filesync_dagster.tables.exports.arrow import Column, pc
from filesync_dagster.tables.exports.csv import to_base64
from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.exports.rows import as_text, count_true, join_cells, read_rows, text_bytes
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import Table, TableColumn

EXACT_INTEGER = 2**53
"""The first integer beyond which a reader that has only doubles loses some."""

EXACT_DIGITS = 15
"""So many digits of a decimal survive a double."""

_CONTROL = "[\\x00-\\x1f]"


def write_json(tables: list[Table], file: BinaryIO, watch: ExportWatch) -> dict[str, int]:
    """Write tables as one object; return the numbers of their rows."""
    rows: dict[str, int] = {}
    for index, table in enumerate(tables):
        file.write((b",\n" if index else b"{") + orjson.dumps(table.name) + b": [")
        first, rows[table.name] = True, 0
        for batch in read_rows(table, watch):
            lines = text_bytes(_lines(table, batch, watch, ",\n"))
            file.write(b"\n" if first and batch.num_rows else b"")
            file.write(b"" if first or not batch.num_rows else b",\n")
            file.write(lines[:-2] if batch.num_rows else b"")
            first = first and not batch.num_rows
            rows[table.name] += batch.num_rows
        file.write(b"\n]")
    file.write(b"}\n")
    return rows


def write_json_lines(table: Table, file: BinaryIO, watch: ExportWatch) -> int:
    """Write a table as lines of objects; return the number of its rows."""
    rows = 0
    for batch in read_rows(table, watch):
        file.write(text_bytes(_lines(table, batch, watch, "\n")))
        rows += batch.num_rows
    return rows


def _lines(table: Table, batch: pa.RecordBatch, watch: ExportWatch, end: str) -> Column:
    pieces: list[Any] = []
    for index, (column, values) in enumerate(zip(table.schema.columns, batch.columns, strict=True)):
        pieces += [
            ("," if index else "{") + orjson.dumps(column.name).decode() + ":",
            _cells(table, column, values, watch),
        ]
    return join_cells([*pieces, "}" + end], "null")


def _cells(table: Table, column: TableColumn, values: Column, watch: ExportWatch) -> Column:
    kind = kind_of(column.type)
    if kind in {ValueKind.TEXT, ValueKind.NOTHING}:
        return _strings(values.cast(pa.string()))
    if kind is ValueKind.BINARY:
        encoded = [None if value is None else f'"{to_base64(value)}"' for value in values.to_pylist()]
        return pa.array(encoded, pa.string())
    texts = as_text(table.name, column.name, values)
    if kind in {ValueKind.BOOLEAN, ValueKind.DURATION}:
        return texts
    if kind in {ValueKind.INTEGER, ValueKind.DECIMAL}:
        return pc.if_else(_is_exact(kind, values, texts), texts, _in_quotes(texts))
    if kind is ValueKind.FLOAT:
        return _finite(table, column, values, texts, watch)
    if kind in {ValueKind.TIMESTAMP, ValueKind.MOMENT}:
        texts = pc.replace_substring(texts, " ", "T")
        texts = texts if kind is ValueKind.TIMESTAMP else pc.binary_join_element_wise(texts, "Z", "")
    return _in_quotes(texts)


def _strings(texts: Column) -> Column:
    odd = pc.match_substring_regex(texts, _CONTROL)
    escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    quoted = _in_quotes(escaped)
    if not pc.any(odd).as_py():
        return quoted
    exact = [orjson.dumps(text).decode() for text in texts.filter(pc.fill_null(odd, False)).to_pylist()]
    return pc.replace_with_mask(quoted, pc.fill_null(odd, False), pa.array(exact, quoted.type))


def _in_quotes(texts: Column) -> Column:
    return pc.binary_join_element_wise('"', texts, '"', "")


def _is_exact(kind: ValueKind, values: Column, texts: Column) -> Column:
    if kind is ValueKind.DECIMAL:
        digits = pc.utf8_length(pc.replace_substring_regex(texts, r"^-?0*|\.", ""))
        return pc.less_equal(digits, EXACT_DIGITS)
    if values.type.bit_width < 64:  # noqa: PLR2004  # narrower ones all are
        return pa.array([True] * len(values))
    low = pc.greater_equal(
        values, pa.scalar(0 if pa.types.is_unsigned_integer(values.type) else -EXACT_INTEGER, values.type)
    )
    return pc.and_(low, pc.less_equal(values, pa.scalar(EXACT_INTEGER, values.type)))


def _finite(table: Table, column: TableColumn, values: Column, texts: Column, watch: ExportWatch) -> Column:
    finite = pc.is_finite(values)
    if count := count_true(pc.invert(finite)):
        watch.warn(
            table.name, "not_finite", "NaN and infinity, which JSON has not, are null.", column=column.name, count=count
        )
    return pc.if_else(finite, texts, None)
