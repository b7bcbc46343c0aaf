"""One sync: list (or ask what changed) → diff → guard → commit. Read this page first.

Everything before the commit may crash at any instant without a trace in the inventory (DESIGN rule 2). A strategy
(`full`, `incremental`, `lookup`) observes the store and yields an Outcome; `commit.conclude` is the one ending of all.
"""

import logging
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from filesync_dagster.config import Endpoint, reconcile_due
from filesync_dagster.core.errors import (
    BreakerOpen,
    CursorLost,
    DatabaseError,
    DatabaseLocked,
    FilesyncError,
    SnapshotError,
    StorageError,
    SyncInProgress,
)
from filesync_dagster.core.logging import event, log_context
from filesync_dagster.core.model import NUMBERS, SyncResult, SyncStatus
from filesync_dagster.storage.database import BreakerRecord, EndpointState, Lease, SyncStart
from filesync_dagster.sync import circuit_breaker, full, incremental, lookup
from filesync_dagster.sync.commit import conclude
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.progress import Progress, ignore
from filesync_dagster.sync.result import Outcome, ResultBuilder, begin_result, sync_record
from filesync_dagster.sync.retention import tidy
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.snapshot_chain import compact_if_due
from filesync_dagster.sync.stall_watch import StallWatch, run_watched

CLOCK_STEP_MAX = timedelta(hours=1)
"""A proof that lies further ahead than this was dated by a clock that was wrong: nobody knows how old it is."""

Strategy = Callable[[SyncContext, EndpointState], AbstractContextManager[Outcome]]

LOGGED_FIELDS = ("status", "mode", "duration_seconds", *(number.name for number in NUMBERS), "error")
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
                runtime.metadata.leases.hold(endpoint_id, seconds=runtime.config.settings.lease_seconds) as lease,
                _sync_start(runtime, endpoint_id, endpoint.name, ignore_breaker=ignore_breaker) as standing,
            ):
                begun = _Begun(runtime, endpoint, lease, standing, attempt, full, keys, on_progress)
                result = run_watched(begun.run, begun.watch, lease)
        except SyncInProgress as error:
            return replace(attempt.failure(error), busy=True)  # the other one is the sync of record
        except BreakerOpen as error:
            return replace(attempt.failure(error), status=SyncStatus.SKIPPED)
        except FilesyncError as error:
            result = attempt.failure(error)
            _record(runtime, endpoint_id, attempt, error)
        except Exception as error:
            _record(runtime, endpoint_id, attempt, error)
            raise
        event("sync.finished", **{name: value for name, value in result.as_dict().items() if name in LOGGED_FIELDS})
        return result


@dataclass
class _Begun:
    """A sync that has the lease, and how far it has come."""

    runtime: Runtime
    endpoint: Endpoint
    lease: Lease
    standing: SyncStart
    attempt: ResultBuilder
    full: bool
    keys: Collection[str]
    on_progress: Callable[[Progress], None]
    reports: int = 0

    def run(self) -> SyncResult:
        """Do the work."""
        with closing(self.runtime.open_source(self.endpoint, self.attempt.meter)) as source:
            parts = (self.runtime, self.endpoint, self.lease, self.standing, source, self.attempt)
            return _run(SyncContext(*parts, self.full, self.keys, self._report))

    def _report(self, progress: Progress) -> None:
        self.reports += 1
        self.on_progress(progress)

    @property
    def watch(self) -> StallWatch:
        """What tells when it comes no further: no page, no answer, no step."""
        minutes = self.endpoint.stall_minutes or self.runtime.config.settings.stall_minutes
        meter = self.attempt.meter
        return StallWatch(
            minutes * 60,
            lambda: (self.reports, self.lease.checks, meter.api_calls, meter.retries, meter.throttled_seconds),
        )


@contextmanager
def _sync_start(runtime: Runtime, endpoint_id: int, name: str, *, ignore_breaker: bool) -> Iterator[SyncStart]:
    """Yield what to begin from; raise BreakerOpen when the store is to be left alone. Take in how the sync ended."""
    standing = runtime.metadata.endpoints.sync_start(endpoint_id)
    circuit_breaker.ask(runtime.metadata, standing.breaker, name, ignore_breaker=ignore_breaker)
    try:
        yield standing
    except FilesyncError as error:
        with suppress(DatabaseError):
            circuit_breaker.note(runtime.metadata, endpoint_id, name, error)
        raise
    if standing.breaker != BreakerRecord(endpoint_id):
        with suppress(DatabaseError):  # the sync is committed, whatever becomes of this note
            circuit_breaker.note(runtime.metadata, endpoint_id, name, None)


def _record(runtime: Runtime, endpoint_id: int, attempt: ResultBuilder, error: BaseException) -> None:
    event("sync.failed", endpoint=attempt.endpoint, error=str(error), traceback=traceback.format_exc())
    if isinstance(error, DatabaseLocked):
        raise error  # it was waited for long enough
    try:
        runtime.metadata.syncs.record(sync_record(endpoint_id, attempt.failure(error), attempt.started, attempt.run_id))
    except StorageError:  # of the database; it has no room either, where that is what ended the sync
        if isinstance(error, DatabaseError):
            raise error from None
        event("sync.unrecorded", endpoint=attempt.endpoint)


def _run(context: SyncContext) -> SyncResult:
    state = _load_state(context)
    result = None
    strategy = _choose_partial(context, state)
    if strategy is not None:
        try:
            with strategy(context, state) as outcome:
                result = conclude(context, outcome)
        except CursorLost as lost:
            event("sync.reconciling", endpoint=context.endpoint.name, reason=str(lost))
    if result is None:
        with full.observe(context, state) as outcome:
            result = conclude(context, outcome)
    try:
        tidy(context)
    except FilesyncError as error:  # the sync is committed, whatever becomes of old files
        event("sync.untidy", level=logging.WARNING, endpoint=context.endpoint.name, error=str(error))
    return result


def _load_state(context: SyncContext) -> EndpointState:
    """Return the state to begin from. When a snapshot is lost, everything is listed and it is written anew."""
    state = context.standing.state
    if not context.standing.has_later_changes:
        return state
    try:
        return compact_if_due(context.runtime, context.endpoint.name, context.lease, state)
    except SnapshotError:
        return replace(state, reconciled_at=None)


def _choose_partial(context: SyncContext, state: EndpointState) -> Strategy | None:
    """Return how to sync without listing everything; None when only a listing can tell."""
    if context.feed is not None and state.cursor is not None and _is_proved(context, state):
        return incremental.observe
    if context.keys and context.source.capabilities.lookups and _is_proved(context, state):
        return lookup.observe
    return None


def _is_proved(context: SyncContext, state: EndpointState) -> bool:
    """Tell whether everything was listed that is configured now, as it is selected now; that is not true for ever."""
    return (
        not context.fresh
        and state.location == context.location
        and state.selection == context.selection
        and state.held_sync_id is None
        and state.reconciled_at is not None
        and state.reconciled_at < context.started + CLOCK_STEP_MAX
        and context.started < _proof_ends(context, state.reconciled_at)
        and not context.standing.has_checkpoints  # a reconcile has begun
    )


def _proof_ends(context: SyncContext, proved: datetime) -> datetime:
    """Return when a full listing is due again."""
    due = reconcile_due(context.endpoint, proved, context.runtime.config.settings.partitions.zone)
    if context.endpoint.reconcile.cron and context.known_gaps():
        return min(due, proved + full.PARTIAL_RETRY_INTERVAL)
    return due
