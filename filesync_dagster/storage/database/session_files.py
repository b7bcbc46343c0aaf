"""Files of sessions: what a generation made, and what it was exported to since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.data_tables import session_exports, session_files
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.processes import Process


class UnknownSessionFile(TableError):
    """A session has no such file."""


@dataclass(frozen=True, slots=True)
class SessionFileRecord:
    """A complete file of a session; its name is one of the session alone."""

    session_id: str
    name: str
    kind: str  # table | export | manifest | report
    media_type: str
    uri: str
    size: int
    sha256: str
    created_at: datetime
    export_id: str = ""
    table_name: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class SessionExportRecord:
    """An export of a session that was asked for."""

    id: str
    session_id: str
    format: str
    options: Mapping[str, Any]
    state: str  # queued | exporting | completed | failed
    owner: str
    created_at: datetime
    secrets_encrypted: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    error: str | None = None
    error_code: str | None = None
    worker: Mapping[str, Any] | None = None
    worker_seen_at: datetime | None = None
    finished_at: datetime | None = None


class SessionFileRepository:
    """See the module's docstring."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, session_id: str) -> list[SessionFileRecord]:
        """Return the files of a session, by name."""
        return self._files(session_files.c.session_id == session_id)

    def get(self, session_id: str, name: str) -> SessionFileRecord:
        """Return a file of a session. Raises UnknownSessionFile."""
        found = self._files(session_files.c.session_id == session_id, session_files.c.name == name)
        if not found:
            raise UnknownSessionFile(f"The session {session_id} has no file {name!r}.", code="not_found")
        return found[0]

    def add_export(self, record: SessionExportRecord) -> None:
        """Let an export wait."""
        values = {item.name: getattr(record, item.name) for item in fields(record)}
        with self._database.write_transaction() as connection:
            connection.execute(insert(session_exports).values(**values))

    def exports(self, session_id: str) -> list[SessionExportRecord]:
        """Return the exports of a session that were asked for, oldest first."""
        return self._exports(session_exports.c.session_id == session_id)

    def claim_export(self, worker: Process) -> SessionExportRecord | None:
        """Take the export that has waited longest; None when none waits."""
        waiting = self._exports(session_exports.c.state == "queued")
        for record in waiting:
            which = (session_exports.c.id == record.id, session_exports.c.state == "queued")
            with self._database.write_transaction() as connection:
                now = self._database.now(connection)
                values = {"state": "exporting", "worker": worker.as_dict(), "worker_seen_at": now}
                if connection.execute(update(session_exports).where(*which).values(**values)).rowcount:
                    return self._exports(session_exports.c.id == record.id)[0]
        return None

    def finish_export(
        self, export_id: str, state: str, *, files: Sequence[SessionFileRecord] = (), **values: Any
    ) -> bool:
        """Finish an export together with its files; False, and nothing is written, when nobody works on it."""
        which = (session_exports.c.id == export_id, session_exports.c.state == "exporting")
        with self._database.write_transaction() as connection:
            ended = {"state": state, "finished_at": self._database.now(connection), "worker": None}
            statement = update(session_exports).where(*which).values(**ended, secrets_encrypted={}, **values)
            if not connection.execute(statement).rowcount:
                return False
            insert_files(connection, files)
        return True

    def interrupt_dead_exports(self, sentence: str, timeout_seconds: float) -> list[str]:
        """Fail the exports whose worker is gone; return their ids."""
        gone = []
        for record in self._exports(session_exports.c.state == "exporting"):
            with self._database.read_transaction() as connection:
                silent = self._database.now(connection) - (record.worker_seen_at or record.created_at)
            worker = Process.parse(dict(record.worker)) if record.worker else None
            is_late = silent > timedelta(seconds=timeout_seconds) and not (worker and worker.is_alive())
            if (worker is None or worker.is_dead() or is_late) and self.finish_export(
                record.id, "failed", error=sentence, error_code="interrupted"
            ):
                gone.append(record.id)
        return gone

    def show_life(self, export_id: str, worker: Process) -> None:
        """Note which process works on an export, and that it lives."""
        with self._database.write_transaction(fleeting=True) as connection:
            values = {"worker": worker.as_dict(), "worker_seen_at": self._database.now(connection)}
            connection.execute(update(session_exports).where(session_exports.c.id == export_id).values(**values))

    def _files(self, *where: Any) -> list[SessionFileRecord]:
        columns = [session_files.c[item.name] for item in fields(SessionFileRecord)]
        with self._database.read_transaction() as connection:
            rows = connection.execute(select(*columns).where(*where).order_by(session_files.c.name))
            return [SessionFileRecord(*row) for row in rows]

    def _exports(self, *where: Any) -> list[SessionExportRecord]:
        columns = [session_exports.c[item.name] for item in fields(SessionExportRecord)]
        query = select(*columns).where(*where).order_by(session_exports.c.created_at, session_exports.c.id)
        with self._database.read_transaction() as connection:
            return [SessionExportRecord(*row) for row in connection.execute(query)]


def insert_files(connection: Connection, files: Sequence[SessionFileRecord]) -> None:
    """Write the rows of files."""
    rows = [{item.name: getattr(file, item.name) for item in fields(file)} for file in files]
    if rows:
        connection.execute(insert(session_files), rows)
