"""CSV: RFC 4180 in UTF-8. Text is in quotes, NULL is not, so that the empty text and NULL differ."""

import base64
from collections.abc import Callable
from typing import Any, BinaryIO

import pyarrow as pa

from filesync_dagster.tables.exports.arrow import Column, pc
from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.exports.options import ExportOptions
from filesync_dagster.tables.exports.rows import (
    as_text,
    count_true,
    join_cells,
    may_begin_with,
    may_contain,
    read_rows,
    replace_values,
    text_bytes,
)
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import Table, TableColumn

FORMULA = "^[=+\\-@\t\r\n＝＋－＠]"  # noqa: RUF001  # the wide forms, too: Excel reads them as the narrow ones
"""What a cell begins with that a spreadsheet takes for a formula."""

FORMULA_BYTES = b"=+-@\t\r\n\xef"
"""The first bytes of those in UTF-8."""

NULL_OF_ONE_COLUMN = "\\N"
"""NULL in a table of one column: an empty line would be taken for no row."""

Encode = Callable[[bytes], str]
Prepare = Callable[[str, Column], Column]


def to_base64(value: bytes) -> str:
    """Return bytes as Base64."""
    return base64.b64encode(value).decode()


class CsvCells:
    """The cells of one table as they stand in a file."""

    def __init__(self, table: Table, options: ExportOptions, watch: ExportWatch, encode: Encode = to_base64) -> None:
        self._table = table
        self._options = options
        self._watch = watch
        self._encode = encode
        self.null = options.null_token
        if len(table.schema.columns) == 1 and not self.null:
            self.null = NULL_OF_ONE_COLUMN
            message = "NULL is written as \\N: an empty line would be no row."
            watch.warn(table.name, "null_token", message, column=table.schema.columns[0].name)

    def header(self) -> bytes:
        """Return the line of names."""
        names = pa.array(self._table.schema.names, pa.string())
        cells = join_cells(self._quote(names), "").to_pylist()
        return self._options.delimiter.join(cells).encode() + b"\r\n"

    def lines(self, batch: pa.RecordBatch) -> Column:
        """Return the lines of rows, each with its end."""
        pieces: list[Any] = []
        for column, values in zip(self._table.schema.columns, batch.columns, strict=True):
            pieces += [*self._cells(column, values), self._options.delimiter]
        return join_cells([*pieces[:-1], "\r\n"], self.null)

    def _cells(self, column: TableColumn, values: Column) -> list[Any]:
        """Return the pieces of a column's cells, which stand one after the other."""
        kind = kind_of(values.type)
        if kind is ValueKind.NOTHING:
            return [values.cast(pa.string())]
        if kind is ValueKind.BINARY:
            encoded = (None if value is None else self._encode(value) for value in values.to_pylist())
            return [pa.array(encoded, pa.string())]
        if kind is ValueKind.TEXT:
            return self._quote(self._without_nul(column, values), column)
        texts = as_text(self._table.name, column.name, values)
        return [pc.binary_join_element_wise(texts, "+00:00", "") if kind is ValueKind.MOMENT else texts]

    def _quote(self, texts: Column, column: TableColumn | None = None) -> list[Any]:
        doubled = pc.replace_substring(texts, '"', '""') if may_contain(texts, b'"') else texts
        if not self._options.raw:
            doubled = self._without_formulas(doubled, column)
        pieces = ['"', doubled, '"']
        return pieces if not texts.null_count else [pc.binary_join_element_wise(*pieces, "")]

    def _without_formulas(self, texts: Column, column: TableColumn | None) -> Column:
        if not may_begin_with(texts, FORMULA_BYTES):
            return texts
        found = pc.match_substring_regex(texts, FORMULA)
        if column is not None and (count := count_true(found)):
            message = "Text that begins like a formula has an apostrophe before it."
            self._watch.warn(self._table.name, "formula_escaped", message, column=column.name, count=count)
        return replace_values(texts, found, lambda text: f"'{text}")

    def _without_nul(self, column: TableColumn, texts: Column) -> Column:
        if self._options.raw or not may_contain(texts, b"\0"):
            return texts
        found = pc.match_substring(texts, "\0")
        if count := count_true(found):
            message = "Characters U+0000, which no reader of CSV takes, are U+FFFD."
            self._watch.warn(self._table.name, "nul_replaced", message, column=column.name, count=count)
        return replace_values(texts, found, lambda text: text.replace("\0", "\ufffd"))


def write_csv(
    table: Table,
    file: BinaryIO,
    options: ExportOptions,
    watch: ExportWatch,
    *,
    encode: Encode = to_base64,
    prepare: Prepare | None = None,
) -> int:
    """Write a table; return the number of its rows. Binary values are Base64, unless `encode` says otherwise.

    `prepare` makes of a column's values those that whoever reads the file can hold.
    """
    cells, rows = CsvCells(table, options, watch, encode), 0
    file.write(b"\xef\xbb\xbf" if options.byte_order_mark else b"")
    file.write(cells.header())
    for batch in read_rows(table, watch):
        if prepare is not None:
            arrays = [prepare(name, values) for name, values in zip(table.schema.names, batch.columns, strict=True)]
            batch = pa.RecordBatch.from_arrays(arrays, names=list(table.schema.names))  # noqa: PLW2901
        file.write(text_bytes(cells.lines(batch)))
        rows += batch.num_rows
    return rows
