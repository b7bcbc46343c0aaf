"""The time that the simulated Autodesk goes by: it moves when something happens, so that runs are reproducible."""

from datetime import UTC, datetime
from functools import lru_cache

BEGINNING = int(datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp() * 1000)


class LogicalClock:
    """Milliseconds since 1970, strictly increasing with every `tick`."""

    def __init__(self, beginning: int = BEGINNING) -> None:
        self.now = beginning

    def tick(self) -> int:
        """Return a moment that nothing else has happened at."""
        self.now += 1
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self.now += int(seconds * 1000)

    def seconds(self) -> float:
        """Return the time as `time.time` would."""
        return self.now / 1000


@lru_cache(maxsize=65536)
def stamp(moment: int) -> str:
    """Return milliseconds as Autodesk writes them: UTC with seven digits of a second.

    >>> stamp(BEGINNING + 1)
    '2026-01-05T08:00:00.0010000Z'
    """
    seconds, milliseconds = divmod(moment, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03}0000Z"
