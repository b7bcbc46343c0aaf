"""States as CSV files: of a replica, or of an inventory; and those that runs keep, before and after."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pyarrow_compute

from filesync_dagster.config import Endpoint, Replication
from filesync_dagster.core.content import FileEntry
from filesync_dagster.replication.permissions import permissions_for
from filesync_dagster.replication.state_csv import STATE_SCHEMA, write_state
from filesync_dagster.storage.database.replicas import STATE_SCHEMA as REPLICA_STATE
from filesync_dagster.sync.inventory import files
from filesync_dagster.sync.runtime import Runtime

pc: Any = pyarrow_compute


def write_replica_state(runtime: Runtime, replication_id: int, target: Path) -> int:
    """Write what a destination has from us to a file; return how many files."""
    rows = runtime.metadata.replicas.files(replication_id, schema=REPLICA_STATE)
    return write_state(target, _replica_rows(rows), runtime.folder("tmp"))


def write_inventory_state(runtime: Runtime, endpoint: Endpoint, target: Path) -> int:
    """Write the inventory of an endpoint in the same columns; return how many files."""
    return write_state(target, _inventory_rows(files(runtime, endpoint)), runtime.folder("tmp"))


def _replica_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = batch.filter(pc.not_equal(batch.column("kind"), "folder"))
        yield _batch(rows, rows.column("dest_path"), rows.column("internal_id"), rows.column("mime_type"))


def _inventory_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = batch.filter(pc.not_equal(batch.column("kind"), "folder"))
        yield _batch(rows, rows.column("path"), rows.column("external_id"), rows.column("mime_type"))


def _batch(rows: pa.RecordBatch, paths: Any, ids: Any, types: Any) -> pa.RecordBatch:
    permissions = pa.array([_nine(text) for text in rows.column("permissions").to_pylist()], pa.string())
    columns = [paths, permissions, rows.column("size"), types, rows.column("modified_at"), ids]
    return pa.record_batch(columns, schema=STATE_SCHEMA)


def _nine(permissions: str | None) -> str | None:
    """Return permissions as nine characters where they are a POSIX mode; as they are where they are a text."""
    if permissions is None:
        return None
    found = permissions_for(FileEntry("", "", permissions=permissions))
    if found is not None:
        return found.permissions
    try:
        return json.dumps(json.loads(permissions), separators=(",", ":"))
    except ValueError:
        return permissions


def keep_state(runtime: Runtime, replication: Replication, replication_id: int, run: str, name: str) -> Path:
    """Write the state of a replica as `state/<replication>/<run>/<name>.csv`; return the path."""
    target = runtime.folder("state", replication.name, run) / f"{name}.csv"
    write_replica_state(runtime, replication_id, target)
    return target


def prune_states(runtime: Runtime, before: datetime, *, dry_run: bool = False) -> int:
    """Remove the states of runs that ended before a moment, of every replication there ever was; return how many."""
    runs = runtime.folder("state").glob("*/*")
    old = [run for run in runs if run.is_dir() and run.stat().st_mtime < before.timestamp()]
    for run in () if dry_run else old:
        shutil.rmtree(run, ignore_errors=True)
    return len(old)
