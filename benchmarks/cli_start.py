"""The first second: `filesync --help` beside the smallest click program; `status` and `sync` beside their libraries."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

SMALLEST = "import click; click.command()(lambda: None)(['--help'])"
ENDPOINTS = """\
endpoints:
  - name: share
    type: local
    endpoint_details: {path: share}
"""
FILES = 20


class Cost(NamedTuple):
    """What one process took."""

    cpu_seconds: float
    peak_mib: float


def run(repeats: int = 9) -> dict[str, float]:
    """Median CPU seconds of alternating starts, and the peak memory of each; the first of each compiles its files."""
    filesync = str(Path(sys.executable).with_name("filesync"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "share").mkdir()
        for number in range(FILES):
            (Path(folder) / "share" / f"{number}.txt").write_text(f"{number}")
        (Path(folder) / "endpoints.yaml").write_text(ENDPOINTS)
        commands = {
            "click_help": [sys.executable, "-c", SMALLEST],
            "filesync_help": [filesync, "--help"],
            "sqlalchemy": [sys.executable, "-c", "import sqlalchemy, pydantic"],
            "status": [filesync, "status"],
            "arrow_duckdb": [sys.executable, "-c", "import sqlalchemy, pydantic, pyarrow.parquet, duckdb"],
            "sync": [filesync, "sync"],
        }
        costs = [{name: cost(command, folder) for name, command in commands.items()} for _ in range(repeats + 1)][1:]
    cpu = {name: statistics.median(each[name].cpu_seconds for each in costs) for name in commands}
    peak = {name: max(each[name].peak_mib for each in costs) for name in commands}
    return {
        **{f"{name}_cpu_seconds": round(value, 3) for name, value in cpu.items()},
        "status_peak_mib": round(peak["status"], 1),
        "sync_peak_mib": round(peak["sync"], 1),
        "ratio": round(cpu["filesync_help"] / cpu["click_help"], 2),
        "status_ratio": round(cpu["status"] / cpu["sqlalchemy"], 2),
        "sync_ratio": round(cpu["sync"] / cpu["arrow_duckdb"], 2),
    }


def cost(command: list[str], folder: str) -> Cost:
    """Return what a command that must succeed takes."""
    process = subprocess.Popen(command, cwd=folder, env=_without_filesync(os.environ), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _without_filesync(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if not name.startswith("FILESYNC_")}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
