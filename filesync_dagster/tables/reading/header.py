"""The header of a table: whether a first row has the names of the columns or is data, and names that suit columns."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from filesync_dagster.tables.model import TableWarning

NAME_LETTERS = 200
_VALUE = re.compile(
    r"[-+]?[\d.,' ]*\d[%]?|[-+]?\d+(\.\d*)?[eE][-+]?\d+|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([T ].*)?"
    r"|\d{1,2}:\d\d(:\d\d.*)?|(?i:true|false|yes|no|null|nan|n/?a|\\N)"
)
"""What is a value rather than a name: numbers, dates, times, truth."""

_YEAR = re.compile(r"(19|20)\d\d")


@dataclass(frozen=True, slots=True)
class FieldText:
    """A field as it was written."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class HeaderGuess:
    """Whether the first row is a header, and what to tell about it."""

    is_header: bool
    warnings: tuple[TableWarning, ...] = field(default=())


def find_header(first: Sequence[FieldText], below: Sequence[Sequence[FieldText]]) -> HeaderGuess:
    """Tell whether a first row has names: none of it is a value, and what is below is of another kind.

    Where nothing below tells, it is taken for names, with a warning, unless one of them is a value below.
    """
    texts = [cell.text.strip() for cell in first]
    if not any(texts):
        return _no_header()
    columns = list(zip(*below, strict=False))
    values = [index for index, text in enumerate(texts) if _VALUE.fullmatch(text)]
    said = [[cell.text.strip() for cell in column] for column in columns]
    if values and not are_years(texts, values, said):
        return _no_header()
    proof = any(_differs(text, column) for text, column in zip(texts, columns, strict=False))
    if proof or not below:
        return HeaderGuess(is_header=True)
    repeated = any(
        text and any(cell.text.strip() == text for cell in column) for text, column in zip(texts, columns, strict=False)
    )
    if repeated:
        return _no_header()
    example = " ".join(texts)[:200]
    message = "The first line was taken for the names of the columns, which nothing below it proves."
    return HeaderGuess(is_header=True, warnings=(TableWarning("header_assumed", message, examples=(example,)),))


def _no_header() -> HeaderGuess:
    message = "There is no line with names: the columns are numbered."
    return HeaderGuess(is_header=False, warnings=(TableWarning("no_header", message),))


def are_years(texts: Sequence[str], values: Sequence[int], columns: Sequence[Sequence[str]]) -> bool:
    """Tell whether the numbers among names (which are at `values`) are years, in their order, above what are none."""
    years = [texts[index] for index in values]
    if len(years) < 2 or len(years) == len(texts) or not all(_YEAR.fullmatch(year) for year in years):
        return False
    steps = [int(later) - int(earlier) for earlier, later in pairwise(years)]
    if len(set(steps)) > 1 or abs(steps[0]) != 1:
        return False
    if not columns:
        return True
    return not any(_YEAR.fullmatch(cell) for index in values for cell in columns[index])


def _differs(name: str, column: Sequence[FieldText]) -> bool:
    """Tell whether a column has values where its first row has a word."""
    said = [cell.text.strip() for cell in column if cell.text.strip()]
    if not name or not said:
        return False
    return sum(_VALUE.fullmatch(text) is not None for text in said) >= 0.9 * len(said)


def column_names(written: Sequence[str]) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    """Return names that differ in more than case, and what was written where that is another text.

    Names are normalized (NFC) and trim_sql; one without letters is `column_3`, a second `name` is `name_2`.
    """
    names: list[str] = []
    taken: set[str] = set()
    wanted = [_clean(text) or f"column_{number}" for number, text in enumerate(written, start=1)]
    firsts = {name.casefold() for name in wanted}
    for name in wanted:
        chosen, number = name, 2
        while chosen.casefold() in taken or (number > 2 and chosen.casefold() in firsts):
            chosen = f"{name[: NAME_LETTERS - 8]}_{number}"
            number += 1
        taken.add(chosen.casefold())
        names.append(chosen)
    originals = tuple(text if text != name else None for text, name in zip(written, names, strict=True))
    return tuple(names), originals


def _clean(text: str) -> str:
    letters = (" " if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} else letter for letter in text)
    return " ".join(unicodedata.normalize("NFC", "".join(letters)).split())[:NAME_LETTERS].strip()
