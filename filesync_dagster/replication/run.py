"""One run of a replication: plan → guard → apply → note. Read this page first.

A run that was ended half-way leaves its plan `running`: the next one does what is left of it, looked at again, then
plans anew. A plan that the guard holds waits for `approve` or `reject`; a new one supersedes it.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from filesync_dagster.config import Endpoint, Replication
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.connectors.base import ContentSource
from filesync_dagster.connectors.destination import Destination, ReportingDestination
from filesync_dagster.core.errors import (
    ConfigError,
    DatabaseError,
    FilesyncError,
    NothingHeld,
    PlanOutdated,
    SourceError,
    SyncInProgress,
)
from filesync_dagster.core.logging import event, log_context
from filesync_dagster.core.model import Meter
from filesync_dagster.core.secrets import with_secrets
from filesync_dagster.replication.apply import apply_plan
from filesync_dagster.replication.context import ApplyContext
from filesync_dagster.replication.model import PlanCounts, PlanScope, PlanStatus, ReplicationResult
from filesync_dagster.replication.outcomes import ApplyCounts
from filesync_dagster.replication.plan import Draft, Planner, choose_scope, fingerprint_of, note_findings, write_draft
from filesync_dagster.replication.progress import ReplicationProgress, Tally, Watch, ignore
from filesync_dagster.storage.database import Lease
from filesync_dagster.storage.database.plans import PlanRow
from filesync_dagster.storage.database.replications import ReplicationRecord
from filesync_dagster.sync.runtime import Runtime


@dataclass(frozen=True)
class ReplicationContext:
    """A replication with what it works on, opened."""

    runtime: Runtime
    replication: Replication
    endpoint: Endpoint
    record: ReplicationRecord
    source: ContentSource
    destination: Destination
    meter: Meter
    watch: Watch
    stop: threading.Event

    def look_at_destination(self) -> None:
        """Let a folder tell what only a look at it can: whether names that differ in case are different.

        Raises SourceError when it cannot be written to: before anything is planned.
        """
        if self.destination.facts.folders:
            self.destination.check()

    @property
    def planner(self) -> Planner:
        """What makes its plans."""
        return Planner(self.runtime, self.endpoint, self.replication, self.record, self.destination)


@contextmanager
def open_replication(
    runtime: Runtime, replication: Replication, watch: Watch = ignore, stop: threading.Event | None = None
) -> Iterator[ReplicationContext]:
    """Open source and destination of a replication. Nothing is connected yet. Raises ConfigError, DatabaseError."""
    endpoint = runtime.config.endpoint(replication.source)
    record = runtime.metadata.replications.get(register(runtime, replication))
    meter = Meter()
    with (
        closing(runtime.open_source(endpoint, meter)) as source,
        closing(open_destination(runtime, replication, meter)) as destination,
    ):
        if not isinstance(source, ContentSource):
            raise ConfigError(
                [f"The files of {endpoint.name!r} cannot be read: a store of type {endpoint.type!r} only lists them."]
            )
        signal = stop or threading.Event()
        yield ReplicationContext(runtime, replication, endpoint, record, source, destination, meter, watch, signal)


def open_destination(runtime: Runtime, replication: Replication, meter: Meter) -> Destination:
    """Return the destination of a replication, with its secrets fetched. Raises ConfigError."""
    kind, details = replication.destination_of(runtime.config.by_name)
    opened = CONNECTORS[kind].open_destination
    assert opened is not None  # the configuration was checked
    return opened(with_secrets(details, runtime.secrets), meter)


def register(runtime: Runtime, replication: Replication) -> int:
    """Make sure that the database knows a replication; return its id."""
    endpoint_id = runtime.register(runtime.config.endpoint(replication.source))
    return runtime.metadata.replications.register(replication.name, endpoint_id)


@contextmanager
def draft_plan(runtime: Runtime, replication: Replication, scope: PlanScope | None = None) -> Iterator[Draft]:
    """Lend what a run would do now. Nothing is written; the destination is only looked at."""
    with open_replication(runtime, replication) as context:
        context.look_at_destination()
        chosen = choose_scope(runtime, replication, context.record, scope)
        with context.planner.draft(chosen) as draft:
            yield draft


def replicate(
    runtime: Runtime,
    replication: Replication,
    *,
    scope: PlanScope | None = None,
    dry_run: bool = False,
    run_id: str | None = None,
    on_progress: Watch = ignore,
    stop: threading.Event | None = None,
) -> ReplicationResult:
    """Bring a destination up to date, and return what happened.

    What fails gives a failed result, not an exception, but for a database, which raises DatabaseError. `scope`:
    what is compared; None: what has to be. With `dry_run` (or so configured) nothing is done, nor written.
    """
    attempt = _Attempt(replication.name, scope or PlanScope.INCREMENTAL)
    with log_context(replication=replication.name, run_id=run_id):
        try:
            with (
                open_replication(runtime, replication, on_progress, stop) as context,
                _hold(runtime, context.record.id) as lease,
            ):
                if dry_run or replication.dry_run:
                    result = _dry_run(context, attempt, scope)
                else:
                    with _kept_states(context, attempt):
                        result = _run(context, lease, attempt, scope, run_id)
                    result = _report(context, result)
        except SyncInProgress as error:
            return attempt.failure(error, status="skipped")
        except DatabaseError:
            raise
        except FilesyncError as error:
            result = attempt.failure(error)
            _note_error(runtime, replication, result)
        event("replication.finished", **{name: value for name, value in result.as_dict().items() if value is not None})
        return result


def approve(
    runtime: Runtime,
    replication: Replication,
    *,
    plan_id: int | None = None,
    on_progress: Watch = ignore,
    stop: threading.Event | None = None,
) -> ReplicationResult:
    """Do exactly the plan that the guard held, each operation looked at again.

    `plan_id`: the one that was looked at. Raises NothingHeld; PlanOutdated when another one is held by now, or mapping,
    filters or destination are not those that it was made for.
    """
    with (
        open_replication(runtime, replication, on_progress, stop) as context,
        _hold(runtime, context.record.id, purpose="approve") as lease,
    ):
        plan = held_plan(runtime, replication)
        if plan_id is not None and plan.id != plan_id:
            raise PlanOutdated(
                f"What is held of {replication.name!r} is not the plan {plan_id} that was looked at.",
                hint=f"Look again: `filesync plan {replication.name}`.",
            )
        if plan.fingerprint != fingerprint_of(replication):
            raise PlanOutdated(
                f"The held plan of {replication.name!r} was made for another mapping, filter, mode or destination.",
                hint=f"`filesync reject {replication.name}`, then replicate again.",
            )
        attempt = _Attempt(replication.name, PlanScope(plan.scope))
        try:
            with _kept_states(context, attempt):
                result = _finish(context, lease, attempt, plan)
            return _report(context, result)
        except SourceError as error:
            result = attempt.failure(error, plan_id=plan.id)
            _note_error(runtime, replication, result)
            return result


def reject(runtime: Runtime, replication: Replication, plan_id: int | None = None) -> int:
    """Throw away the held plan of a replication, with `plan_id` that one; return its id. Raises NothingHeld."""
    replication_id = register(runtime, replication)
    with _hold(runtime, replication_id, purpose="reject") as lease:
        rejected = runtime.metadata.plans.reject_held(lease, plan_id)
    event("replication.rejected", replication=replication.name, plan=rejected)
    return rejected


def held_plan(runtime: Runtime, replication: Replication) -> PlanRow:
    """Return the plan that waits for a decision. Raises NothingHeld."""
    record = runtime.metadata.replications.get(register(runtime, replication))
    plan = runtime.metadata.plans.get(record.held_plan_id) if record.held_plan_id else None
    if plan is None:
        raise NothingHeld(f"Replication {replication.name} has no held plan.", hint="See `filesync status`.")
    return plan


def _hold(runtime: Runtime, replication_id: int, purpose: str = "replication") -> AbstractContextManager[Lease]:
    seconds = runtime.config.settings.lease_seconds
    return runtime.metadata.replication_leases.hold(replication_id, purpose=purpose, seconds=seconds)


@dataclass
class _Attempt:
    """A run, and when it began."""

    name: str
    scope: PlanScope

    def __post_init__(self) -> None:
        self.started_at = datetime.now(UTC)
        self._began = time.monotonic()

    def result(self, status: str, plan_id: int | None = None, **values: Any) -> ReplicationResult:
        """Return how it ended."""
        return ReplicationResult(
            self.name, status, plan_id, self.scope, self.started_at, round(time.monotonic() - self._began, 3), **values
        )

    def failure(self, error: FilesyncError, *, status: str = "failed", plan_id: int | None = None) -> ReplicationResult:
        """Return that it came to nothing."""
        return self.result(status, plan_id, error=str(error))


@contextmanager
def _kept_states(context: ReplicationContext, attempt: _Attempt) -> Iterator[None]:
    """Keep the state of the replica before and after, where that is configured."""
    if not context.replication.csv:
        yield
        return
    from filesync_dagster.replication.state_files import keep_state

    run = f"{attempt.started_at:%Y-%m-%dT%H%M%S.%f}"
    keep_state(context.runtime, context.replication, context.record.id, run, "old")
    try:
        yield
    finally:
        keep_state(context.runtime, context.replication, context.record.id, run, "new")


def _report(context: ReplicationContext, result: ReplicationResult) -> ReplicationResult:
    """Tell the destination what came of a run, where it wants to know; that it cannot be told is a warning."""
    if not isinstance(context.destination, ReportingDestination):
        return result
    try:
        context.destination.report(result.as_dict())
    except SourceError as error:
        return replace(result, warnings=(*result.warnings, f"The run could not be reported: {error}"))
    return result


def _dry_run(context: ReplicationContext, attempt: _Attempt, asked: PlanScope | None) -> ReplicationResult:
    context.look_at_destination()
    scope = choose_scope(context.runtime, context.replication, context.record, asked)
    with context.planner.draft(scope) as draft:
        attempt.scope = draft.scope
        planned = _numbers_of(draft.counts)
        warnings = tuple(problem.sentence for problem in draft.problems)
        status = "held" if draft.objections else "completed"
        return attempt.result(status, dry_run=True, error=draft.reason, warnings=warnings, **planned)


def _numbers_of(counts: PlanCounts) -> dict[str, int]:
    names = ("created", "updated", "moved", "deleted", "permissions", "adopted", "skipped")
    return {name: getattr(counts, name) for name in names} | {"bytes_sent": counts.bytes}


def _run(
    context: ReplicationContext, lease: Lease, attempt: _Attempt, asked: PlanScope | None, run_id: str | None
) -> ReplicationResult:
    metadata = context.runtime.metadata
    earlier = _finish_earlier(context, lease, attempt)
    context = replace(context, record=metadata.replications.get(context.record.id))
    context.watch(ReplicationProgress(context.replication.name, "planning"))
    context.look_at_destination()
    scope = choose_scope(context.runtime, context.replication, context.record, asked)
    with context.planner.draft(scope) as draft:
        attempt.scope = draft.scope
        is_quiet = not draft.counts.operations and not draft.objections
        if is_quiet:
            note_findings(context.runtime, lease, draft)
        else:
            plan_id = write_draft(context.runtime, lease, context.replication, draft, run_id)
        if draft.objections:
            event("replication.held", replication=context.replication.name, plan=plan_id, reason=draft.reason)
            return _with_totals(
                context, attempt.result("held", plan_id, error=draft.reason, **_numbers_of(draft.counts))
            )
    warnings = tuple(problem.sentence for problem in draft.problems)
    if is_quiet:
        state = _applied(context, draft.state.snapshot_sync_id, draft.to_seq, draft.scope)
        counts = earlier or ApplyCounts()
        status = "completed" if counts.is_clean and not draft.counts.impossible else "partial"
        metadata.plans.finish(lease, None, status, error=counts.first_error, **state)
        skipped = draft.counts.skipped
        return _with_totals(context, _result(attempt, status, None, counts, skipped=skipped, warnings=warnings))
    plan = metadata.plans.get(plan_id)
    assert plan is not None
    return replace(_finish(context, lease, attempt, plan, earlier), warnings=warnings)


def _finish_earlier(context: ReplicationContext, lease: Lease, attempt: _Attempt) -> ApplyCounts | None:
    """Do what is left of a plan that a crash, or a store that was down, left half done; None where there is none."""
    repository = context.runtime.metadata.plans
    plan = repository.find_running(context.record.id)
    if plan is None:
        return None
    if plan.fingerprint != fingerprint_of(context.replication):
        repository.finish(lease, plan.id, PlanStatus.SUPERSEDED.value)
        return None
    attempt.scope = PlanScope(plan.scope)
    event("replication.resumed", replication=context.replication.name, plan=plan.id)
    counts = _apply(context, lease, plan)
    _note_applied(context, lease, plan, counts)
    return counts


def _finish(
    context: ReplicationContext, lease: Lease, attempt: _Attempt, plan: PlanRow, earlier: ApplyCounts | None = None
) -> ReplicationResult:
    """Do a plan."""
    counts = _apply(context, lease, plan)
    status = _note_applied(context, lease, plan, counts)
    if earlier is not None:
        counts.absorb(earlier)
    planned = plan.counts
    result = _result(attempt, status, plan.id, counts, skipped=planned.get("skipped", 0) + counts.skipped)
    return _with_totals(context, result)


def _apply(context: ReplicationContext, lease: Lease, plan: PlanRow) -> ApplyCounts:
    runtime, name = context.runtime, context.replication.name
    runtime.metadata.plans.begin(lease, plan.id)
    counts = PlanCounts(**plan.counts)
    tally = Tally(name, counts.operations, counts.bytes, context.watch)
    return apply_plan(
        ApplyContext(
            runtime,
            context.record.source_endpoint_id,
            context.replication,
            lease,
            plan.id,
            context.source,
            context.destination,
            tally,
            context.stop,
        )
    )


def _note_applied(context: ReplicationContext, lease: Lease, plan: PlanRow, counts: ApplyCounts) -> str:
    impossible = int(plan.counts.get("impossible", 0))
    status = PlanStatus.COMPLETED if counts.is_clean and not impossible else PlanStatus.PARTIAL
    state = _applied(context, plan.as_of_sync_id, plan.to_seq, PlanScope(plan.scope))
    context.runtime.metadata.plans.finish(lease, plan.id, status.value, error=counts.first_error, **state)
    return status.value


def _applied(context: ReplicationContext, sync_id: str | None, seq: int, scope: PlanScope) -> dict[str, Any]:
    """Return what the row of a replication says when a plan is done: all up to there was compared."""
    state: dict[str, Any] = {
        "applied_sync_id": sync_id,
        "applied_seq": seq,
        "fingerprint": fingerprint_of(context.replication),
    }
    if scope in {PlanScope.INITIAL, PlanScope.RECONCILE}:
        state["reconciled_at"] = datetime.now(UTC)
    return state


def _result(
    attempt: _Attempt, status: str, plan_id: int | None, counts: ApplyCounts, **values: Any
) -> ReplicationResult:
    done = counts.done
    return attempt.result(
        status,
        plan_id,
        created=done.get("create", 0),
        updated=done.get("update", 0),
        moved=done.get("move", 0),
        deleted=done.get("delete", 0),
        permissions=done.get("permissions", 0),
        adopted=done.get("adopt", 0),
        failed=counts.failed,
        stale=counts.stale,
        foreign=counts.foreign,
        bytes_sent=counts.bytes_sent,
        error=counts.first_error,
        **values,
    )


def _with_totals(context: ReplicationContext, result: ReplicationResult) -> ReplicationResult:
    """Add how large the replica is, and how old the state that it has."""
    metadata = context.runtime.metadata
    record = metadata.replications.get(context.record.id)
    state = metadata.endpoints.state(context.record.source_endpoint_id)
    is_current = record.applied_sync_id == state.snapshot_sync_id and record.state == "completed"
    lag = None if state.as_of is None else 0.0 if is_current else (datetime.now(UTC) - state.as_of).total_seconds()
    return replace(result, files_total=record.files, verified_by_hash=record.files_by_hash, replica_lag_seconds=lag)


def _note_error(runtime: Runtime, replication: Replication, result: ReplicationResult) -> None:
    """Note why a run came to nothing, once nobody else is at it."""
    replication_id = register(runtime, replication)
    with suppress(SyncInProgress), _hold(runtime, replication_id) as lease:
        runtime.metadata.replications.note_error(lease, result.error or "")
