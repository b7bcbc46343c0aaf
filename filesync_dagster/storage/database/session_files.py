"""Files of sessions: what a generation made, and what it was exported to since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.data_tables import session_exports, session_files
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.session_limits import be_alone, require_queue

EXPORTING = ("exporting", "committing")
"""States of an export that is worked on. One that is committing is cancelled no more: its rows are on their way."""


class UnknownSessionFile(TableError):
    """A session has no such file."""


class UnknownExport(TableError):
    """A session has no such export."""


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
    state: str  # queued | exporting | committing | completed | failed | cancelled
    owner: str
    created_at: datetime
    secrets_encrypted: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    error: str | None = None
    error_code: str | None = None
    worker: Mapping[str, Any] | None = None
    worker_seen_at: datetime | None = None
    finished_at: datetime | None = None
    target: Mapping[str, Any] | None = None
    written: Mapping[str, int] | None = None
    cancel_asked_at: datetime | None = None


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

    def add_export(self, record: SessionExportRecord, *, queued_max: int) -> None:
        """Let an export wait. Raises LimitReached (`too_many_queued`)."""
        values = {item.name: getattr(record, item.name) for item in fields(record)}
        waiting = select(func.count()).select_from(session_exports).where(session_exports.c.state == "queued")
        with self._database.write_transaction() as connection:
            be_alone(self._database, connection)
            require_queue(int(connection.execute(waiting).scalar_one()), queued_max, "exports")
            connection.execute(insert(session_exports).values(**values))

    def exports(self, session_id: str) -> list[SessionExportRecord]:
        """Return the exports of a session that were asked for, oldest first."""
        return self._exports(session_exports.c.session_id == session_id)

    def export(self, session_id: str, export_id: str) -> SessionExportRecord:
        """Return an export of a session. Raises UnknownExport."""
        found = self._exports(session_exports.c.session_id == session_id, session_exports.c.id == export_id)
        if not found:
            raise UnknownExport(f"The session {session_id} has no export {export_id!r}.", code="not_found")
        return found[0]

    def ask_cancel_export(self, session_id: str, export_id: str) -> SessionExportRecord:
        """Cancel an export: at once when it waits, else its worker is asked to. Raises UnknownExport."""
        column, one = session_exports.c, session_exports.c.id == export_id
        self.export(session_id, export_id)
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            ended = {"state": "cancelled", "finished_at": now, "cancel_asked_at": now, "secrets_encrypted": {}}
            waits = update(session_exports).where(one, column.state == "queued")
            if not connection.execute(waits.values(**ended)).rowcount:
                works = (one, column.state == "exporting", column.cancel_asked_at.is_(None))
                connection.execute(update(session_exports).where(*works).values(cancel_asked_at=now))
        return self.export(session_id, export_id)

    def may_commit_export(self, export_id: str) -> bool:
        """Tell whether an export may be made final; from then on nobody cancels it."""
        column = session_exports.c
        which = (column.id == export_id, column.state == "exporting", column.cancel_asked_at.is_(None))
        with self._database.write_transaction() as connection:
            statement = update(session_exports).where(*which).values(state="committing")
            return connection.execute(statement).rowcount > 0

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
        """Finish an export together with its files; False, and nothing is written, when nobody works on it.

        One that was cancelled is not completed.
        """
        which = [session_exports.c.id == export_id, session_exports.c.state.in_(EXPORTING)]
        if state == "completed":
            which.append(session_exports.c.cancel_asked_at.is_(None))
        with self._database.write_transaction() as connection:
            ended = {"state": state, "finished_at": self._database.now(connection), "worker": None}
            statement = update(session_exports).where(*which).values(**ended, secrets_encrypted={}, **values)
            if not connection.execute(statement).rowcount:
                return False
            insert_files(connection, files)
        return True

    def interrupt_dead_exports(self, sentence: str, timeout_seconds: float) -> list[str]:
        """Fail the exports whose worker is gone, cancel those that were to be; return their ids."""
        gone = []
        for record in self._exports(session_exports.c.state.in_(EXPORTING)):
            with self._database.read_transaction() as connection:
                silent = self._database.now(connection) - (record.worker_seen_at or record.created_at)
            worker = Process.parse(dict(record.worker)) if record.worker else None
            is_late = silent > timedelta(seconds=timeout_seconds) and not (worker and worker.is_alive())
            if (worker is None or worker.is_dead() or is_late) and self.end_export(record, sentence, "interrupted"):
                gone.append(record.id)
        return gone

    def end_export(self, record: SessionExportRecord, sentence: str, code: str) -> bool:
        """End an export whose worker did not: as cancelled where somebody asked for that, else as failed."""
        if record.cancel_asked_at is not None:
            return self.finish_export(record.id, "cancelled")
        if record.state == "committing" and record.target is not None:
            schema = record.target.get("schema")
            sentence = f"{sentence} Whether its rows are in the database is not known: look for the schema {schema}."
        return self.finish_export(record.id, "failed", error=sentence, error_code=code)

    def show_life(self, export_id: str, worker: Process) -> bool:
        """Note which process works on an export, and that it lives; tell whether it is to go on."""
        which = (session_exports.c.id == export_id, session_exports.c.state.in_(EXPORTING))
        with self._database.write_transaction(fleeting=True) as connection:
            values = {"worker": worker.as_dict(), "worker_seen_at": self._database.now(connection)}
            beat = update(session_exports).where(*which).values(**values)
            row = connection.execute(beat.returning(session_exports.c.cancel_asked_at)).one_or_none()
            return row is not None and row[0] is None

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
