"""What goes into the database and comes out of it. Field names are column names; every datetime is aware."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from filesync_dagster.core.model import ListingGap, SyncMode, SyncNumbers, SyncStatus


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """An endpoint as configured. `details` holds no secrets."""

    name: str
    type: str
    title: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class NewState:
    """What a commit makes the current state of an endpoint."""

    snapshot_uri: str
    snapshot_sync_id: str  # the sync that wrote the snapshot; a sync that found nothing new keeps the earlier one
    data_version: str
    as_of: datetime
    files_total: int
    bytes_total: int
    selection: str | None  # None: not known, so the next sync lists everything
    location: str
    cursor: str | None = None
    reconciled_at: datetime | None = None  # as_of of the last full sync


@dataclass(frozen=True, slots=True)
class EndpointState:
    """Where an endpoint stands. All None and zero before its first commit."""

    endpoint_id: int
    snapshot_uri: str | None = None
    snapshot_sync_id: str | None = None
    data_version: str | None = None
    as_of: datetime | None = None
    files_total: int = 0
    bytes_total: int = 0
    selection: str | None = None
    location: str | None = None
    held_sync_id: str | None = None
    held_location: str | None = None  # what the held sync listed
    cursor: str | None = None  # of the change feed, where there is one
    held_cursor: str | None = None
    reconciled_at: datetime | None = None
    updated_at: datetime | None = None
    seq: int | None = field(default=None, compare=False)  # of the sync that made it so


@dataclass(frozen=True, slots=True)
class SyncRecord(SyncNumbers):
    """One sync that has ended: a row of sync_logs."""

    id: str
    endpoint_id: int
    sync_started: datetime
    sync_completed: datetime
    sync_status: SyncStatus
    mode: SyncMode
    as_of: datetime | None = None  # the moment that the snapshot describes
    sync_duration: float = 0.0  # seconds
    snapshot_uri: str | None = None
    changes_uri: str | None = None
    data_version: str | None = None
    run_id: str | None = None
    error_message: str | None = None
    warnings: tuple[str, ...] = ()
    confirmed_by: str | None = None  # who let the guard pass it: "approve" and what was held, or a setting
    seq: int = field(default=0, compare=False)  # 0: the database gives it, in the order of the commits


@dataclass(frozen=True, slots=True)
class StoredFileRecord:
    """A file below the snapshot root that this database had written."""

    uri: str
    rows: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """How far the listing of one scope has come."""

    scope: str
    listing_id: str
    checkpoint: str | None
    segments: int
    rows: int
    complete: bool
    unread: tuple[ListingGap, ...]
    selection: str
    location: str
    started_at: datetime
    updated_at: datetime
    cursor: str | None = None  # of the change feed, from before the listing began


@dataclass(frozen=True, slots=True)
class BreakerRecord:
    """Whether a store is left alone because it failed so often."""

    endpoint_id: int
    state: str = "closed"  # closed, open or half_open
    failures: int = 0  # in a row
    opened_at: datetime | None = None
    probe_at: datetime | None = None  # from when the store is asked again
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SyncStart:
    """What a sync begins from, read at once by the holder of the lease: until it writes, all of it stays true."""

    state: EndpointState
    breaker: BreakerRecord
    snapshot_digest: str | None = None  # of the file that the state points to; None: nobody noted it
    has_later_changes: bool = False  # on top of that file
    has_checkpoints: bool = False
    last_status: SyncStatus | None = None  # of the sync before; None: there was none
    last_completed: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A sync that was asked for from outside."""

    id: int
    endpoint: str  # its name
    full: bool
    source: str  # who asked: "webhook", "rest", the name of a queue
    requested_at: datetime
    taken_at: datetime | None = None  # by the last run that set about it
    done_at: datetime | None = None  # what a sync found that began later is committed


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A sync that is running, as its lease tells."""

    endpoint: str
    endpoint_id: int
    token: int
    host: str
    pid: int
    purpose: str
    acquired_at: datetime
    heartbeat_at: datetime
    expires_at: datetime
