"""Literals of SQL: values of a column as text that a database reads as exactly these values.

Plain text is doubled and quoted by Arrow, a column at a time; what a dialect writes otherwise (control characters, what
a client would take for its own) goes through Python, a value at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from filesync_dagster.core.errors import Unexportable
from filesync_dagster.tables.exports.arrow import Column, pc
from filesync_dagster.tables.exports.dialects import Dialect
from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.exports.rows import as_text, count_true, may_contain, replace_values
from filesync_dagster.tables.exports.watch import ExportWatch

ORACLE_CHUNK_LETTERS = 900  # at most 3,600 bytes: a literal has 4,000
ORACLE_BINARY_MAX_BYTES = 2000


@dataclass(frozen=True)
class TextStyle:
    """How a dialect writes text: what is replaced in a plain one, and the pattern of those that are not plain."""

    odd: str
    write: Callable[[str], str]
    doubled: Sequence[tuple[str, str]] = (("'", "''"),)
    opening: str = "'"


def _double(text: str) -> str:
    return text.replace("'", "''")


_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def _postgres(text: str) -> str:
    escaped = (
        _ESCAPES.get(letter, f"\\x{ord(letter):02x}") if letter < " " or letter == "\x7f" else letter
        for letter in _double(text.replace("\\", "\\\\"))
    )
    return f"E'{''.join(escaped)}'"


def _mysql(text: str) -> str:
    known = {"\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}
    return f"'{''.join(known.get(letter, letter) for letter in _double(text.replace(chr(92), chr(92) * 2)))}'"


def _snowflake(text: str) -> str:
    escaped = (
        _ESCAPES.get(letter, f"\\u{ord(letter):04x}") if letter < " " else letter
        for letter in _double(text.replace("\\", "\\\\"))
    )
    return f"'{''.join(escaped)}'"


def _sqlite(text: str) -> str:
    return f"CAST(X'{text.encode().hex()}' AS TEXT)"


def _duckdb(text: str) -> str:
    return f"decode(from_hex('{text.encode().hex()}'))"


def _tsql(text: str) -> str:
    # A concatenation of thousands of pieces is nested too deeply, and one of short pieces ends at 4,000 letters.
    return f"CAST(0x{text.encode('utf-16-le').hex()} AS NVARCHAR(MAX))"


def _oracle(text: str) -> str:
    chunks = [text[at : at + ORACLE_CHUNK_LETTERS] for at in range(0, len(text), ORACLE_CHUNK_LETTERS)]
    pieces = [_oracle_chunk(chunk) for chunk in chunks]
    return pieces[0] if len(pieces) == 1 else " || ".join(f"TO_CLOB({piece})" for piece in pieces)


def _oracle_chunk(text: str) -> str:
    """Return a literal on one line, without the ampersands that SQL*Plus would ask about."""
    pieces, plain = list[str](), ""
    for letter in text:
        if letter < " " or letter == "&":
            pieces += [f"'{_double(plain)}'"] * bool(plain) + [f"CHR({ord(letter)})"]
            plain = ""
        else:
            plain += letter
    return " || ".join(pieces + [f"'{_double(plain)}'"] * bool(plain))


_WITH_BACKSLASH = (("\\", "\\\\"), ("'", "''"))
TEXT_STYLES: Mapping[str, TextStyle] = {
    "postgres": TextStyle("[\\x00-\\x1f\\x7f]", _postgres),
    "mysql": TextStyle("[\\x00\\n\\r\\x1a]", _mysql, _WITH_BACKSLASH),
    "sqlite": TextStyle("[\\x00-\\x08\\x0b-\\x1f]", _sqlite),
    "snowflake": TextStyle("[\\x00-\\x1f]", _snowflake, _WITH_BACKSLASH),
    "oracle": TextStyle(f"[\\x00-\\x1f&]|(?s:^.{{{ORACLE_CHUNK_LETTERS}}}.)", _oracle),
    "tsql": TextStyle("[\\x00-\\x1f]|\\$\\(", _tsql, opening="N'"),
    "duckdb": TextStyle("[\\x00-\\x1f]", _duckdb),
}


def text_literal(dialect: Dialect, text: str) -> str:
    """Return one text as a literal."""
    style = TEXT_STYLES[dialect.name]
    [found] = _texts(style, pa.array([text], pa.string())).to_pylist()
    return str(found)


def _texts(style: TextStyle, texts: Column) -> Column:
    plain = texts
    for raw, written in style.doubled:
        plain = pc.replace_substring(plain, raw, written)
    quoted = pc.binary_join_element_wise(style.opening, plain, "'", "")
    odd = pc.fill_null(pc.match_substring_regex(texts, style.odd), False)
    if not pc.any(odd).as_py():
        return quoted
    exact = [style.write(text) for text in texts.filter(odd).to_pylist()]
    return pc.replace_with_mask(quoted, odd, pa.array(exact, quoted.type))


class Literals:
    """The literals of one table's columns in a dialect."""

    def __init__(self, dialect: Dialect, table: str, watch: ExportWatch) -> None:
        self._dialect = dialect
        self._table = table
        self._watch = watch

    def write(self, column: str, values: Column, *, quoted: bool = False) -> Column:
        """Return the values of a column as literals; NULL stays NULL. `quoted`: the column is of text there."""
        kind = kind_of(values.type)
        if kind is ValueKind.NOTHING:
            return values.cast(pa.string())
        if kind is ValueKind.TEXT:
            return _texts(TEXT_STYLES[self._dialect.name], self.without_nul(column, values))
        if kind is ValueKind.BINARY:
            return self._binary(column, values)
        if kind is ValueKind.BOOLEAN:
            return pc.if_else(values, *self._dialect.booleans)
        values = self.cut_fractions(column, kind, values)
        texts = as_text(self._table, column, values)
        if kind is ValueKind.FLOAT:
            return self._floats(column, values, texts)
        before, after = ("'", "'") if quoted else self._dialect.literals.get(kind, ("", ""))
        return pc.binary_join_element_wise(before, texts, after, "") if before or after else texts

    def prepare(self, column: str, values: Column) -> Column:
        """Return the values of a column as the database can hold them."""
        kind = kind_of(values.type)
        if kind is ValueKind.TEXT:
            return self.without_nul(column, values)
        cut = self.cut_fractions(column, kind, values)
        if kind is not ValueKind.DURATION:
            return cut
        return pc.binary_join_element_wise(as_text(self._table, column, cut), " microseconds", "")

    def without_nul(self, column: str, texts: Column) -> Column:
        """Return text without U+0000, where the database has no such text."""
        if self._dialect.has_nul or not may_contain(texts, b"\0"):
            return texts
        found = pc.match_substring(texts, "\0")
        if count := count_true(found):
            message = "Characters U+0000, which the database cannot hold, are U+FFFD."
            self._watch.warn(self._table, "nul_replaced", message, column=column, count=count)
        return replace_values(texts, found, lambda text: text.replace("\0", "\ufffd"))

    def cut_fractions(self, column: str, kind: ValueKind, values: Column) -> Column:
        """Return times as exact as the database has them, in whole microseconds at least."""
        unit = getattr(values.type, "unit", "s")
        digits = self._dialect.fraction_digits
        if kind not in {ValueKind.TIME, ValueKind.TIMESTAMP, ValueKind.MOMENT, ValueKind.DURATION} or unit != "ns":
            return values.cast(pa.duration("us")) if kind is ValueKind.DURATION else values
        step = 1000 if kind is ValueKind.DURATION else 10 ** (9 - digits)
        exact = values.cast(pa.int64())
        cut = pc.subtract(exact, _remainder(exact, step))
        if count := count_true(pc.not_equal(exact, cut)):
            message = f"Times are cut to {digits} decimals of a second, as exact as the database has them."
            self._watch.warn(self._table, "time_cut", message, column=column, count=count)
        found = cut.cast(values.type)
        return found.cast(pa.duration("us")) if kind is ValueKind.DURATION else found

    def _binary(self, column: str, values: Column) -> Column:
        known = [value for value in values.to_pylist() if value is not None]
        if self._dialect.name == "oracle" and max(map(len, known), default=0) > ORACLE_BINARY_MAX_BYTES:
            raise Unexportable(
                f"Table {self._table}, column {column}: a script for Oracle holds "
                f"{ORACLE_BINARY_MAX_BYTES:,} bytes a value.",
                hint="Export it as Parquet.",
                code="binary_too_long",
                field=column,
            )
        before, after = self._dialect.literals[ValueKind.BINARY]
        found = [None if value is None else f"{before}{value.hex()}{after}" for value in values.to_pylist()]
        return pa.array(found, pa.string())

    def _floats(self, column: str, values: Column, texts: Column) -> Column:
        # With an exponent it is a double everywhere; without one many databases read a decimal first, and round twice.
        doubles = pc.if_else(pc.match_substring(texts, "e"), texts, pc.binary_join_element_wise(texts, "e0", ""))
        if self._dialect.name == "oracle":
            magnitude = pc.abs(values)
            beyond = pc.or_(pc.greater(magnitude, 1e125), pc.and_(pc.less(magnitude, 1e-129), pc.greater(magnitude, 0)))
            doubles = pc.if_else(beyond, pc.binary_join_element_wise(doubles, "d", ""), doubles)
        for text, literal in self._dialect.not_finite.items():
            doubles = pc.if_else(pc.equal(texts, text), literal, doubles)
        lost = pc.and_(
            pc.invert(pc.is_finite(values)),
            pc.invert(pc.is_in(texts, pa.array([*self._dialect.not_finite], pa.string()))),
        )
        if count := count_true(lost):
            message = "Numbers that are not finite, which the database cannot hold, are NULL."
            self._watch.warn(self._table, "not_finite", message, column=column, count=count)
            return pc.if_else(lost, None, doubles)
        return doubles


def _remainder(values: Column, step: int) -> Column:
    """Return what is left of a division that rounds down."""
    rest = pc.subtract(values, pc.multiply(pc.divide(values, step), step))
    return pc.if_else(pc.less(rest, 0), pc.add(rest, step), rest)
