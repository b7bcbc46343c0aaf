"""What a person decides about a held sync."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb

from filesync_dagster.config import Endpoint, location_of
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.errors import HeldSyncOutdated
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import SyncMode, SyncResult, SyncStatus
from filesync_dagster.storage.database import EndpointState, SyncRecord
from filesync_dagster.storage.snapshots import parquet
from filesync_dagster.sync import diff
from filesync_dagster.sync.commit import write_commit
from filesync_dagster.sync.held_record import digest_of, load_held_record, reason_of
from filesync_dagster.sync.relations import DetectedChanges, Relation
from filesync_dagster.sync.result import Outcome, begin_result
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.snapshot_chain import materialize_state

STALE_AFTER = timedelta(minutes=10)
"""How old what was held may be before `approve` says so."""


def approve(runtime: Runtime, endpoint: Endpoint, digest: str | None = None) -> SyncResult:
    """Commit the held sync of an endpoint as it was observed. Raises NothingHeld or HeldSyncOutdated.

    `digest`: of what was looked at; anything else is not committed.
    """
    attempt = begin_result(endpoint, None)
    endpoint_id = runtime.register(endpoint)
    with runtime.metadata.leases.hold(endpoint_id, purpose="approve") as lease, runtime.engine() as con:
        state = runtime.metadata.endpoints.state(endpoint_id)
        held = load_held_record(runtime, endpoint, state)
        if digest is not None and digest.strip().lower() != digest_of(state, held):
            raise HeldSyncOutdated(
                f"What is held of {endpoint.name!r} is not what was looked at: the store changed since, or something "
                "was committed.",
                hint=f"Look again: `filesync changes {endpoint.name} --held`.",
            )
        if state.held_location != location_of(endpoint):
            raise HeldSyncOutdated(
                f"The held sync of {endpoint.name!r} listed another place than the endpoint does now.",
                hint=f"`filesync reject {endpoint.name}`, then sync again.",
            )
        found = _load_held_changes(runtime, con, endpoint, state, held)
        result = attempt.result(
            SyncStatus.PARTIAL if held.warnings else SyncStatus.COMPLETED,
            held.mode,
            **found.counts.as_numbers(),
            files_processed=held.files_processed,
            files_before=state.files_total,
            files_total=held.files_total,
            bytes_total=held.bytes_total,
            snapshot_uri=held.snapshot_uri,
            changes_uri=held.changes_uri,
            warnings=held.warnings,
        )
        observed, is_full = held.as_of or held.sync_completed, held.mode is not SyncMode.INCREMENTAL
        reconciled_at = observed if is_full else state.reconciled_at
        following = replace(state, cursor=state.held_cursor, reconciled_at=reconciled_at)
        # Of a held listing nobody knows with which filters: they need not be those that the endpoint has by now.
        selection = None if is_full else state.selection
        outcome = Outcome(result, observed, following, found, confirmed_by=f"approve {held.id}")
        write_commit(runtime, endpoint, lease, outcome, selection, None)
    event("sync.approved", endpoint=endpoint.name, held=held.id)
    return replace(result, warnings=(*result.warnings, *_staleness(runtime, observed)))


def _staleness(runtime: Runtime, observed: datetime) -> Iterator[str]:
    """Yield that what was committed is stale, if it is."""
    age = datetime.now(UTC) - observed
    if age >= STALE_AFTER:
        at = observed.astimezone(runtime.config.settings.partitions.zone)
        yield (
            f"What was held is stale: it is the store as it was at {at:%Y-%m-%d %H:%M} ({_spoken(age)} ago). What "
            "changed since comes with the next sync."
        )


def _spoken(age: timedelta) -> str:
    """Return an age in words.

    >>> _spoken(timedelta(minutes=12)), _spoken(timedelta(hours=50))
    ('12 minutes', '50 hours')
    """
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"  # noqa: PLR2004 - two hours


def _load_held_changes(
    runtime: Runtime, con: duckdb.DuckDBPyConnection, endpoint: Endpoint, state: EndpointState, held: SyncRecord
) -> DetectedChanges:
    """Return what a held sync would change. Raises HeldSyncOutdated when it is not stored any more."""
    if not (state.snapshot_uri and held.snapshot_uri and held.changes_uri):
        raise HeldSyncOutdated(f"The held sync {held.id} is no longer stored.", hint="Sync again.")
    paths = {
        "before": materialize_state(runtime, endpoint.name, state),
        "changes": runtime.snapshots.local(held.changes_uri),
    }
    if held.mode is not SyncMode.INCREMENTAL:
        paths["after"] = runtime.snapshots.local(held.snapshot_uri)
    for name, path in paths.items():
        con.execute(f"CREATE VIEW {name} AS SELECT * FROM {parquet([path])}")
    if held.mode is SyncMode.INCREMENTAL:
        diff.apply(con, "before", "changes", "after")
    repathed = diff.find_repathed(con, "before", "after", "changes", "repathed")
    return DetectedChanges(
        after=Relation(con, "after"),
        changes=Relation(con, "changes"),
        repathed=Relation(con, "repathed"),
        counts=replace(held.counts, repathed=repathed),
        changed=True,
        files_before=state.files_total,
        files_after=held.files_total,
        bytes_after=held.bytes_total,
        data_version=str(held.data_version),
        processed=held.files_processed,
    )


def reject(runtime: Runtime, endpoint: Endpoint) -> str:
    """Forget the held sync of an endpoint and return its id. Raises NothingHeld."""
    endpoint_id = runtime.register(endpoint)
    with runtime.metadata.leases.hold(endpoint_id, purpose="reject") as lease:
        held = load_held_record(runtime, endpoint, runtime.metadata.endpoints.state(endpoint_id))
        if not CONNECTORS[endpoint.type].incremental:
            # A change feed tells once more what was held. Events do not: they were acknowledged.
            runtime.metadata.endpoints.expire_proofs([endpoint.name])
        runtime.metadata.endpoints.drop_held(lease, f"{reason_of(held)} It was rejected: the inventory is as it was.")
    event("sync.rejected", endpoint=endpoint.name, held=held.id)
    return held.id
