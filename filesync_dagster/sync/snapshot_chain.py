"""Snapshots as they are stored: one file, or one and the changes of later incremental syncs on top of it."""

from datetime import UTC, datetime
from pathlib import Path

from filesync_dagster.storage.database import EndpointState, Lease, SyncRecord
from filesync_dagster.storage.snapshots import literal, parquet
from filesync_dagster.sync import diff
from filesync_dagster.sync.runtime import Runtime

COMPACT_SHARE, COMPACT_LEAST_CHANGES = 0.1, 1000
"""Changes past this share of the files, and this number, are compacted into a snapshot of their own."""

COMPACT_FILE_COUNT = 200
"""So are more change files than this: reading a day should not open hundreds of them."""

COMPACTED = "-folded"


def materialize(
    runtime: Runtime, endpoint: str, endpoint_id: int, snapshot_uri: str, until: datetime | None = None
) -> Path:
    """Return a local Parquet file with the snapshot of an endpoint as of a moment (None: the last commit).

    `snapshot_uri`: what the state, or the log of a sync, points to. Raises SnapshotError.
    """
    chain = runtime.metadata.changes_since(endpoint_id, snapshot_uri, until)
    if not chain:
        return runtime.snapshots.local(snapshot_uri)

    def write(target: Path) -> None:
        _compact(runtime, snapshot_uri, chain, target)

    # Stored files never change, so neither does what is made of them.
    return runtime.snapshots.derived(f"{snapshot_uri}+{chain[-1].changes_uri}.parquet", endpoint, write)


def _compact(runtime: Runtime, snapshot_uri: str, chain: list[SyncRecord], target: Path) -> None:
    with runtime.engine() as con:
        con.execute(f"CREATE VIEW base AS FROM {parquet([runtime.snapshots.local(snapshot_uri)])}")
        names = []
        for number, log in enumerate(chain):
            names.append(f"changes_{number}")
            stored = runtime.snapshots.local(str(log.changes_uri))
            con.execute(f"CREATE VIEW {names[-1]} AS FROM {parquet([stored])}")
        diff.compact(con, "base", names, "folded")
        con.execute(f"COPY folded TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)")


def compact_if_due(runtime: Runtime, endpoint: str, lease: Lease, state: EndpointState) -> EndpointState:
    """Write the current snapshot as one file when its day is over or its changes have become many.

    So each past day ends in a snapshot of its own, and what is before it may go.
    """
    if state.snapshot_uri is None:
        return state
    chain = runtime.metadata.changes_since(state.endpoint_id, state.snapshot_uri)
    if not chain:
        return state
    last, zone = chain[-1], runtime.config.settings.partitions.zone
    day = (last.as_of or last.sync_completed).astimezone(zone).date()
    changed = sum(log.files_added + log.files_updated + log.files_moved + log.files_removed for log in chain)
    many = changed > max(COMPACT_SHARE * state.files_total, COMPACT_LEAST_CHANGES) or len(chain) >= COMPACT_FILE_COUNT
    if not many and day == datetime.now(UTC).astimezone(zone).date():
        return state
    path = materialize(runtime, endpoint, state.endpoint_id, state.snapshot_uri)
    with runtime.engine() as con:
        query = f"FROM {parquet([path])}"
        stored = runtime.snapshots.write(con, query, "snapshots", endpoint, day, f"{last.id}{COMPACTED}")
    runtime.metadata.rebase(lease, last.id, stored.uri)
    return runtime.metadata.state(state.endpoint_id)
