"""A thousand quiet endpoints, synced every five minutes by the real Dagster daemon: what a day of it costs.

Half an hour and more, so it runs only when it is asked for: `make bench ARGS=quiet`.
"""

import json
import math
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment

EVERY = 5 * 60
LATE = 60
"""Seconds after its moment when a tick's run must have begun, to be on time."""


def run(endpoints: int, files: int, minutes: float) -> dict[str, Any]:
    """Sync folders of a few files that never change, for so many minutes after all were synced once."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = configured(root, endpoints, files)
        variables = {"FILESYNC_HOME": str(root / "home")}
        began = time.monotonic()
        with Filesync(load_config(read_environment(config, variables))) as filesync:
            assert all(result.files_total == files for result in filesync.sync_many())
        first = time.monotonic() - began
        with daemon(config, root / "home") as process:
            watched = Watched(process, root / "home")
            watched.until_ready()
            time.sleep(60)  # what every start does once: first looks of sensors, freshness of every asset
            watched.during(minutes * 60)
        with Filesync(load_config(read_environment(config, variables))) as filesync:
            ticks = ticks_of(filesync, root / "home" / "dagster", watched.began, watched.ended)
    assert ticks, "no tick lies within these minutes"
    on_time = [tick for tick in ticks if tick["late"] <= LATE and tick["synced"] == endpoints]
    seconds = [tick["seconds"] for tick in ticks]
    return {
        "endpoints": endpoints,
        "files_each": files,
        "minutes": round((watched.ended - watched.began) / 60, 1),
        "first_sync_seconds": round(first, 1),
        "ticks": len(ticks),
        "ticks_on_time_and_whole": len(on_time),
        "share_on_time": len(on_time) / due_between(watched.began, watched.ended),
        "seconds_per_tick": round(statistics.median(seconds), 1),
        "slowest_tick_seconds": round(max(seconds), 1),
        "late_seconds": round(max(tick["late"] for tick in ticks), 1),
        **watched.costs(endpoints),
    }


def configured(root: Path, endpoints: int, files: int) -> Path:
    """Make the folders; return the configuration of all of them."""
    entries = []
    for number in range(endpoints):
        store = root / "stores" / f"{number:04}"
        store.mkdir(parents=True)
        for file in range(files):
            (store / f"drawing-{file:03}.pdf").write_text(f"{number} {file}")
        entries.append(
            {
                "name": f"store_{number:04}",
                "type": "local",
                "endpoint_details": {"path": str(store)},
                "schedule": "interval",
                "schedule_config": {"interval_minutes": EVERY // 60},
            }
        )
    config = root / "endpoints.yaml"
    config.write_text(json.dumps({"endpoints": entries}))
    return config


@contextmanager
def daemon(config: Path, home: Path):
    """Run `filesync daemon` meanwhile."""
    with (config.parent / "daemon.log").open("w") as log:
        command = [str(Path(sys.executable).with_name("filesync")), "--config", str(config), "daemon"]
        variables = {**psutil.Process().environ(), "FILESYNC_HOME": str(home)}
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=variables)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(120)


class Watched:
    """The processes of a daemon, and what they write, over a while."""

    def __init__(self, process: psutil.Process, home: Path) -> None:
        self.process, self.home = process, home
        self.began = self.ended = 0.0
        self._seconds: dict[tuple[int, float], float] = {}
        self._names: dict[tuple[int, float], str] = {}
        self._before: dict[tuple[int, float], float] = {}
        self._memory: list[int] = []
        self._sizes: dict[str, tuple[int, int]] = {}

    def until_ready(self) -> None:
        """Wait until the daemon looks at schedules and sensors."""
        log = self.home / "logs" / "dagster-daemon.log"
        deadline = time.monotonic() + 180
        while not (log.exists() and "Checking for new runs" in log.read_text()):
            assert time.monotonic() < deadline, "the daemon did not start"
            time.sleep(1)

    def during(self, seconds: float) -> None:
        """Look every two seconds."""
        self._look()
        self._before, self.began = dict(self._seconds), time.time()
        at_first = self._stored()
        while time.time() < self.began + seconds:
            time.sleep(2)
            self._look()
        self.ended = time.time()
        self._sizes = {name: (at_first[name], size) for name, size in self._stored().items()}

    def _look(self) -> None:
        memory = 0
        for process in [self.process, *self.process.children(recursive=True)]:
            try:
                key = (process.pid, process.create_time())
                used = process.cpu_times()
                self._seconds[key] = used.user + used.system
                self._names.setdefault(key, kind(process))
                memory += process.memory_info().rss
            except psutil.Error:
                continue
        self._memory.append(memory)

    def _stored(self) -> dict[str, int]:
        return {
            "dagster": sum(file.stat().st_size for file in (self.home / "dagster").rglob("*") if file.is_file()),
            "filesync": used(self.home / "filesync.db"),
            "snapshots": sum(file.stat().st_size for file in (self.home / "data").rglob("*") if file.is_file()),
        }

    def costs(self, endpoints: int) -> dict[str, Any]:
        """Return processor time, memory and growth."""
        took = self.ended - self.began
        spent: dict[str, float] = {}
        for key, seconds in self._seconds.items():
            spent[self._names[key]] = spent.get(self._names[key], 0.0) + seconds - self._before.get(key, 0.0)
        syncs = endpoints * 86400 / EVERY
        per_day = {name: (after - before) / took * 86400 for name, (before, after) in self._sizes.items()}
        return {
            "processor_share_of_one_core": round(sum(spent.values()) / took, 3),
            "processor_shares": {name: round(seconds / took, 3) for name, seconds in sorted(spent.items())},
            "memory_gib": {
                "median": round(statistics.median(self._memory) / 2**30, 2),
                "peak": round(max(self._memory) / 2**30, 2),
            },
            "growth_mib_a_day": {name: round(size / 2**20) for name, size in per_day.items()},
            "growth_kib_a_sync": {name: round(size / 2**10 / syncs, 2) for name, size in per_day.items()},
        }


def used(database: Path) -> int:
    """Return the bytes that rows take: a file of SQLite has free pages, and its log shrinks when it is written back."""
    with closing(sqlite3.connect(database)) as con:
        pages, free, size = (
            con.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def kind(process: psutil.Process) -> str:
    """Return what a process is, for people."""
    command = " ".join(process.cmdline())
    if "dagster._daemon" in command:
        return "daemon"
    if "code-server" in command or "dagster api grpc" in command:
        return "code server"
    return "runs" if "spawn_main" in command or "execute" in command else "filesync"


def due_between(since: float, until: float) -> int:
    """Return how many ticks are due within a span that has room for the five minutes after them, too."""
    return max(1, math.floor(until / EVERY) - math.ceil(since / EVERY))


def ticks_of(filesync: Filesync, home: Path, since: float, until: float) -> list[dict[str, float]]:
    """Return the ticks whose moment and the five minutes after it lie within a span: how late, how long, how many."""
    import dagster as dg
    from dagster._core.storage.tags import SCHEDULED_EXECUTION_TIME_TAG

    found = []
    os.environ["DAGSTER_HOME"] = str(home)  # where the storage named in dagster.yaml looks
    with dg.DagsterInstance.get() as instance:
        for record in instance.get_run_records(dg.RunsFilter(job_name="sync")):
            moment = record.dagster_run.tags.get(SCHEDULED_EXECUTION_TIME_TAG)
            if moment is None or "reports" in record.dagster_run.tags.get("dagster/schedule_name", ""):
                continue
            due = datetime.fromisoformat(moment).timestamp()
            if since <= due and due + EVERY <= until and record.start_time and record.end_time:
                done = filesync.runtime.metadata.syncs.outcomes([record.dagster_run.run_id])
                found.append(
                    {
                        "due": due,
                        "late": record.start_time - due,
                        "seconds": record.end_time - due,
                        "synced": len(next(iter(done.values()), {})),
                    }
                )
    return sorted(found, key=lambda tick: tick["due"])
