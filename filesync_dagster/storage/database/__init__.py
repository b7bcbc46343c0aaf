"""The metadata database: endpoints, files, journal, logs, checkpoints, leases, on SQLite or PostgreSQL.

The only package that knows SQLAlchemy. It may import model, observability and errors. Tables: tables.py.
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
)
from filesync_dagster.storage.database.row_streams import FILES_SCHEMA, JOURNAL_SCHEMA

__all__ = [
    "FILES_SCHEMA",
    "JOURNAL_SCHEMA",
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
]
