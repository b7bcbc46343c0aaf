"""What a running replication tells whoever watches it, and how it is slowed down or stopped. Threads share these."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from filesync_dagster.core.errors import Stalled

SLICE_SECONDS: Final = 0.2
"""The longest that a wait for bandwidth goes without a look whether to stop."""

BURST_SECONDS: Final = 0.25
"""What was not sent for so long may be sent at once."""


@dataclass(frozen=True, slots=True)
class ReplicationProgress:
    """Where a replication is."""

    replication: str
    phase: str  # planning, moving, sending, deleting
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0


Watch = Callable[[ReplicationProgress], None]


def ignore(progress: ReplicationProgress) -> None:
    """Watch nothing."""


class Bandwidth:
    """One token bucket over all streams of a replication: so many bytes a second, all together."""

    def __init__(self, bytes_per_second: int | None) -> None:
        self._rate = bytes_per_second
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    def take(self, count: int, stop: threading.Event) -> None:
        """Wait until so many bytes may be sent. Raises Stalled when it is to stop."""
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            begins = max(self._free_at, now - BURST_SECONDS)
            self._free_at = begins + count / self._rate
            wait = self._free_at - now
        deadline = time.monotonic() + wait
        while (left := deadline - time.monotonic()) > 0:
            if stop.wait(min(left, SLICE_SECONDS)):
                raise Stalled("It was stopped.")


class Tally:
    """What was done so far, told to a watcher a few times a second."""

    INTERVAL_SECONDS: Final = 0.1

    def __init__(self, replication: str, files_total: int, bytes_total: int, watch: Watch) -> None:
        self._lock = threading.Lock()
        self._name, self._watch = replication, watch
        self.files_total, self.bytes_total = files_total, bytes_total
        self.files_done = self.bytes_done = 0
        self.phase = "moving"
        self.steps = 0  # how often something came on: what a watch over stalls looks at
        self._told_at = 0.0

    def add(self, *, files: int = 0, count: int = 0) -> None:
        """Note files that are done and bytes that were sent."""
        with self._lock:
            self.files_done += files
            self.bytes_done += count
            self.steps += 1

    def tell(self, *, now: bool = False) -> None:
        """Tell the watcher, unless it was told just before. Called in the thread of who began it."""
        moment = time.monotonic()
        if now or moment - self._told_at >= self.INTERVAL_SECONDS:
            self._told_at = moment
            with self._lock:
                told = ReplicationProgress(
                    self._name, self.phase, self.files_done, self.files_total, self.bytes_done, self.bytes_total
                )
            self._watch(told)
