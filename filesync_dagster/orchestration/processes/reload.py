"""An edit of endpoints.yaml takes effect: the code server reads it again. Syncs that run are processes of their own.

So does what a read of a source of tables discovered: each table has a node.

The file is looked at every few seconds: what its bytes are, not its date, for a file that is mounted into a container
changes by a link that moves. An edit is taken when the file was the same twice, so that one half written is not read.
"""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING

from filesync_dagster.config import remember, running_config
from filesync_dagster.core.errors import ConfigError, FilesyncError
from filesync_dagster.core.logging import event
from filesync_dagster.orchestration.processes import poll
from filesync_dagster.tables.daily.discovery import discovery_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event, Thread

    from filesync_dagster.config import Config, Environment

LOOK_INTERVAL_SECONDS = 2.0
"""Between two looks at the file."""

RETRY_INTERVAL_SECONDS = 30.0
"""Until a reload that failed is tried again."""

SHOWN_NAMES = 10
"""Endpoints of an edit that are told by name."""


class ConfigWatch:
    """Sees edits of one file and has them take effect."""

    def __init__(self, environment: Environment, reload: Callable[[], None], tell: Callable[[str], None]) -> None:
        """`reload` makes Dagster read the file again, or raises a FilesyncError; `tell` is given sentences."""
        self._environment = environment
        self._reload = reload
        self._tell = tell
        self._loaded = self._seen = self._digest()
        self._tried = float("-inf")
        self._before = self._config()
        remember(environment)

    def look(self) -> bool:
        """Look once; tell whether an edit took effect."""
        digest = self._digest()
        settled, self._seen = digest == self._seen, digest
        if digest == self._loaded or not settled or time.monotonic() < self._tried + RETRY_INTERVAL_SECONDS:
            return False
        after = self._config()
        try:
            self._reload()
        except FilesyncError as error:
            event("config.not_reloaded", error=str(error))
            self._tell(f"{self._name} was edited, and Dagster does not read it: {error}")
            self._tried = time.monotonic()
            return False
        remember(self._environment)
        if digest[0] == self._loaded[0]:
            event("config.reloaded", changes="tables")
            self._tell("Sources of tables have other tables than before: Dagster shows them.")
            self._loaded, self._before, self._tried = digest, after, float("-inf")
            return True
        changes = _changes(self._before, after)
        event("config.reloaded", changes=changes)
        self._tell(f"{self._name} was edited: {changes}.")
        for problem in after.problems if after else ():
            self._tell(f"Warning: {problem}")
        self._loaded, self._before, self._tried = digest, after, float("-inf")
        return True

    def run(self, stop: Event) -> None:
        """Look until told to stop. Whatever goes wrong, the watch goes on."""
        poll.repeat("config", self.look, LOOK_INTERVAL_SECONDS, stop)

    def start(self, stop: Event) -> Thread:
        """Look in a thread of its own until told to stop."""
        return poll.start("config", self.look, LOOK_INTERVAL_SECONDS, stop)

    @property
    def _name(self) -> str:
        return self._environment.config_path.name

    def _digest(self) -> tuple[bytes, bytes]:
        """Return what tells the file from others, and the tables that are known from others."""
        tables = discovery_digest(self._environment.home)
        try:
            return sha256(self._environment.config_path.read_bytes()).digest(), tables
        except OSError as error:
            return str(error.errno).encode(), tables

    def _config(self) -> Config | None:
        try:
            return running_config(self._environment)
        except ConfigError:
            return None


def _changes(before: Config | None, after: Config | None) -> str:
    """Return in words what an edit changes of what runs."""
    was = {endpoint.name: endpoint for endpoint in before.active} if before else {}
    now = {endpoint.name: endpoint for endpoint in after.active} if after else {}
    parts = [
        _name_some("added", [name for name in now if name not in was]),
        _name_some("changed", [name for name in now if name in was and now[name] != was[name]]),
        _name_some("no longer synced", [name for name in was if name not in now]),
    ]
    if before and after and (before.active_sources, before.generations) != (after.active_sources, after.generations):
        parts.append("sources of tables or generations changed")
    if before and after and before.settings != after.settings:
        parts.append("the settings changed")
    return "; ".join(part for part in parts if part) or "what runs stays the same"


def _name_some(word: str, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"{word} {', '.join(names[:SHOWN_NAMES])}{more}" if names else ""
