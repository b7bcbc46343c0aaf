"""The dialect of a CSV file: its delimiter and quote, how records end, what stands above the header, and the header.

Found out from the beginning of the file, and told where it was not certain; the strict reading of all rows that
follows fails where it does not hold.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from filesync_dagster.core.errors import UnreadableTable
from filesync_dagster.tables.model import TableWarning
from filesync_dagster.tables.reading.header import FieldText, HeaderGuess, find_header
from filesync_dagster.tables.reading.options import ReadOptions

SAMPLE_BYTES = 64 * 1024
MOST_SAMPLE_BYTES = 8 * 1024 * 1024
DELIMITERS = (",", ";", "\t", "|")
TITLE_LINES = 20
_UNUSED = ("\x1f", "\x1e", "\x1d", "\x1c", "\x01")
"""Delimiters of a file with one column: none of its letters."""

_CLEAN = re.compile(r"\s*([-+]?[\d.,' ]*\d%?|[^,;\t|]*)\s*")

_SEPARATOR_LINE = re.compile(r'"?sep=([!-/:-@\[-`{-~\t ])"?[\t ,;]*(?:\r\n|\r|\n)', re.IGNORECASE)
"""A first line that tells Excel the delimiter, and is no part of the table."""

Record = list[FieldText]


@dataclass(frozen=True)
class CsvDialect:
    """How a file is to be read."""

    delimiter: str
    quote: str  # "" for none
    cr_ends: bool  # whether records end with a carriage return alone
    skip_records: int  # above the header, or above the data where there is none
    skip_bytes: int  # how long these are, in UTF-8
    names: tuple[str, ...] | None  # of the columns, as written; None: there is no header
    width: int
    warnings: tuple[TableWarning, ...] = field(default=())


@dataclass(frozen=True)
class _Split:
    """What a delimiter and a quote make of the sample."""

    delimiter: str
    quote: str
    records: list[Record]
    starts: list[int]  # where each begins in the sample
    unclosed: bool

    @cached_property
    def filled(self) -> list[Record]:
        return [record for record in self.records if not _is_blank(record)]

    @cached_property
    def width(self) -> int:
        """The usual number of fields."""
        counts = Counter(len(record) for record in self.filled)
        return max(counts, key=lambda size: (counts[size], size)) if counts else 0

    @cached_property
    def score(self) -> tuple[float, float, int]:
        """How well it fits: the share of records that are as wide as most, of cells that need no other delimiter."""
        body = self.filled[_title_count(self.filled, self.width) :]
        if not body or self.width < 2 or self.unclosed:
            return (0.0, 0.0, 0)
        even = sum(len(record) == self.width for record in body) / len(body)
        cells = [cell for record in body for cell in record if not cell.quoted]
        clean = sum(_CLEAN.fullmatch(cell.text) is not None for cell in cells) / len(cells) if cells else 1.0
        return (round(even, 3), round(clean, 3), self.width)


def find_dialect(path: Path, offset: int, options: ReadOptions) -> CsvDialect:
    """Return the dialect of a UTF-8 file whose text begins at an offset. Raises UnreadableTable."""
    sample, complete = _sample(path, offset)
    if not sample.strip("\r\n \t"):
        raise UnreadableTable(f"{path.name} is empty.", code="empty")
    _check_choice(options)
    said = _SEPARATOR_LINE.match(sample)
    if said is not None and options.delimiter in {None, said[1]} and options.header_row != 1:
        return _below_separator_line(path, offset, said, options)
    split = _best_split(path, sample, options, complete=complete)
    if not split.filled:
        raise UnreadableTable(f"{path.name} has no rows.", code="empty")
    first, guess = _top(split, options, path)
    width = len(split.records[first])
    warnings = [*_dialect_warnings(split), *_title_warnings(split.records[:first]), *guess.warnings]
    names = tuple(cell.text for cell in split.records[first]) if guess.is_header else None
    return CsvDialect(
        split.delimiter,
        split.quote,
        _ends_with_cr(sample, split),
        first,
        len(sample[: split.starts[first]].encode()),
        names,
        width,
        tuple(warnings),
    )


def _below_separator_line(path: Path, offset: int, said: re.Match[str], options: ReadOptions) -> CsvDialect:
    """Return the dialect of what is below the line in which Excel is told the delimiter."""
    row = options.header_row - 1 if options.header_row else options.header_row
    said_bytes = len(said[0].encode())
    found = find_dialect(path, offset + said_bytes, replace(options, delimiter=said[1], header_row=row))
    return replace(found, skip_records=found.skip_records + 1, skip_bytes=found.skip_bytes + said_bytes)


def _sample(path: Path, offset: int) -> tuple[str, bool]:
    """Return the beginning of the text, with whole records as far as can be seen, and whether it is all."""
    size = SAMPLE_BYTES
    while True:
        with path.open("rb") as file:
            file.seek(offset)
            head = file.read(size)
            complete = not file.read(1)
        if complete or size >= MOST_SAMPLE_BYTES or len(re.findall(rb"\r\n?|\n", head)) >= 3:
            return head.decode("utf-8", "ignore"), complete
        size *= 8


def _check_choice(options: ReadOptions) -> None:
    for name, value in (("delimiter", options.delimiter), ("quote", options.quote)):
        empty_is_fine = name == "quote"
        if value is None or (empty_is_fine and not value):
            continue
        if len(value) != 1 or not value.isascii() or value in "\r\n\0":
            raise UnreadableTable(f"A {name} is one character of ASCII, not {value!r}.", code="dialect", field=name)
    quote = '"' if options.quote is None else options.quote
    if options.delimiter is not None and options.delimiter == quote:
        raise UnreadableTable("Delimiter and quote differ.", code="dialect", field="quote")


def _best_split(path: Path, sample: str, options: ReadOptions, *, complete: bool) -> _Split:
    quotes = [options.quote] if options.quote is not None else ['"']
    if options.quote is None and '"' not in sample and "'" in sample:
        quotes.append("'")
    delimiters = [options.delimiter] if options.delimiter is not None else list(DELIMITERS)
    splits = [_split(sample, one, quote, complete=complete) for quote in quotes for one in delimiters if one != quote]
    if options.delimiter is not None:
        return max(splits, key=_quote_preference)
    best = max(splits, key=lambda split: (split.score, _quote_preference(split)))
    if best.score[0] > 0:
        return best
    open_quotes = [split for split in splits if split.unclosed and split.width > 1]
    if open_quotes:
        raise _open_quote(path, open_quotes[0], sample)
    unused = next(letter for letter in (*DELIMITERS, *_UNUSED) if letter not in sample)
    return _split(sample, unused, quotes[0], complete=complete)


def _open_quote(path: Path, split: _Split, sample: str) -> UnreadableTable:
    """Return the error for a quote that no other one ends; what people mean by it is told by what is around it."""
    hint = "Correct it, or say that there are no quotes."
    if split.quote and f"\\{split.quote}" in sample:
        hint = "Quotes within fields have backslashes before them here: write each twice instead, as other programs do."
    elif split.quote and re.search(rf"{split.quote}[^{re.escape(split.delimiter)}{split.quote}\r\n]", sample):
        hint = "Text may stand behind a quote that ends a field: say that there are no quotes, if these are letters."
    return UnreadableTable(
        f"A quote in {path.name} is not closed, or not where quotes may be: after row {len(split.records) - 1}.",
        hint=hint,
        code="bad_line",
        field="quote",
    )


def _quote_preference(split: _Split) -> tuple[bool, bool]:
    """Prefer double quotes; single ones need fields that are quoted all over a column."""
    if split.quote != "'":
        return (True, False)
    columns = list(zip(*(record for record in split.filled if len(record) == split.width), strict=False))
    quoted = any(len(column) >= 2 and all(cell.quoted for cell in column[1:]) for column in columns)
    return (quoted, quoted)


def _split(sample: str, delimiter: str, quote: str, *, complete: bool) -> _Split:
    """Split a sample; the last record is left out where the sample may have cut it."""
    field_of = _field_pattern(delimiter, quote)
    records: list[Record] = []
    starts, record, start, place, unclosed = [], [], 0, 0, False
    while place < len(sample):
        found = field_of.match(sample, place)
        assert found is not None, "the second alternative takes anything"
        if found[1] is not None:
            record.append(FieldText(found[1].replace(quote * 2, quote), quoted=True))
        else:
            unclosed = unclosed or bool(quote and found[2].startswith(quote))
            record.append(FieldText(found[2], quoted=False))
        place = found.end()
        if sample.startswith(delimiter, place):
            place += 1
            if place == len(sample):
                record.append(FieldText("", quoted=False))
            continue
        records.append(record)
        starts.append(start)
        place += 2 if sample.startswith("\r\n", place) else 1
        record, start = [], place
        if unclosed:
            break
    else:
        if record:
            records.append(record)
            starts.append(start)
    if not complete and len(records) > 1:  # the last one may be cut, and a quote is closed behind the sample
        records, starts, unclosed = records[:-1], starts[:-1], unclosed and len(records) < 3
    return _Split(delimiter, quote, records, starts, unclosed)


def _field_pattern(delimiter: str, quote: str) -> re.Pattern[str]:
    plain = rf"([^{re.escape(delimiter)}\r\n]*)"
    if not quote:
        return re.compile(rf"((?!))?{plain}")  # nothing matches the first alternative
    one = re.escape(quote)
    inner = rf"(?:[^{one}]|{one}{one})*+"
    return re.compile(rf" *{one}({inner}){one} *(?={re.escape(delimiter)}|[\r\n]|\Z)|{plain}")


def _is_blank(record: Record) -> bool:
    return len(record) == 1 and not record[0].quoted and not record[0].text.strip()


def _title_count(records: Sequence[Record], width: int) -> int:
    """Return how many records are above the table: next to nothing is in them, and all is below."""
    count = 0
    for record in records[:TITLE_LINES]:
        said = sum(bool(cell.text.strip()) for cell in record)
        is_comment = record[0].text.startswith("#") and len(record) != width
        if not (is_comment or (said <= 1 and width >= 2 and (len(record) != width or width >= 3))):
            break
        count += 1
    return count if count < len(records) and count < TITLE_LINES else 0


def _top(split: _Split, options: ReadOptions, path: Path) -> tuple[int, HeaderGuess]:
    """Return which record is the header, or the first of the data where there is none."""
    filled = [index for index, record in enumerate(split.records) if not _is_blank(record)]
    records = [split.records[index] for index in filled]
    if options.header_row is not None:
        return _declared_top(split, options.header_row, filled, path)
    skipped = _title_count(records, split.width)
    guess = find_header(records[skipped], [r for r in records[skipped + 1 :] if len(r) == len(records[skipped])])
    if skipped and not guess.is_header and all(len(record) == split.width for record in records[:skipped]):
        skipped = 0  # rows with one value in them, and none is a title
        guess = find_header(records[0], records[1:])
    return filled[skipped], guess


def _declared_top(split: _Split, row: int, filled: Sequence[int], path: Path) -> tuple[int, HeaderGuess]:
    """Return the record that a person says the names are in. Raises UnreadableTable."""
    if row == 0:
        return filled[0], HeaderGuess(is_header=False)
    if not 0 < row <= len(split.records) or _is_blank(split.records[row - 1]):
        raise UnreadableTable(f"{path.name} has no names in line {row}.", code="header", field="header_row")
    return row - 1, HeaderGuess(is_header=True)


def _dialect_warnings(split: _Split) -> list[TableWarning]:
    if split.quote != "'":
        return []
    return [TableWarning("single_quotes", "Fields are in single quotes.")]


def _title_warnings(records: Sequence[Record]) -> list[TableWarning]:
    texts = [" ".join(cell.text for cell in record).strip()[:200] for record in records if not _is_blank(record)]
    if not texts:
        return []
    message = f"{len(texts)} lines above the table were left out."
    return [TableWarning("title_lines", message, len(texts), examples=tuple(texts[:5]))]


def _ends_with_cr(sample: str, split: _Split) -> bool:
    """Tell whether the first record that ends does so with a carriage return alone."""
    if len(split.starts) < 2:
        return "\n" not in sample and "\r" in sample
    end = sample[: split.starts[1]]
    return end.endswith("\r")
