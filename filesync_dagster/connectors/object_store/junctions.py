"""Where ranges of keys meet: how the readers of neighbouring ranges agree that no key is between them. Thread-safe.

Whoever has read up to the end of a range asks what the reader of the next one began with. It goes on until it has read
that key itself; where nobody has begun, it goes on into the next range.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from filesync_dagster.core.errors import SourceError

NOTHING: Final = b""
"""As the first key of a range: neither it nor any after it has a key."""

POLL_SECONDS = 0.05  # how soon a reader that waits for its neighbour notices that it must stop


class Junctions:
    """Who reads which range, and the first key that was read at or after the beginning of each."""

    def __init__(self, first: Sequence[bytes | None]) -> None:
        self._first = list(first)
        self._taken = [False] * len(self._first)
        self._changed = threading.Condition()

    def take(self, index: int) -> bool:
        """Begin a range, unless the reader before it has gone on into it."""
        with self._changed:
            free = not self._taken[index]
            self._taken[index] = True
            return free

    def release(self, index: int) -> None:
        """Leave a range to the reader before it: the store did not begin there."""
        with self._changed:
            self._taken[index] = False
            self._changed.notify_all()

    def note_first(self, index: int, key: bytes) -> None:
        """Note the first key that was read at or after the beginning of a range."""
        with self._changed:
            self._first[index] = key
            self._changed.notify_all()

    def meet(self, index: int, stopped: Callable[[], bool]) -> bytes | None:
        """Return the first key of a range; None when nobody reads it: then it is the caller's from now on."""
        with self._changed:
            while self._first[index] is None and self._taken[index]:
                if stopped():
                    raise SourceError("A range was not read to its end: nobody waits for it any more.")
                self._changed.wait(POLL_SECONDS)
            if self._first[index] is None:
                self._taken[index] = True
            return self._first[index]
