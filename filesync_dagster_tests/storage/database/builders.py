"""Short ways to write rows, changes and logs."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.core.schemas import CHANGE_SCHEMA, FILE_SCHEMA, build_batch
from filesync_dagster.storage.database import NewState, SyncRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes):
    """Return a moment some minutes after NOW."""
    return NOW + timedelta(minutes=minutes)


def entry(external_id, **columns):
    """Return an entry as a dict; what is not given follows from the id."""
    name = external_id.rsplit("/", 1)[-1]
    return {
        "external_id": external_id,
        "scope": "",
        "name": name,
        "path": external_id,
        "kind": "file",
        "trashed": False,
        **columns,
    }


def batch(*entries):
    """Return entries as a batch of FILE_SCHEMA."""
    names = {name for row in entries for name in row}
    return build_batch({name: [row.get(name) for row in entries] for name in names}, len(entries))


def changes(*rows):
    """Return (change, before, after) as a batch of CHANGE_SCHEMA."""

    def side(number):
        full = [None if row[number] is None else batch(row[number]).to_pylist()[0] for row in rows]
        return pa.array(full, pa.struct(list(FILE_SCHEMA)))

    return pa.record_batch([pa.array([row[0] for row in rows]), side(1), side(2)], schema=CHANGE_SCHEMA)


def log(endpoint, name, minutes=0, status=SyncStatus.COMPLETED, mode=SyncMode.FULL, **columns):
    """Return the log of a sync that ended some minutes after NOW."""
    moment = at(minutes)
    return SyncRecord(name, endpoint, moment, moment, status, mode, **{"as_of": moment, **columns})


def new_state(name, minutes=0, total=0):
    """Return the state that a sync of this name leaves."""
    return NewState(f"snapshots/{name}.parquet", name, f"v-{name}", at(minutes), total, 0, "all", "here")


def commit(metadata, endpoint, name, minutes=0, **rows):
    """Commit a sync with its own lease."""
    with metadata.leases.hold(endpoint) as lease:
        record = log(
            endpoint, name, minutes, snapshot_uri=f"snapshots/{name}.parquet", changes_uri=f"changes/{name}.parquet"
        )
        metadata.commit(lease, record, new_state(name, minutes), **rows)


def live(metadata, endpoint):
    """Return the live files by external_id."""
    return {row["external_id"]: row for part in metadata.files.inventory(endpoint) for row in part.to_pylist()}


def known(metadata, endpoint):
    """Return all files, gone ones too, by external_id."""
    return {
        row["external_id"]: row for part in metadata.files.inventory(endpoint, gone=True) for row in part.to_pylist()
    }


def journal(metadata, endpoint, **limits):
    """Return the journal as dicts, before and after parsed."""
    rows = [row for part in metadata.files.journal(endpoint, **limits) for row in part.to_pylist()]
    for row in rows:
        for side in ("before", "after"):
            row[side] = None if row[side] is None else json.loads(row[side])
    return rows
