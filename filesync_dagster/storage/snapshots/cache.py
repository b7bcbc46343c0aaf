"""Local copies of stored files of an object store, and what is made of stored files: the newest few of each endpoint.

The name of a copy has its digest in it, so that one that is damaged, or another one, is never taken for it.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filesync_dagster.storage.durable import make_folder
from filesync_dagster.storage.snapshots.disk import digest_of
from filesync_dagster.storage.snapshots.roots import scratch_name

KEEP = 6
"""Copies of one endpoint: the two sides of a diff, its changes, and as many for a reader beside it."""


class Cache:
    """Stored files never change, so a copy that is there is right. Evicts those not used for the longest time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, uri: str) -> Path | None:
        """Return the copy of a file, if there is one that is whole."""
        for path in self.folder.glob(f"*/{_pattern(uri)}"):
            with suppress(FileNotFoundError):  # another thread was faster
                if digest_of(path) == digest_in(path):
                    os.utime(path)
                    return path
                path.unlink()
        return None

    def fill(self, uri: str, endpoint: str, fetch: Callable[[Path], None]) -> Path:
        """Copy a file by `fetch`; what is half fetched is never found."""
        folder = self.folder / endpoint
        make_folder(folder)
        scratch = folder / scratch_name(_hash(uri))
        try:
            fetch(scratch)
            path = folder / f"{_hash(uri)}-{digest_of(scratch)}{Path(uri).suffix}"
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
        self._evict(path.parent)
        return path

    def drop(self, uri: str) -> None:
        """Remove the copy of a file."""
        for path in self.folder.glob(f"*/{_pattern(uri)}"):
            path.unlink(missing_ok=True)

    def has(self, path: Path) -> bool:
        """Tell whether a file is a copy of the cache."""
        return path.is_relative_to(self.folder)

    def forget(self, path: Path) -> None:
        """Remove a copy that turned out to be damaged; a file that is not in the cache stays."""
        if self.has(path):
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


def digest_in(copy: Path) -> str:
    """Return the digest that a copy had when it was made."""
    return copy.stem.rpartition("-")[2]


def _hash(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:16]


def _pattern(uri: str) -> str:
    return f"{_hash(uri)}-*{Path(uri).suffix}"
