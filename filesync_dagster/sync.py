"""One sync: list → snapshot → diff → guard → commit. Read this page first.

Everything before `_commit` may crash at any instant without a trace in the inventory: rows, journal, log and the
pointer to the new snapshot change in one database transaction (DESIGN rule 2).
"""

import logging
import time
import traceback
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from filesync_dagster import diff
from filesync_dagster.comparison import Comparison, compare, is_intact, landmarks, load_before, prove_absences
from filesync_dagster.config import Endpoint
from filesync_dagster.errors import (
    DatabaseError,
    DatabaseLocked,
    FilesyncError,
    HeldSyncOutdated,
    NothingHeld,
    SyncInProgress,
)
from filesync_dagster.guard import UNTOUCHED, Proposal, objections
from filesync_dagster.listing import Job, Listing, Progress, ignore, list_endpoint, warnings
from filesync_dagster.metadata import EndpointState, NewState, SyncRecord
from filesync_dagster.model import ChangeCounts, Meter, SyncMode, SyncResult, SyncStatus
from filesync_dagster.observability import event
from filesync_dagster.snapshots import SnapshotKind, parquet, stream
from filesync_dagster.workspace import Workspace, location_of


def sync(
    workspace: Workspace,
    endpoint: Endpoint,
    *,
    full: bool = False,
    run_id: str | None = None,
    on_progress: Callable[[Progress], None] = ignore,
) -> SyncResult:
    """Bring the inventory of one endpoint up to date and return what happened.

    `full` starts the listing anew instead of resuming an unfinished one, and rebuilds a lost snapshot from the
    database. A store that fails gives a FAILED result, not an exception; a database that fails raises DatabaseError.
    """
    attempt = new_attempt(endpoint, run_id)
    endpoint_id = workspace.register(endpoint)
    try:
        with (
            workspace.metadata.lease(endpoint_id, seconds=workspace.config.settings.lease_seconds) as lease,
            closing(workspace.open_source(endpoint, attempt.meter)) as source,
        ):
            job = Job(
                workspace, endpoint, endpoint_id, lease, source, attempt.meter,
                attempt.sync_id, attempt.started, full, run_id, on_progress,
            )  # fmt: skip
            result = _run(job, attempt)
    except SyncInProgress as error:
        return attempt.failed(error)  # the other one is the sync of record
    except FilesyncError as error:
        result = attempt.failed(error)
        _record(workspace, endpoint_id, attempt, error)
    except Exception as error:
        _record(workspace, endpoint_id, attempt, error)
        raise
    event("sync.finished", **{k: v for k, v in result.as_dict().items() if k in ("endpoint", "status", "error")})
    return result


@dataclass(frozen=True)
class Attempt:
    """What is known of a sync before it has found anything."""

    endpoint: str
    sync_id: str
    started: datetime
    clock: float
    meter: Meter
    run_id: str | None

    def result(self, status: SyncStatus, mode: SyncMode = SyncMode.FULL, **found: Any) -> SyncResult:
        """Return the result of this attempt as of now."""
        return SyncResult(
            endpoint=self.endpoint,
            status=status,
            mode=mode,
            sync_id=self.sync_id,
            started_at=self.started,
            duration_seconds=time.monotonic() - self.clock,
            api_calls=self.meter.api_calls,
            retries=self.meter.retries,
            **found,
        )

    def draft(self, found: Comparison, listing: Listing) -> SyncResult:
        """Return the result that a commit of this comparison would have."""
        return self.result(
            SyncStatus.PARTIAL if listing.unread else SyncStatus.COMPLETED,
            counts=found.counts,
            files_processed=found.processed,
            files_total=found.files_after,
            bytes_total=found.bytes_after,
            warnings=warnings(listing.unread),
        )

    def failed(self, error: BaseException, mode: SyncMode = SyncMode.FULL) -> SyncResult:
        """Return the result of an attempt that ended in an error."""
        text = str(error) if isinstance(error, FilesyncError) else f"Unexpected {type(error).__name__}: {error}"
        return self.result(SyncStatus.FAILED, mode, error=text)


def sync_record(
    endpoint_id: int, result: SyncResult, as_of: datetime, run_id: str | None, *, data_version: str | None = None
) -> SyncRecord:
    """Return the sync_logs row of a result."""
    counts = result.counts
    return SyncRecord(
        id=str(result.sync_id),
        endpoint_id=endpoint_id,
        sync_started=result.started_at,
        sync_completed=datetime.now(UTC),
        sync_duration=result.duration_seconds,
        sync_status=result.status,
        mode=result.mode,
        as_of=as_of,
        files_processed=result.files_processed,
        files_added=counts.added,
        files_updated=counts.updated,
        files_moved=counts.moved,
        files_removed=counts.removed,
        files_left_scope=counts.left_scope,
        files_repathed=counts.repathed,
        files_total=result.files_total,
        bytes_total=result.bytes_total,
        api_calls=result.api_calls,
        retries=result.retries,
        snapshot_uri=result.snapshot_uri,
        changes_uri=result.changes_uri,
        data_version=data_version,
        run_id=run_id,
        error_message=result.error,
        warnings=result.warnings,
    )


REBUILT = "-rebuilt"
"""In the id of what was made of a past day."""


def new_attempt(endpoint: Endpoint, run_id: str | None, suffix: str = "") -> Attempt:
    """Begin: the clock runs, and the sync has an id, one that sorts by time."""
    now = datetime.now(UTC)
    sync_id = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}{suffix}"
    return Attempt(endpoint.name, sync_id, now, time.monotonic(), Meter(), run_id)


def _record(workspace: Workspace, endpoint_id: int, attempt: Attempt, error: BaseException) -> None:
    event("sync.failed", endpoint=attempt.endpoint, error=str(error), traceback=traceback.format_exc())
    if isinstance(error, DatabaseLocked):
        raise error  # it was waited for long enough
    try:
        workspace.metadata.record(sync_record(endpoint_id, attempt.failed(error), attempt.started, attempt.run_id))
    except DatabaseError:
        if isinstance(error, DatabaseError):
            raise error from None
        event("sync.unrecorded", endpoint=attempt.endpoint)


def _run(job: Job, attempt: Attempt) -> SyncResult:
    state = job.workspace.metadata.state(job.endpoint_id)
    intact = is_intact(job, state)
    listing = list_endpoint(job, landmarks(job, state, intact=intact))
    observed = listing.ended or attempt.started
    if intact and _is_same(job, listing, state):
        same = attempt.result(
            SyncStatus.COMPLETED,
            files_processed=state.files_total,
            files_total=state.files_total,
            bytes_total=state.bytes_total,
        )
        result = _commit_nothing(job, state, observed, same)
    else:
        with job.workspace.engine() as con:
            load_before(job, con, state, intact=intact)
            prove_absences(job, con, listing, state)
            job.report("comparing", listing.rows)
            found = compare(job, con, state)
            draft = attempt.draft(found, listing)
            why_not = _objections(job, state, found)
            job.lease.check()
            job.report("committing", listing.rows)
            if why_not:
                result = _hold(job, con, found, observed, replace(draft, error=" ".join(why_not)))
            elif found.changed or not intact:
                result = _commit(job, con, found, observed, draft)
            else:
                result = _commit_nothing(job, state, observed, draft)
    listing.staging.discard()
    try:
        _tidy(job)
    except FilesyncError as error:  # the sync is committed, whatever becomes of old files
        event("sync.untidy", level=logging.WARNING, endpoint=job.endpoint.name, error=str(error))
    return result


def _tidy(job: Job) -> None:
    """Let go of what retention no longer keeps, once a day, and of what a sync before this one left behind."""
    logs = job.workspace.metadata.sync_logs(job.endpoint_id, live=True, limit=2)  # this one and the one before
    before = logs[1] if len(logs) > 1 else None
    zone = job.workspace.config.settings.partitions.zone
    if before is None or before.sync_completed.astimezone(zone).date() != datetime.now(zone).date():
        retain(job.workspace, job.endpoint_id)
    if job.lease.after_crash or (before and before.sync_status is SyncStatus.FAILED):
        logs = job.workspace.metadata.sync_logs(job.endpoint_id)
        known = {uri for log in logs for uri in (log.snapshot_uri, log.changes_uri) if uri}
        # Only the holder of the lease writes here; past days are rebuilt without one.
        job.workspace.snapshots.sweep(known, timedelta(0), endpoint=job.endpoint.name, spare=REBUILT)


def _is_same(job: Job, listing: Listing, state: EndpointState) -> bool:
    """Tell at a glance that a complete listing has the rows of the last snapshot.

    As many of them, with the same sum of fingerprints. Most syncs of most endpoints end here, without a diff.
    """
    return (
        listing.data_version == state.data_version
        and not listing.unread
        and state.location == job.location
        and state.held_sync_id is None
    )


def _objections(job: Job, state: EndpointState, found: Comparison) -> list[str]:
    elsewhere = state.location not in (None, job.location)
    proposal = Proposal(found.files_before, found.files_after, found.counts, location_changed=elsewhere)
    return objections(job.endpoint.guard, proposal)


def _store(job: Job, con: duckdb.DuckDBPyConnection, found: Comparison, result: SyncResult) -> SyncResult:
    """Write the snapshot and the changes under names that nobody points at yet."""
    day = job.started.astimezone(job.workspace.config.settings.partitions.zone).date()
    snapshots, name = job.workspace.snapshots, job.endpoint.name
    uris: dict[SnapshotKind, str] = {}
    kinds: dict[SnapshotKind, str] = {"snapshots": found.snapshot}
    if not found.first:
        kinds["changes"] = "changes"
    for kind, relation in kinds.items():
        uris[kind] = snapshots.write(con, f"SELECT * FROM {relation}", kind, name, day, job.sync_id).uri
        if job.endpoint.csv:
            snapshots.write_csv(con, f"SELECT * FROM {relation}", kind, name, day, job.sync_id)
    return replace(result, snapshot_uri=uris.get("snapshots"), changes_uri=uris.get("changes"))


def _hold(
    job: Job, con: duckdb.DuckDBPyConnection, found: Comparison, observed: datetime, draft: SyncResult
) -> SyncResult:
    """Keep what the guard refused where `approve` finds it; the inventory stays as it is."""
    name = job.endpoint.name
    hint = f"{UNTOUCHED} `filesync approve {name}` commits it, `filesync reject {name}` forgets it."
    proposed = _store(job, con, found, replace(draft, status=SyncStatus.HELD, error=f"{draft.error} {hint}"))
    log = sync_record(job.endpoint_id, proposed, observed, job.run_id, data_version=found.data_version)
    job.workspace.metadata.hold(job.lease, log, job.location)
    return replace(proposed, files_total=found.files_before, bytes_total=found.bytes_before)


def _commit(
    job: Job, con: duckdb.DuckDBPyConnection, found: Comparison, observed: datetime, result: SyncResult
) -> SyncResult:
    result = _store(job, con, found, result)
    job.workspace.metadata.commit(
        job.lease,
        sync_record(job.endpoint_id, result, observed, job.run_id, data_version=found.data_version),
        new_state(job.endpoint, result, observed, found.data_version),
        imported=stream(con, f"SELECT * FROM {found.snapshot}") if found.first else (),
        changes=() if found.first else stream(con, "SELECT * FROM changes"),
        repathed=stream(con, "SELECT * FROM repathed") if found.counts.repathed else (),
    )
    return result


def _commit_nothing(job: Job, state: EndpointState, observed: datetime, result: SyncResult) -> SyncResult:
    """Log that nothing changed: the same snapshot is true of a later moment. Rows and files stay, to the byte."""
    result = replace(result, snapshot_uri=state.snapshot_uri)
    later = new_state(job.endpoint, result, observed, str(state.data_version))
    job.workspace.metadata.commit(
        job.lease,
        sync_record(job.endpoint_id, result, observed, job.run_id, data_version=state.data_version),
        replace(later, snapshot_sync_id=str(state.snapshot_sync_id)),
    )
    return result


def new_state(endpoint: Endpoint, result: SyncResult, as_of: datetime, data_version: str) -> NewState:
    """Return the pointer to the snapshot that a result committed."""
    return NewState(
        snapshot_uri=str(result.snapshot_uri),
        snapshot_sync_id=str(result.sync_id),
        data_version=data_version,
        as_of=as_of,
        files_total=result.files_total,
        bytes_total=result.bytes_total,
        selection=endpoint.filters.fingerprint(),
        location=location_of(endpoint),
    )


def retain(workspace: Workspace, endpoint_id: int) -> None:
    """Let go of what retention no longer keeps. Pointers go before files, so that none points at nothing."""
    settings, metadata, now = workspace.config.settings, workspace.metadata, datetime.now(UTC)
    keep = settings.retention
    uris = metadata.prunable(
        endpoint_id,
        now - timedelta(days=keep.intraday_snapshots_days),
        days_before=now - timedelta(days=keep.snapshots_days),
        zone=settings.partitions.zone,
    )
    if uris:
        metadata.forget_files(uris)
        workspace.snapshots.delete(uris)
    metadata.prune_journal(endpoint_id, now - timedelta(days=keep.journal_days))
    metadata.prune_sync_logs(endpoint_id, now - timedelta(days=keep.sync_logs_days))


# Decisions on a held sync.


def approve(workspace: Workspace, endpoint: Endpoint) -> SyncResult:
    """Commit the held sync of an endpoint as it was observed. Raises NothingHeld or HeldSyncOutdated."""
    attempt = new_attempt(endpoint, None)
    endpoint_id = workspace.register(endpoint)
    with workspace.metadata.lease(endpoint_id, purpose="approve") as lease, workspace.engine() as con:
        state = workspace.metadata.state(endpoint_id)
        held = _held(workspace, endpoint, state)
        if state.held_location != location_of(endpoint):
            raise HeldSyncOutdated(
                f"The held sync of {endpoint.name!r} listed another place than the endpoint does now.",
                hint=f"`filesync reject {endpoint.name}`, then sync again.",
            )
        snapshots = workspace.snapshots
        for name, uri in (("before", state.snapshot_uri), ("after", held.snapshot_uri), ("changes", held.changes_uri)):
            if uri is None:
                raise HeldSyncOutdated(f"The held sync {held.id} is no longer stored.", hint="Sync again.")
            con.execute(f"CREATE VIEW {name} AS SELECT * FROM {parquet([snapshots.local(uri)])}")
        repathed = diff.repathed(con, "before", "after", "changes", "repathed")
        result = attempt.result(
            SyncStatus.COMPLETED,
            counts=ChangeCounts(
                held.files_added, held.files_updated, held.files_moved, held.files_removed,
                held.files_left_scope, repathed,
            ),
            files_processed=held.files_processed,
            files_total=held.files_total,
            bytes_total=held.bytes_total,
            snapshot_uri=held.snapshot_uri,
            changes_uri=held.changes_uri,
            warnings=held.warnings,
        )  # fmt: skip
        workspace.metadata.commit(
            lease,
            sync_record(endpoint_id, result, held.as_of or held.sync_completed, None, data_version=held.data_version),
            new_state(endpoint, result, held.as_of or held.sync_completed, str(held.data_version)),
            changes=stream(con, "SELECT * FROM changes"),
            repathed=stream(con, "SELECT * FROM repathed"),
        )
    event("sync.approved", endpoint=endpoint.name, held=held.id)
    return result


def reject(workspace: Workspace, endpoint: Endpoint) -> str:
    """Forget the held sync of an endpoint and return its id. Raises NothingHeld."""
    endpoint_id = workspace.register(endpoint)
    with workspace.metadata.lease(endpoint_id, purpose="reject") as lease:
        held = _held(workspace, endpoint, workspace.metadata.state(endpoint_id))
        workspace.metadata.drop_held(lease)
    event("sync.rejected", endpoint=endpoint.name, held=held.id)
    return held.id


def _held(workspace: Workspace, endpoint: Endpoint, state: EndpointState) -> SyncRecord:
    held = workspace.metadata.sync_log(state.held_sync_id) if state.held_sync_id else None
    if held is None:
        raise NothingHeld(f"No sync of {endpoint.name!r} is held.")
    return held
