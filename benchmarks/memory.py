"""Peak memory and time of full syncs of many synthetic entries into SQLite: a first one, then one with 1 % changed.

Each sync runs in a process of its own, whose peak resident set is what counts. `python -m benchmarks.memory [ENTRIES]`
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.connectors import CONNECTORS, Connector
from filesync_dagster.core.model import Capabilities, ChangeKind, ConnectionReport, Meter, Page
from filesync_dagster.core.schemas import TIMESTAMP, build_batch
from filesync_dagster.sync.progress import Progress

PAGE = 10_000
LONG_AGO = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
FOLDERS = ("drawings", "models", "photos", "reports", "specifications")
TYPES = ("dwg", "rvt", "jpg", "pdf", "docx")


class SyntheticDetails(BaseModel):
    """`endpoint_details` of a store that exists as a formula only."""

    entries: int
    round: int  # 1, then 2: one in a hundred entries changes
    every: int = 300  # of so many, three


class SyntheticSource:
    """Objects like those of a bucket, a page at a time."""

    def __init__(self, details: SyntheticDetails, meter: Meter) -> None:
        self.details = details
        self.meter = meter

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(stable_ids=False, pair_by=("content_hash", "size"), pair_as=ChangeKind.MOVED, hashes=True)

    def check(self) -> ConnectionReport:
        return ConnectionReport(0.0, f"{self.details.entries:,} entries")

    def scopes(self) -> tuple[str, ...]:
        return ("",)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        for start in range(int(checkpoint or 0), self.details.entries, PAGE):
            end = min(start + PAGE, self.details.entries)
            self.meter.api_calls += 1
            yield Page(page(np.arange(start, end), self.details.round, self.details.every), str(end))

    def close(self) -> None:
        pass


def open_synthetic(details: SyntheticDetails, meter: Meter, *, prune: Any = None) -> SyntheticSource:
    return SyntheticSource(details, meter)


def page(numbers: Any, round_: int, every: int = 300) -> pa.RecordBatch:
    """Return the entries of these numbers. In round 2, of `every` one is gone, one is new and one has new content."""
    if round_ == 2:
        numbers = numbers[numbers % every != 7]
        numbers = np.where(numbers % every == 8, numbers + 10**9, numbers)
    content = numbers + (10**10 if round_ == 2 else 0) * (numbers % every == 9)
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 10, "0")
    kind = pa.array(numbers % len(TYPES))
    names = _joined([digits, ".", pa.array(TYPES).take(kind)])
    projects = pc.utf8_lpad(pa.array(numbers // 5_000).cast(pa.string()), 6, "0")
    keys = _joined(["projects/", projects, "/", pa.array(FOLDERS).take(kind), "/", names])
    hexes = [f"{value:032x}" for value in (content.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).tolist()]
    seconds = LONG_AGO + numbers % 40_000_000 + 60 * (content != numbers)
    return build_batch(
        {
            "external_id": keys,
            "scope": pa.array([""] * len(numbers)),
            "name": names,
            "path": keys,
            "kind": pa.array(["file"] * len(numbers)),
            "size": pa.array(content * 7919 % 50_000_000),
            "modified_at": pa.array(seconds * 1_000_000).cast(TIMESTAMP),
            "version": pa.array(hexes),
            "content_hash": _joined(["md5:", pa.array(hexes)]),
            "link": _joined(["s3://bucket/", keys]),
            "trashed": pa.array(np.zeros(len(numbers), bool)),
            "metadata": pa.array(['{"storage_class":"STANDARD"}'] * len(numbers)),
        },
        len(numbers),
    )


def _joined(parts: list[Any]) -> Any:
    return pc.binary_join_element_wise(*parts, "")


def sync(home: Path, entries: int, round_: int) -> dict[str, Any]:
    """Sync in this process; return its seconds by phase, and its peak memory so far."""
    CONNECTORS["synthetic"] = Connector("Synthetic", SyntheticDetails, ("entries",), open_synthetic)
    config = home / "endpoints.yaml"
    details = {"entries": entries, "round": round_}
    # A hundredth of ten million is more than the guard lets go unseen.
    endpoint = {"name": "many", "type": "synthetic", "endpoint_details": details, "guard": {"enabled": False}}
    config.write_text(json.dumps({"endpoints": [endpoint]}))
    began = time.perf_counter()
    phases: dict[str, float] = {}

    def watch(progress: Progress) -> None:
        phases.setdefault(progress.phase, time.perf_counter() - began)

    with Filesync(load_config(read_environment(config, {"FILESYNC_HOME": str(home / "home")}))) as filesync:
        result = filesync.sync("many", on_progress=watch)
    ended = time.perf_counter() - began
    starts = [*phases.values(), ended]
    return {
        "status": result.status.value,
        "error": result.error,
        "files_total": result.files_total,
        "seconds": round(ended, 1),
        "phases": {name: round(starts[i + 1] - starts[i], 1) for i, name in enumerate(phases)},
        "changes": {
            "added": result.counts.added, "updated": result.counts.updated, "removed": result.counts.removed,
        },
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }  # fmt: skip


def run(entries: int = 10_000_000, *, home: str | None = None) -> dict[str, Any]:
    """Sync twice; return both, and the larger peak in GiB."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        first, second = (_in_child(folder, entries, round_) for round_ in (1, 2))
        stored = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    expected = entries - len(range(7, entries, 300))
    assert (first["files_total"], second["files_total"]) == (entries, expected), (first, second)
    return {
        "entries": entries,
        "peak_gib": max(first["peak_gib"], second["peak_gib"]),
        "first": first,
        "second": second,
        "stored_gib": round(stored / 2**30, 2),
    }


def _in_child(folder: str, entries: int, round_: int) -> dict[str, Any]:
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", folder, str(entries), str(round_)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ},
    )
    found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    assert found["status"] == "completed", found
    return found


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(sync(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
    else:
        print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000), indent=2))
