"""How fast a folder is listed, against os.walk with a stat of each entry (which yields no rows, ids or hashes)."""

import json
import os
import tempfile
import time
from pathlib import Path

from filesync_dagster.connectors.local import LocalDetails, open_local
from filesync_dagster.core.model import Meter

FILES_PER_FOLDER = 100


def run(files: int = 100_000, repeats: int = 3) -> dict[str, float]:
    """Entries per second of both, the best of `repeats` alternating walks of one warm tree."""
    with tempfile.TemporaryDirectory() as folder:
        entries = grow(Path(folder), files)
        ours, plain = [], []
        for _ in range(repeats + 1):
            plain.append(seconds(walk_plainly, folder, entries))
            ours.append(seconds(walk, folder, entries))
    # The first of each finds nothing in memory.
    fastest, bare = min(ours[1:]), min(plain[1:])
    return {
        "entries": entries,
        "entries_per_second": round(entries / fastest),
        "os_walk_entries_per_second": round(entries / bare),
        "ratio_to_os_walk": round(fastest / bare, 2),
    }


def grow(root: Path, files: int) -> int:
    """Make a tree of empty files, three folders deep; return the number of entries."""
    entries = 0
    for start in range(0, files, FILES_PER_FOLDER):
        number = start // FILES_PER_FOLDER
        folder = root / f"project-{number % 30:02}" / f"sheet-{number:06}"
        entries += 1 if folder.parent.exists() else 2
        folder.mkdir(parents=True)
        for file in range(start, min(start + FILES_PER_FOLDER, files)):
            (folder / f"drawing-{file:08}.pdf").touch()
            entries += 1
    return entries


def walk(folder: str) -> int:
    """List with the local connector."""
    source = open_local(LocalDetails(path=folder), Meter())
    return sum(page.batch.num_rows for page in source.list(""))


def walk_plainly(folder: str) -> int:
    """Walk with the standard library, reading each entry's attributes."""
    count = 0
    for parent, folders, names in os.walk(folder):
        for name in folders + names:
            os.lstat(os.path.join(parent, name))  # noqa: PTH118 the fastest plain way is the yardstick
            count += 1
    return count


def seconds(call, folder: str, entries: int) -> float:
    """Wall time of a walk that must find every entry."""
    started = time.perf_counter()
    found = call(folder)
    took = time.perf_counter() - started
    assert found == entries, f"{call.__name__} found {found} of {entries} entries"
    return took


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
