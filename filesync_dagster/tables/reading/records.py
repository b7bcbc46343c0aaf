"""The records of a CSV file, counted without DuckDB, and the line ends between them made equal.

Whoever reads the rows can so be asked whether these are all. Quotes are those that begin a field, and those that end
it: in a field that does not begin with one they are letters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.tables.reading.options import Cancellation

CHUNK_BYTES = 8 * 1024 * 1024
NULL_WORDS = (b"NULL", b"\\N")
WORD_BYTES = 4
_LF, _CR = 10, 13

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RecordCount:
    """What was counted: `blank` records have no letter at all, `longest` is in bytes."""

    records: int
    blank: int
    longest: int
    overfull: int = 0  # records that have more fields than others, of which the last ones are empty
    null_words: int = 0  # fields that are NULL or \\N, without quotes


def _null_word(delimiter: str) -> re.Pattern[bytes]:
    """Return what finds fields that say NULL, if quotes are left out of account."""
    inside = rb"[^" + re.escape(delimiter.encode()) + rb"\r\n]"
    return re.compile(rb"(?<!" + inside + rb")(?:NULL|\\N)(?!" + inside + rb")")


class RecordScan:
    """Goes through the records of a file, chunk by chunk; with `out`, writes them with line feeds between them.

    `cr_ends`: records end with a carriage return. Raises UnreadableTable where line ends are mixed so that rows
    cannot be told, LimitReached for a record that is too long.
    """

    def __init__(
        self, path: Path, delimiter: str, quote: str, width: int, *, cr_ends: bool, line_bytes: int, null_words: bool
    ) -> None:
        self._path = path
        self._delimiter = ord(delimiter)
        self._width = width
        self._null_word = _null_word(delimiter) if null_words else None
        self._ends = np.array([ord(delimiter), _LF, _CR], np.uint8)
        self._quote = ord(quote) if quote else None
        self._end = _CR if cr_ends else _LF
        self._cr_ends = cr_ends
        self._line_bytes = line_bytes
        self._inside = False
        self._before = _LF  # the last byte of the chunk before
        self._records = self._blank = self._longest = self._overfull = self._null_words = 0
        self._delimiters = 0  # of the record so far
        self._length = 0  # of the record so far
        self._content = 0  # of it, without carriage returns

    def run(self, offset: int, cancellation: Cancellation, out: BinaryIO | None = None) -> RecordCount:
        """Return what was counted from an offset to the end of the file."""
        for chunk, is_last in self._chunks(offset):
            cancellation.check()
            normal = self._take(chunk, is_last=is_last)
            if out is not None:
                out.write(normal)
        if self._content:
            self._records += 1
            self._longest = max(self._longest, self._length)
            self._overfull += int(self._before == self._delimiter and self._delimiters >= self._width)
        return RecordCount(self._records, self._blank, self._longest, self._overfull, self._null_words)

    def _chunks(self, offset: int) -> Iterator[tuple[bytes, bool]]:
        """Yield chunks that end where the next byte does not matter: neither with a quote nor a carriage return."""
        held_back = b"" if self._quote is None else bytes([self._quote])
        carry = b""
        with self._path.open("rb") as file:
            file.seek(offset)
            while piece := file.read(CHUNK_BYTES):
                chunk = carry + piece
                cut = self._without_half_word(chunk.rstrip(held_back + b"\r"))
                carry = chunk[len(cut) :]
                if len(carry) > self._line_bytes:
                    raise self._too_long()
                if cut:
                    yield cut, False
        if carry:
            yield carry, True

    def _without_half_word(self, chunk: bytes) -> bytes:
        """Return a chunk without a last field that may turn out to be NULL."""
        start = max(chunk.rfind(self._delimiter), chunk.rfind(_LF)) + 1
        last = chunk[start:] if start and len(chunk) - start <= WORD_BYTES else b""
        return chunk[:start] if last and any(word.startswith(last) for word in NULL_WORDS) else chunk

    def _take(self, chunk: bytes, *, is_last: bool) -> bytes:
        data = np.frombuffer(chunk, np.uint8)
        quotes = self._true_quotes(chunk, data)
        ends = self._outside(np.flatnonzero(data == self._end), quotes)
        drop: Places | None = None
        if b"\r" in chunk or self._cr_ends:
            drop = self._check_returns(data, quotes)
        self._count(ends, len(chunk), drop)
        self._count_fields(data, ends, quotes)
        if self._null_word is not None:
            found = [match.start() for match in self._null_word.finditer(chunk)]
            begun = found[1:] if found[:1] == [0] and self._before not in self._ends else found
            self._null_words += len(self._outside(np.array(begun, np.int64), quotes))
        self._inside ^= bool(len(quotes) & 1)
        self._before = chunk[-1]
        if self._cr_ends and len(ends):
            changed = data.copy()
            changed[ends] = _LF
            return changed.tobytes()
        if drop is not None and len(drop):
            kept = np.ones(len(data), bool)
            kept[drop] = False
            return data[kept].tobytes()
        return chunk

    def _true_quotes(self, chunk: bytes, data: Bytes) -> Places:
        """Return where quotes begin and end fields, in turn (two within a field are an end and a beginning)."""
        if self._quote is None or chunk.find(self._quote) < 0:
            return np.empty(0, np.int64)
        places: Places = np.flatnonzero(data == self._quote).astype(np.int64)
        before = np.concatenate([np.array([self._before], np.uint8), data[:-1]])[places]
        after = np.concatenate([data[1:], np.array([_LF], np.uint8)])[places]
        opens = np.arange(len(places)) % 2 == int(self._inside)
        around = np.where(opens, before, after)
        if bool(np.all(np.isin(around, self._ends) | (around == self._quote))):
            return places
        return self._walk(places, before, after)

    def _walk(self, places: Places, before: Bytes, after: Bytes) -> Places:
        """Do the same one by one, where quotes are letters of fields that do not begin with one."""
        ends = {int(end) for end in self._ends}
        inside, found, skip = self._inside, [], -1
        for place, left, right in zip(places.tolist(), before.tolist(), after.tolist(), strict=True):
            if place == skip:
                continue
            if not inside:
                if left in ends:
                    found.append(place)
                    inside = True
            elif right == self._quote:
                skip = place + 1
            else:
                found.append(place)
                inside = False
        return np.array(found, np.int64)

    def _outside(self, places: npt.NDArray[Any], quotes: Places) -> Places:
        if not len(quotes):
            return places[:0] if self._inside else places
        found: Places = places[(np.searchsorted(quotes, places) + int(self._inside)) % 2 == 0]
        return found

    def _check_returns(self, data: Bytes, quotes: Places) -> Places:
        """Return the carriage returns to drop: those before a line feed. Others must be the ends of records."""
        returns = self._outside(np.flatnonzero(data == _CR), quotes)
        following = np.concatenate([data[1:], np.array([_LF], np.uint8)])
        is_pair = following[returns] == _LF
        if self._cr_ends:
            feeds = self._outside(np.flatnonzero(data == _LF), quotes)
            if len(feeds):
                raise self._mixed("a line feed")
            return returns[:0]
        if not bool(np.all(is_pair)):
            raise self._mixed("a carriage return")
        return returns

    def _count(self, ends: Places, size: int, drop: Places | None) -> None:
        if not len(ends):
            self._length += size
            self._content += size - (0 if drop is None else len(drop))
            if self._length > self._line_bytes:
                raise self._too_long()
            return
        lengths = np.diff(ends, prepend=-1) - 1
        contents = lengths.copy()
        if drop is not None and len(drop):
            contents -= np.bincount(np.searchsorted(ends, drop), minlength=len(ends) + 1)[: len(ends)]
        lengths[0] += self._length
        contents[0] += self._content
        self._records += len(ends)
        self._blank += int(np.count_nonzero(contents == 0))
        self._longest = max(self._longest, int(lengths.max()))
        self._length = size - int(ends[-1]) - 1
        self._content = self._length - (0 if drop is None else int(np.count_nonzero(drop > ends[-1])))
        if self._longest > self._line_bytes:
            raise self._too_long()

    def _count_fields(self, data: Bytes, ends: Places, quotes: Places) -> None:
        """Count records that end with more delimiters than there are between the fields of others."""
        tail = int(ends[-1]) + 1 if len(ends) else 0
        delimiters: Places | None = None
        if len(ends):
            last = data[np.maximum(ends - 1, 0)]
            lasts = np.where((last == _CR) & (ends > 1), ends - 2, ends - 1)
            if bool(np.any((data[np.maximum(lasts, 0)] == self._delimiter) & (lasts >= 0))) or (
                not lasts[0] + 1 and self._before == self._delimiter
            ):
                delimiters = self._outside(np.flatnonzero(data == self._delimiter), quotes)
                behind = np.searchsorted(delimiters, ends)
                counts = np.diff(behind, prepend=0)
                counts[0] += self._delimiters
                extra = counts - (self._width - 1)
                first_extra = delimiters[np.clip(behind - np.maximum(extra, 1), 0, len(delimiters) - 1)]
                self._overfull += int(np.count_nonzero((extra > 0) & (first_extra == lasts - extra + 1)))
            self._delimiters = 0
        if delimiters is None:
            rest = np.flatnonzero(data[tail:] == self._delimiter) + tail
            self._delimiters += len(self._outside(rest, quotes))
        else:
            self._delimiters += len(delimiters) - int(np.searchsorted(delimiters, tail))

    def _too_long(self) -> LimitReached:
        return LimitReached(
            f"Record {self._records + 1} of {self._path.name} is longer than {self._line_bytes:,} bytes.",
            hint="A quote may not be closed, or the file is not CSV.",
            code="line_too_long",
        )

    def _mixed(self, what: str) -> UnreadableTable:
        return UnreadableTable(
            f"After about {self._records:,} rows of {self._path.name}, {what} stands alone outside of quotes, where "
            "other rows end otherwise: which rows there are cannot be told.",
            hint="Write the file again with equal line ends.",
            code="mixed_line_ends",
        )
