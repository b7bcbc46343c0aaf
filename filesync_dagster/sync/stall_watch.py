"""A watch above a sync: one that comes no further ends, even when nothing can interrupt what it waits for.

The work runs in a thread of its own, which is left behind then: the lease is taken from it, so that it commits nothing
whenever it should wake up, and the endpoint is free for the next attempt.
"""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from filesync_dagster.core.errors import Stalled
from filesync_dagster.core.logging import event
from filesync_dagster.storage.database import Lease

T = TypeVar("T")

LOOK_SECONDS_MAX = 5.0
"""Seconds between two looks at how far a sync has come."""

STOP_GRACE_SECONDS = 2.0
"""Seconds that a thread has to end when whoever waits for it is interrupted."""


class StallWatch:
    """Tells whether what is read of a sync has stayed the same for too long."""

    def __init__(self, limit_seconds: float, read: Callable[[], object]) -> None:
        self.limit_seconds = limit_seconds
        self._read = read
        self._last: object = None
        self._since = 0.0

    def is_stalled(self, now: float) -> bool:
        """Look once more, at a moment of a clock that does not step."""
        value = self._read()
        if value != self._last:
            self._last, self._since = value, now
        return now - self._since > self.limit_seconds


class _Work(Generic[T]):
    """What runs in the thread, and what became of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self.result: T

    def __call__(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:  # noqa: BLE001  # raised again by whoever waits
            self.error = error
        finally:
            self.ended.set()


def run_watched(work: Callable[[], T], watch: StallWatch, lease: Lease) -> T:
    """Return what `work` returns, or raise what it raises. Raises Stalled, at once, when it comes no further.

    When whoever waits is interrupted, the lease is taken from the work, too, which ends at its next step.
    """
    running = _Work(work)
    thread = threading.Thread(target=copy_context().run, args=(running,), name=f"sync-{lease.endpoint}", daemon=True)
    thread.start()
    try:
        _wait(running.ended, watch, lease.endpoint)
    except BaseException:
        lease.revoke()
        running.ended.wait(STOP_GRACE_SECONDS)  # one that is interrupted has a moment to let go of what it holds
        raise
    if running.error is not None:
        raise running.error
    return running.result


def _wait(ended: threading.Event, watch: StallWatch, endpoint: str) -> None:
    while not ended.wait(min(LOOK_SECONDS_MAX, watch.limit_seconds / 4)):
        if watch.is_stalled(time.monotonic()):
            break
    else:
        return
    event("sync.stalled", endpoint=endpoint, seconds=watch.limit_seconds)
    raise Stalled(
        f"The sync of {endpoint} came no further for {watch.limit_seconds / 60:g} minutes, so it was ended.",
        hint="Nothing is lost: the next one goes on from the last checkpoint. Raise `stall_minutes` for a store that is"
        " this slow.",
    )
