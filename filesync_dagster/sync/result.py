"""One attempt to sync: its id, its clock, what it has cost, and the rows of the database that tell of it."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from filesync_dagster.config import Endpoint
from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.core.model import ListingGap, Meter, SyncMode, SyncResult, SyncStatus
from filesync_dagster.storage.database import EndpointState, NewState, SyncRecord
from filesync_dagster.sync.detect_changes import Comparison
from filesync_dagster.sync.listing import warnings
from filesync_dagster.sync.runtime import location_of

REBUILT = "-rebuilt"
"""In the id of what was made of a past day."""


@dataclass(frozen=True)
class ResultBuilder:
    """What is known of a sync before it has found anything."""

    endpoint: str
    sync_id: str
    started: datetime
    clock: float
    meter: Meter
    run_id: str | None

    def result(self, status: SyncStatus, mode: SyncMode = SyncMode.FULL, **found: Any) -> SyncResult:
        """Return the result of this attempt as of now; its warnings are those given, and what the source remarked."""
        given = found.pop("warnings", ())
        return SyncResult(
            endpoint=self.endpoint,
            status=status,
            mode=mode,
            sync_id=self.sync_id,
            started_at=self.started,
            duration_seconds=time.monotonic() - self.clock,
            api_calls=self.meter.api_calls,
            retries=self.meter.retries,
            throttled_seconds=self.meter.throttled_seconds,
            warnings=(*given, *self.meter.remarks.values()),
            **found,
        )

    def draft(self, found: Comparison, unread: Sequence[ListingGap], mode: SyncMode = SyncMode.FULL) -> SyncResult:
        """Return the result that a commit of this comparison would have."""
        return self.result(
            SyncStatus.PARTIAL if unread else SyncStatus.COMPLETED,
            mode,
            **found.counts.as_numbers(),
            files_processed=found.processed,
            files_total=found.files_after,
            bytes_total=found.bytes_after,
            warnings=warnings(unread),
        )

    def failed(self, error: BaseException, mode: SyncMode = SyncMode.FULL) -> SyncResult:
        """Return the result of an attempt that ended in an error."""
        text = str(error) if isinstance(error, FilesyncError) else f"Unexpected {type(error).__name__}: {error}"
        return self.result(SyncStatus.FAILED, mode, error=text)


def sync_record(
    endpoint_id: int, result: SyncResult, as_of: datetime, run_id: str | None, *, data_version: str | None = None
) -> SyncRecord:
    """Return the sync_logs row of a result."""
    return SyncRecord(
        id=str(result.sync_id),
        endpoint_id=endpoint_id,
        sync_started=result.started_at,
        sync_completed=datetime.now(UTC),
        sync_duration=result.duration_seconds,
        sync_status=result.status,
        mode=result.mode,
        as_of=as_of,
        **result.numbers(),
        snapshot_uri=result.snapshot_uri,
        changes_uri=result.changes_uri,
        data_version=data_version,
        run_id=run_id,
        error_message=result.error,
        warnings=result.warnings,
    )


def begin_result(endpoint: Endpoint, run_id: str | None, suffix: str = "") -> ResultBuilder:
    """Begin: the clock runs, and the sync has an id, one that sorts by time."""
    now = datetime.now(UTC)
    sync_id = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}{suffix}"
    return ResultBuilder(endpoint.name, sync_id, now, time.monotonic(), Meter(), run_id)


def new_state(
    endpoint: Endpoint, result: SyncResult, as_of: datetime, data_version: str, following: EndpointState
) -> NewState:
    """Return the pointer to the snapshot that a result committed. `following` has the cursor to go on from."""
    kept = result.snapshot_uri == following.snapshot_uri
    return NewState(
        snapshot_uri=str(result.snapshot_uri),
        snapshot_sync_id=str(following.snapshot_sync_id if kept else result.sync_id),
        data_version=data_version,
        as_of=as_of,
        files_total=result.files_total,
        bytes_total=result.bytes_total,
        selection=endpoint.filters.fingerprint(),
        location=location_of(endpoint),
        cursor=following.cursor,
        reconciled_at=following.reconciled_at,
    )
