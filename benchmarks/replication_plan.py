"""Plans of a replication of many files, all of which are at the destination already: none, and some, changed.

The state is made by a formula (`benchmarks.memory`) and written down as if it had been sent; each plan is made in a
process of its own, whose peak resident set is what counts. `python -m benchmarks.replication_plan [ROWS]`
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import insert

from benchmarks import memory
from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.connectors import CONNECTORS, Connector
from filesync_dagster.replication.model import PlanScope
from filesync_dagster.replication.plan import fingerprint_of
from filesync_dagster.replication.run import open_replication
from filesync_dagster.storage.database.tables import replica_files
from filesync_dagster.storage.snapshots import stream

DESTINATIONS = {
    "s3": {"type": "s3", "endpoint_details": {"bucket": "bench", "anonymous": True}},  # nothing asks it
    "local": {"type": "local", "endpoint_details": {"path": "target"}},
}
PLACED = """
    SELECT external_id, dest_path, kind, version AS source_version, size, content_hash, version AS dest_version,
        'hash' AS verified
    FROM desired
"""


class SyntheticSource(memory.SyntheticSource):
    """A formula whose files could be read if they were."""

    def open(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def open_synthetic(details: memory.SyntheticDetails, meter: Any, *, prune: Any = None) -> SyntheticSource:
    return SyntheticSource(details, meter)


def run(rows: int = 1_000_000, small: int = 10_000) -> dict[str, Any]:
    """Return what plans of many and of few rows take, for a bucket and a folder as destinations."""
    found: dict[str, Any] = {"rows": rows, "small_rows": small}
    for name in DESTINATIONS:
        found[name] = measured(name, rows)
        found[name]["small"] = measured(name, small)
        ratio = found[name]["changed"]["seconds"] / found[name]["small"]["changed"]["seconds"]
        found[name]["changed_to_small"] = round(ratio, 2)
    plans = [found[name][kind] for name in DESTINATIONS for kind in ("unchanged", "full", "changed")]
    return {**found, "peak_gib": max(plan["peak_gib"] for plan in plans)}


def measured(destination: str, rows: int) -> dict[str, Any]:
    """Return the plans of so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name in ("target", "warm"):
            (home / name).mkdir()
        (home / "warm" / "file").touch()
        write_config(home, destination, rows, round_=1)
        assert in_child(home, "place")["placed"] >= rows
        unchanged, full = in_child(home, "unchanged"), in_child(home, "full")
        write_config(home, destination, rows, round_=2)
        in_child(home, "sync")
        changed = in_child(home, "incremental")
    assert (unchanged["operations"], full["operations"]) == (0, 0), (unchanged, full)
    assert changed["scope"] == "incremental", changed
    return {"unchanged": unchanged, "full": full, "changed": changed}


def write_config(home: Path, destination: str, rows: int, *, round_: int) -> None:
    # Of so many rows one is gone, one is new and one has new content.
    details = {"entries": rows, "round": round_, "every": rows // 33}
    document = {
        "endpoints": [
            {"name": "many", "type": "synthetic", "endpoint_details": details, "guard": {"enabled": False}},
            {"name": "warm", "type": "local", "endpoint_details": {"path": "warm"}},
        ],
        "replications": [
            {"name": "copy", "source": "many", "destination": DESTINATIONS[destination]},
            {"name": "warm_copy", "source": "warm", "destination": DESTINATIONS["local"]},
        ],
    }
    (home / "endpoints.yaml").write_text(json.dumps(document))


def in_child(home: Path, what: str) -> dict[str, Any]:
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.replication_plan", what, str(home)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return found


def act(what: str, home: Path) -> dict[str, Any]:
    """Do one thing in this process; return what it took."""
    CONNECTORS["synthetic"] = Connector("Synthetic", memory.SyntheticDetails, ("entries",), open_synthetic)
    config = load_config(read_environment(home / "endpoints.yaml", {"FILESYNC_HOME": str(home / "home")}))
    with Filesync(config) as filesync:
        if what in {"place", "sync"}:
            synced = filesync.sync("many")
            assert synced.error is None, synced
            return {"placed": place(filesync)} if what == "place" else {}
        filesync.sync("warm")
        filesync.replications.replicate("warm_copy")  # imports what is imported when it is needed
        began, cpu = time.perf_counter(), time.process_time()
        if what == "unchanged":
            result = filesync.replications.replicate("copy")
            assert (result.status, result.error) == ("completed", None), result
            scope, operations = result.scope, result.created + result.updated + result.deleted
        else:
            plan = filesync.replications.plan("copy", scope=PlanScope(what))
            scope, operations = plan.scope, plan.counts.operations
        ended = time.perf_counter()
    return {
        "scope": scope.value,
        "operations": operations,
        "seconds": round(ended - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }


def place(filesync: Filesync) -> int:
    """Write down that everything is at the destination; return how much that is."""
    runtime = filesync.runtime
    replication = runtime.config.replication("copy")
    placed, now = 0, datetime.now(UTC)
    with open_replication(runtime, replication) as context, context.planner.draft(PlanScope.FULL) as draft:
        for batch in stream(draft.comparison.con, PLACED):
            placed += write(runtime, context.record.id, batch, now)
        with runtime.metadata.replication_leases.hold(context.record.id, purpose="bench", seconds=600) as lease:
            state = {
                "applied_sync_id": draft.state.snapshot_sync_id,
                "applied_seq": draft.to_seq,
                "fingerprint": fingerprint_of(replication),
                "reconciled_at": now,
            }
            runtime.metadata.plans.finish(lease, None, "completed", error=None, **state)
    return placed


def write(runtime: Any, replication_id: int, batch: pa.RecordBatch, now: datetime) -> int:
    rows = [{**row, "replication_id": replication_id, "written_at": now} for row in batch.to_pylist()]
    with runtime.metadata.plans._database.write_transaction() as connection:  # noqa: SLF001 - as above
        connection.execute(insert(replica_files), rows)
    return len(rows)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [what, home]:
            print(json.dumps(act(what, Path(home))))
        case rest:
            print(json.dumps(run(*map(int, rest)), indent=2))
