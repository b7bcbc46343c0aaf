"""Reading an inventory of a million files: `fs.files()` and `filesync files` as CSV and JSON, beside DuckDB's COPY."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.memory import SyntheticDetails, open_synthetic
from filesync_dagster.api import Filesync
from filesync_dagster.cli.rows import FILES, write_files
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.connectors import CONNECTORS, Connector

REPEATS = 3
COPY = """
    COPY (SELECT {columns} FROM read_parquet('{snapshot}') WHERE NOT trashed ORDER BY path, external_id)
    TO '/dev/null' ({options})
"""
"""What a person would type who knows where the snapshot is: the same columns in the same order."""


def run(rows: int) -> dict[str, Any]:
    """Return the best CPU seconds of each, and how many times those of COPY they are."""
    CONNECTORS["synthetic"] = Connector("Synthetic", SyntheticDetails, ("entries",), open_synthetic)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "endpoints.yaml"
        details = {"entries": rows, "round": 1}
        endpoint = {"name": "synthetic", "type": "synthetic", "endpoint_details": details, "schedule": "manual"}
        config.write_text(json.dumps({"endpoints": [endpoint]}))
        with Filesync(load_config(read_environment(config, {"FILESYNC_HOME": f"{folder}/home"}))) as filesync:
            done = filesync.sync("synthetic")
            assert done.snapshot_uri is not None, done.error
            snapshot = filesync.local_snapshot(done.snapshot_uri)
            copies = {
                "copy_csv": lambda: copy(snapshot, ", ".join(FILES), "FORMAT csv"),
                "copy_json": lambda: copy(snapshot, ", ".join(FILES), "FORMAT json"),
                "copy_rows": lambda: copy(snapshot, "*", "FORMAT parquet, COMPRESSION uncompressed"),
            }
            ours = {
                "csv": lambda: written(filesync, "csv"),
                "json": lambda: written(filesync, "json"),
                "rows": lambda: sum(batch.num_rows for batch in filesync.files("synthetic")),
            }
            cpu = {name: best(work) for name, work in {**copies, **ours}.items()}
    seconds = {f"{name}_cpu_seconds": round(value, 2) for name, value in cpu.items()}
    return {"rows": rows, **seconds, **{f"{name}_ratio": round(cpu[name] / cpu[f"copy_{name}"], 2) for name in ours}}


def copy(snapshot: Path, columns: str, options: str) -> None:
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(COPY.format(columns=columns, snapshot=snapshot, options=options))


def written(filesync: Filesync, form: str) -> None:
    """Write what the command line writes, to nowhere."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        write_files(filesync.files("synthetic", columns=FILES), form, filesync.config.settings.partitions, gone=False)


def best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000), indent=2) + "\n")
