"""Stores that tell what changed: what a hundred changes cost in a large one and in a small one.

The simulator runs in a process of its own, over HTTP; each sync in another, whose processor time, calls and peak
resident set are measured. `python -m benchmarks.change_feeds KIND [FILES]`
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.simulators.box import BoxSimulator
from filesync_dagster.simulators.dropbox import DropboxSimulator
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster.simulators.microsoft import MicrosoftSimulator

EDITS, RENAMES, TRASHED, NEW = 60, 20, 10, 10
CHANGES = EDITS + RENAMES + TRASHED + NEW
ROUNDS = 3
KINDS: dict[str, Any] = {"onedrive": MicrosoftSimulator, "dropbox": DropboxSimulator, "box": BoxSimulator}


def run(kind: str, files: int = 1_000_000, small: int = 10_000) -> dict[str, Any]:
    """Return first, idle and incremental syncs of a large and of a small store."""
    large, little = _measure(kind, files), _measure(kind, small)
    return {
        "files": files,
        "large": large,
        "small": little,
        "time_ratio": round(large["changed"]["cpu_seconds"] / little["changed"]["cpu_seconds"], 2),
        "calls_ratio": round(large["changed"]["api_calls"] / little["changed"]["api_calls"], 2),
        "idle_calls": large["idle"]["api_calls"],
        "peak_gib": large["first"]["peak_gib"],
    }


def _measure(kind: str, files: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, _store(kind, files) as store:
        home = Path(folder)
        first = store.sync(home)
        idle = store.sync(home)
        assert (first["files_total"] >= files, idle["changes"]) == (True, 0), (first, idle)
        changed = []
        for _ in range(ROUNDS):
            store.change()
            changed.append(store.sync(home))
            assert (changed[-1]["mode"], changed[-1]["changes"]) == ("incremental", CHANGES), changed[-1]
        middle = {name: median(one[name] for one in changed) for name in ("cpu_seconds", "peak_gib", "api_calls")}
    return {"first": first, "idle": idle, "changed": middle}


class Store:
    """A simulator in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._endpoint: dict[str, Any] = self._answer()

    def change(self) -> None:
        """Let a hundred things happen."""
        assert self._process.stdin is not None
        self._process.stdin.write("change\n")
        self._process.stdin.flush()
        self._answer()

    def sync(self, home: Path) -> dict[str, Any]:
        """Sync in a process of its own."""
        (home / "endpoints.yaml").write_text(json.dumps({"endpoints": [{"name": "store", **self._endpoint}]}))
        command = [sys.executable, "-m", "benchmarks.change_feeds", "sync", str(home)]
        child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[1])
        found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
        assert found["status"] == "completed", found
        return found

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def _store(kind: str, files: int) -> Iterator[Store]:
    command = [sys.executable, "-m", "benchmarks.change_feeds", "simulate", kind, str(files)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as process:
        try:
            yield Store(process)
        finally:
            process.kill()


def simulate(kind: str, files: int) -> None:
    """Serve a store with so many files; change it when standard input says so."""
    simulator = KINDS[kind]()
    store = simulator.store
    top = {"parent": store.drives[store.one_drive_id].root.id} if kind == "onedrive" else {}
    store.bulk(files, **top)
    found = store.drives[store.one_drive_id].items if kind == "onedrive" else list(store.entries.values())
    names = [entry.id for entry in found if not entry.is_folder]
    dice = random.Random(7)
    with serve_simulator(simulator) as url:
        print(json.dumps(_endpoint(kind, simulator, url)), flush=True)
        for _ in sys.stdin:
            _change(store, names, dice, top.get("parent"))
            print(json.dumps("done"), flush=True)


def _endpoint(kind: str, simulator: Any, url: str) -> dict[str, Any]:
    if kind == "onedrive":
        found: dict[str, Any] = next(one for one in simulator.endpoints(url) if one["type"] == kind)
        return found
    return {"type": kind, "endpoint_details": simulator.credentials(url)}


def _change(store: Any, names: list[str], dice: random.Random, parent: str | None) -> None:
    chosen = dice.sample(names, CHANGES - NEW)
    for name in chosen[:EDITS]:
        store.edit(name, dice.randbytes(9))
    for name in chosen[EDITS : EDITS + RENAMES]:
        store.rename(name, f"renamed {dice.random()}")
    for name in chosen[EDITS + RENAMES :]:
        store.delete(name)
        names.remove(name)
    for _ in range(NEW):
        store.create(f"new {dice.random()}", **({"parent": parent} if parent else {}))


def sync(home: Path) -> dict[str, Any]:
    """Sync in this process; return what it took."""
    began, cpu = time.perf_counter(), time.process_time()
    with Filesync(load_config(read_environment(home / "endpoints.yaml", {"FILESYNC_HOME": str(home / "home")}))) as fs:
        result = fs.sync("store")
    counts = result.counts
    return {
        "status": result.status.value,
        "mode": result.mode.value,
        "error": result.error,
        "files_total": result.files_total,
        "changes": counts.added + counts.updated + counts.moved + counts.removed,
        "api_calls": result.api_calls,
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["simulate", kind, files]:
            simulate(kind, int(files))
        case ["sync", home]:
            print(json.dumps(sync(Path(home))))
        case [kind, *sizes]:
            print(json.dumps(run(kind, *map(int, sizes)), indent=2))
