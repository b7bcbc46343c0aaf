"""A code server whose inner process died is started anew.

`dagster code-server` is a proxy. When the process behind it dies (killed, out of memory, or one that did not start at
a reload), the proxy lives on, refuses every question, and starts no other: all schedules and sensors stand still, the
sensor that would tell of it among them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.core.logging import event
from filesync_dagster.orchestration.instance.ping import works
from filesync_dagster.orchestration.processes import poll
from filesync_dagster.orchestration.processes.code_server import reload_code

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event, Thread

PING_INTERVAL_SECONDS = 60.0
"""Between two questions."""

MISSED_PINGS = 2
"""Questions in a row without an answer after which the process counts as dead, not as busy."""


class CodeServerWatch:
    """Asks a code server whether it still works, and starts its process anew when it does not."""

    def __init__(self, works: Callable[[], bool], restart: Callable[[], None], tell: Callable[[str], None]) -> None:
        """`restart` may raise a FilesyncError; `tell` is given sentences."""
        self._works, self._restart, self._tell = works, restart, tell
        self._missed = 0

    @classmethod
    def at(cls, address: str, tell: Callable[[str], None]) -> CodeServerWatch:
        """Return the watch of the code server at an address."""
        return cls(lambda: works(address), lambda: reload_code(address), tell)

    def look(self) -> None:
        """Ask once."""
        if self._works():
            self._missed = 0
            return
        self._missed += 1
        if self._missed < MISSED_PINGS:
            return
        # Dagster complains about the dead process after it started the new one: what counts is whether that works.
        with suppress(FilesyncError):
            self._restart()
        if self._works():
            event("code_server.restarted")
            self._tell("Warning: the process of Dagster's code server had died. It was started anew.")
            self._missed = 0
        elif self._missed == MISSED_PINGS:
            event("code_server.dead")
            self._tell("Warning: Dagster's code server does not answer, nothing is synced. It is tried every minute.")

    def start(self, stop: Event) -> Thread:
        """Look in a thread of its own until told to stop."""
        return poll.start("code_server", self.look, PING_INTERVAL_SECONDS, stop)
