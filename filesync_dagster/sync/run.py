"""One sync: list (or ask what changed) → diff → guard → commit. Read this page first.

Everything before `_commit` may crash at any instant without a trace in the inventory: rows, journal, log and the
pointer to the new snapshot change in one database transaction (DESIGN rule 2).
"""

import logging
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import duckdb

from filesync_dagster.config import Endpoint, reconcile_due
from filesync_dagster.connectors import IncrementalSource
from filesync_dagster.core.errors import (
    BreakerOpen,
    CursorLost,
    DatabaseError,
    DatabaseLocked,
    FilesyncError,
    SnapshotError,
    SyncInProgress,
)
from filesync_dagster.core.guard import UNTOUCHED, Proposal, objections
from filesync_dagster.core.logging import log_context, event
from filesync_dagster.core.model import ListingGap, SyncMode, SyncResult, SyncStatus
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.storage.snapshots import SnapshotKind, stream
from filesync_dagster.sync import circuit_breaker, feed_drift, incremental, lookup
from filesync_dagster.sync.detect_changes import (
    Comparison,
    compare,
    is_intact,
    landmarks,
    load_before,
    prove_absences,
    rebuildable,
)
from filesync_dagster.sync.listing import Listing, Progress, SyncContext, ignore, list_endpoint
from filesync_dagster.sync.result import ResultBuilder, begin_result, new_state, sync_record
from filesync_dagster.sync.retention import tidy
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.snapshot_chain import compact_if_due

AGAIN = timedelta(hours=1)
"""After a full sync that could not read everything, the next one."""

TOLD = (
    "status", "mode", "duration_seconds", "files_added", "files_updated", "files_moved", "files_removed",
    "api_calls", "retries", "error",
)  # fmt: skip
"""What the log says of a sync that has ended."""


def sync(
    runtime: Runtime,
    endpoint: Endpoint,
    *,
    full: bool = False,
    ignore_breaker: bool = True,
    keys: Collection[str] = (),
    run_id: str | None = None,
    on_progress: Callable[[Progress], None] = ignore,
) -> SyncResult:
    """Bring the inventory of one endpoint up to date and return what happened.

    Where the store tells what changed since the last sync, that is all that is asked for, until a reconcile is due.
    `full` lists everything, anew instead of resuming an unfinished listing, and rebuilds a lost snapshot from the
    database. `keys` are external_ids that events named: where that suffices, nothing else is looked at.
    Without `ignore_breaker`, a store that failed again and again is left alone (SKIPPED) until a probe is due.
    A store that fails gives a FAILED result, not an exception; a database that fails raises DatabaseError.
    """
    attempt = begin_result(endpoint, run_id)
    with log_context(endpoint=endpoint.name, sync_id=attempt.sync_id, run_id=run_id):
        endpoint_id = runtime.register(endpoint)
        try:
            with (
                runtime.metadata.lease(endpoint_id, seconds=runtime.config.settings.lease_seconds) as lease,
                _breaker(runtime, endpoint_id, endpoint.name, ignore_breaker=ignore_breaker),
                closing(runtime.open_source(endpoint, attempt.meter)) as source,
            ):
                job = SyncContext(
                    runtime, endpoint, endpoint_id, lease, source, attempt.meter,
                    attempt.sync_id, attempt.started, full, keys, run_id, on_progress,
                )  # fmt: skip
                result = _run(job, attempt)
        except SyncInProgress as error:
            return replace(attempt.failed(error), busy=True)  # the other one is the sync of record
        except BreakerOpen as error:
            return replace(attempt.failed(error), status=SyncStatus.SKIPPED)
        except FilesyncError as error:
            result = attempt.failed(error)
            _record(runtime, endpoint_id, attempt, error)
        except Exception as error:
            _record(runtime, endpoint_id, attempt, error)
            raise
        event("sync.finished", **{name: value for name, value in result.as_dict().items() if name in TOLD})
        return result


@contextmanager
def _breaker(runtime: Runtime, endpoint_id: int, name: str, *, ignore_breaker: bool) -> Iterator[None]:
    """Raise BreakerOpen when the store is to be left alone; take in how the sync ended."""
    circuit_breaker.ask(runtime.metadata, endpoint_id, name, ignore_breaker=ignore_breaker)
    try:
        yield
    except FilesyncError as error:
        with suppress(DatabaseError):
            circuit_breaker.note(runtime.metadata, endpoint_id, name, error)
        raise
    with suppress(DatabaseError):  # the sync is committed, whatever becomes of this note
        circuit_breaker.note(runtime.metadata, endpoint_id, name, None)


def _record(runtime: Runtime, endpoint_id: int, attempt: ResultBuilder, error: BaseException) -> None:
    event("sync.failed", endpoint=attempt.endpoint, error=str(error), traceback=traceback.format_exc())
    if isinstance(error, DatabaseLocked):
        raise error  # it was waited for long enough
    try:
        runtime.metadata.record(sync_record(endpoint_id, attempt.failed(error), attempt.started, attempt.run_id))
    except DatabaseError:
        if isinstance(error, DatabaseError):
            raise error from None
        event("sync.unrecorded", endpoint=attempt.endpoint)


def _run(job: SyncContext, attempt: ResultBuilder) -> SyncResult:
    state = _folded(job)
    result = None
    try:
        if _may_follow(job, state):
            result = _follow(job, attempt, state)
        elif job.keys and job.source.capabilities.lookups and _is_proved(job, state):
            result = _look_up(job, attempt, state)
    except CursorLost as lost:
        event("sync.reconciling", endpoint=job.endpoint.name, reason=str(lost))
    if result is None:
        result = _list(job, attempt, state)
    try:
        tidy(job)
    except FilesyncError as error:  # the sync is committed, whatever becomes of old files
        event("sync.untidy", level=logging.WARNING, endpoint=job.endpoint.name, error=str(error))
    return result


def _folded(job: SyncContext) -> EndpointState:
    """Return the state to begin from. A full sync that somebody asks for does without a snapshot that is lost."""
    state = job.runtime.metadata.state(job.endpoint_id)
    try:
        return compact_if_due(job.runtime, job.endpoint.name, job.lease, state)
    except SnapshotError as error:
        if job.fresh:
            return state
        raise rebuildable(job, error) from error


def _may_follow(job: SyncContext, state: EndpointState) -> bool:
    """Tell whether it is enough to ask what changed."""
    return isinstance(job.source, IncrementalSource) and state.cursor is not None and _is_proved(job, state)


def _is_proved(job: SyncContext, state: EndpointState) -> bool:
    """Tell whether everything was listed that is configured now, as it is selected now; that is not true for ever."""
    return (
        not job.fresh
        and state.location == job.location
        and state.selection == job.endpoint.filters.fingerprint()
        and state.held_sync_id is None
        and state.reconciled_at is not None
        and job.started < _proof_ends(job, state.reconciled_at)
        and not job.runtime.metadata.checkpoints(job.endpoint_id)  # a reconcile has begun
    )


@dataclass(frozen=True)
class Outcome:
    """What a sync found, before anything of it is committed.

    `following` is the state with the cursor and the date of the proof that a commit leaves; the rest of it is that of
    the last commit.
    """

    found: Comparison
    observed: datetime
    draft: SyncResult
    following: EndpointState


def _follow(job: SyncContext, attempt: ResultBuilder, state: EndpointState) -> SyncResult:
    """Sync from the change feed. Raises CursorLost when only a listing can tell."""
    told = incremental.listen(job, state)
    if told.is_silence:
        return _commit_silence(job, attempt, replace(state, cursor=told.cursor))
    with job.runtime.engine() as con:
        feed = incremental.follow(job, con, told)
        # What could not be read is told again the next time.
        following = replace(state, cursor=state.cursor if feed.unread else feed.cursor)
        return _conclude_told(job, attempt, con, following, looked_at=feed.rows, unread=feed.unread)


def _look_up(job: SyncContext, attempt: ResultBuilder, state: EndpointState) -> SyncResult:
    """Sync what events named. Raises CursorLost when only a listing can tell."""
    seen = lookup.look(job, state)
    following = replace(state, cursor=lookup.heard(job, state))
    if seen.is_same:
        return _commit_silence(job, attempt, following, seen.told.num_rows)
    with job.runtime.engine() as con:
        lookup.place(con, seen)
        return _conclude_told(job, attempt, con, following, looked_at=seen.told.num_rows)


def _commit_silence(
    job: SyncContext, attempt: ResultBuilder, following: EndpointState, looked_at: int = 0
) -> SyncResult:
    """Note that whoever tells what changed told nothing new."""
    unread = _still_unread(job)
    same = attempt.result(
        SyncStatus.PARTIAL if unread else SyncStatus.COMPLETED,
        SyncMode.INCREMENTAL,
        files_processed=looked_at,
        files_total=following.files_total,
        bytes_total=following.bytes_total,
        warnings=unread,
    )
    return _commit_nothing(job, following, datetime.now(UTC), same)


def _conclude_told(
    job: SyncContext,
    attempt: ResultBuilder,
    con: duckdb.DuckDBPyConnection,
    following: EndpointState,
    *,
    looked_at: int,
    unread: Sequence[ListingGap] = (),
) -> SyncResult:
    """Compare what was told with the last commit, and conclude."""
    observed, still_unread = datetime.now(UTC), _still_unread(job)
    job.report("comparing", looked_at)
    found = incremental.compare(job, con, following)
    draft = attempt.draft(found, unread, SyncMode.INCREMENTAL)
    if still_unread:
        draft = replace(draft, status=SyncStatus.PARTIAL, warnings=(*draft.warnings, *still_unread))
    return _conclude(job, con, Outcome(found, observed, draft, following), intact=True)


def _still_unread(job: SyncContext) -> tuple[str, ...]:
    """Return what the last full sync could not read: no feed tells what is there, so the inventory is still partial."""
    last = job.runtime.metadata.last_full(job.endpoint_id).get(job.endpoint_id)
    return last.warnings if last and last.sync_status is SyncStatus.PARTIAL else ()


def _list(job: SyncContext, attempt: ResultBuilder, state: EndpointState) -> SyncResult:
    """Sync by listing everything."""
    intact = is_intact(job, state)
    listing = list_endpoint(job, landmarks(job, state, intact=intact))
    observed = listing.ended or attempt.started
    following = replace(state, cursor=listing.cursor, reconciled_at=_reconciled(job, listing, observed))
    if intact and _is_same(job, listing, state):
        same = attempt.result(
            SyncStatus.COMPLETED,
            files_processed=state.files_total,
            files_total=state.files_total,
            bytes_total=state.bytes_total,
            feed_drift=0 if isinstance(job.source, IncrementalSource) and state.cursor else lookup.drift(job, state),
        )
        following = replace(following, cursor=listing.cursor or lookup.listed(job, state))
        result = _commit_nothing(job, following, observed, same)
    else:
        with job.runtime.engine() as con:
            load_before(job, con, state, intact=intact)
            prove_absences(job, con, listing, state)
            job.report("comparing", listing.rows)
            found = compare(job, con, state)
            draft = replace(attempt.draft(found, listing.unread), feed_drift=_drift(job, con, state, found))
            following = replace(following, cursor=listing.cursor or lookup.listed(job, state, con))
            result = _conclude(job, con, Outcome(found, observed, draft, following), intact=intact)
    listing.staging.discard()
    return replace(result, resumed=listing.resumed)


def _drift(job: SyncContext, con: duckdb.DuckDBPyConnection, state: EndpointState, found: Comparison) -> int | None:
    """Return how many changes of a full sync nobody had told; None where nobody tells."""
    if isinstance(job.source, IncrementalSource):
        return feed_drift.found_by(job, con, state, found)
    return lookup.drift(job, state, con)


def _proof_ends(job: SyncContext, proved: datetime) -> datetime:
    """Return when a full listing is due again."""
    due = reconcile_due(job.endpoint, proved, job.runtime.config.settings.partitions.zone)
    return min(due, proved + AGAIN) if job.endpoint.reconcile.cron and _still_unread(job) else due


def _reconciled(job: SyncContext, listing: Listing, observed: datetime) -> datetime:
    """Return when everything was last proved. What could not be read this time is tried again within an hour."""
    if job.endpoint.reconcile.cron:
        return observed
    every = timedelta(hours=job.endpoint.reconcile.interval_hours)
    return observed - every + min(every, AGAIN) if listing.unread else observed


def _is_same(job: SyncContext, listing: Listing, state: EndpointState) -> bool:
    """Tell at a glance that a complete listing has the rows of the last snapshot.

    As many of them, with the same sum of fingerprints. Most syncs of most endpoints end here, without a diff.
    """
    return (
        listing.data_version == state.data_version
        and not listing.unread
        and state.location == job.location
        and state.selection == job.endpoint.filters.fingerprint()
        and state.held_sync_id is None
    )


def _conclude(job: SyncContext, con: duckdb.DuckDBPyConnection, outcome: Outcome, *, intact: bool) -> SyncResult:
    """Hold, commit, or note that nothing changed."""
    why_not = _objections(job, outcome)
    job.lease.check()
    job.report("committing", outcome.draft.files_processed)
    if why_not:
        return _hold(job, con, outcome, " ".join(why_not))
    if outcome.found.changed or not intact:
        return _commit(job, con, outcome)
    return _commit_nothing(job, outcome.following, outcome.observed, outcome.draft)


def _objections(job: SyncContext, outcome: Outcome) -> list[str]:
    found = outcome.found
    elsewhere = outcome.following.location not in (None, job.location)
    proposal = Proposal(found.files_before, found.files_after, found.counts, elsewhere, found.emptied)
    return objections(job.endpoint.guard, proposal)


def _store(job: SyncContext, con: duckdb.DuckDBPyConnection, outcome: Outcome) -> SyncResult:
    """Write the snapshot and the changes under names that nobody points at yet.

    An incremental sync writes its changes only: its snapshot is the last one with what was changed on top of it since.
    """
    day = job.started.astimezone(job.runtime.config.settings.partitions.zone).date()
    snapshots, name, found = job.runtime.snapshots, job.endpoint.name, outcome.found
    uris: dict[SnapshotKind, str] = {}
    kinds: dict[SnapshotKind, str] = {}
    if outcome.draft.mode is SyncMode.FULL:
        kinds["snapshots"] = found.snapshot
    if not found.first:
        kinds["changes"] = "changes"
    for kind, relation in kinds.items():
        uris[kind] = snapshots.write(con, f"SELECT * FROM {relation}", kind, name, day, job.sync_id).uri
        if job.endpoint.csv:
            snapshots.write_csv(con, f"SELECT * FROM {relation}", kind, name, day, job.sync_id)
    snapshot = uris.get("snapshots", outcome.following.snapshot_uri)
    return replace(outcome.draft, snapshot_uri=snapshot, changes_uri=uris.get("changes"))


def _hold(job: SyncContext, con: duckdb.DuckDBPyConnection, outcome: Outcome, why_not: str) -> SyncResult:
    """Keep what the guard refused where `approve` finds it; the inventory stays as it is."""
    name, found = job.endpoint.name, outcome.found
    hint = f"{UNTOUCHED} `filesync approve {name}` commits it, `filesync reject {name}` forgets it."
    proposed = replace(_store(job, con, outcome), status=SyncStatus.HELD, error=f"{why_not} {hint}")
    log = sync_record(job.endpoint_id, proposed, outcome.observed, job.run_id, data_version=found.data_version)
    job.runtime.metadata.hold(job.lease, log, job.location, outcome.following.cursor)
    return replace(proposed, files_total=found.files_before, bytes_total=found.bytes_before)


def _commit(job: SyncContext, con: duckdb.DuckDBPyConnection, outcome: Outcome) -> SyncResult:
    found, observed = outcome.found, outcome.observed
    result = replace(_store(job, con, outcome), data_version=found.data_version)
    job.runtime.metadata.commit(
        job.lease,
        sync_record(job.endpoint_id, result, observed, job.run_id, data_version=found.data_version),
        new_state(job.endpoint, result, observed, found.data_version, outcome.following),
        imported=stream(con, f"SELECT * FROM {found.snapshot}") if found.first else (),
        changes=() if found.first else stream(con, "SELECT * FROM changes"),
        repathed=stream(con, "SELECT * FROM repathed") if found.counts.repathed else (),
    )
    return result


def _commit_nothing(job: SyncContext, following: EndpointState, observed: datetime, result: SyncResult) -> SyncResult:
    """Log that nothing changed: the same snapshot is true of a later moment. Rows and files stay, to the byte."""
    result = replace(result, snapshot_uri=following.snapshot_uri, data_version=following.data_version)
    job.runtime.metadata.commit(
        job.lease,
        sync_record(job.endpoint_id, result, observed, job.run_id, data_version=following.data_version),
        new_state(job.endpoint, result, observed, str(following.data_version), following),
    )
    return result
