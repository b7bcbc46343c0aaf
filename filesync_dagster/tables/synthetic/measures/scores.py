"""Scores, each beside what the same formula gives for an equally large sample of reality, and for the naive sampler."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

Item = TypeVar("Item", bound=Hashable)
Side = TypeVar("Side")

_DIGITS = 4


@dataclass(frozen=True)
class Score:
    """How alike real and synthetic are, from 0 to 1. `ceiling` and `floor` are None where they cannot be had."""

    value: float
    ceiling: float | None = None
    floor: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the score as JSON values."""
        return {
            "score": digits(self.value),
            "ceiling": digits(self.ceiling),
            "floor": digits(self.floor),
        }


def digits(value: float | None) -> float | None:
    """Return a number with as many digits as a report has."""
    return None if value is None else round(float(value), _DIGITS)


@dataclass(frozen=True)
class Sides(Generic[Side]):
    """What real rows are compared with: synthetic ones, as many of their own kind by chance, and naive ones."""

    real: Side
    synthetic: Side
    ceiling: Side
    floor: Side

    def score(self, compare: Callable[[Side, Side], Mapping[Item, float | None]]) -> dict[Item, Score]:
        """Return the score of each item that `compare` gives one for."""
        values, ceilings, floors = (compare(self.real, side) for side in (self.synthetic, self.ceiling, self.floor))
        return {
            item: Score(value, ceilings.get(item), floors.get(item))
            for item, value in values.items()
            if value is not None
        }


def mean_score(scores: Mapping[Item, Score]) -> Score | None:
    """Return the mean of scores, of their ceilings and of their floors. None of none."""
    if not scores:
        return None
    ceilings = [score.ceiling for score in scores.values() if score.ceiling is not None]
    floors = [score.floor for score in scores.values() if score.floor is not None]
    return Score(
        float(np.mean([score.value for score in scores.values()])),
        float(np.mean(ceilings)) if ceilings else None,
        float(np.mean(floors)) if floors else None,
    )


def worst_items(scores: Mapping[Item, Score], count: int = 5) -> list[Item]:
    """Return the items with the lowest scores, the lowest first."""
    return sorted(scores, key=lambda item: (scores[item].value, str(item)))[:count]
