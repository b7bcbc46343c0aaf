"""Codes of makers: values that only have a form in common with the real ones."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash

from filesync_dagster.tables.synthetic.books import Codes
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.masks import scramble
from filesync_dagster.tables.synthetic.values import ArrowArray, Ints

FORM_COUNT = 200
TRY_COUNT = 20


def fingerprint(text: str) -> int:
    """Return a number of 63 bits that stands for a text."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) >> 1


def fingerprints(texts: Collection[str]) -> Ints:
    """Return what stands for texts, in order."""
    return np.unique(np.fromiter((fingerprint(text) for text in texts), dtype=np.int64, count=len(texts)))


def is_among(text: str, prints: Ints) -> bool:
    """Tell whether a text is one of those that fingerprints stand for."""
    mine = fingerprint(text)
    place = int(np.searchsorted(prints, mine))
    return place < len(prints) and int(prints[place]) == mine


@dataclass(frozen=True)
class FormMaker:
    """Makes texts of the same form as rare ones: letters for letters, digits for digits."""

    forms: tuple[str, ...]
    real: Ints  # fingerprints, in order: what is real is not in a model

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return a text for each code that is not NULL, and none that is real."""
        out: list[str | None] = [None] * len(drawn)
        for row in np.flatnonzero(drawn >= 0):
            form = self.forms[int(random.integers(len(self.forms)))]
            out[row] = self._another(form, random)
        return pa.array(out, pa.string())

    def _another(self, form: str, random: np.random.Generator) -> str:
        text = scramble(form, random)
        for _ in range(TRY_COUNT):
            if not is_among(text, self.real):
                return text
            text = scramble(form, random)
        return text + scramble("b", random)
