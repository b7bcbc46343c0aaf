"""Local copies of stored files of an object store, the newest few of each endpoint."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from filesync_dagster.storage.snapshots.disk import make_folder
from filesync_dagster.storage.snapshots.roots import scratch_name

KEEP = 6
"""Copies of one endpoint: the two sides of a diff, its changes, and as many for a reader beside it."""


class Cache:
    """Stored files never change, so a copy that is there is right. Evicts those not used for the longest time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, uri: str) -> Path | None:
        """Return the copy of a file, if there is one."""
        for path in self.folder.glob(f"*/{_name(uri)}"):
            os.utime(path)
            return path
        return None

    def fill(self, uri: str, endpoint: str, fetch: Callable[[Path], None]) -> Path:
        """Copy a file by `fetch`; what is half fetched is never found."""
        path = self.folder / endpoint / _name(uri)
        make_folder(path.parent)
        scratch = path.with_name(scratch_name(path.name))
        try:
            fetch(scratch)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
        self._evict(path.parent)
        return path

    def drop(self, uri: str) -> None:
        """Remove the copy of a file."""
        for path in self.folder.glob(f"*/{_name(uri)}"):
            path.unlink(missing_ok=True)

    def forget(self, path: Path) -> None:
        """Remove a copy that turned out to be damaged; a file that is not in the cache stays."""
        if path.is_relative_to(self.folder):
            path.unlink(missing_ok=True)

    def _evict(self, folder: Path) -> None:
        # An open file stays readable after its name is gone, so a diff that runs on a copy is not disturbed.
        ages = []
        for path in folder.glob("[!.]*"):
            try:
                ages.append((path.stat().st_mtime, path))
            except FileNotFoundError:
                continue
        for _, path in sorted(ages)[:-KEEP]:
            path.unlink(missing_ok=True)


def _name(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:16] + Path(uri).suffix
