"""The result of a sync as it comes about: its id, its clock, what it cost, and the rows of the database about it."""

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from filesync_dagster.config import Endpoint, location_of
from filesync_dagster.core import clock
from filesync_dagster.core.errors import FilesyncError, unexpected_sentence
from filesync_dagster.core.model import ListingGap, Meter, SyncMode, SyncResult, SyncStatus
from filesync_dagster.storage.database import EndpointState, NewState, SyncRecord
from filesync_dagster.sync.relations import DetectedChanges

REBUILT = "-rebuilt"
"""In the id of what was made of a past day."""

WARNINGS_MAX = 5
"""Gaps of a listing that are named one by one."""


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

    def draft(self, found: DetectedChanges, gaps: Sequence[ListingGap]) -> SyncResult:
        """Return the result that a commit of these changes would have, all of them by a listing."""
        return self.result(
            SyncStatus.PARTIAL if gaps else SyncStatus.COMPLETED,
            warnings=describe_gaps(gaps),
            **_numbers_of(found),
        )

    def incremental_draft(
        self, found: DetectedChanges, gaps: Sequence[ListingGap], known_gaps: tuple[str, ...]
    ) -> SyncResult:
        """Return the same of changes that were told. `known_gaps`: what the last listing could not read."""
        status = SyncStatus.PARTIAL if gaps or known_gaps else SyncStatus.COMPLETED
        draft = self.result(status, SyncMode.INCREMENTAL, warnings=describe_gaps(gaps), **_numbers_of(found))
        return replace(draft, warnings=(*draft.warnings, *known_gaps))

    def incremental_unchanged(
        self, state: EndpointState, known_gaps: tuple[str, ...], processed: int = 0
    ) -> SyncResult:
        """Return the result when whoever tells what changed told nothing new."""
        return self.result(
            SyncStatus.PARTIAL if known_gaps else SyncStatus.COMPLETED,
            SyncMode.INCREMENTAL,
            files_processed=processed,
            files_before=state.files_total,
            files_total=state.files_total,
            bytes_total=state.bytes_total,
            warnings=known_gaps,
        )

    def failure(self, error: BaseException, mode: SyncMode = SyncMode.FULL) -> SyncResult:
        """Return the result of an attempt that ended in an error."""
        text = str(error) if isinstance(error, FilesyncError) else unexpected_sentence(error)
        return self.result(SyncStatus.FAILED, mode, error=text)


@dataclass(frozen=True)
class Outcome:
    """What a sync found, before anything of it is committed."""

    result: SyncResult  # as it is when all of this is committed
    observed: datetime  # the moment that the next snapshot describes
    following: (
        EndpointState  # the cursor and the date of the proof that a commit leaves; else as the last commit has it
    )
    changes: DetectedChanges | None = None  # None: nothing was compared, because nothing can have changed
    confirmed_by: str | None = None  # who let the guard pass it: a person, or a setting
    rewrites: bool = False  # the last snapshot is lost: it is written anew even when nothing changed


def _numbers_of(found: DetectedChanges) -> dict[str, Any]:
    return {
        **found.counts.as_numbers(),
        "files_processed": found.processed,
        "files_before": found.files_before,
        "files_total": found.files_after,
        "bytes_total": found.bytes_after,
    }


def begin_result(endpoint: Endpoint, run_id: str | None, suffix: str = "") -> ResultBuilder:
    """Begin: the clock runs, and the sync has an id, one that sorts by time."""
    now = clock.utc_now()
    sync_id = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}{suffix}"
    return ResultBuilder(endpoint.name, sync_id, now, time.monotonic(), Meter(), run_id)


def sync_record(
    endpoint_id: int,
    result: SyncResult,
    as_of: datetime,
    run_id: str | None,
    *,
    data_version: str | None = None,
    confirmed_by: str | None = None,
) -> SyncRecord:
    """Return the sync_logs row of a result."""
    return SyncRecord(
        id=str(result.sync_id),
        endpoint_id=endpoint_id,
        sync_started=result.started_at,
        sync_completed=clock.utc_now(),
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
        confirmed_by=confirmed_by,
    )


def new_state(endpoint: Endpoint, outcome: Outcome, data_version: str, selection: str | None) -> NewState:
    """Return the pointer to the snapshot that the result of an outcome committed."""
    result, following = outcome.result, outcome.following
    kept = result.snapshot_uri == following.snapshot_uri
    return NewState(
        snapshot_uri=str(result.snapshot_uri),
        snapshot_sync_id=str(following.snapshot_sync_id if kept else result.sync_id),
        data_version=data_version,
        as_of=outcome.observed,
        files_total=result.files_total,
        bytes_total=result.bytes_total,
        selection=selection,
        location=location_of(endpoint),
        cursor=following.cursor,
        reconciled_at=following.reconciled_at,
    )


def describe_gaps(found: Iterable[ListingGap], most: int = WARNINGS_MAX) -> tuple[str, ...]:
    """Return in sentences what could not be read, the first few by name."""
    gaps = list(dict.fromkeys(found))
    sentences = [f"{gap.path or 'the whole scope'} could not be read: {gap.reason}" for gap in gaps[:most]]
    if len(gaps) > most:
        sentences.append(f"… and {len(gaps) - most:,} more places could not be read")
    return tuple(sentences)
