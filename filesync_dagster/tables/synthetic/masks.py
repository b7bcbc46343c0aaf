"""Masks: the form of codes such as `EMP-00017`, and new codes of the same form."""

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filesync_dagster.tables.synthetic.values import ArrowArray

DIGITS = string.digits
ALPHABETS = (DIGITS, "0123456789abcdef", "0123456789ABCDEF", string.ascii_lowercase, string.ascii_uppercase)
MIXED = (DIGITS + string.ascii_lowercase, DIGITS + string.ascii_uppercase, string.ascii_letters)
WIDEST = DIGITS + string.ascii_letters
VOWELS = "aeiou"
CONSONANTS = "bcdfghklmnprstvwz"
MOST_NUMBERS = 2**62


@dataclass(frozen=True)
class CodeMask:
    """Letters that are always there, and alphabets where they vary (one letter: it does not)."""

    places: tuple[str, ...]

    @property
    def room(self) -> int:
        """How many codes have this form, as far as it can matter."""
        found = 1
        for alphabet in self.places:
            found = min(found * len(alphabet), MOST_NUMBERS)
        return found

    @property
    def counts(self) -> bool:
        """Whether all that varies is one number at the end or in the middle."""
        varies = "".join("9" if len(place) > 1 else "." for place in self.places)
        return bool(re.fullmatch(r"\.*9+\.*", varies)) and all(set(p) <= set(DIGITS) for p in self.places if len(p) > 1)

    def write(self, numbers: NDArray[np.int64]) -> ArrowArray:
        """Return the codes of numbers below `room`."""
        rest = numbers.copy()
        columns: list[NDArray[np.str_]] = []
        for alphabet in reversed(self.places):
            if len(alphabet) == 1:
                columns.append(np.full(len(rest), alphabet))
                continue
            rest, digit = np.divmod(rest, len(alphabet))
            columns.append(np.array(list(alphabet))[digit])
        if not columns:
            return pa.array([""] * len(numbers))
        letters = np.column_stack(columns[::-1]).astype("U1")
        joined = np.ascontiguousarray(letters).view(f"U{letters.shape[1]}").ravel()
        width = letters.shape[1]
        return pa.array([code.ljust(width) for code in joined.tolist()])  # NumPy drops NUL letters only

    def number(self, code: str) -> int | None:
        """Return the number of a code; None of one that has another form."""
        if len(code) != len(self.places):
            return None
        found = 0
        for letter, alphabet in zip(code, self.places, strict=True):
            place = alphabet.find(letter)
            if place < 0:
                return None
            found = found * len(alphabet) + place
        return found


def widen(mask: CodeMask, room: int) -> CodeMask:
    """Return the mask with as many digits more as so many codes need."""
    places = list(mask.places)
    first = next((i for i, place in enumerate(places) if len(place) > 1), len(places))
    while CodeMask(tuple(places)).room < room:
        places.insert(first, DIGITS)
    return CodeMask(tuple(places))


def find_mask(codes: Iterable[str]) -> CodeMask:
    """Return the mask of the codes that have the most frequent length."""
    by_length: dict[int, list[str]] = {}
    for code in codes:
        by_length.setdefault(len(code), []).append(code)
    if not by_length:
        return CodeMask((DIGITS,) * 8)
    chosen = max(by_length.values(), key=lambda some: (len(some), -len(some[0])))
    return CodeMask(tuple(_alphabet({code[i] for code in chosen}) for i in range(len(chosen[0]))))


def _alphabet(letters: set[str]) -> str:
    if len(letters) == 1:
        return next(iter(letters))
    for alphabet in (*ALPHABETS, *MIXED, WIDEST):
        if letters <= set(alphabet):
            return alphabet
    return "".join(sorted(letters))


def scramble(form: str, random: np.random.Generator) -> str:
    """Return a text of the same form: digits for digits, and letters that can be spoken where there were such."""
    letters = []
    for letter in form:
        low = letter.lower()
        if letter.isdigit():
            letters.append(DIGITS[random.integers(10)])
        elif low in VOWELS or low in "yäöüáéíóúàèìòùâêîôû":
            pick = VOWELS[random.integers(len(VOWELS))]
            letters.append(pick.upper() if letter.isupper() else pick)
        elif letter.isalpha():
            pick = CONSONANTS[random.integers(len(CONSONANTS))]
            letters.append(pick.upper() if letter.isupper() else pick)
        else:
            letters.append(letter)
    return "".join(letters)


def forms(values: Sequence[str], count: int) -> tuple[str, ...]:
    """Return forms of some values: `A` for a large vowel, `b` for a small consonant, `0` for a digit."""
    return tuple(sorted({mask_form(value) for value in values[:count]}))


def mask_form(value: str) -> str:
    """Return the form of a value, letter by letter."""
    return "".join(letter_form(letter) for letter in value)


def letter_form(letter: str) -> str:
    """Return what stands for a letter in a form: itself, where it is neither letter nor digit."""
    if letter.isdigit():
        return "0"
    if not letter.isalpha():
        return letter
    form = "a" if letter.lower() in VOWELS or not letter.isascii() else "b"
    return form.upper() if letter.isupper() else form
