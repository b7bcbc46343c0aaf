"""Names that a format can hold, each only once: of files, of sheets, of what databases call tables and columns."""

import re
from collections.abc import Callable, Iterable
from typing import Final

FILE_NAME_BYTES: Final = 120
SHEET_NAME_LETTERS: Final = 31  # in units of UTF-16, as Excel counts

_FORBIDDEN_IN_FILES = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_FORBIDDEN_IN_SHEETS = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_EDGES_OF_FILES = re.compile(r"^[\s.]+|[\s.]+$")
_EDGES_OF_SHEETS = re.compile(r"^[\s']+|[\s']+$")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def unique_names(
    names: Iterable[str], spell: Callable[[str, int], str], equal: Callable[[str], str] = str.casefold
) -> dict[str, str]:
    """Return another name for each name: `spell(name, 1)`, or with a higher number where that is taken.

    `equal` returns what is the same for names that the format takes for one.
    """
    given: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        number = 1
        while equal(spelt := spell(name, number)) in taken:
            number += 1
        taken.add(equal(spelt))
        given[name] = spelt
    return given


def file_names(names: Iterable[str], suffix: str) -> dict[str, str]:
    """Return a name of a file for each table, which every file system can hold."""
    return unique_names(names, lambda name, number: spell_file(name, number) + suffix)


def spell_file(name: str, number: int) -> str:
    """Return a table's name as a file's, without its suffix.

    >>> spell_file("../a:b", 1), spell_file("CON", 1), spell_file("x", 2)
    ('_a_b', '_CON', 'x_2')
    """
    clean = _EDGES_OF_FILES.sub("", _FORBIDDEN_IN_FILES.sub("_", name)) or "table"
    clean = f"_{clean}" if clean.split(".")[0].casefold() in _DEVICES else clean
    ending = f"_{number}" if number > 1 else ""
    return cut_bytes(clean, FILE_NAME_BYTES - len(ending)) + ending


def sheet_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name of a sheet for each table."""
    return unique_names(names, spell_sheet)


def spell_sheet(name: str, number: int) -> str:
    """Return a table's name as a sheet's: at most 31 letters, none that Excel forbids, nor the name it keeps.

    >>> spell_sheet("a/b:c", 1), spell_sheet("x" * 40, 2), spell_sheet("history", 1)
    ('a_b_c', 'xxxxxxxxxxxxxxxxxxxxxxxxxxx (2)', 'history_')
    """
    clean = _EDGES_OF_SHEETS.sub("", _FORBIDDEN_IN_SHEETS.sub("_", name)) or "Sheet"
    clean = f"{clean}_" if clean.casefold() == "history" else clean
    ending = f" ({number})" if number > 1 else ""
    return cut_letters(clean, SHEET_NAME_LETTERS - len(ending)).rstrip("' ") + ending


def cut_letters(text: str, most: int) -> str:
    """Return the beginning of a text that has no more units of UTF-16 than that, and no half of a letter."""
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")


def cut_bytes(text: str, most: int) -> str:
    """Return the beginning of a text that has no more bytes of UTF-8 than that, and no part of a letter."""
    return text.encode()[:most].decode("utf-8", "ignore")
