"""Where a model test plays: a filesync on a fast disk, wired to a simulator, that may die at any moment."""

import json
import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import sqlalchemy

from filesync_dagster.connectors import CONNECTORS, tenants
from filesync_dagster.connectors.retry import RetryPolicy
from filesync_dagster.model import SyncResult
from filesync_dagster.simulators.wire import InProcess, Simulator
from filesync_dagster_tests.sync.projects import Project

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync

AT_ONCE = RetryPolicy(
    wait_initial=0.0, wait_max=0.0, pause_initial=0.0, retry_after_min=0.0, retry_after_max=0.0
)  # as often as in life, without waiting
FAST = Path("/dev/shm")
NOBODY = 2**22 + 1  # no process has this number


class Killed(BaseException):
    """The process dies here."""


class Stage:
    """One filesync at a time, in one folder, which looks to it as if it had been there all along."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "project" / "home"
        self.saved: dict[Any, Path] = {}
        self.fuse = -1  # events until the process dies; negative: it lives
        self.dead = False
        self.simulator: Simulator | None = None
        self.filesync: Filesync | None = None
        self._lock = threading.Lock()

    def begin(self, simulator: Simulator, entry: Mapping[str, Any], saved: Any = None) -> None:
        """Forget everything and open a configuration with one endpoint; `saved` names how its home was once."""
        self.close()
        tenants.forget()
        self.simulator = simulator
        shutil.rmtree(self.home, ignore_errors=True)
        if saved is not None:
            shutil.copytree(self.saved[saved], self.home)
        self.project = Project(self.home.parent, entry)
        self.open()

    def save(self, name: Any) -> None:
        """Keep the home as it is now, for examples that begin with it."""
        assert self.filesync is not None
        self.filesync.close()
        self.saved[name] = self.folder / f"saved-{len(self.saved)}"
        shutil.copytree(self.home, self.saved[name])

    def open(self) -> None:
        """Open filesync, as a new process does."""
        self.filesync = self.project.open()
        engine = self.filesync.workspace.metadata._database.engine
        sqlalchemy.event.listen(engine, "commit", lambda _: self.passed())

    def close(self) -> None:
        """Close filesync."""
        if self.filesync is not None:
            self.filesync.close()
            self.filesync = None

    def sync(self, *, full: bool = False, dies_after: int = -1) -> SyncResult | None:
        """Sync; None when the process died: then another has been opened on what the dead one left on disk."""
        assert self.filesync is not None
        self.fuse, self.dead = dies_after, False
        try:
            return self.filesync.sync("docs", full=full, on_progress=lambda _: self.passed())
        except Killed:
            self._buried()
            return None
        finally:
            self.fuse = -1

    def passed(self) -> None:
        """Count an event of a running sync (a request, a commit, a step): some one of them is the last."""
        with self._lock:
            if self.dead:
                raise Killed
            if self.fuse == 0:
                self.dead = True
                shutil.copytree(self.home, self.folder / "left")
            self.fuse -= 1
        if self.dead:
            raise Killed

    def _buried(self) -> None:
        self.dead = False
        self.close()
        shutil.rmtree(self.home)
        (self.folder / "left").rename(self.home)
        with sqlite3.connect(self.home / "filesync.db") as database:
            for endpoint, holder in database.execute("SELECT endpoint_id, holder FROM leases").fetchall():
                if holder and holder != "null":
                    dead = json.dumps({**json.loads(holder), "pid": NOBODY})
                    database.execute("UPDATE leases SET holder = ? WHERE endpoint_id = ?", (dead, endpoint))
        database.close()
        self.open()


class _Watched(httpx.BaseTransport):
    """The network of a process that may die at any request."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert self.stage.simulator is not None
        self.stage.passed()
        return InProcess(self.stage.simulator).handle_request(request)


@contextmanager
def staged(kind: str) -> Iterator[Stage]:
    """Lend a stage on which endpoints of one type talk to the stage's simulator."""
    real = CONNECTORS[kind]
    with tempfile.TemporaryDirectory(
        dir=FAST if os.access(FAST, os.W_OK) else None, prefix="filesync-model-", ignore_cleanup_errors=True
    ) as folder:
        stage = Stage(Path(folder))

        def wired(details: Any, meter: Any, *, prune: Any = None) -> Any:
            return real.open(details, meter, prune=prune, wire=_Watched(stage), policy=AT_ONCE)

        CONNECTORS[kind] = replace(real, open=wired)
        try:
            yield stage
        finally:
            CONNECTORS[kind] = real
            with suppress(Exception):
                stage.close()
