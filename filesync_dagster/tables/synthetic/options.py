"""Options of a fit and requests of a generation, and who is told how far they are."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from filesync_dagster.core.errors import Cancelled

ProgressReport = Callable[[str, str, int, int], None]
"""Called with a stage, the name of a table, what is done and of how much."""

_SEED_BITS = 63


@dataclass(frozen=True)
class FitOptions:
    """How a model is fitted. The defaults copy no rare value, no extreme number and no sentence."""

    seed: int = 0
    keep: tuple[str, ...] = ()  # tables that are copied as they are: countries, airlines
    first: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # columns that conditions will be about
    locale: str = "en_US"  # of people and texts
    k_min: int = 5  # a value that fewer rows have is rare
    leaf_factor: int = 1  # 2 doubles the leaves' sizes: less is remembered
    keep_rare: bool = False
    keep_extremes: bool = False
    keep_orphans: bool = False
    copy_text: bool = False
    deferrable: bool = False  # constraints are checked at the end: cycles of NOT NULL keys are possible
    test_rows: int = 20_000  # of these a share is held out when leaves and contexts are chosen
    tree_rows: int = 60_000
    donor_rows: int = 200_000

    def leaves(self) -> tuple[int, ...]:
        """Return the sizes of leaves that are tried, the simplest tree first."""
        return tuple(size * self.leaf_factor for size in (128, 32, 8))


@dataclass(frozen=True)
class RowCondition:
    """Rows of a table have these values: one, one of a list, or between `min` and `max`. `rows`: how many there are."""

    table: str
    where: Mapping[str, Any]
    rows: int | None = None


@dataclass(frozen=True)
class GenerateRequest:
    """What is generated. The same model, seed and request give the same bytes, whatever the number of threads."""

    scale: float = 1.0  # of the tables that have no parents; children follow
    rows: Mapping[str, int] = field(default_factory=dict)  # tables that have exactly so many
    seed: int | None = None  # None: one is drawn, and is there afterwards
    conditions: tuple[RowCondition, ...] = ()
    threads: int = 1
    key_start: int = 1
    block_rows: int = 100_000

    def __post_init__(self) -> None:
        if self.seed is None:
            object.__setattr__(self, "seed", secrets.randbits(_SEED_BITS))

    def with_seed(self, seed: int) -> Self:
        """Return the same request with another seed."""
        return replace(self, seed=seed)


class Watch:
    """Tells how far the work is, and ends it when it was cancelled."""

    def __init__(self, progress: ProgressReport | None = None, cancel: Callable[[], bool] | None = None) -> None:
        self._progress = progress
        self._cancel = cancel

    def step(self, stage: str, table: str = "", done: int = 0, total: int = 0) -> None:
        """Report, and raise Cancelled once somebody asked for it."""
        self.check()
        if self._progress is not None:
            self._progress(stage, table, done, total)

    def check(self) -> None:
        """Raise Cancelled once somebody asked for it."""
        if self._cancel is not None and self._cancel():
            raise Cancelled("The generation was cancelled.", code="cancelled")
