"""Snapshots as they are stored: one file, or one and the changes of later incremental syncs on top of it."""

from pathlib import Path

import duckdb

from filesync_dagster.core import clock
from filesync_dagster.core.errors import SnapshotError
from filesync_dagster.storage.database import EndpointState, Lease, SyncRecord
from filesync_dagster.storage.snapshots import literal, parquet
from filesync_dagster.sync import diff
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.paths import with_fingerprints
from filesync_dagster.sync.relations import COLUMNS, Relation, create_empty, kind_for
from filesync_dagster.sync.runtime import Runtime

COMPACT_SHARE, COMPACT_LEAST_CHANGES = 0.1, 1000
"""Changes past this share of the files, and this number, are compacted into a snapshot of their own."""

COMPACT_FILE_COUNT = 200
"""So are more change files than this: reading a day should not open hundreds of them."""

COMPACTED = "-folded"

LANDMARK_COUNT = 1024


def materialize(runtime: Runtime, endpoint: str, endpoint_id: int, snapshot_uri: str, until: int | None = None) -> Path:
    """Return a local Parquet file with the snapshot of an endpoint as a sync left it (its `seq`; None: the last one).

    `snapshot_uri`: what the state, or the log of a sync, points to. Raises SnapshotError.
    """
    chain = runtime.metadata.syncs.changes_since(endpoint_id, snapshot_uri, until)
    if not chain:
        return runtime.snapshots.local(snapshot_uri)

    def write(target: Path) -> None:
        _compact(runtime, snapshot_uri, chain, target)

    # Stored files never change, so neither does what is made of them.
    return runtime.snapshots.derive_file(f"{snapshot_uri}+{chain[-1].changes_uri}.parquet", endpoint, write)


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
    chain = runtime.metadata.syncs.changes_since(state.endpoint_id, state.snapshot_uri)
    if not chain:
        return state
    last, zone = chain[-1], runtime.config.settings.partitions.zone
    day = (last.as_of or last.sync_completed).astimezone(zone).date()
    changed = sum(log.counts.rows for log in chain)
    many = changed > max(COMPACT_SHARE * state.files_total, COMPACT_LEAST_CHANGES) or len(chain) >= COMPACT_FILE_COUNT
    if not many and day == clock.utc_now().astimezone(zone).date():
        return state
    path = materialize(runtime, endpoint, state.endpoint_id, state.snapshot_uri)
    with runtime.engine() as con:
        query = f"FROM {parquet([path])}"
        stored = runtime.snapshots.write(con, query, "snapshots", endpoint, day, f"{last.id}{COMPACTED}")
    runtime.metadata.syncs.rebase(lease, last.id, stored.uri)
    return runtime.metadata.endpoints.state(state.endpoint_id)


def is_intact(context: SyncContext, state: EndpointState) -> bool:
    """Tell whether the last snapshot, if any, is what was written. When it is not, only `--full` goes on."""
    if state.snapshot_uri is None:
        return True
    try:
        path = materialize(context.runtime, context.endpoint.name, context.endpoint_id, state.snapshot_uri)
        context.runtime.snapshots.verify(state.snapshot_uri, state.data_version, path)
    except SnapshotError as error:
        if context.fresh:
            return False
        raise with_rebuild_hint(context, error) from error
    return True


def with_rebuild_hint(context: SyncContext, error: SnapshotError) -> SnapshotError:
    """Return the error about a lost snapshot with what can be done about it."""
    hint = f"The database still has the inventory: `filesync sync {context.endpoint.name} --full` rebuilds it."
    return type(error)(error.message, hint=hint)


def landmarks(context: SyncContext, state: EndpointState, *, intact: bool) -> list[str]:
    """Return ids evenly spread over the last snapshot, in order, for sources that use them."""
    if state.snapshot_uri is None or not intact or not context.source.capabilities.landmarks:
        return []
    return sorted(context.runtime.snapshots.sample(state.snapshot_uri, "external_id", LANDMARK_COUNT), key=str.encode)


def load_before(
    context: SyncContext, con: duckdb.DuckDBPyConnection, state: EndpointState, *, intact: bool
) -> Relation:
    """Make `before`: the last snapshot or, when it is lost, what the database has of it."""
    if state.snapshot_uri and intact:
        path = materialize(context.runtime, context.endpoint.name, context.endpoint_id, state.snapshot_uri)
        con.execute(f"CREATE {kind_for(state.files_total)} before AS SELECT {COLUMNS} FROM {parquet([path])}")
        return Relation(con, "before")
    before = create_empty(con, "before")
    if state.snapshot_uri:
        for batch in context.runtime.metadata.files.entries(context.endpoint_id):
            before.insert(with_fingerprints(batch))
    return before
