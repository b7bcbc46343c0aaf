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
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import sqlalchemy

from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.connectors.rest.limits import forget_tenants
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.model import SyncResult
from filesync_dagster.simulators.kit.wire import InProcess, Simulator
from filesync_dagster.storage.snapshots import Engines
from filesync_dagster.sync import listing, relations
from filesync_dagster_tests.sync import stepping_clock
from filesync_dagster_tests.sync.projects import Project

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.storage.database import Metadata

IN_MEMORY_ROWS = relations.IN_MEMORY_ROWS
CHECKPOINT_SECONDS = listing.CHECKPOINT_SECONDS
AT_ONCE = RetryPolicy(
    wait_initial=0.0, wait_max=0.0, pause_initial=0.0, retry_after_min=0.0, retry_after_max=0.0
)  # as often as in life, without waiting
FAST = Path("/dev/shm")
CLOCK_STEP = timedelta(seconds=10)  # by which the clock steps back and forth all the time
NOBODY = 2**22 + 1  # no process has this number


class Killed(BaseException):
    """The process dies here."""


class Stage:
    """One filesync at a time, in one folder, which looks to it as if it had been there all along.

    What takes long to begin with is kept from one to the next: compiled SQL, DuckDB. What they know is not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "project" / "home"
        self.database = self.home / "filesync.db"
        self.saved: dict[Any, Path] = {}
        self.known: dict[Any, Any] = {}
        self._engines: Engines | None = None
        self._metadata: Metadata | None = None
        self.fuse = -1  # events until the process dies; negative: it lives
        self.dead = False
        self.simulator: Simulator | None = None
        self.filesync: Filesync | None = None
        self._lock = threading.Lock()
        self._watching: sqlite3.Connection | None = None
        self._watched = 0

    def begin(self, simulator: Simulator, entry: Mapping[str, Any], saved: Any = None) -> None:
        """Forget everything and open a configuration with one endpoint; `saved` names how its home was once."""
        self.close()
        forget_tenants()
        self.simulator = simulator
        self.project = Project(self.home.parent, entry)
        shutil.rmtree(self.home, ignore_errors=True)
        if saved not in self.saved:
            assert saved is None, "it was never saved"
            self.open()
            self.save(None, {})  # tables, and nothing in them
            shutil.rmtree(self.home)
        shutil.copytree(self.saved[saved], self.home)
        self.open()

    @staticmethod
    def as_if_many(*, many: bool) -> None:
        """Treat the few rows as if they were many: a checkpoint after each page, a comparison in files."""
        relations.IN_MEMORY_ROWS = -1 if many else IN_MEMORY_ROWS
        listing.CHECKPOINT_SECONDS = -1.0 if many else CHECKPOINT_SECONDS

    def save(self, name: Any, known: Any) -> None:
        """Keep the home as it is now, and what is known of it, for examples that begin with it."""
        self.close()
        self.saved[name], self.known[name] = self.folder / f"saved-{len(self.saved)}", known
        shutil.copytree(self.home, self.saved[name])

    def open(self) -> None:
        """Open filesync, as a new process does."""
        self.filesync = self.project.open()
        runtime = self.filesync.runtime
        if self._engines is None or self._metadata is None:
            self._engines, self._metadata = runtime._engines, runtime.metadata
            self._engines.close = lambda: None  # type: ignore[method-assign]
            sqlalchemy.event.listen(self._metadata._database.engine, "commit", lambda _: self.passed())
        else:
            runtime._engines = self._engines
            runtime.__dict__["_metadata"] = self._metadata  # it has no connection open

    def close(self) -> None:
        """Close filesync."""
        if self._watching is not None:
            self._watching.close()
            self._watching = None
        if self.filesync is not None:
            self.filesync.close()
            self.filesync = None

    def version(self) -> tuple[int, int]:
        """Return what is another whenever somebody has written to the database."""
        if self._watching is None:
            self._watching = sqlite3.connect(self.database)
            self._watched += 1
        [(version,)] = self._watching.execute("PRAGMA data_version")
        return self._watched, version

    def end(self) -> None:
        """Close what was kept, too."""
        self.close()
        if self._engines is not None:
            Engines.close(self._engines)
        self._engines = self._metadata = None  # state machines, which refer to this stage, are kept by Hypothesis

    def sync(self, *, full: bool = False, dies_after: int = -1) -> SyncResult | None:
        """Sync; None when the process died: then another has been opened on what the dead one left on disk."""
        assert self.filesync is not None
        self.fuse, self.dead = dies_after, False
        try:
            result = self.filesync.sync("docs", full=full, on_progress=lambda _: self.passed())
        except BaseException:
            if not self.dead:
                raise
        finally:
            self.fuse = -1
        if self.dead:  # perhaps in a thread on which nobody waited, while the others went on
            self._buried()
            return None
        return result

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
        with sqlite3.connect(self.database) as database:
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
            with stepping_clock.steps(1, CLOCK_STEP):
                yield stage
        finally:
            CONNECTORS[kind] = real
            stage.as_if_many(many=False)
            with suppress(Exception):
                stage.end()
