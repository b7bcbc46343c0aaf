"""A clock that does not only go forward."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from filesync_dagster.core import clock

REAL = clock.utc_now


@contextmanager
def steps(seed: int, most: timedelta, base: datetime | None = None) -> Iterator[None]:
    """Let the clock step back or forth by up to `most`, again and again; from `base`, else from what time it is."""
    rng, began = random.Random(seed), REAL()
    offset = timedelta()

    def stepping() -> datetime:
        nonlocal offset
        if rng.random() < 0.3:
            offset = most * rng.uniform(-1, 1)
        return (base or began) + (REAL() - began) + offset

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "utc_now", stepping)
        yield
