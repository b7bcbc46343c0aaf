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
from filesync_dagster.core.logging import event, log_context
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
                context = SyncContext(
                    runtime, endpoint, endpoint_id, lease, source, attempt.meter,
                    attempt.sync_id, attempt.started, full, keys, run_id, on_progress,
                )  # fmt: skip
                result = _run(context, attempt)
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


def _run(context: SyncContext, attempt: ResultBuilder) -> SyncResult:
    state = _folded(context)
    result = None
    try:
        if _may_follow(context, state):
            result = _follow(context, attempt, state)
        elif context.keys and context.source.capabilities.lookups and _is_proved(context, state):
            result = _look_up(context, attempt, state)
    except CursorLost as lost:
        event("sync.reconciling", endpoint=context.endpoint.name, reason=str(lost))
    if result is None:
        result = _list(context, attempt, state)
    try:
        tidy(context)
    except FilesyncError as error:  # the sync is committed, whatever becomes of old files
        event("sync.untidy", level=logging.WARNING, endpoint=context.endpoint.name, error=str(error))
    return result


def _folded(context: SyncContext) -> EndpointState:
    """Return the state to begin from. A full sync that somebody asks for does without a snapshot that is lost."""
    state = context.runtime.metadata.state(context.endpoint_id)
    try:
        return compact_if_due(context.runtime, context.endpoint.name, context.lease, state)
    except SnapshotError as error:
        if context.fresh:
            return state
        raise rebuildable(context, error) from error


def _may_follow(context: SyncContext, state: EndpointState) -> bool:
    """Tell whether it is enough to ask what changed."""
    return isinstance(context.source, IncrementalSource) and state.cursor is not None and _is_proved(context, state)


def _is_proved(context: SyncContext, state: EndpointState) -> bool:
    """Tell whether everything was listed that is configured now, as it is selected now; that is not true for ever."""
    return (
        not context.fresh
        and state.location == context.location
        and state.selection == context.endpoint.filters.fingerprint()
        and state.held_sync_id is None
        and state.reconciled_at is not None
        and context.started < _proof_ends(context, state.reconciled_at)
        and not context.runtime.metadata.checkpoints(context.endpoint_id)  # a reconcile has begun
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


def _follow(context: SyncContext, attempt: ResultBuilder, state: EndpointState) -> SyncResult:
    """Sync from the change feed. Raises CursorLost when only a listing can tell."""
    told = incremental.listen(context, state)
    if told.is_silence:
        return _commit_silence(context, attempt, replace(state, cursor=told.cursor))
    with context.runtime.engine() as con:
        feed = incremental.follow(context, con, told)
        # What could not be read is told again the next time.
        following = replace(state, cursor=state.cursor if feed.unread else feed.cursor)
        return _conclude_told(context, attempt, con, following, looked_at=feed.rows, unread=feed.unread)


def _look_up(context: SyncContext, attempt: ResultBuilder, state: EndpointState) -> SyncResult:
    """Sync what events named. Raises CursorLost when only a listing can tell."""
    seen = lookup.look(context, state)
    following = replace(state, cursor=lookup.heard(context, state))
    if seen.is_same:
        return _commit_silence(context, attempt, following, seen.told.num_rows)
    with context.runtime.engine() as con:
        lookup.place(con, seen)
        return _conclude_told(context, attempt, con, following, looked_at=seen.told.num_rows)


def _commit_silence(
    context: SyncContext, attempt: ResultBuilder, following: EndpointState, looked_at: int = 0
) -> SyncResult:
    """Note that whoever tells what changed told nothing new."""
    unread = _still_unread(context)
    same = attempt.result(
        SyncStatus.PARTIAL if unread else SyncStatus.COMPLETED,
        SyncMode.INCREMENTAL,
        files_processed=looked_at,
        files_total=following.files_total,
        bytes_total=following.bytes_total,
        warnings=unread,
    )
    return _commit_nothing(context, following, datetime.now(UTC), same)


def _conclude_told(
    context: SyncContext,
    attempt: ResultBuilder,
    con: duckdb.DuckDBPyConnection,
    following: EndpointState,
    *,
    looked_at: int,
    unread: Sequence[ListingGap] = (),
) -> SyncResult:
    """Compare what was told with the last commit, and conclude."""
    observed, still_unread = datetime.now(UTC), _still_unread(context)
    context.report("comparing", looked_at)
    found = incremental.compare(context, con, following)
    draft = attempt.draft(found, unread, SyncMode.INCREMENTAL)
    if still_unread:
        draft = replace(draft, status=SyncStatus.PARTIAL, warnings=(*draft.warnings, *still_unread))
    return _conclude(context, con, Outcome(found, observed, draft, following), intact=True)


def _still_unread(context: SyncContext) -> tuple[str, ...]:
    """Return what the last full sync could not read: no feed tells what is there, so the inventory is still partial."""
    last = context.runtime.metadata.last_full(context.endpoint_id).get(context.endpoint_id)
    return last.warnings if last and last.sync_status is SyncStatus.PARTIAL else ()


def _list(context: SyncContext, attempt: ResultBuilder, state: EndpointState) -> SyncResult:
    """Sync by listing everything."""
    intact = is_intact(context, state)
    listing = list_endpoint(context, landmarks(context, state, intact=intact))
    observed = listing.ended or attempt.started
    following = replace(state, cursor=listing.cursor, reconciled_at=_reconciled(context, listing, observed))
    if intact and _is_same(context, listing, state):
        same = attempt.result(
            SyncStatus.COMPLETED,
            files_processed=state.files_total,
            files_total=state.files_total,
            bytes_total=state.bytes_total,
            feed_drift=0
            if isinstance(context.source, IncrementalSource) and state.cursor
            else lookup.drift(context, state),
        )
        following = replace(following, cursor=listing.cursor or lookup.listed(context, state))
        result = _commit_nothing(context, following, observed, same)
    else:
        with context.runtime.engine() as con:
            load_before(context, con, state, intact=intact)
            prove_absences(context, con, listing, state)
            context.report("comparing", listing.rows)
            found = compare(context, con, state)
            draft = replace(attempt.draft(found, listing.unread), feed_drift=_drift(context, con, state, found))
            following = replace(following, cursor=listing.cursor or lookup.listed(context, state, con))
            result = _conclude(context, con, Outcome(found, observed, draft, following), intact=intact)
    listing.staging.discard()
    return replace(result, resumed=listing.resumed)


def _drift(context: SyncContext, con: duckdb.DuckDBPyConnection, state: EndpointState, found: Comparison) -> int | None:
    """Return how many changes of a full sync nobody had told; None where nobody tells."""
    if isinstance(context.source, IncrementalSource):
        return feed_drift.found_by(context, con, state, found)
    return lookup.drift(context, state, con)


def _proof_ends(context: SyncContext, proved: datetime) -> datetime:
    """Return when a full listing is due again."""
    due = reconcile_due(context.endpoint, proved, context.runtime.config.settings.partitions.zone)
    return min(due, proved + AGAIN) if context.endpoint.reconcile.cron and _still_unread(context) else due


def _reconciled(context: SyncContext, listing: Listing, observed: datetime) -> datetime:
    """Return when everything was last proved. What could not be read this time is tried again within an hour."""
    if context.endpoint.reconcile.cron:
        return observed
    every = timedelta(hours=context.endpoint.reconcile.interval_hours)
    return observed - every + min(every, AGAIN) if listing.unread else observed


def _is_same(context: SyncContext, listing: Listing, state: EndpointState) -> bool:
    """Tell at a glance that a complete listing has the rows of the last snapshot.

    As many of them, with the same sum of fingerprints. Most syncs of most endpoints end here, without a diff.
    """
    return (
        listing.data_version == state.data_version
        and not listing.unread
        and state.location == context.location
        and state.selection == context.endpoint.filters.fingerprint()
        and state.held_sync_id is None
    )


def _conclude(context: SyncContext, con: duckdb.DuckDBPyConnection, outcome: Outcome, *, intact: bool) -> SyncResult:
    """Hold, commit, or note that nothing changed."""
    why_not = _objections(context, outcome)
    context.lease.check()
    context.report("committing", outcome.draft.files_processed)
    if why_not:
        return _hold(context, con, outcome, " ".join(why_not))
    if outcome.found.changed or not intact:
        return _commit(context, con, outcome)
    return _commit_nothing(context, outcome.following, outcome.observed, outcome.draft)


def _objections(context: SyncContext, outcome: Outcome) -> list[str]:
    found = outcome.found
    elsewhere = outcome.following.location not in (None, context.location)
    proposal = Proposal(found.files_before, found.files_after, found.counts, elsewhere, found.emptied)
    return objections(context.endpoint.guard, proposal)


def _store(context: SyncContext, con: duckdb.DuckDBPyConnection, outcome: Outcome) -> SyncResult:
    """Write the snapshot and the changes under names that nobody points at yet.

    An incremental sync writes its changes only: its snapshot is the last one with what was changed on top of it since.
    """
    day = context.started.astimezone(context.runtime.config.settings.partitions.zone).date()
    snapshots, name, found = context.runtime.snapshots, context.endpoint.name, outcome.found
    uris: dict[SnapshotKind, str] = {}
    kinds: dict[SnapshotKind, str] = {}
    if outcome.draft.mode is SyncMode.FULL:
        kinds["snapshots"] = found.snapshot
    if not found.first:
        kinds["changes"] = "changes"
    for kind, relation in kinds.items():
        uris[kind] = snapshots.write(con, f"SELECT * FROM {relation}", kind, name, day, context.sync_id).uri
        if context.endpoint.csv:
            snapshots.write_csv(con, f"SELECT * FROM {relation}", kind, name, day, context.sync_id)
    snapshot = uris.get("snapshots", outcome.following.snapshot_uri)
    return replace(outcome.draft, snapshot_uri=snapshot, changes_uri=uris.get("changes"))


def _hold(context: SyncContext, con: duckdb.DuckDBPyConnection, outcome: Outcome, why_not: str) -> SyncResult:
    """Keep what the guard refused where `approve` finds it; the inventory stays as it is."""
    name, found = context.endpoint.name, outcome.found
    hint = f"{UNTOUCHED} `filesync approve {name}` commits it, `filesync reject {name}` forgets it."
    proposed = replace(_store(context, con, outcome), status=SyncStatus.HELD, error=f"{why_not} {hint}")
    log = sync_record(context.endpoint_id, proposed, outcome.observed, context.run_id, data_version=found.data_version)
    context.runtime.metadata.hold(context.lease, log, context.location, outcome.following.cursor)
    return replace(proposed, files_total=found.files_before, bytes_total=found.bytes_before)


def _commit(context: SyncContext, con: duckdb.DuckDBPyConnection, outcome: Outcome) -> SyncResult:
    found, observed = outcome.found, outcome.observed
    result = replace(_store(context, con, outcome), data_version=found.data_version)
    context.runtime.metadata.commit(
        context.lease,
        sync_record(context.endpoint_id, result, observed, context.run_id, data_version=found.data_version),
        new_state(context.endpoint, result, observed, found.data_version, outcome.following),
        imported=stream(con, f"SELECT * FROM {found.snapshot}") if found.first else (),
        changes=() if found.first else stream(con, "SELECT * FROM changes"),
        repathed=stream(con, "SELECT * FROM repathed") if found.counts.repathed else (),
    )
    return result


def _commit_nothing(
    context: SyncContext, following: EndpointState, observed: datetime, result: SyncResult
) -> SyncResult:
    """Log that nothing changed: the same snapshot is true of a later moment. Rows and files stay, to the byte."""
    result = replace(result, snapshot_uri=following.snapshot_uri, data_version=following.data_version)
    context.runtime.metadata.commit(
        context.lease,
        sync_record(context.endpoint_id, result, observed, context.run_id, data_version=following.data_version),
        new_state(context.endpoint, result, observed, str(following.data_version), following),
    )
    return result
