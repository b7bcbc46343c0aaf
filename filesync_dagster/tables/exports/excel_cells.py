"""Cells of a sheet as XML: rows of Arrow become rows of text, a column at a time."""

import re
from datetime import date

import pyarrow as pa

from filesync_dagster.tables.exports.arrow import Column, DataType, pc
from filesync_dagster.tables.exports.csv import FORMULA, FORMULA_BYTES, to_base64
from filesync_dagster.tables.exports.excel_parts import DATE, DATE_TIME, HEADER, PLAIN_TEXT, TIME, decimal_style
from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.exports.names import cut_letters
from filesync_dagster.tables.exports.options import ExportOptions
from filesync_dagster.tables.exports.rows import (
    as_text,
    check_years,
    count_true,
    join_cells,
    may_begin_with,
    may_contain,
    replace_values,
)
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import Table, TableColumn

CELL_MAX_LETTERS = 32_767  # in units of UTF-16
NUMBER_MAX_DIGITS = 15
NUMBER_END = 10**NUMBER_MAX_DIGITS
EPOCH_DAYS = 25_569  # of 1970-01-01 since 1899-12-30
FIRST_DATE = date(1900, 3, 1)  # before it Excel's calendar has a day that was not
DAY_MILLISECONDS = 86_400_000

_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ODD = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ODD_BYTES = bytes(range(0x20)).translate(None, b"\t\n") + b"\xef_"
"""What those begin with in UTF-8."""

_ODD_PATTERN = "[\\x00-\\x08\\x0b-\\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_"


def escape_text(text: str) -> str:
    r"""Return a text as it stands in a cell: what XML has not is written as Excel does.

    >>> escape_text("a\x01<b>_x0041_")
    'a_x0001_&lt;b&gt;_x005F_x0041_'
    """
    return _ODD.sub(lambda found: f"_x{ord(found[0]):04X}_", text).translate(_XML)


class ExcelCells:
    """The cells of one table."""

    def __init__(self, table: Table, options: ExportOptions, watch: ExportWatch) -> None:
        self._table = table
        self._options = options
        self._watch = watch

    def header(self) -> bytes:
        """Return the row of names."""
        cells = (
            f'<c t="inlineStr" s="{HEADER}"><is><t xml:space="preserve">{escape_text(name)}</t></is></c>'
            for name in self._table.schema.names
        )
        return f"<row>{''.join(cells)}</row>".encode()

    def lines(self, batch: pa.RecordBatch) -> Column:
        """Return the XML of rows."""
        columns = zip(self._table.schema.columns, batch.columns, strict=True)
        return join_cells(["<row>", *(self._cells(*column) for column in columns), "</row>"], "<c/>")

    def _cells(self, column: TableColumn, values: Column) -> Column:
        kind = kind_of(column.type)
        if kind is ValueKind.BINARY:
            encoded = [None if value is None else to_base64(value) for value in values.to_pylist()]
            values = pa.array(encoded, pa.string())
        if kind in {ValueKind.TEXT, ValueKind.BINARY, ValueKind.NOTHING}:
            return self._texts(column, values.cast(pa.string()))
        if kind is ValueKind.BOOLEAN:
            return _wrap('<c t="b"><v>', values.cast(pa.int8()).cast(pa.string()), "</v></c>")
        if kind is ValueKind.TIME:
            return self._times(column, values)
        if kind in {ValueKind.DATE, ValueKind.TIMESTAMP, ValueKind.MOMENT}:
            return self._dates(column, kind, values)
        return self._numbers(column, kind, values)

    def _texts(self, column: TableColumn, texts: Column) -> Column:
        texts = self._cut(column, texts)
        cells = _wrap('<c t="inlineStr"><is><t xml:space="preserve">', self._escaped(column, texts), "</t></is></c>")
        if self._options.raw or not may_begin_with(texts, FORMULA_BYTES):
            return cells
        return replace_values(cells, pc.match_substring_regex(texts, FORMULA), _as_plain_text)

    def _escaped(self, column: TableColumn, texts: Column) -> Column:
        escaped = texts
        for raw, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            if may_contain(texts, raw.encode()):
                escaped = pc.replace_substring(escaped, raw, written)
        if not may_contain(texts, _ODD_BYTES):
            return escaped
        odd = pc.fill_null(pc.match_substring_regex(texts, _ODD_PATTERN), False)
        if count := count_true(odd):
            message = "Characters that XML has not are written _xHHHH_, as Excel does."
            self._warn(column, "control_characters", message, count)
            exact = [escape_text(text) for text in texts.filter(odd).to_pylist()]
            escaped = pc.replace_with_mask(escaped, odd, pa.array(exact, escaped.type))
        return escaped

    def _cut(self, column: TableColumn, texts: Column) -> Column:
        suspects = pc.greater(pc.utf8_length(texts), CELL_MAX_LETTERS // 2)
        cuts = 0

        def cut(text: str) -> str:
            nonlocal cuts
            short = cut_letters(text, CELL_MAX_LETTERS)
            cuts += short != text
            return short

        texts = replace_values(texts, suspects, cut)
        if cuts:
            self._warn(
                column, "text_cut", f"Text is cut to {CELL_MAX_LETTERS:,} characters, as long as a cell is.", cuts
            )
        return texts

    def _numbers(self, column: TableColumn, kind: ValueKind, values: Column) -> Column:
        texts = as_text(self._table.name, column.name, values)
        exact = _is_exact(kind, values, texts)
        dtype: DataType = column.type
        style = decimal_style(dtype.scale) if kind is ValueKind.DECIMAL else ""
        numbers = _wrap(f"<c{style}><v>", texts, "</v></c>")
        if exact is not None and (count := count_true(pc.invert(exact))):
            self._warn(column, "number_as_text", "Numbers that Excel cannot hold exactly are text.", count)
            return pc.if_else(exact, numbers, _wrap_text(texts))
        return numbers

    def _times(self, column: TableColumn, values: Column) -> Column:
        exact = values.cast(pa.time64("us"), safe=False).cast(pa.int64())
        milliseconds = pc.divide(exact, 1000)
        lost = count_true(
            pc.not_equal(values.cast(pa.time64("ns")).cast(pa.int64()), pc.multiply(milliseconds, 1_000_000))
        )
        self._warn_of_cut_times(column, lost)
        return _wrap(f'<c s="{TIME}"><v>', _day_share(milliseconds), "</v></c>")

    def _dates(self, column: TableColumn, kind: ValueKind, values: Column) -> Column:
        early = pc.less(values.cast(pa.date32(), safe=False), pa.scalar(FIRST_DATE))
        if kind is ValueKind.DATE:
            days = pc.add(values.cast(pa.date32()).cast(pa.int32()), EPOCH_DAYS)
            cells = _wrap(f'<c s="{DATE}"><v>', days.cast(pa.string()), "</v></c>")
        else:
            plain = values.cast(pa.timestamp(values.type.unit))
            milliseconds = plain.cast(pa.timestamp("ms"), safe=False)
            self._warn_of_cut_times(column, count_true(pc.not_equal(milliseconds.cast(plain.type), plain)))
            serial = pc.add(milliseconds.cast(pa.int64()), EPOCH_DAYS * DAY_MILLISECONDS)
            cells = _wrap(f'<c s="{DATE_TIME}"><v>', _day_share(serial), "</v></c>")
        if kind is ValueKind.MOMENT:
            self._warn(column, "moments_in_utc", "Moments are written in UTC: Excel has no time zones.", 0)
        if count := count_true(early):
            self._warn(column, "date_as_text", "Dates before 1 March 1900, which Excel miscounts, are text.", count)
            texts = as_text(self._table.name, column.name, values)
            return pc.if_else(early, _wrap_text(texts), cells)
        check_years(self._table.name, column.name, values)
        return cells

    def _warn_of_cut_times(self, column: TableColumn, count: int) -> None:
        if count:
            self._warn(column, "time_cut", "Times are cut to milliseconds, as exact as Excel is.", count)

    def _warn(self, column: TableColumn, code: str, message: str, count: int) -> None:
        self._watch.warn(self._table.name, code, message, column=column.name, count=count)


def _is_exact(kind: ValueKind, values: Column, texts: Column) -> Column | None:
    """Return which numbers Excel holds exactly; None where all are, for none has so many digits."""
    if kind is ValueKind.FLOAT:
        return pc.is_finite(values)
    scale = values.type.scale if kind is ValueKind.DECIMAL else 0
    bounds = pc.min_max(values)
    least, most = bounds["min"].as_py() or 0, bounds["max"].as_py() or 0
    if 0 <= scale <= NUMBER_MAX_DIGITS and max(-least, most) < 10 ** (NUMBER_MAX_DIGITS - scale):
        return None
    digits = pc.utf8_length(pc.replace_substring_regex(texts, r"^-?0*|\.", ""))
    return pc.less_equal(digits, NUMBER_MAX_DIGITS)


def _wrap(before: str, texts: Column, after: str) -> Column:
    return pc.binary_join_element_wise(before, texts, after, "")


def _wrap_text(texts: Column) -> Column:
    """Return cells of text that needs no escape."""
    return _wrap('<c t="inlineStr"><is><t>', texts, "</t></is></c>")


def _as_plain_text(cell: str) -> str:
    """Return a cell that Excel shows with the apostrophe of text, which is no part of its value."""
    return cell.replace('<c t="inlineStr">', f'<c t="inlineStr" s="{PLAIN_TEXT}">', 1)


def _day_share(milliseconds: Column) -> Column:
    return pc.divide(milliseconds.cast(pa.float64()), float(DAY_MILLISECONDS)).cast(pa.string())
