"""Whether a worker is to go on, asked again and again while it works; that it asks shows that it lives."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from filesync_dagster.core.errors import StorageError

POLL_SECONDS: Final = 0.5


class CancelSwitch:
    """Whether the session is to go on: asked every half second, in a thread of its own, which shows that we live."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._is_cancelled = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="filesync-cancel", daemon=True)
        self._thread.start()

    def __call__(self) -> bool:
        """Tell whether somebody cancelled, or another process was given the session."""
        return self._is_cancelled.is_set()

    def close(self) -> None:
        """Ask no more."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(POLL_SECONDS):
            with suppress(StorageError):  # a database that is busy says it the next time
                if not self._ask():
                    self._is_cancelled.set()
                    return
