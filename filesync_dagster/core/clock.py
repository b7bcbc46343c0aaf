"""The wall clock, for what people read and for waiting. It may step back or forth: it orders nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

FIRST_MOMENT = datetime(1, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
_offset = timedelta()


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; what is outside the years 1 to 9999 there is their first or last moment."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return FIRST_MOMENT if moment.year == FIRST_MOMENT.year else LAST_MOMENT


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
