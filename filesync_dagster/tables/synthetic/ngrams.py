"""Codes and names of very many values: new ones of the same masks, whose letters follow each other as in real ones.

Letters are learnt from what several values share alone: what fewer than `k_min` values have is nobody's.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.synthetic.books import Codes
from filesync_dagster.tables.synthetic.codes import fingerprints, is_among
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.masks import letter_form, mask_form, scramble
from filesync_dagster.tables.synthetic.values import ArrowArray, Ints

LETTER_COUNT = 3
START = "\x02"
TRY_COUNT = 20
SAMPLE_COUNT = 100_000
KINDS = frozenset("aAbB0")
"""What a mask has in place of a letter that varies; all else in it is the letter itself."""

Choices = tuple[str, tuple[int, ...]]
"""Letters, and how often they were seen, added up."""


@dataclass(frozen=True)
class NgramMaker:
    """Makes texts letter by letter: of the mask's kind, after the two letters before it, and none of them real."""

    masks: tuple[str, ...]
    weights: tuple[int, ...]  # of the masks, added up
    follow: Mapping[str, Choices]  # by the kind of the letter, and the one or two letters before it
    real: Ints  # fingerprints, in order

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return a text for each code that is not NULL, and none that is real."""
        out: list[str | None] = [None] * len(drawn)
        for row in np.flatnonzero(drawn >= 0):
            mask = self.masks[bisect_right(self.weights, random.random() * self.weights[-1])]
            text = self._text(mask, random)
            for _ in range(TRY_COUNT):
                if not is_among(text, self.real):
                    break
                text = self._text(mask, random)
            else:
                text = scramble(mask, random) + scramble("b", random)
            out[row] = text
        return pa.array(out, pa.string())

    def _text(self, mask: str, random: np.random.Generator) -> str:
        text, chances = START * (LETTER_COUNT - 1), random.random(len(mask)).tolist()
        for kind, chance in zip(mask, chances, strict=True):
            text += self._letter(kind, text[-2:], chance, random) if kind in KINDS else kind
        return text[LETTER_COUNT - 1 :]

    def _letter(self, kind: str, before: str, chance: float, random: np.random.Generator) -> str:
        for known in (before, before[1:], ""):
            choices = self.follow.get(kind + known)
            if choices is not None:
                letters, counts = choices
                return letters[bisect_right(counts, chance * counts[-1])]
        return scramble(kind, random)


def ngram_maker(values: Sequence[str], k_min: int) -> NgramMaker | None:
    """Return a maker of texts like these, which all differ; None where too few of them have a mask in common."""
    some = values if len(values) <= SAMPLE_COUNT else values[:: -(-len(values) // SAMPLE_COUNT)]
    masks = Counter(mask_form(value) for value in some)
    shared = sorted((mask, count) for mask, count in masks.items() if count >= k_min and mask)
    if sum(count for _, count in shared) * 2 < len(some):
        return None
    seen: Counter[tuple[str, str]] = Counter()
    for value in some:
        seen.update(set(_steps(value)))
    follow: dict[str, list[tuple[str, int]]] = {}
    for (before, letter), count in sorted(seen.items()):
        if count >= k_min:
            follow.setdefault(letter_form(letter) + before, []).append((letter, count))
    return NgramMaker(
        tuple(mask for mask, _ in shared),
        tuple(accumulate(count for _, count in shared)),
        {
            key: ("".join(one for one, _ in found), tuple(accumulate(n for _, n in found)))
            for key, found in follow.items()
        },
        fingerprints(values),
    )


def _steps(value: str) -> Iterable[tuple[str, str]]:
    """Yield each letter that varies, after the two letters before it, after one, and after none."""
    padded = START * (LETTER_COUNT - 1) + value
    for place, letter in enumerate(value):
        if letter_form(letter) in KINDS:
            before = padded[place : place + LETTER_COUNT - 1]
            yield from ((before, letter), (before[1:], letter), ("", letter))
