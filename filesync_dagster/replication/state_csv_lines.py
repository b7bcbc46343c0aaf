"""Which line of a state as CSV is wrong, and what with it: read line by line, when something is."""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

COLUMNS: Final = ("file_path", "permissions", "size", "file_type", "last_modified", "internal_id")
UNKNOWN: Final = "unknown"
"""What some write for what they do not know, in place of nothing."""

SIZE_DIGITS: Final = r"[0-9]{1,19}"
SIZE_MAX_BYTES: Final = 2**63 - 1
MOMENT: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
"""ISO 8601, as a pattern. Without an offset it is UTC."""

FIELD_MAX_BYTES: Final = 8 << 20
SHOWN_LETTERS: Final = 60


def read_header(path: Path) -> str | None:
    """Return what is wrong with the first line; None when nothing is. Raises OSError."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = next(csv.reader(file), [])
    if tuple(first) == COLUMNS:
        return None
    missing = [name for name in COLUMNS if name not in first]
    if missing:
        return f"the columns {', '.join(missing)} are missing" if len(missing) > 1 else f"no column {missing[0]}"
    return f"the columns are {', '.join(first)}"


def find_problem(path: Path) -> tuple[int, str] | None:
    """Return the first line that is wrong, and what is; None when nothing is found."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(_problems(file), None)
    except UnicodeDecodeError:
        return _undecodable(path)


def _problems(file: Iterator[str]) -> Iterator[tuple[int, str]]:
    csv.field_size_limit(FIELD_MAX_BYTES)
    reader = csv.reader(file, strict=True)
    seen: dict[str, int] = {}
    line = 1
    try:
        for row in reader:
            while len(row) > len(COLUMNS) and not row[-1]:
                row.pop()  # commas more at the end of a line are harmless; so is an empty line
            if line > 1 and row and (problem := _problem(row, seen)):
                yield line, problem
            if row:
                seen.setdefault(row[0], line)
            line = reader.line_num + 1
    except csv.Error as error:
        yield line, f"this is not CSV ({error})"


def _problem(row: list[str], seen: dict[str, int]) -> str | None:
    if len(row) != len(COLUMNS):
        return f"{len(row)} fields, and {len(COLUMNS)} are needed"
    values = dict(zip(COLUMNS, row, strict=True))
    if not values["file_path"]:
        return "no file_path"
    if values["file_path"] in seen:
        return f"the file_path {_shown(values['file_path'])} was in line {seen[values['file_path']]} already"
    size, moment = values["size"], values["last_modified"]
    if size not in ("", UNKNOWN) and not (re.fullmatch(SIZE_DIGITS, size) and int(size) <= SIZE_MAX_BYTES):
        return f"the size {_shown(size)} is no whole number of bytes"
    if moment not in ("", UNKNOWN) and not _is_moment(moment):
        return f"the last_modified {_shown(moment)} is no ISO 8601 time"
    return None


def _is_moment(text: str) -> bool:
    if not re.fullmatch(MOMENT, text):
        return False
    try:
        datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return False
    return True


def _undecodable(path: Path) -> tuple[int, str] | None:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number, "this is not UTF-8"
    return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…")
