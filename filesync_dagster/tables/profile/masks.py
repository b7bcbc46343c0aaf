"""Shapes of texts: "EMP-00017" is `AAA-99999`, and all of a column together "EMP-%05d"."""

import re
from collections.abc import Sequence

_MASK_LETTERS = 40
_NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)
_FIELD = re.compile(r"%(0\d+)?d")


def mask(text: str) -> str:
    """Return the shape of a text: capital letters are A, others a, digits 9; a long one is cut."""
    shape = "".join(_shape(letter) for letter in text[:_MASK_LETTERS])
    return shape if len(text) <= _MASK_LETTERS else f"{shape}…"


def _shape(letter: str) -> str:
    if letter.isdigit():
        return "9"
    if letter.isalpha():
        return "A" if letter.isupper() else "a"
    return letter


def numbered_format(texts: Sequence[str]) -> str | None:
    """Return how texts are made of a number, as printf has it ("EMP-%05d"), or None where they are not.

    Texts of digits alone have one only where zeros lead, else they are numbers that somebody quoted.
    """
    first = _NUMBERED.fullmatch(texts[0]) if texts else None
    if first is None:
        return None
    prefix, suffix = first[1], first[3]
    pattern = re.compile(f"{re.escape(prefix)}([0-9]+){re.escape(suffix)}", re.DOTALL)
    digits = []
    for text in texts:
        if (found := pattern.fullmatch(text)) is None:
            return None
        digits.append(found[1])
    widths, is_padded = {len(each) for each in digits}, any(each[0] == "0" and len(each) > 1 for each in digits)
    if is_padded and len(widths) > 1:
        return None
    if not is_padded and not prefix and not suffix:
        return None
    number = f"%0{widths.pop()}d" if is_padded else "%d"
    return f"{prefix.replace('%', '%%')}{number}{suffix.replace('%', '%%')}"


def format_pattern(form: str) -> str:
    """Return the regular expression of what `numbered_format` describes."""
    field = _FIELD.search(form)
    assert field is not None
    digits = f"[0-9]{{{int(field[1])}}}" if field[1] else "(0|[1-9][0-9]*)"
    before, after = (re.escape(part.replace("%%", "%")) for part in (form[: field.start()], form[field.end() :]))
    return f"^{before}{digits}{after}$"
