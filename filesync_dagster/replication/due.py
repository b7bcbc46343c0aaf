"""Which replications have something to do, told from what the database knows. Their stores are not asked.

It is the source's journal that counts, not who synced it: a sync on the command line is one like any other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from filesync_dagster.config import Replication
from filesync_dagster.replication.plan import fingerprint_of
from filesync_dagster.replication.run import register
from filesync_dagster.storage.database.replications import ReplicationRecord
from filesync_dagster.sync.runtime import Runtime

DECIDED = frozenset({"held", "rejected"})
"""States of a plan that says what there is to do, and that somebody does not, or not yet, want done."""

UNSETTLED = frozenset({"failed", "stale"})
"""Problems of files that the next run may find solved."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a run of a replication would be for. Another `mark`: something newer."""

    replication: str
    mark: str
    reason: str


def need_of(runtime: Runtime, replication: Replication, now: datetime | None = None) -> Need | None:
    """Return what there is to do for a replication; None where nothing is, or somebody's decision is waited for."""
    record = runtime.metadata.replications.get(register(runtime, replication))
    state = runtime.metadata.endpoints.state(record.source_endpoint_id)
    if state.snapshot_uri is None:
        return None
    head = runtime.metadata.files.last_seq(record.source_endpoint_id)
    fingerprint = fingerprint_of(replication)
    if _is_decided(runtime, record, head, fingerprint):
        return None
    reason = _reason(runtime, replication, record, head, fingerprint, now or datetime.now(UTC))
    return Need(replication.name, f"{head} {fingerprint}", reason) if reason else None


def _is_decided(runtime: Runtime, record: ReplicationRecord, head: int, fingerprint: str) -> bool:
    """Tell whether a plan of all that there is to do is held, or was thrown away."""
    plan = next(iter(runtime.metadata.plans.of(record.id, limit=1)), None)
    if plan is None or plan.status not in DECIDED or plan.fingerprint != fingerprint:
        return False
    return plan.to_seq >= head


def _reason(  # noqa: PLR0917  # all that is known
    runtime: Runtime, replication: Replication, record: ReplicationRecord, head: int, fingerprint: str, now: datetime
) -> str | None:
    if record.applied_sync_id is None:
        return "it has never run to its end"
    if head > record.applied_seq:
        return "its source has changed"
    if record.fingerprint != fingerprint:
        return "it was configured anew"
    if record.state == "failed" or UNSETTLED & runtime.metadata.replications.problem_counts(record.id).keys():
        return "its last run left something undone"
    compared = record.reconciled_at
    if compared is None or now - compared >= timedelta(hours=replication.reconcile_hours):
        return "it has not been compared with its destination for long"
    return None
