"""Makers of values that no shape of numbers gives: names of things, moments in words, documents, bytes."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.synthetic.books import Codes
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.masks import DIGITS, CodeMask
from filesync_dagster.tables.synthetic.schema_only.vocabulary import LAST_DAY, MANNERS, THINGS, YEAR_DAYS
from filesync_dagster.tables.synthetic.steps import Maker
from filesync_dagster.tables.synthetic.values import ArrowArray

BYTES_COUNT = 16
FORMAT_DIGITS = "9#0"
FORMAT_LETTERS = "AX"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHORT_LETTERS = 5
CODE_DIGITS = 5


@dataclass(frozen=True)
class ThingMaker:
    """Makes names of things: a manner and a thing, or the words of the column and a number."""

    unique: bool = False

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return a name for each code that is not NULL."""
        first = random.integers(len(MANNERS), size=draft.rows)
        second = random.integers(len(THINGS), size=draft.rows)
        found = [f"{MANNERS[one]} {THINGS[other]}" for one, other in zip(first, second, strict=True)]
        if self.unique:
            found = [f"{name} {number + 1}" for name, number in zip(found, draft.numbers, strict=True)]
        return pa.array([name if code >= 0 else None for name, code in zip(found, drawn, strict=True)], pa.string())


@dataclass(frozen=True)
class CodeMaker:
    """Makes codes of a form. They may repeat."""

    mask: CodeMask

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return a code for each that is not NULL."""
        codes = self.mask.write(random.integers(self.mask.room, size=len(drawn)))
        return codes.take(pa.array(np.arange(len(drawn)), mask=drawn < 0))


@dataclass(frozen=True)
class MomentTextMaker:
    """Makes days as text: 2024-05-17."""

    first_years: float
    last_years: float

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return a day for each code that is not NULL."""
        ages = random.uniform(self.last_years, self.first_years, size=len(drawn)) * YEAR_DAYS
        days = [(LAST_DAY - timedelta(days=int(age))).isoformat() for age in ages]
        return pa.array([day if code >= 0 else None for day, code in zip(days, drawn, strict=True)], pa.string())


@dataclass(frozen=True)
class DocumentMaker:
    """Makes small JSON documents of one shape."""

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return a document for each code that is not NULL."""
        numbers = random.integers(1, 1_000, size=len(drawn))
        words = random.integers(len(MANNERS), size=len(drawn))
        found = [
            json.dumps({"kind": MANNERS[word].lower(), "value": int(number)}) if code >= 0 else None
            for number, word, code in zip(numbers, words, drawn, strict=True)
        ]
        return pa.array(found, pa.string())


@dataclass(frozen=True)
class BytesMaker:
    """Makes bytes that mean nothing."""

    type: pa.DataType

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return some bytes for each code that is not NULL."""
        size = getattr(self.type, "byte_width", None) if pa.types.is_fixed_size_binary(self.type) else BYTES_COUNT
        raw = random.bytes(len(drawn) * (size or BYTES_COUNT))
        step = size or BYTES_COUNT
        found = [raw[i * step : (i + 1) * step] if code >= 0 else None for i, code in enumerate(drawn)]
        return pa.array(found, pa.binary()).cast(self.type)


@dataclass(frozen=True)
class CutMaker:
    """Makes what another maker makes, in no more letters than there is room for."""

    maker: Maker
    letters: int

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return the values, cut."""
        found = self.maker.make(drawn, draft, random)
        return pa.array([value and value[: self.letters].rstrip() for value in found.to_pylist()], pa.string())


def mask_of_format(example: str) -> CodeMask:
    """Return the mask of a code that stands for others: `EMP-00017`, `AAA-999`, `XX####`.

    >>> CodeMask(("E", "M", "P", "-", DIGITS)) == mask_of_format("EMP-7")
    True
    """
    is_format = not re.search(r"[1-8]", example) and re.search(r"A{2,}|X{2,}|#|9{2,}", example) is not None
    places = []
    for letter in example:
        if letter.isdigit() or letter == "#":
            places.append(DIGITS)
        elif is_format and letter in FORMAT_LETTERS:
            places.append(UPPER)
        else:
            places.append(letter)
    return CodeMask(tuple(places))


def mask_of_name(name: str, letters: int | None) -> CodeMask:
    """Return the mask of codes of what is called so, in no more letters than there is room for: `CUS-00001`."""
    head = re.sub(r"[^A-Z]", "", name.upper())[:3]
    width = letters or len(head) + 1 + CODE_DIGITS
    if width <= SHORT_LETTERS - 2:
        return CodeMask((UPPER,) * max(width, 1))
    if width < len(head) + 1 + SHORT_LETTERS or not head:
        return CodeMask((DIGITS,) * min(width, 2 * CODE_DIGITS))
    return CodeMask((*head, "-", *((DIGITS,) * CODE_DIGITS)))
