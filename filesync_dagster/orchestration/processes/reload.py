"""An edit of endpoints.yaml takes effect: the code server reads it again. Syncs that run are processes of their own.

The file is looked at every few seconds: what its bytes are, not its date, for a file that is mounted into a container
changes by a link that moves. An edit is taken when the file was the same twice, so that one half written is not read.
"""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING

from filesync_dagster.config import remember, running_config
from filesync_dagster.core.errors import ConfigError, DagsterRefused, DagsterUnreachable, FilesyncError
from filesync_dagster.core.logging import event
from filesync_dagster.orchestration.processes import poll

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event, Thread

    from filesync_dagster.config import Config, Environment

EVERY = 2.0
"""Seconds between two looks at the file."""

AGAIN = 30.0
"""Seconds until a reload that failed is tried again."""

PATIENCE = 180.0
"""Seconds that a code server may take to read the file again: it starts a new process."""

NAMED = 10
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
        if digest == self._loaded or not settled or time.monotonic() < self._tried + AGAIN:
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
        changes = _changes(self._before, after)
        event("config.reloaded", changes=changes)
        self._tell(f"{self._name} was edited: {changes}.")
        for problem in after.problems if after else ():
            self._tell(f"Warning: {problem}")
        self._loaded, self._before, self._tried = digest, after, float("-inf")
        return True

    def until(self, told: Event) -> None:
        """Look until told to stop. Whatever goes wrong, the watch goes on."""
        poll.repeat("config", self.look, EVERY, told)

    def start(self, told: Event) -> Thread:
        """Look in a thread of its own until told to stop."""
        return poll.start("config", self.look, EVERY, told)

    @property
    def _name(self) -> str:
        return self._environment.config_path.name

    def _digest(self) -> bytes:
        try:
            return sha256(self._environment.config_path.read_bytes()).digest()
        except OSError as error:
            return str(error.errno).encode()

    def _config(self) -> Config | None:
        try:
            return running_config(self._environment)
        except ConfigError:
            return None


def reload_code(address: str) -> None:
    """Make a code server (`host:port`, or `unix:` and the path of its socket) start anew.

    This is Dagster's own message, sent without Dagster: it needs no web server. `dagster code-server start` answers
    it by a fresh process, of which the web server and the daemon take notice by themselves. Whether that could load
    the code is not in the answer, so it is asked what it loaded. Raises DagsterUnreachable, DagsterRefused.
    """
    import grpc

    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary("/api.DagsterApi/ReloadCode")(b"", timeout=PATIENCE, wait_for_ready=False)
            loaded = channel.unary_unary("/api.DagsterApi/ListRepositories")(b"", timeout=PATIENCE)
        except grpc.RpcError as error:
            raise DagsterUnreachable(
                f"The code server at {address} did not reload: {error.details() or error.code().name}.",
                hint="It must be one that `dagster code-server start` runs.",
            ) from error
    complaint = load_error(loaded)
    if complaint:
        raise DagsterRefused(
            f"The code server at {address} reads it, but cannot load it: {complaint}",
            hint="Nothing is synced until that is mended: undo the edit, or look into the log of the code server.",
        )


def load_error(answer: bytes) -> str | None:
    """Return why a code server could not load its code, from what it answers to ListRepositories; None: it could.

    The answer is one field of Protocol Buffers (a byte of tag, its length in groups of seven bits), and that is JSON.
    """
    begin = 1
    while begin < len(answer) and answer[begin] & 0x80:
        begin += 1
    found = json.loads(answer[begin + 1 :] or "{}")
    if found.get("__class__") != "SerializableErrorInfo":
        return None
    while found.get("cause"):
        found = found["cause"]
    return " ".join(str(found.get("message")).split())[:500]


def _changes(before: Config | None, after: Config | None) -> str:
    """Return in words what an edit changes of what runs."""
    was = {endpoint.name: endpoint for endpoint in before.active} if before else {}
    now = {endpoint.name: endpoint for endpoint in after.active} if after else {}
    told = [
        _listed("added", [name for name in now if name not in was]),
        _listed("changed", [name for name in now if name in was and now[name] != was[name]]),
        _listed("no longer synced", [name for name in was if name not in now]),
    ]
    if before and after and before.settings != after.settings:
        told.append("the settings changed")
    return "; ".join(part for part in told if part) or "what runs stays the same"


def _listed(word: str, names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{word} {', '.join(names[:NAMED])}{more}" if names else ""
