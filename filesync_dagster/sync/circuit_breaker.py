"""The circuit breaker of an endpoint: a store that failed five times in a row is left alone for a while.

`ask` before a sync, `note` after it. Both want the lease of the endpoint to be held: they read and write its record,
which survives the process.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from filesync_dagster.core import clock
from filesync_dagster.core.errors import BreakerOpen, FilesyncError, SourceError
from filesync_dagster.core.logging import event
from filesync_dagster.storage.database import BreakerRecord, Metadata

FAILURES = 5
"""In a row, after which a store is left alone."""

COOL_DOWN = timedelta(minutes=5)
COOL_DOWN_MAX = timedelta(minutes=55)
"""Less than an hour: what is synced every hour is asked at every tick, not at every second one."""

CLOSED, OPEN, PROBING = "closed", "open", "half_open"


def ask(
    metadata: Metadata, record: BreakerRecord, name: str, *, ignore_breaker: bool, now: datetime | None = None
) -> None:
    """Raise BreakerOpen when the store is to be left alone; else let the sync begin, as a probe if need be.

    `ignore_breaker`: somebody asks for this endpoint by name, so it is probed though no probe is due.
    """
    now = now or clock.utc_now()
    if record.state == CLOSED:
        return
    if is_resting(record, now) and not ignore_breaker:
        raise BreakerOpen(why(record, name), hint=f"`filesync sync {name}` asks it at once.")
    # Should this probe end without a word, as when its process dies, the next one is not due at once.
    metadata.endpoints.save_breaker(replace(record, state=PROBING, probe_at=now + cool_down(record.failures)))
    event("breaker.probing", level=logging.WARNING, endpoint=name, failures=record.failures, reason=record.reason)


def note(
    metadata: Metadata, endpoint_id: int, name: str, error: FilesyncError | None, *, now: datetime | None = None
) -> None:
    """Take in how a sync ended. Only what a store does counts: our own disk and database say nothing about it."""
    record = metadata.endpoints.breaker(endpoint_id)
    after = next_breaker(record, error, now or clock.utc_now())
    if after == record:
        return
    metadata.endpoints.save_breaker(after)
    if after.state == OPEN:
        event(
            "breaker.opened", level=logging.WARNING, endpoint=name, failures=after.failures, reason=after.reason,
            probe_at=str(after.probe_at),
        )  # fmt: skip
    elif after.state == CLOSED and record.state != CLOSED:
        event("breaker.closed", level=logging.WARNING, endpoint=name, failures=record.failures, reason=record.reason)


def next_breaker(record: BreakerRecord, error: FilesyncError | None, now: datetime) -> BreakerRecord:
    """Return a breaker after a sync that ended in an error, or well."""
    if error is None:
        return BreakerRecord(record.endpoint_id)
    if not isinstance(error, SourceError) or isinstance(error, BreakerOpen):
        return record
    failures = record.failures + 1
    if failures < FAILURES:
        return replace(record, failures=failures, reason=error.message)
    return BreakerRecord(
        record.endpoint_id,
        state=OPEN,
        failures=failures,
        opened_at=record.opened_at or now,
        probe_at=now + cool_down(failures),
        reason=error.message,
    )


def cool_down(failures: int) -> timedelta:
    """Return how long a store is left alone after so many failures in a row.

    >>> [cool_down(failures).seconds // 60 for failures in (5, 6, 7, 8, 9, 1000)]
    [5, 10, 20, 40, 55, 55]
    """
    doublings = min(max(failures - FAILURES, 0), 10)
    return min(COOL_DOWN * (1 << doublings), COOL_DOWN_MAX)


def is_resting(record: BreakerRecord, now: datetime) -> bool:
    """Whether a store is left alone at a moment."""
    # Further ahead than any cool-down: the clock that set it was wrong.
    return record.state != CLOSED and record.probe_at is not None and now < record.probe_at <= now + COOL_DOWN_MAX


def why(record: BreakerRecord, name: str) -> str:
    """Return in a sentence why the store of an endpoint is left alone, and for how long."""
    until = f"{record.probe_at:%Y-%m-%d %H:%M:%S} UTC" if record.probe_at else "now"
    reason = f" The last reason: {record.reason}" if record.reason else ""
    return f"{name} failed {record.failures} times in a row, so its store is left alone until {until}.{reason}"
