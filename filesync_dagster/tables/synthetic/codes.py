"""Codes of makers: values that only have a form in common with the real ones."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.synthetic.books import Codes
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.masks import scramble
from filesync_dagster.tables.synthetic.values import ArrowArray

FORM_COUNT = 200
TRY_COUNT = 20


@dataclass(frozen=True)
class FormMaker:
    """Makes texts of the same form as rare ones: letters for letters, digits for digits."""

    forms: tuple[str, ...]
    real: frozenset[str]

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
            if text not in self.real:
                return text
            text = scramble(form, random)
        return text + scramble("b", random)
