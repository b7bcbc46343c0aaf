"""What is let go of: files that retention no longer keeps, and what a crashed sync left behind."""

from datetime import UTC, datetime, timedelta

from filesync_dagster.core.model import SyncStatus
from filesync_dagster.sync.listing import SyncContext
from filesync_dagster.sync.result import REBUILT
from filesync_dagster.sync.runtime import Runtime


def tidy(context: SyncContext) -> None:
    """Let go of what retention no longer keeps, once a day, and of what a sync before this one left behind."""
    logs = context.runtime.metadata.sync_logs(context.endpoint_id, live=True, limit=2)  # this one and the one before
    before = logs[1] if len(logs) > 1 else None
    zone = context.runtime.config.settings.partitions.zone
    if before is None or before.sync_completed.astimezone(zone).date() != datetime.now(zone).date():
        retain(context.runtime, context.endpoint_id)
    if context.lease.after_crash or (before and before.sync_status is SyncStatus.FAILED):
        known = context.runtime.metadata.stored_files(context.endpoint_id)
        # Only the holder of the lease writes here; past days are rebuilt without one.
        context.runtime.snapshots.sweep(known, timedelta(0), endpoint=context.endpoint.name, spare=REBUILT)


def retain(runtime: Runtime, endpoint_id: int, *, dry_run: bool = False) -> dict[str, int]:
    """Let go of what retention no longer keeps; return how much of each kind went, or (`dry_run`) would go.

    Pointers go before files, so that none points at nothing.
    """
    settings, metadata, now = runtime.config.settings, runtime.metadata, datetime.now(UTC)
    keep = settings.retention
    uris = metadata.prunable(
        endpoint_id,
        now - timedelta(days=keep.intraday_snapshots_days),
        days_before=now - timedelta(days=keep.snapshots_days),
        zone=settings.partitions.zone,
    )
    if uris and not dry_run:
        metadata.forget_files(uris)
        runtime.snapshots.delete(uris)
    journal, logs = now - timedelta(days=keep.journal_days), now - timedelta(days=keep.sync_logs_days)
    return {
        "snapshots": len(uris),
        "journal": metadata.prune_journal(endpoint_id, journal, dry_run=dry_run),
        "sync_logs": metadata.prune_sync_logs(endpoint_id, logs, dry_run=dry_run),
    }
