"""A simulated Google Drive: what a first sync, a killed one and an incremental one cost.

The simulator runs in a process of its own, a thousand entries a page over HTTP; each sync in another, whose peak
resident set and processor time are what counts as ours. `python -m benchmarks.drive [FILES]`
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.database import postgresql_server
from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.wire import Answer, Request, serve_simulator
from filesync_dagster.sync.progress import Progress

KILL_AT = 0.6
CHANGES = 100
ROUNDS = 3


def run(files: int = 1_000_000, small: int = 10_000) -> dict[str, Any]:
    """Return first syncs into both databases, a resumed one, and incremental ones of a large and a small drive."""
    with tempfile.TemporaryDirectory() as folder:
        with drive(files) as simulator:
            first = {"sqlite": simulator.sync(Path(folder, "sqlite"), None)}
            pages = simulator.pages()
            with postgresql_server() as server:
                first["postgresql"] = simulator.sync(Path(folder, "postgresql"), server.get_uri())
            resumed = killed_and_resumed(simulator, Path(folder, "killed"), files, pages)
            large = incremental(simulator, Path(folder, "sqlite"))
        with drive(small) as simulator:
            simulator.sync(Path(folder, "small"), None)
            little = incremental(simulator, Path(folder, "small"))
    return {
        "files": files,
        "first": first,
        "peak_gib": max(one["peak_gib"] for one in first.values()),
        "our_share": max(one["our_share"] for one in first.values()),
        "resumed": resumed,
        "incremental": {"large": large, "small": little},
        "time_ratio": round(large["cpu_seconds"] / little["cpu_seconds"], 2),
        "memory_ratio": round(large["peak_gib"] / little["peak_gib"], 2),
        "calls": large["api_calls"],
    }


def killed_and_resumed(simulator: "Drive", home: Path, files: int, needed: int) -> dict[str, Any]:
    """Kill a first sync with -9 at 60 %, sync again; return how many of the `needed` pages were asked for twice."""
    pages = simulator.pages()
    killed = simulator.sync(home, None, kill_at=int(files * KILL_AT))
    before = simulator.pages() - pages
    resumed = simulator.sync(home, None)
    after = simulator.pages() - pages - before
    assert killed["status"] == "killed", killed
    assert resumed["files_total"] == files, resumed
    return {"pages_before": before, "pages_after": after, "asked_twice": before + after - needed}


def incremental(simulator: "Drive", home: Path) -> dict[str, Any]:
    """Return the median of several incremental syncs with a hundred changes each, each in a process of its own."""
    found = []
    for _ in range(ROUNDS):
        simulator.tell("change")
        found.append(simulator.sync(home, None))
        assert (found[-1]["mode"], found[-1]["changes"]) == ("incremental", CHANGES), found[-1]
    return {name: median(one[name] for one in found) for name in ("seconds", "cpu_seconds", "peak_gib", "api_calls")}


class Drive:
    """A simulator in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._ready: dict[str, Any] = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def tell(self, word: str) -> Any:
        """Send a word and return what comes back."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._answer()

    def pages(self) -> int:
        """Return how many pages of files were asked for so far."""
        return int(self.tell("facts")["pages"])

    def sync(self, home: Path, database: str | None, kill_at: int = 0) -> dict[str, Any]:
        """Sync in a process of its own; `kill_at`: after so many entries it is killed."""
        home.mkdir(exist_ok=True)
        before = self.tell("facts")["cpu_seconds"]
        endpoint = {
            "name": "drive",
            "type": "google_drive",
            "endpoint_details": {
                "service_account_json": json.dumps(self._ready["credentials"]),
                "base_url": self._ready["url"],
            },
        }
        (home / "endpoints.yaml").write_text(json.dumps({"endpoints": [endpoint]}))
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.drive", "sync", str(home), database or "", str(kill_at)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            cwd=Path(__file__).parents[1],
        )
        if child.returncode == -signal.SIGKILL:
            return {"status": "killed"}
        found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
        assert found["status"] == "completed", found
        theirs = self.tell("facts")["cpu_seconds"] - before
        found["simulator_seconds"] = round(theirs, 1)
        found["our_share"] = round(found["cpu_seconds"] / (found["cpu_seconds"] + theirs), 2)
        return found


@contextmanager
def drive(files: int) -> Iterator[Drive]:
    """Run a simulator with this many files."""
    command = [sys.executable, "-m", "benchmarks.drive", "simulate", str(files)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as process:
        try:
            yield Drive(process)
        finally:
            process.kill()


def simulate(files: int) -> None:
    """Serve a drive; do what standard input says."""
    simulator = Counted()
    simulator.store.bulk(files)
    rng = random.Random(7)
    names = [item.id for item in simulator.store.visible() if item.size is not None]
    with serve_simulator(simulator) as url:
        print(json.dumps({"url": url, "credentials": simulator.credentials(url)}), flush=True)
        for line in sys.stdin:
            if line.strip() == "change":
                mutate(simulator, names, rng)
            print(json.dumps({"cpu_seconds": time.process_time(), "pages": simulator.pages}), flush=True)


class Counted(DriveSimulator):
    """A Drive that counts the pages of files it gives out."""

    pages = 0

    def handle(self, request: Request) -> Answer:
        self.pages += request.method == "GET" and request.path.endswith("/drive/v3/files")
        return super().handle(request)


def mutate(simulator: DriveSimulator, names: list[str], rng: random.Random) -> None:
    """Make a hundred changes: edits, renames, files that go to the trash, new files."""
    chosen = rng.sample(names, 90)
    for name in chosen[:60]:
        simulator.store.edit(name, rng.randbytes(9))
    for name in chosen[60:80]:
        simulator.store.rename(name, f"renamed {rng.random()}")
    for name in chosen[80:]:
        simulator.store.trash(name)
        names.remove(name)
    for _ in range(10):
        simulator.store.create(f"new {rng.random()}")


def sync(home: Path, database: str, kill_at: int) -> dict[str, Any]:
    """Sync in this process; return what it took."""
    variables = {"FILESYNC_HOME": str(home / "home")} | ({"FILESYNC_DATABASE_URL": database} if database else {})
    phases: dict[str, float] = {}
    began, cpu = time.perf_counter(), time.process_time()

    def watch(progress: Progress) -> None:
        phases.setdefault(progress.phase, time.perf_counter() - began)
        if kill_at and progress.files >= kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with Filesync(load_config(read_environment(home / "endpoints.yaml", variables))) as filesync:
        result = filesync.sync("drive", on_progress=watch)
    ended = time.perf_counter() - began
    starts = [*phases.values(), ended]
    counts = result.counts
    return {
        "status": result.status.value,
        "mode": result.mode.value,
        "error": result.error,
        "files_total": result.files_total,
        "changes": counts.added + counts.updated + counts.moved + counts.removed,
        "api_calls": result.api_calls,
        "seconds": round(ended, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "phases": {name: round(starts[i + 1] - starts[i], 1) for i, name in enumerate(phases)},
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["simulate", files]:
            simulate(int(files))
        case ["sync", home, database, kill_at]:
            print(json.dumps(sync(Path(home), database, int(kill_at))))
        case rest:
            print(json.dumps(run(*map(int, rest)), indent=2))
