"""Time that a source has: a moment until which an answer must have come, and waiting that ends there for certain.

Drivers are asked to keep to it, and are not trusted to: what blocks runs in a thread of its own, which is left to
itself when time is up. So whoever waits is answered whatever a driver does.
"""

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import ClassVar, Final, Generic, TypeVar

from filesync_dagster.core.errors import Cancelled, SourceRefused
from filesync_dagster.core.interruption import check_stop

Result = TypeVar("Result")

POLL_SECONDS: Final = 0.1
"""How soon a wait notices that it was cancelled."""

ABANDONED_MAX_COUNT: Final = 64
"""Calls that were given up and have not ended: with more of them, nothing new is asked."""

JOIN_SECONDS: Final = 0.5
"""How long a thread is waited for that was told to stop."""

BATCHES_AHEAD_COUNT: Final = 2
"""Batches that are fetched while the one before them is worked on."""

_lock = threading.Lock()
_END: Final = object()


def never_cancelled() -> bool:
    """Say that nobody cancelled."""
    return False


class SourceDeadline:
    """The moment by which something must be done. `cancelled` says that nobody waits for it any more."""

    def __init__(self, seconds: float = math.inf, *, cancelled: Callable[[], bool] = never_cancelled) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._cancelled = cancelled

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._ends - time.monotonic())

    def at_most(self, seconds: float) -> float:
        """Return the seconds that something may take which has its own bound, too."""
        return min(self.left, seconds)

    def check(self, what: str) -> None:
        """Raise SourceRefused (`timeout`) when time is up, Cancelled when nobody waits, KeyboardInterrupt at a stop.

        `what`: what was waited for, as the beginning of a sentence.
        """
        check_stop()
        if self._cancelled():
            raise Cancelled("It was cancelled.", code="cancelled")
        if not self.left:
            raise timeout_refusal(what, self.seconds)


def timeout_refusal(what: str, seconds: float) -> SourceRefused:
    """Return the error for what did not come in time."""
    return SourceRefused(
        f"{what} did not answer within {seconds:,.0f} seconds.",
        hint="Check host and port, and whether a firewall lets this machine through.",
        code="timeout",
    )


def within(
    deadline: SourceDeadline, call: Callable[[], Result], what: str, *, release: Callable[[Result], None] | None = None
) -> Result:
    """Return `call()`, or raise when the deadline comes first. `release` is given what comes too late."""
    if _Call.abandoned_count >= ABANDONED_MAX_COUNT:
        raise SourceRefused(
            "Too many sources that were asked before still hang.", hint="Wait a minute, then try again.", code="timeout"
        )
    deadline.check(what)
    asked = _Call(call, release)
    threading.Thread(target=asked.run, name="filesync-source", daemon=True).start()
    try:
        while not asked.done.wait(min(POLL_SECONDS, deadline.left)):
            deadline.check(what)
    except BaseException:
        if asked.abandon():
            raise
    return asked.answer()


class _Call(Generic[Result]):
    """A call in a thread of its own, and whether somebody still waits for it."""

    abandoned_count: ClassVar[int] = 0

    def __init__(self, call: Callable[[], Result], release: Callable[[Result], None] | None) -> None:
        self.done = threading.Event()
        self._call = call
        self._release = release
        self._found: list[Result] = []
        self._failure: BaseException | None = None
        self._is_abandoned = False

    def run(self) -> None:
        """Make the call; release what comes too late."""
        try:
            self._found.append(self._call())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self._failure = error
        with _lock:
            self.done.set()
            if self._is_abandoned:
                _Call.abandoned_count -= 1
        if self._is_abandoned and self._found and self._release is not None:
            with suppress(Exception):  # nobody is there any more whom it concerns
                self._release(self._found[0])

    def abandon(self) -> bool:
        """Wait no longer; say whether it had not ended yet."""
        with _lock:
            if self.done.is_set():
                return False
            self._is_abandoned = True
            _Call.abandoned_count += 1
            return True

    def answer(self) -> Result:
        """Return what the call returned, or raise what it raised."""
        if self._failure is not None:
            raise self._failure
        return self._found[0]


def fetch_ahead(
    fetch: Callable[[], Iterator[Result]], what: str, deadline: SourceDeadline, stall_seconds: float
) -> Iterator[Result]:
    """Yield what an iterator yields, fetched in another thread. Raises SourceRefused when nothing came for too long."""
    fetched: queue.Queue[object] = queue.Queue(BATCHES_AHEAD_COUNT)
    stopped = threading.Event()
    thread = threading.Thread(target=_fetch, args=(fetch, fetched, stopped), name="filesync-read", daemon=True)
    thread.start()
    try:
        while (item := _take(fetched, what, deadline, stall_seconds)) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item  # type: ignore[misc]  # what the iterator yields
    finally:
        stopped.set()
        thread.join(JOIN_SECONDS)


def _fetch(fetch: Callable[[], Iterator[Result]], fetched: "queue.Queue[object]", stopped: threading.Event) -> None:
    """Put what an iterator yields into a queue, then its end or its failure, until nobody takes it any more."""
    ending: object = _END
    try:
        for item in fetch():
            if not _put(fetched, item, stopped):
                return
    except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
        ending = _Failure(error)
    _put(fetched, ending, stopped)


def _put(fetched: "queue.Queue[object]", item: object, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        with suppress(queue.Full):
            fetched.put(item, timeout=POLL_SECONDS)
            return True
    return False


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _take(fetched: "queue.Queue[object]", what: str, deadline: SourceDeadline, stall_seconds: float) -> object:
    """Return the next item of a queue."""
    silent_since = time.monotonic()
    while True:
        deadline.check(what)
        with suppress(queue.Empty):
            return fetched.get(timeout=min(POLL_SECONDS, max(deadline.left, 0.001)))
        if time.monotonic() - silent_since > stall_seconds:
            raise timeout_refusal(what, stall_seconds)
