"""Encodings of text files: which one it is, and the file as UTF-8.

A byte order mark decides, else UTF-8 that holds for the whole file, else what charset-normalizer makes of a part of
it, which is told as a warning: a guess can be wrong, and a person can say better.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filesync_dagster.core.errors import UnreadableTable
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.model import TableWarning
from filesync_dagster.tables.reading.options import Cancellation

CHUNK_BYTES = 8 * 1024 * 1024
SAMPLE_BYTES = 1024 * 1024
GUESSES = (
    "cp1252", "latin_1", "cp1250", "cp1251", "cp1253", "cp1254", "iso8859_2", "iso8859_15", "koi8_r", "mac_roman",
    "shift_jis", "cp932", "euc_jp", "gb18030", "big5", "euc_kr", "cp949",
)  # fmt: skip
"""What charset-normalizer may answer: single bytes of Europe, and what East Asia has written for decades."""

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BOTH_TOKENS = (b"NULL", b"\\N")


@dataclass(frozen=True)
class TextFile:
    """A text file as UTF-8 without a mark: the original, or what was made of it."""

    path: Path
    encoding: str
    offset: int  # bytes of the mark that come before the text
    has_returns: bool  # whether there is a carriage return anywhere
    has_null_words: bool  # whether "NULL" or "\N" stands anywhere
    warnings: tuple[TableWarning, ...] = ()


def open_text(path: Path, declared: str | None, scratch: Path, cancellation: Cancellation) -> TextFile:
    """Return a file as UTF-8; `scratch` is written where it is something else.

    Raises UnreadableTable for what is no text, or not in the encoding that a person declared.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    mark, encoding = _mark(head)
    warnings: tuple[TableWarning, ...] = ()
    if declared is not None:
        encoding = _codec(declared)
        mark = mark if encoding.startswith("utf") else b""
    elif encoding is None:
        encoding = _wide(head) or "utf-8"
    if encoding == "utf-8":
        found = _scan(path, len(mark), cancellation)
        if isinstance(found, TextFile):
            return found
        if declared is not None or mark:
            raise _not_in(path, "utf-8", found)
        encoding, warnings = _guess(path, found)
    _transcode(path, encoding, len(mark), scratch, cancellation)
    found = _scan(scratch, 0, cancellation)
    assert isinstance(found, TextFile), "what was encoded just now is UTF-8"
    return TextFile(scratch, encoding, 0, found.has_returns, found.has_null_words, warnings)


def _mark(head: bytes) -> tuple[bytes, str | None]:
    return next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", None))


def _codec(name: str) -> str:
    """Return the canonical name of an encoding. Raises UnreadableTable."""
    try:
        found = codecs.lookup(name)
    except LookupError as error:
        raise UnreadableTable(f"There is no encoding {name!r}.", code="unknown_encoding", field="encoding") from error
    if not found._is_text_encoding:  # noqa: SLF001  # base64 and zlib are codecs, too, and nothing else tells them
        raise UnreadableTable(f"{name!r} is no encoding of text.", code="unknown_encoding", field="encoding")
    canonical = found.name.lower().replace("_", "-")
    return {"utf-8-sig": "utf-8", "utf8": "utf-8", "ascii": "utf-8", "utf-16": "utf-16-le"}.get(canonical, canonical)


def _wide(head: bytes) -> str | None:
    """Return the byte order of UTF-16 without a mark: of Latin text, every second byte is NUL."""
    if b"\0" not in head:
        return None
    pairs = len(head) // 2
    first, second = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if pairs and second >= pairs * 0.4 and first <= pairs * 0.01:
        return "utf-16-le"
    if pairs and first >= pairs * 0.4 and second <= pairs * 0.01:
        return "utf-16-be"
    return None


def _scan(path: Path, offset: int, cancellation: Cancellation) -> TextFile | int:
    """Return what the whole file has, or the offset of the first byte that is no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    has_returns = has_null_words = is_pending = False
    position, tail = offset, b""
    for chunk in _chunks(path, offset):
        cancellation.check()
        _refuse_binary(path, chunk, position)
        if is_pending or not chunk.isascii():
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return position + error.start
            is_pending = bool(decoder.getstate()[0])
        has_returns = has_returns or b"\r" in chunk
        if not has_null_words:
            has_null_words = any(token in chunk or token in tail + chunk[:4] for token in _BOTH_TOKENS)
        tail = chunk[-4:]
        position += len(chunk)
    return position - 1 if is_pending else TextFile(path, "utf-8", offset, has_returns, has_null_words)


def _refuse_binary(path: Path, chunk: bytes, position: int) -> None:
    place = chunk.find(b"\0")
    if place >= 0:
        raise UnreadableTable(
            f"{path.name} is no text file: byte {position + place + 1} is NUL.",
            hint="Say which format it has, or which encoding.",
            code="binary",
        )


def _chunks(path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _guess(path: Path, first_bad: int) -> tuple[str, tuple[TableWarning, ...]]:
    """Return the likely encoding of a file that is no UTF-8, and the warning that says so. Raises UnreadableTable."""
    with path.open("rb") as file:
        file.seek(max(0, first_bad - SAMPLE_BYTES // 2))
        sample = file.read(SAMPLE_BYTES)
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(not character.isascii() for character in text) - bad
    if good > 2 * bad:  # text of other encodings is hardly ever UTF-8 by accident
        raise _not_in(path, "utf-8", first_bad)
    normalizer = import_from_extra("charset_normalizer", "tables", "Finding out an encoding")
    best = normalizer.from_bytes(sample, cp_isolation=list(GUESSES)).best()
    if best is None:
        raise UnreadableTable(
            f"The encoding of {path.name} cannot be told.", hint="Say which it is.", code="encoding", field="encoding"
        )
    encoding = _preferred(str(best.encoding), sample)
    example = next((line.strip() for line in _decoded_lines(sample, encoding) if not line.isascii()), "")
    message = f"The encoding was guessed as {encoding}; another one can be chosen."
    return encoding, (TableWarning("encoding_guessed", message, examples=(example[:200],) if example else ()),)


def _preferred(encoding: str, sample: bytes) -> str:
    """Return Windows' superset of Latin-1 where its additional letters are letters."""
    if encoding.replace("-", "_") in {"latin_1", "iso8859_1"}:
        try:
            sample.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "cp1252"
    return _codec(encoding)


def _decoded_lines(sample: bytes, encoding: str) -> list[str]:
    return sample.decode(encoding, "replace").splitlines()


def _transcode(path: Path, encoding: str, offset: int, scratch: Path, cancellation: Cancellation) -> None:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    position = offset
    with scratch.open("wb") as out:
        for chunk in _chunks(path, offset):
            cancellation.check()
            try:
                text = decoder.decode(chunk)
                out.write(text.encode())
            except UnicodeError as error:
                raise _not_in(path, encoding, position + getattr(error, "start", 0)) from error
            position += len(chunk)
        try:
            out.write(decoder.decode(b"", final=True).encode())
        except UnicodeError as error:
            raise _not_in(path, encoding, position) from error


def _not_in(path: Path, encoding: str, offset: int) -> UnreadableTable:
    return UnreadableTable(
        f"{path.name} is not in the encoding {encoding}: byte {offset + 1} is none of its characters.",
        hint="Say which encoding it has.",
        code="encoding",
        field="encoding",
    )
