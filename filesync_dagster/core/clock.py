"""The wall clock, for what people read and for waiting. It may step back or forth: it orders nothing."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)
