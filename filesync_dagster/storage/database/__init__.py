"""The metadata database: endpoints, files, journal, logs, checkpoints, leases, on SQLite or PostgreSQL.

The only package that knows SQLAlchemy. Tables: tables.py. What moves rows
(`row_streams`, `commit`) brings Arrow, and is imported when it is used.
"""

from filesync_dagster.storage.database.alerts import AlertRecord, ExpectedRecord, QueueTrouble
from filesync_dagster.storage.database.leases import MAINTENANCE, Lease
from filesync_dagster.storage.database.metadata import Metadata
from filesync_dagster.storage.database.queues import DeadMessage, QueueRecord
from filesync_dagster.storage.database.records import (
    BreakerRecord,
    CheckpointRecord,
    EndpointRecord,
    EndpointState,
    LeaseRecord,
    NewState,
    RequestRecord,
    StoredFileRecord,
    SyncRecord,
    SyncStart,
)

__all__ = [
    "MAINTENANCE",
    "AlertRecord",
    "BreakerRecord",
    "CheckpointRecord",
    "DeadMessage",
    "EndpointRecord",
    "EndpointState",
    "ExpectedRecord",
    "Lease",
    "LeaseRecord",
    "Metadata",
    "NewState",
    "QueueRecord",
    "QueueTrouble",
    "RequestRecord",
    "StoredFileRecord",
    "SyncRecord",
    "SyncStart",
]
