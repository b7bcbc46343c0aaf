"""What keeps plans, states and unfinished uploads from growing for ever."""

import logging
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

from filesync_dagster.config import Replication
from filesync_dagster.connectors.destination import ResumableDestination, Upload
from filesync_dagster.core.errors import FilesyncError, SyncInProgress
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import Meter
from filesync_dagster.replication.run import open_destination, register
from filesync_dagster.replication.state_files import prune_states
from filesync_dagster.storage.database import MAINTENANCE
from filesync_dagster.sync.runtime import Runtime

UPLOAD_AGE_HOURS = 24.0
"""Uploads in parts that are older are forgotten at the destination: their file is sent anew."""

KINDS = ("plans", "states", "uploads")


def maintain_replications(runtime: Runtime, *, dry_run: bool = False) -> dict[str, int]:
    """Let go of plans and states past `retention.journal_days`, and of old uploads; return how many of each kind.

    Plans go of every replication there ever was. A replication that is run now is left to the next night.
    """
    gone = Counter(dict.fromkeys(KINDS, 0))
    before = datetime.now(UTC) - timedelta(days=runtime.config.settings.retention.journal_days)
    for record in runtime.metadata.replications.all():
        gone["plans"] += runtime.metadata.plans.prune(record.id, before, dry_run=dry_run)
    gone["states"] = prune_states(runtime, before, dry_run=dry_run)
    for replication in () if dry_run else runtime.config.active_replications:
        try:
            gone["uploads"] += _abort_uploads(runtime, replication)
        except SyncInProgress:
            continue
        except FilesyncError as error:  # one destination's trouble is not another's
            event("maintenance.failed", level=logging.WARNING, replication=replication.name, error=str(error))
            gone["destinations_failed"] += 1
    return dict(gone)


def _abort_uploads(runtime: Runtime, replication: Replication) -> int:
    """Forget what we began long ago, and nobody else's. The lease keeps a run from beginning one meanwhile."""
    seconds, plans = runtime.config.settings.lease_seconds, runtime.metadata.plans
    before = datetime.now(UTC) - timedelta(hours=UPLOAD_AGE_HOURS)
    with runtime.metadata.replication_leases.hold(
        register(runtime, replication), purpose=MAINTENANCE, seconds=seconds
    ) as lease:
        abandoned = plans.abandoned_uploads(lease.endpoint_id, before)
        if not abandoned:
            return 0
        with closing(open_destination(runtime, replication, Meter())) as destination:
            if isinstance(destination, ResumableDestination):
                for row in abandoned:
                    destination.abort(Upload(path=row.path, size=row.size), row.resume or {})
        plans.forget_uploads(lease, [row.id for row in abandoned])
        return len(abandoned)
