"""Marks of what changes: one short text a subject, another one whenever something of it changed.

They are read every other second while somebody looks at the console, so they cost a few rows, however much is stored.
"""

from typing import Any

from sqlalchemy import Connection, Select, func, select

from filesync_dagster.storage.database.data_tables import session_exports, sessions
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.tables import (
    alerts,
    breakers,
    endpoint_state,
    file_changes,
    leases,
    replication_leases,
    replications,
)

SUBJECTS = ("endpoints", "changes", "replications", "alerts", "sessions")


def _lease_marks(table: Any) -> Select[Any]:
    """Return what is another one whenever a sync begins or ends, whatever came of it."""
    return select(func.sum(table.c.token), func.count(table.c.holder))


_STATE, _REPLICATION, _EXPORT = endpoint_state.c, replications.c, session_exports.c

QUERIES: tuple[tuple[str, Any], ...] = (
    ("endpoints", _lease_marks(leases)),
    ("endpoints", select(func.max(breakers.c.updated_at), func.sum(breakers.c.failures))),
    ("endpoints", select(func.max(_STATE.updated_at), func.count(), func.count(_STATE.held_sync_id))),
    ("changes", select(func.max(file_changes.c.seq))),
    ("replications", _lease_marks(replication_leases)),
    ("replications", select(func.max(_REPLICATION.updated_at), func.count(), func.count(_REPLICATION.held_plan_id))),
    ("alerts", select(func.max(alerts.c.raised_at), func.max(alerts.c.cleared_at), func.count())),
    ("sessions", select(func.count(), func.sum(sessions.c.revision))),
    # Of an export that is worked on, is to stop, or ends, another column is filled.
    (
        "sessions",
        select(
            func.count(),
            func.count(_EXPORT.worker),
            func.count(_EXPORT.cancel_asked_at),
            func.count(_EXPORT.finished_at),
        ),
    ),
)


class ChangeMarkRepository:
    """What changed since somebody looked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> dict[str, str]:
        """Return the mark of each subject."""
        found: dict[str, list[str]] = {subject: [] for subject in SUBJECTS}
        with self._database.read_transaction() as connection:
            for subject, query in QUERIES:
                found[subject].append(_mark(connection, query))
        return {subject: " ".join(marks) for subject, marks in found.items()}


def _mark(connection: Connection, query: Select[Any]) -> str:
    return " ".join(str(value) for value in connection.execute(query).one())
