"""Snapshots, changes and the pages of a listing as files, and the engine that reads them.

Files appear whole or not at all. Knows files and object stores; which of them are referenced, the metadata says.
Imports model and errors.
"""

from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.storage.snapshots.engine import Engines, beside, connect, literal, parquet, stream
from filesync_dagster.storage.snapshots.export import export
from filesync_dagster.storage.snapshots.staging import Staging
from filesync_dagster.storage.snapshots.store import SnapshotKind, SnapshotStore, StoredFile

__all__ = [
    "Engines",
    "SnapshotKind",
    "SnapshotStore",
    "Staging",
    "StoredFile",
    "beside",
    "connect",
    "disk_errors",
    "export",
    "literal",
    "parquet",
    "stream",
]
