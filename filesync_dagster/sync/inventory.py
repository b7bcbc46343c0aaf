"""Reading the inventory: what is there now, what was there then, what changed, and how each endpoint is doing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from filesync_dagster.config import Broken, Endpoint, next_due
from filesync_dagster.core import clock
from filesync_dagster.core.errors import NothingKnown, SnapshotError
from filesync_dagster.core.model import SyncStatus
from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.storage.database import BreakerRecord, EndpointState, LeaseRecord, SyncRecord
from filesync_dagster.storage.snapshots import export as write_file
from filesync_dagster.storage.snapshots import parquet, stream
from filesync_dagster.sync.circuit_breaker import CLOSED, is_resting
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.snapshot_chain import materialize, materialize_state, rebuild_from_database

LIVE_SCHEMA = pa.schema([field for field in FILE_SCHEMA if field.name not in {"id_hash", "fingerprint"}])
"""What is told of an entry."""

BY_PATH = "path, external_id"
"""The order of an inventory."""


@dataclass(frozen=True)
class EndpointStatus:
    """How one endpoint is doing."""

    name: str
    title: str
    type: str
    state: str  # ok, partial, held, breaker open, failed, running, never synced, disabled, broken
    last_sync: SyncRecord | None = None
    last_success: datetime | None = None
    next_due: datetime | None = None
    held_sync_id: str | None = None
    running_since: datetime | None = None
    files_total: int = 0
    bytes_total: int = 0
    error: str | None = None
    breaker: BreakerRecord | None = None  # None: its last sync found the store well
    last_full: SyncRecord | None = None  # the last committed sync that listed everything
    misconfigured: str | None = None  # why its entry, or another one of its name, is not what runs


def files(
    runtime: Runtime, endpoint: Endpoint, *, as_of: datetime | None = None, gone: bool = False
) -> Iterator[pa.RecordBatch]:
    """Yield the live files of an endpoint, by path: now, or as of a moment. `gone` adds those that were removed.

    Raises NothingKnown when nothing is stored about that moment.
    """
    endpoint_id = runtime.register(endpoint)
    if as_of is None:
        yield from runtime.metadata.files.inventory(endpoint_id, gone=gone)
        return
    path = snapshot_path(runtime, endpoint, as_of)
    with runtime.engine() as con:
        yield from stream(con, f"{live(path)} ORDER BY {BY_PATH}")


def live(snapshot: Path) -> str:
    """Return the query for what is in a local snapshot, and not in the store's trash; in no order."""
    return f"SELECT * EXCLUDE (id_hash, fingerprint) FROM {parquet([snapshot])} WHERE NOT trashed"


def current_path(runtime: Runtime, endpoint: Endpoint) -> Path:
    """Return a local copy of the last committed snapshot. Raises NothingKnown, SnapshotError."""
    state = runtime.metadata.endpoints.state(runtime.register(endpoint))
    if state.snapshot_uri is None:
        raise NothingKnown(f"Nothing is stored about {endpoint.name!r}.", hint="It was never synced.")
    try:
        return materialize_state(runtime, endpoint.name, state)
    except SnapshotError as error:
        return rebuild_from_database(runtime, endpoint.name, state, error)


def snapshot_path(runtime: Runtime, endpoint: Endpoint, as_of: datetime) -> Path:
    """Return a local copy of the snapshot that describes a moment. Raises NothingKnown, SnapshotError."""
    log = runtime.metadata.syncs.snapshot_at(runtime.register(endpoint), as_of)
    if log is None or log.snapshot_uri is None:
        raise NothingKnown(
            f"Nothing is stored about {endpoint.name!r} as of {as_of:%Y-%m-%d %H:%M:%S %Z}.",
            hint="It was first synced later, or retention has let the snapshot go.",
        )
    return snapshot_file(runtime, endpoint.name, log)


def snapshot_file(runtime: Runtime, endpoint: str, log: SyncRecord) -> Path:
    """Return a local copy of the snapshot that a sync left; from the database, should that be the last one and damaged.

    Raises SnapshotError.
    """
    assert log.snapshot_uri is not None
    try:
        return materialize(runtime, endpoint, log.endpoint_id, log.snapshot_uri, log.seq, log.data_version)
    except SnapshotError as error:
        state = runtime.metadata.endpoints.state(log.endpoint_id)
        if state.seq is None or state.data_version != log.data_version:
            raise
        return rebuild_from_database(runtime, endpoint, state, error)


def live_files(  # noqa: PLR0917  # one page of a listing
    runtime: Runtime, endpoint: Endpoint, snapshot_uri: str, until: int | None, offset: int, limit: int
) -> Iterator[pa.RecordBatch]:
    """Yield `external_id` and `path` of `limit` files of a stored snapshot as a sync left it, by path.

    `until`: the `seq` of that sync; `offset`: how many come before them. Raises SnapshotError.
    """
    path = materialize(runtime, endpoint.name, runtime.register(endpoint), snapshot_uri, until)
    query = f"SELECT external_id, path FROM ({live(path)}) WHERE kind = 'file' ORDER BY {BY_PATH}"
    with runtime.engine() as con:
        yield from stream(con, f"{query} LIMIT {limit} OFFSET {offset}")


def changes(
    runtime: Runtime, endpoint: Endpoint, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the journal of an endpoint, oldest first."""
    yield from runtime.metadata.files.journal(runtime.register(endpoint), since=since, until=until)


def status(runtime: Runtime) -> list[EndpointStatus]:
    """Return how every configured endpoint is doing, in the order of the configuration."""
    metadata = runtime.metadata
    states = metadata.endpoints.states()
    running = {lease.endpoint: lease for lease in metadata.leases.current() if lease.purpose == "sync"}
    proofs = metadata.syncs.last_full()
    failing = {number: breaker for number, breaker in metadata.endpoints.breakers().items() if breaker.failures}
    latest = metadata.syncs.latest()
    broken = {entry.name: entry for entry in runtime.config.broken if not entry.is_queue}
    found = []
    for endpoint in runtime.config.endpoints:
        state = states.get(endpoint.name)
        if state is None:
            known = _unknown_status(runtime, endpoint)
        else:
            lease, breaker = running.get(endpoint.name), failing.get(state.endpoint_id)
            known = _status(runtime, endpoint, state, latest.get(state.endpoint_id), lease, breaker)
            known = replace(known, last_full=proofs.get(state.endpoint_id))
        entry = broken.pop(endpoint.name, None)  # what it said before is what runs, or another entry has its name
        found.append(replace(known, misconfigured=" ".join(entry.problems) if entry else None))
    return found + [_broken_status(entry) for entry in broken.values()]


def resting_endpoints(runtime: Runtime, at: datetime) -> dict[str, datetime]:
    """Return which endpoints are left alone at a moment because their stores failed too often, and until when."""
    records = {r.endpoint_id: r for r in runtime.metadata.endpoints.breakers().values() if is_resting(r, at)}
    states = runtime.metadata.endpoints.states() if records else {}
    found = {name: records[s.endpoint_id].probe_at for name, s in states.items() if s.endpoint_id in records}
    return {name: until for name, until in found.items() if until is not None}


def _broken_status(entry: Broken) -> EndpointStatus:
    return EndpointStatus(entry.name, entry.name, "?", "broken", error=" ".join(entry.problems))


def _unknown_status(runtime: Runtime, endpoint: Endpoint) -> EndpointStatus:
    return EndpointStatus(
        endpoint.name,
        endpoint.label,
        endpoint.type,
        "never synced" if endpoint.is_active else "disabled",
        next_due=next_due(endpoint, None, runtime.config.settings.partitions.zone, clock.utc_now()),
    )


def _status(  # noqa: PLR0917  # what the database knows of it, table by table
    runtime: Runtime,
    endpoint: Endpoint,
    state: EndpointState,
    last: SyncRecord | None,
    lease: LeaseRecord | None,
    breaker: BreakerRecord | None,
) -> EndpointStatus:
    zone, now = runtime.config.settings.partitions.zone, clock.utc_now()
    due = next_due(endpoint, last.sync_started if last else None, zone, now)
    if due and breaker and breaker.probe_at:
        due = max(due, breaker.probe_at)
    return EndpointStatus(
        name=endpoint.name,
        title=endpoint.label,
        type=endpoint.type,
        state=_state(endpoint, state, last, lease, breaker),
        last_sync=last,
        last_success=state.as_of,
        next_due=due,
        held_sync_id=state.held_sync_id,
        running_since=lease.acquired_at if lease else None,
        files_total=state.files_total,
        bytes_total=state.bytes_total,
        error=last.error_message if last else None,
        breaker=breaker,
    )


def _state(
    endpoint: Endpoint,
    state: EndpointState,
    last: SyncRecord | None,
    lease: LeaseRecord | None,
    breaker: BreakerRecord | None,
) -> str:
    if not endpoint.is_active:
        return "disabled"
    if lease:
        return "running"
    if state.held_sync_id:
        return "held"
    if breaker and breaker.state != CLOSED:
        return "breaker open"
    if last is None:
        return "never synced"
    return "ok" if last.sync_status is SyncStatus.COMPLETED else last.sync_status.value


def export(runtime: Runtime, endpoint: Endpoint, target: Path, file_format: str, as_of: datetime | None) -> int:
    """Write the snapshot that describes a moment (the current one when None) to a file; return its rows.

    The file appears whole or not at all. Raises NothingKnown, SnapshotError, NotWritable, OutOfSpace.
    """
    path = current_path(runtime, endpoint) if as_of is None else snapshot_path(runtime, endpoint, as_of)
    with runtime.engine() as con:
        return write_file(con, f"{live(path)} ORDER BY {BY_PATH}", target, file_format)
