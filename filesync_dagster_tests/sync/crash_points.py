"""Syncs that are killed, one after the other: a process of its own, forked anew for every kill.

`python -m filesync_dagster_tests.sync.crash_points PLAN` reads a Plan as JSON, prints one JSON object for each point.

It stays free of threads so that forking is safe. A killed child counts the lines of filesync that it runs, in all
its threads, and sends itself SIGKILL at the one it was told; or it is killed from outside, wherever it is by then.
Then another child syncs undisturbed and reports what a user sees.
"""

import hashlib
import importlib
import itertools
import json
import os
import random
import signal
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import filesync_dagster
from filesync_dagster_tests.sync.projects import Project, rows_of

PACKAGE = str(Path(filesync_dagster.__file__).parent) + os.sep
PHASES = {
    "connectors": "listing",
    "sync/listing.py": "listing",
    "storage/snapshots/staging.py": "staging",
    "storage/database/checkpoints.py": "staging",
    "sync/relations.py": "diff",
    "sync/detect_changes.py": "diff",
    "sync/diff": "diff",
    "core/guard.py": "diff",
    "storage/snapshots": "snapshot",
    "storage/database/commit.py": "commit",
    "storage/database/staging.py": "commit",
    "storage/database/arrow_rows.py": "commit",
    "storage/database/state.py": "commit",
    "storage/database/logs.py": "commit",
    "sync/run.py": "sync",
    "sync/full.py": "sync",
    "sync/commit.py": "sync",
    "storage/database/leases.py": "lease",
}
assert all((Path(PACKAGE) / inside).exists() for inside in PHASES), "a phase is of a file that is no more"
"""What a file of the package does in a sync; the longest match counts."""


@dataclass(frozen=True)
class Plan:
    """What to kill, and how often."""

    folder: str
    bucket: str  # the folder that the S3 server shows as a bucket
    details: dict[str, Any]
    database: str | None
    marks: str  # an address of the recording proxy; requests to it mark what comes before and after
    first_syncs: int
    later_syncs: int
    timed: int
    seed: int


@cache
def phase_of(filename: str) -> str:
    """Return what the code in a file of the package does."""
    inside = filename.removeprefix(PACKAGE)
    fitting = [start for start in PHASES if inside.startswith(start)]
    return PHASES[max(fitting, key=len)] if fitting else "other"


def each_line(seen: Callable[[str], None]) -> None:
    """Call `seen` with the file of every line of filesync that any thread runs from now on."""
    inside: dict[str, bool] = {}

    def on_line(frame: Any, event: str, arg: Any) -> Any:
        if event == "line":
            seen(frame.f_code.co_filename)
        return on_line

    def on_call(frame: Any, event: str, arg: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in inside:
            inside[name] = name.startswith(PACKAGE)
        return on_line if inside[name] else None

    threading.settrace(on_call)
    sys.settrace(on_call)


def in_child(task: Callable[[], Any], *, kill_after: float | None = None) -> tuple[Any, bool]:
    """Run a task in a fork; return what it returned (JSON) or wrote before it died, and whether it was killed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        global report  # noqa: PLW0603 - the pipe to the parent belongs to the process
        report = writing
        status = 1
        try:
            os.write(writing, json.dumps(task(), default=str).encode())
            status = 0
        except BaseException as error:  # noqa: BLE001 - the parent tells
            os.write(writing, json.dumps({"crashed": repr(error)}).encode())
        finally:
            os._exit(status)
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return (json.loads(said) if said else None), os.WIFSIGNALED(status)


report = -1


class Victim:
    """One endpoint that is synced, killed and recovered, over a bucket that changes in between."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.bucket = Path(plan.bucket)
        self.project = Project(Path(plan.folder), database=plan.database, batch_size=100)
        self.born = 0
        self.name = ""

    def new_endpoint(self) -> None:
        """Watch the bucket under a new name: its next sync is a first one."""
        self.born += 1
        self.name = f"docs{self.born}"
        self.project.write({"name": self.name, "type": "s3", "endpoint_details": self.plan.details})

    def change(self) -> dict[str, str]:
        """Change the bucket; return the journal rows that must follow, by key."""
        self.born += 1
        files = sorted(path for path in self.bucket.rglob("*") if path.is_file())
        modified, deleted, moved = self.random.sample(files, 3)
        added = self.bucket / "added" / f"{self.born}.txt"
        target = self.bucket / "moved" / f"{self.born}.txt"
        for path in (added, target):
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{path} {self.born}")
        modified.write_text(f"{modified} again {self.born}")
        deleted.unlink()
        moved.replace(target)
        names = {added: "added", modified: "modified", deleted: "removed", target: "moved"}
        return {path.relative_to(self.bucket).as_posix(): change for path, change in names.items()}

    def sync(self) -> dict[str, Any]:
        """Sync in this process."""
        with self.project.open() as filesync:
            return filesync.sync(self.name).as_dict()

    def traced(self) -> list[str]:
        """Sync in this process; return the phase of every line that ran."""
        lines: list[str] = []
        each_line(lines.append)
        self.sync()
        sys.settrace(None)
        phases = {name: phase_of(name) for name in set(lines)}
        return [phases[name] for name in lines]

    def modules(self) -> list[str]:
        """Sync in this process; return every module that this loaded."""
        self.sync()
        return sorted(sys.modules)

    def killed_at(self, phase: str, line: int) -> str:
        """Sync in this process, and die at the n-th line of a phase."""
        count = itertools.count()

        def seen(filename: str) -> None:
            if phase_of(filename) == phase and next(count) == line:
                os.write(report, json.dumps(phase).encode())
                os.kill(os.getpid(), signal.SIGKILL)

        each_line(seen)
        self.sync()
        return phase

    def recovered(self) -> dict[str, Any]:
        """Sync undisturbed; return what a user sees before and after."""
        with self.project.open() as filesync:
            metadata = filesync.runtime.metadata
            endpoint_id = filesync.runtime.register(filesync.config.endpoint(self.name))
            saved = metadata.checkpoints.of(endpoint_id)
            self.mark("begin")
            result = filesync.sync(self.name)
            self.mark("end")
            rows = rows_of(filesync.files(self.name))
            journal = rows_of(metadata.files.journal(endpoint_id))
            logs = metadata.syncs.between(endpoint_id)
            return {
                "result": result.as_dict(),
                "inventory": sorted([row["external_id"], row["size"], row["version"]] for row in rows),
                "journal": [[row["seq"], row["change"], row["external_id"]] for row in journal],
                "checkpoint_rows": sum(record.rows for record in saved),
                "leases": [lease.endpoint for lease in metadata.leases.current()],
                "left_over": self.left_over({uri for log in logs for uri in (log.snapshot_uri, log.changes_uri)}),
            }

    def left_over(self, referenced: set[str | None]) -> list[str]:
        """Return the files of this endpoint that no committed row points to, and temporary ones of anybody."""
        mine = {p for kind in ("snapshots", "changes") for p in self.project.home.glob(f"data/{kind}/{self.name}/*/*")}
        found = {path for path in mine if str(path) not in referenced}
        patterns = ("**/*.tmp", "incoming-*", f"staging/{self.name}/*", "tmp/*")
        found |= {path for pattern in patterns for path in self.project.home.glob(pattern)}
        return sorted(str(path.relative_to(self.project.home)) for path in found)

    def mark(self, word: str) -> None:
        """Leave a mark between the requests that the proxy records."""
        try:
            urllib.request.urlopen(f"{self.plan.marks}/mark-{word}").close()
        except HTTPError as error:
            error.close()  # the S3 server behind it knows no such bucket

    def truth(self) -> list[list[Any]]:
        """Return what is in the bucket."""
        return sorted(
            [path.relative_to(self.bucket).as_posix(), path.stat().st_size, hashlib.md5(path.read_bytes()).hexdigest()]
            for path in self.bucket.rglob("*")
            if path.is_file()
        )


def spread(phases: Sequence[str], points: int) -> list[tuple[str, int]]:
    """Return (phase, which of its lines): as many of each phase, evenly spread over its lines."""
    lines = Counter(phases)
    share = max(1, points // len(lines))
    return [(phase, (2 * n + 1) * count // (2 * share)) for phase, count in lines.items() for n in range(share)]


def attempt(victim: Victim, expected: dict[str, str], kill: Callable[[], tuple[Any, bool]]) -> None:
    """Kill one sync, recover, and print what there is to judge."""
    phase, killed = kill()
    after, died = in_child(victim.recovered)
    seen = {"phase": phase if killed else None, "killed": killed, "recovered": not died, "after": after}
    sys.stdout.write(json.dumps({**seen, "expected": expected, "truth": victim.truth()}) + "\n")
    sys.stdout.flush()


def run(plan: Plan) -> None:
    """Kill as planned; print what happened at each point."""
    victim = Victim(plan)
    victim.new_endpoint()
    modules, _ = in_child(victim.modules)
    for module in modules:
        if module.startswith(("filesync_dagster.", "botocore", "duckdb", "sqlalchemy", "alembic")):
            importlib.import_module(module)
    assert threading.active_count() == 1
    victim.new_endpoint()
    phases, _ = in_child(victim.traced)
    for point in spread(phases, plan.first_syncs):
        victim.new_endpoint()
        attempt(victim, {}, lambda at=point: in_child(lambda: victim.killed_at(*at)))
    victim.change()
    phases, _ = in_child(victim.traced)
    for point in spread(phases, plan.later_syncs):
        attempt(victim, victim.change(), lambda at=point: in_child(lambda: victim.killed_at(*at)))
    victim.change()
    began = time.monotonic()
    in_child(victim.sync)
    seconds = time.monotonic() - began
    for n in range(plan.timed):
        moment = seconds * (n + 0.5) / plan.timed
        attempt(victim, victim.change(), lambda at=moment: in_child(victim.sync, kill_after=at))


if __name__ == "__main__":
    run(Plan(**json.loads(sys.argv[1])))


def as_json(plan: Plan) -> str:
    """Return a plan as the argument of this module."""
    return json.dumps(asdict(plan))
