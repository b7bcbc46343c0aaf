"""The wall clock, for what people read and for waiting. It may step back or forth: it orders nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_offset = timedelta()


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC) - _offset


@contextmanager
def set_back(offset: timedelta) -> Iterator[None]:
    """Let this process live so much earlier, for as long as it lasts: what is told of a day that has passed."""
    global _offset  # noqa: PLW0603 - a process has one clock
    before, _offset = _offset, offset
    try:
        yield
    finally:
        _offset = before
