"""The audit log: who did what with which source, table or session, when and from where."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from filesync_dagster.storage.database import retention
from filesync_dagster.storage.database.data_tables import audit_log
from filesync_dagster.storage.database.database import Database


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Something that somebody did."""

    id: int
    at: datetime
    who: str
    what: str
    subject: str
    address: str | None
    details: Mapping[str, Any]


class AuditRepository:
    """See the module's docstring. Rows are added and, when they are old, deleted; never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(  # the columns of a row
        self, who: str, what: str, subject: str, address: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        """Note what somebody does."""
        with self._database.write_transaction() as connection:
            row = {"who": who, "what": what, "subject": subject, "address": address, "details": dict(details or {})}
            connection.execute(insert(audit_log).values(at=self._database.now(connection), **row))

    def newest(
        self, limit: int = 100, *, subject: str | None = None, before_id: int | None = None
    ) -> list[AuditRecord]:
        """Return what was done, newest first."""
        query = select(*(audit_log.c[name] for name in AuditRecord.__dataclass_fields__))
        if subject is not None:
            query = query.where(audit_log.c.subject == subject)
        if before_id is not None:
            query = query.where(audit_log.c.id < before_id)
        with self._database.read_transaction() as connection:
            rows = connection.execute(query.order_by(audit_log.c.id.desc()).limit(limit))
            return [AuditRecord(*row) for row in rows]

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Forget what was done before a moment; return how many rows."""
        return retention.prune(self._database, audit_log, audit_log.c.at < before, dry_run=dry_run)
