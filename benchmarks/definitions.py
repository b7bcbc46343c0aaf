"""Dagster loading the definitions of many endpoints, against as many bare assets with the same partitions."""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BARE = """
import sys, time
import dagster as dg
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

started = time.process_time()
days = dg.DailyPartitionsDefinition("2026-01-01", end_offset=1)

def bare(name):
    @dg.asset(key=["filesync", name], partitions_def=days)
    def nothing() -> None: ...
    return nothing

defs = dg.Definitions(assets=[bare(f"endpoint_{i}") for i in range(int(sys.argv[1]))])
"""

OURS = """
import sys, time
import dagster as dg
from pathlib import Path
from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.definitions import definitions_for
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

started = time.process_time()
defs = definitions_for(read_environment(Path(sys.argv[2])))
"""

LOAD = """
repository = defs.get_repository_def()
repository.load_all_definitions()
loaded = time.process_time() - started
snapshot = len(serialize_value(RepositorySnap.from_def(repository)))
print(loaded, time.process_time() - started - loaded, snapshot)
"""


def run(endpoints: int = 1000, repeats: int = 5) -> dict[str, float]:
    """Median CPU seconds of `repeats` alternating loads, each in a process of its own, after its imports.

    Loading is one thread that waits for nothing, so CPU seconds are its wall time on a machine that is not busy.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "endpoints.yaml"
        config.write_text(configuration(endpoints))
        measured = {"bare": [], "ours": []}
        for _ in range(repeats):
            for name, code in (("bare", BARE), ("ours", OURS)):
                measured[name].append(load(code, endpoints, config))
    median = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in measured.items()
    }
    ours, bare = median["ours"], median["bare"]
    return {
        "endpoints": endpoints,
        "filesync_seconds": round(ours[0], 3),
        "bare_seconds": round(bare[0], 3),
        "ratio": round(ours[0] / bare[0], 2),
        "filesync_snapshot_seconds": round(ours[1], 3),
        "bare_snapshot_seconds": round(bare[1], 3),
        "filesync_snapshot_mb": round(ours[2] / 1e6, 2),
        "bare_snapshot_mb": round(bare[2] / 1e6, 2),
    }


def configuration(endpoints: int) -> str:
    """Return an endpoints.yaml (JSON is YAML) with a mix of stores, projects, filters and schedules."""
    entries = [
        {
            "name": f"endpoint_{i}",
            "type": "s3",
            "title": f"Endpoint {i}",
            "project_id": f"project-{i % 20}",
            "user_id": f"owner{i % 50}@company.com",
            "endpoint_details": {"bucket": f"bucket-{i}", "prefix": "drawings/", "region": "eu-central-1"},
            "filters": {"file_types": ["pdf", "dwg"], "exclude": ["**/~$*"]},
            "schedule_config": {"interval_minutes": (5, 15, 60, 7)[i % 4]},
        }
        for i in range(endpoints)
    ]
    return json.dumps({"endpoints": entries})


def load(code: str, endpoints: int, config: Path) -> list[float]:
    """Return seconds to load, seconds to make the snapshot for the webserver, and its bytes."""
    child = subprocess.run(
        [sys.executable, "-c", code + LOAD, str(endpoints), str(config)], check=True, text=True, stdout=subprocess.PIPE
    )
    return [float(word) for word in child.stdout.split()[-3:]]


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
