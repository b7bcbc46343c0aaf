"""How long until `filesync --help` has answered, against the smallest click program doing the same."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

SMALLEST = "import click; click.command()(lambda: None)(['--help'])"


def run(repeats: int = 15) -> dict[str, float]:
    """Median seconds of `repeats` alternating starts."""
    filesync = Path(sys.executable).with_name("filesync")
    ours, click = [], []
    for _ in range(repeats + 1):
        click.append(seconds([sys.executable, "-c", SMALLEST]))
        ours.append(seconds([str(filesync), "--help"]))
    # The first of each reads its files from disk and compiles them.
    ours_median, click_median = statistics.median(ours[1:]), statistics.median(click[1:])
    return {
        "filesync_help_seconds": round(ours_median, 4),
        "click_help_seconds": round(click_median, 4),
        "ratio": round(ours_median / click_median, 2),
    }


def seconds(command: list[str]) -> float:
    """Wall time of a command that must succeed."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
