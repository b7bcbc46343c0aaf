"""The time of a simulated world: it moves when something happens, so that runs are reproducible."""

from datetime import UTC, datetime
from functools import lru_cache

START = int(datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp() * 1000)


class Clock:
    """Milliseconds since 1970, strictly increasing with every `tick`."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def tick(self, milliseconds: int = 1) -> int:
        """Let time pass and return the new time, which nothing else has happened at."""
        self.now += milliseconds
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self.now += int(seconds * 1000)

    def seconds(self) -> float:
        """Return the time as `time.time` would."""
        return self.now / 1000


@lru_cache(maxsize=65536)
def utc_text(milliseconds: int, digits: int = 3) -> str:
    """Return a time as RFC 3339 in UTC, with so many digits of a second; none: whole seconds.

    >>> utc_text(1767600000001), utc_text(1767600000001, 7), utc_text(1767600000001, 0)
    ('2026-01-05T08:00:00.001Z', '2026-01-05T08:00:00.0010000Z', '2026-01-05T08:00:00Z')
    """
    seconds, rest = divmod(milliseconds, 1000)
    fraction = f".{rest:03}".ljust(digits + 1, "0")[: digits + 1] if digits else ""
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}{fraction}Z"
