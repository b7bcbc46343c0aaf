"""The metadata database: endpoints, files, journal, logs, checkpoints, leases, on SQLite or PostgreSQL.

The only package that knows SQLAlchemy. It may import model, observability and errors. Tables: tables.py.
"""

from filesync_dagster.metadata.alerts import AlertRecord, ExpectedRecord, QueueTrouble
from filesync_dagster.metadata.leases import MAINTENANCE, Lease
from filesync_dagster.metadata.queues import DeadMessage, QueueRecord
from filesync_dagster.metadata.reading import FILES_SCHEMA, JOURNAL_SCHEMA
from filesync_dagster.metadata.records import (
    BreakerRecord,
    CheckpointRecord,
    EndpointRecord,
    EndpointState,
    LeaseRecord,
    NewState,
    RequestRecord,
    SyncRecord,
)
from filesync_dagster.metadata.store import Metadata

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
    "SyncRecord",
]
