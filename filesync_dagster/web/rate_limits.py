"""How often one user may ask for what is expensive."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

from filesync_dagster.core.errors import FilesyncError

USERS_MAX_COUNT = 10_000
"""Of whom it is remembered what they asked for; the one who has been silent longest is forgotten first."""


class TooManyRequests(FilesyncError):
    """Somebody asks for something expensive too often."""

    def __init__(self, what: str, wait_seconds: int) -> None:
        super().__init__(f"Too many {what}.", hint=f"Try again in {wait_seconds} seconds.")
        self.wait_seconds = wait_seconds


class RateLimiter:
    """Counts what each user asked for in the time that is just over. One serves all requests of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def take(self, user: str, what: str, most: int, period_seconds: float) -> None:
        """Count one more of something ("tests of connections"). Raises TooManyRequests past `most` in a period."""
        now = time.monotonic()
        with self._lock:
            taken = self._taken.setdefault((user, what), deque())
            self._taken.move_to_end((user, what))
            while taken and taken[0] <= now - period_seconds:
                taken.popleft()
            if len(taken) >= most:
                raise TooManyRequests(what, int(taken[0] + period_seconds - now) + 1)
            taken.append(now)
            while len(self._taken) > USERS_MAX_COUNT:
                self._taken.popitem(last=False)
