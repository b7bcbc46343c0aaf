"""What keeps the database and the disk from growing for ever: what retention does not keep, and what crashes left.

A sync does this for its own endpoint once a day (`tidy`), the nightly maintenance for all of them (`maintain`). What a
committed row points to stays, and so does what waits for a decision or for its turn.
"""

import logging
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from filesync_dagster.core import clock
from filesync_dagster.core.errors import FilesyncError, SyncInProgress
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import SyncStatus
from filesync_dagster.storage.database import MAINTENANCE, Lease
from filesync_dagster.storage.snapshots import Staging
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.listing import is_recent
from filesync_dagster.sync.result import REBUILT
from filesync_dagster.sync.runtime import Runtime

CHARTS = "reports"
"""The folder of the pictures of reports, below the home."""

KINDS = ("snapshots", "journal", "sync_logs", "staging", "left_behind", "quarantined", "quarantine_deleted")
"""What goes, endpoint by endpoint, or from the snapshot root as a whole."""

EVENT_MEMORY_AGE = timedelta(days=90)
"""For so long an event of a list that repeats itself is known."""

ORPHAN_AGE_MIN = timedelta(days=1)
"""A file that no row points to is not touched before it is this old."""


def tidy(context: SyncContext) -> None:
    """Let go of what retention no longer keeps, once a day, and of what a sync before this one left behind."""
    before, zone = context.standing, context.runtime.config.settings.partitions.zone
    last = before.last_completed
    if last is None or last.astimezone(zone).date() != clock.utc_now().astimezone(zone).date():
        retain(context.runtime, context.endpoint_id)
    if context.lease.after_crash or before.last_status is SyncStatus.FAILED:
        known, written = _files_of(context.runtime, context.endpoint_id)
        # Only the holder of the lease writes here; past days are rebuilt without one.
        sweep = context.runtime.snapshots.sweep
        sweep(known, timedelta(0), written=written, endpoint=context.endpoint.name, spare=REBUILT)


def retain(runtime: Runtime, endpoint_id: int, *, dry_run: bool = False) -> dict[str, int]:
    """Let go of what retention no longer keeps; return how much of each kind went, or (`dry_run`) would go.

    Pointers go before files, so that none points at nothing.
    """
    settings, metadata, now = runtime.config.settings, runtime.metadata, clock.utc_now()
    keep = settings.retention
    uris = metadata.syncs.prunable(
        endpoint_id,
        now - timedelta(days=keep.intraday_snapshots_days),
        days_before=now - timedelta(days=keep.snapshots_days),
        zone=settings.partitions.zone,
    )
    if uris and not dry_run:
        metadata.syncs.forget_files(uris)
        runtime.snapshots.delete(uris)
    journal, logs = now - timedelta(days=keep.journal_days), now - timedelta(days=keep.sync_logs_days)
    return {
        "snapshots": len(uris),
        "journal": metadata.files.prune_journal(endpoint_id, journal, dry_run=dry_run),
        "sync_logs": metadata.syncs.prune(endpoint_id, logs, dry_run=dry_run),
    }


def maintain(runtime: Runtime, *, dry_run: bool = False) -> dict[str, int]:
    """Let go, for all endpoints, of what retention does not keep; return how much of each kind went, or would go.

    It also reaches those that are not synced any more, and what belongs to none. `dry_run`: nothing goes.
    An endpoint that is being synced is left to its sync. Raises StorageError.
    """
    metadata, now = runtime.metadata, clock.utc_now()
    gone = Counter(dict.fromkeys(KINDS, 0))
    for name, endpoint_id in metadata.endpoints.ids().items():
        try:
            with metadata.leases.hold(
                endpoint_id, purpose=MAINTENANCE, seconds=runtime.config.settings.lease_seconds
            ) as lease:
                gone.update(_maintain_one(runtime, name, lease, dry_run=dry_run))
        except SyncInProgress:
            continue
        except FilesyncError as error:  # one endpoint's trouble is not another's
            event("maintenance.failed", level=logging.WARNING, endpoint=name, error=str(error))
            gone["endpoints_failed"] += 1
    gone.update(_clear_root(runtime, dry_run=dry_run))
    before = now - timedelta(days=runtime.config.settings.retention.events_days)
    oldest = now - timedelta(days=runtime.config.settings.retention.snapshots_days)
    gone["charts"] = _remove_charts(runtime.home / CHARTS, oldest, dry_run=dry_run)
    gone["requests"] = metadata.requests.prune(before, dry_run=dry_run)
    gone["queue_events"] = metadata.queues.forget_events(now - EVENT_MEMORY_AGE, dry_run=dry_run)
    gone["alerts"] = metadata.alerts.prune(before, dry_run=dry_run)
    event("maintenance.finished", dry_run=dry_run, **gone)
    return dict(gone)


def _maintain_one(runtime: Runtime, name: str, lease: Lease, *, dry_run: bool) -> dict[str, int]:
    gone = retain(runtime, lease.endpoint_id, dry_run=dry_run)
    gone["staging"] = _discard_listing(runtime, name, lease, dry_run=dry_run)
    known, written = _files_of(runtime, lease.endpoint_id)
    if not dry_run:
        sweep = runtime.snapshots.sweep
        gone["left_behind"] = sweep(known, ORPHAN_AGE_MIN, written=written, endpoint=name, spare=REBUILT)
    gone["quarantined"] = _put_aside(runtime, name, known | written, dry_run=dry_run)
    return gone


def _put_aside(runtime: Runtime, name: str, known: set[str], *, dry_run: bool) -> int:
    """Move old files that this database does not know to the quarantine. An older database may yet adopt them."""
    age = timedelta(days=runtime.config.settings.retention.unknown_files_days)
    return runtime.snapshots.put_aside(name, known, age, clock.utc_now().date(), dry_run=dry_run)


def _clear_root(runtime: Runtime, *, dry_run: bool) -> Counter[str]:
    """Put files of endpoints that there never were aside, and delete what was put aside long ago."""
    gone, age = Counter[str](), timedelta(days=runtime.config.settings.retention.unknown_files_days)
    try:
        known = runtime.metadata.endpoints.ids()
        for name in runtime.snapshots.endpoints():
            if name not in known:
                gone["quarantined"] += _put_aside(runtime, name, set(), dry_run=dry_run)
        gone["quarantine_deleted"] = runtime.snapshots.clear_quarantine(age, clock.utc_now().date(), dry_run=dry_run)
    except FilesyncError as error:
        event("maintenance.failed", level=logging.WARNING, error=str(error))
        gone["roots_failed"] += 1
    return gone


def _files_of(runtime: Runtime, endpoint_id: int) -> tuple[set[str], set[str]]:
    """Return the URIs that rows of an endpoint point to, and all that this database had written for it."""
    return runtime.metadata.syncs.stored_files(endpoint_id), runtime.metadata.stored_files.of(endpoint_id)


def _remove_charts(folder: Path, oldest: datetime, *, dry_run: bool) -> int:
    """Forget the pictures of reports that were written before a moment; return how many. None of them is needed."""
    gone = 0
    for path in folder.glob("*/*.svg"):
        with suppress(OSError):  # somebody else deleted it, or nobody may: the next night tries again
            if path.stat().st_mtime < oldest.timestamp():
                if not dry_run:
                    path.unlink()
                gone += 1
    return gone


def _discard_listing(runtime: Runtime, name: str, lease: Lease, *, dry_run: bool) -> int:
    """Forget a listing that nobody will resume; return how many files of it were on this machine."""
    records = runtime.metadata.checkpoints.of(lease.endpoint_id)
    active = any(endpoint.name == name for endpoint in runtime.config.active)
    if active and is_recent(records, runtime.config.settings):
        return 0
    folder = runtime.home / "staging" / name
    files = sum(path.is_file() for path in folder.rglob("*"))
    if not dry_run:
        if records:
            runtime.metadata.checkpoints.clear(lease)
        Staging.discard_all(folder)
    return files
