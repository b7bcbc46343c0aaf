"""How every sync ends: held by the guard, committed, or noted as one that found nothing new.

Rows, journal, log and the pointer to the new snapshot change in one database transaction (DESIGN rule 2). What was
stored before it has names that nobody points at yet.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from filesync_dagster.config import Endpoint
from filesync_dagster.core.guard import UNTOUCHED, Peak, Proposal, objections
from filesync_dagster.core.model import SyncMode, SyncResult, SyncStatus
from filesync_dagster.storage.database import Lease
from filesync_dagster.storage.snapshots import SnapshotKind
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.provenance import Provenance, tail_of
from filesync_dagster.sync.relations import DetectedChanges, Relation
from filesync_dagster.sync.result import Outcome, new_state, sync_record
from filesync_dagster.sync.runtime import Runtime


def conclude(context: SyncContext, outcome: Outcome) -> SyncResult:
    """Hold what a sync found, commit it, or note that nothing changed."""
    found = outcome.changes
    if found is None:
        return commit_unchanged(context, outcome)
    why_not = _objections(context, outcome, found)
    context.lease.check()
    context.report("committing", outcome.result.files_processed)
    if why_not:
        return _hold(context, outcome, found, " ".join(why_not))
    if found.changed or outcome.rewrites:
        return _commit(context, outcome, found)
    return commit_unchanged(context, outcome)


def commit_unchanged(context: SyncContext, outcome: Outcome) -> SyncResult:
    """Log that nothing changed: the same snapshot is true of a later moment. Rows and files stay, to the byte."""
    following = outcome.following
    result = replace(outcome.result, snapshot_uri=following.snapshot_uri, data_version=following.data_version)
    outcome = replace(outcome, result=result, changes=None)
    write_commit(context.runtime, context.endpoint, context.lease, outcome, context.selection, context.attempt.run_id)
    return result


def write_commit(  # noqa: PLR0917  # of a sync, and of one that was held
    runtime: Runtime, endpoint: Endpoint, lease: Lease, outcome: Outcome, selection: str | None, run_id: str | None
) -> None:
    """Make the result of an outcome, whose files are stored, the state of its endpoint.

    `selection`: of the filters that it was listed with; None when they are not known any more.
    """
    found = outcome.changes
    version = found.data_version if found else outcome.following.data_version
    runtime.metadata.commit(
        lease,
        sync_record(
            lease.endpoint_id,
            outcome.result,
            outcome.observed,
            run_id,
            data_version=version,
            confirmed_by=outcome.confirmed_by,
        ),
        new_state(endpoint, outcome, str(version), selection),
        imported=found.after.stream() if found and not found.changes else (),
        changes=found.changes.stream() if found and found.changes else (),
        repathed=found.repathed.stream() if found and found.repathed else (),
    )


def store_relations(  # noqa: PLR0917  # the parts of a path, in their order
    runtime: Runtime,
    endpoint: Endpoint,
    endpoint_id: int,
    relations: Mapping[SnapshotKind, Relation],
    day: date,
    sync_id: str,
    *,
    csv: bool = False,
    facts: Mapping[str, Any] | None = None,
) -> dict[SnapshotKind, str]:
    """Write snapshots and changes of a sync under names that nobody points at yet; return their URIs by kind.

    `facts`: of the sync, by its `Provenance`; CSV has no place for them.
    """
    store, name, written = runtime.snapshots, endpoint.name, {}
    suffixes = (".parquet", ".csv") if csv else (".parquet",)
    names = [store.uri(kind, name, day, sync_id, suffix) for kind in relations for suffix in suffixes]
    if not names:
        return {}
    with runtime.written_files(endpoint_id, names) as files:
        for kind, relation in relations.items():
            query = f"SELECT * FROM {relation}"
            written[kind] = store.write(relation.con, query, kind, name, day, sync_id, facts)
            files.append(written[kind])
            if csv:
                files.append(store.write_csv(relation.con, query, kind, name, day, sync_id))
    return {kind: file.uri for kind, file in written.items()}


def _objections(context: SyncContext, outcome: Outcome, found: DetectedChanges) -> list[str]:
    guard, counts, peak = context.endpoint.guard, found.counts, Peak()
    if guard.enabled and guard.window_hours and (counts.removed or counts.left_scope):
        since = context.started - timedelta(hours=guard.window_hours)
        peak = context.runtime.metadata.syncs.peak(context.endpoint_id, since)
    rescoped = context.is_rescoped(outcome.following)
    proposal = Proposal(
        found.files_before, found.files_after, counts, rescoped, found.emptied, unproved=found.unproved, peak=peak
    )
    return objections(guard, proposal)


def _confirmation(context: SyncContext, outcome: Outcome, found: DetectedChanges) -> str | None:
    """Return which setting let the guard pass what it would have counted: it counts from here on, then."""
    guard, counts = context.endpoint.guard, found.counts
    if not guard.enabled and (counts.removed or counts.left_scope):
        return "enabled: false"
    if guard.allow_rescope and counts.left_scope and context.is_rescoped(outcome.following):
        return "allow_rescope: true"
    return None


def _store(context: SyncContext, outcome: Outcome, found: DetectedChanges, *, held: bool = False) -> SyncResult:
    """Store the snapshot and the changes; return the result that names them.

    An incremental sync writes its changes only: its snapshot is the last one with what was changed on top of it since.
    """
    relations: dict[SnapshotKind, Relation] = {}
    if outcome.result.mode is SyncMode.FULL:
        relations["snapshots"] = found.after
    if found.changes:
        relations["changes"] = found.changes
    runtime, endpoint = context.runtime, context.endpoint
    day = context.started.astimezone(runtime.config.settings.partitions.zone).date()
    facts = _provenance(context, outcome, found, held=held).as_facts()
    uris = store_relations(
        runtime, endpoint, context.endpoint_id, relations, day, context.sync_id, csv=endpoint.csv, facts=facts
    )
    snapshot = uris.get("snapshots", outcome.following.snapshot_uri)
    return replace(outcome.result, snapshot_uri=snapshot, changes_uri=uris.get("changes"))


def _provenance(context: SyncContext, outcome: Outcome, found: DetectedChanges, *, held: bool) -> Provenance:
    before, run_id = outcome.following, context.attempt.run_id
    record = sync_record(
        context.endpoint_id,
        outcome.result,
        outcome.observed,
        run_id,
        data_version=found.data_version,
        confirmed_by=outcome.confirmed_by,
    )
    return Provenance(
        record,
        context.runtime.installation,
        after_seq=before.seq,
        before_version=before.data_version,
        base=tail_of(before.snapshot_uri) if before.snapshot_uri else None,
        location=context.location,
        selection=context.selection,
        held=held,
    )


def _hold(context: SyncContext, outcome: Outcome, found: DetectedChanges, why_not: str) -> SyncResult:
    """Keep what the guard refused where `approve` finds it; the inventory stays as it is.

    The numbers of the result are those that approving it would make true.
    """
    name = context.endpoint.name
    hint = (
        f"{UNTOUCHED} `filesync changes {name} --held` shows it, `filesync approve {name}` commits it, "
        f"`filesync reject {name}` forgets it."
    )
    proposed = replace(_store(context, outcome, found, held=True), status=SyncStatus.HELD, error=f"{why_not} {hint}")
    run_id, version = context.attempt.run_id, found.data_version
    # Warnings of what is held say that parts of it are missing: what the source only remarked is told now.
    is_partial = outcome.result.status is SyncStatus.PARTIAL
    kept = proposed if is_partial else replace(proposed, warnings=())
    log = sync_record(context.endpoint_id, kept, outcome.observed, run_id, data_version=version)
    context.runtime.metadata.syncs.hold(context.lease, log, context.location, outcome.following.cursor)
    return proposed


def _commit(context: SyncContext, outcome: Outcome, found: DetectedChanges) -> SyncResult:
    outcome = replace(outcome, confirmed_by=_confirmation(context, outcome, found))
    result = replace(_store(context, outcome, found), data_version=found.data_version)
    outcome = replace(outcome, result=result)
    write_commit(context.runtime, context.endpoint, context.lease, outcome, context.selection, context.attempt.run_id)
    return result
