"""Generations of synthetic data, and comparisons of two data sets: asked for, worked on by one process, finished.

Who works on a session says so in its row, and changes it only while the row says the same: a worker that was given up
cannot finish what another state was written for.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, tuple_, update

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.data_tables import audit_log, session_exports, session_files, sessions
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.session_files import SessionFileRecord, insert_files
from filesync_dagster.storage.database.session_limits import TooManySessions, be_alone, require_queue

STARTED = "session.started"
"""What the audit log calls it that somebody asked for a generation."""

RUNNING = ("reading", "fitting", "generating", "checking", "exporting")
"""States of a session that a process works on, in their order."""

UNFINISHED = ("queued", *RUNNING)

FINISHED = ("completed", "failed", "cancelled")

GENERATION, COMPARISON = "generation", "comparison"
"""Kinds of sessions: they wait in one queue."""

INTERRUPTED = "interrupted"
"""The code of a session whose process ended before it did."""

WORKER_TIMEOUT_SECONDS = 60.0
"""Without a sign of life for so long, a worker of another machine counts as dead."""


class UnknownSession(TableError):
    """There is no session of this id."""


class SessionConflict(TableError):
    """A session is in a state in which this cannot be done."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session. `inputs` names what it reads and what has to stay as long as it does: "table:…", "upload:…"."""

    id: str
    state: str
    request: Mapping[str, Any]
    engine: str
    owner: str
    request_digest: str
    created_at: datetime
    secrets_encrypted: Mapping[str, str] = field(default_factory=dict)
    progress: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 1
    seed: int | None = None
    engine_version: str | None = None
    input_hashes: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[str] = ()
    report_uri: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[Mapping[str, Any]] = ()
    error: str | None = None
    error_code: str | None = None
    error_hint: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    pinned: bool = False
    cancel_asked_at: datetime | None = None
    worker: Mapping[str, Any] | None = None
    worker_seen_at: datetime | None = None
    run_id: str | None = None
    idempotency_key: str | None = None
    kind: str = GENERATION

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINISHED


class SessionRepository:
    """See the module's docstring."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: SessionRecord, *, queued_max: int, recent_max: int | None = None) -> SessionRecord:
        """Let a session wait; return it, or the one that the same owner asked for with the same idempotency key.

        `recent_max`: how many one owner may ask for in an hour. Raises LimitReached (`too_many_queued`,
        `too_many_recent`), SessionConflict when the key was used for another request.
        """
        with self._database.write_transaction() as connection:
            be_alone(self._database, connection)
            known = _same_key(connection, record)
            if known is not None:
                return known
            _require_room(connection, self._database.now(connection), record.owner, queued_max, recent_max)
            now = self._database.now(connection)
            values = {**{item.name: getattr(record, item.name) for item in fields(record)}, "created_at": now}
            connection.execute(insert(sessions).values(**values))
            return SessionRecord(**values)

    def find(self, session_id: str) -> SessionRecord | None:
        """Return a session by its id, or None."""
        found = self._records(sessions.c.id == session_id)
        return found[0] if found else None

    def get(self, session_id: str) -> SessionRecord:
        """Return a session by its id. Raises UnknownSession."""
        found = self.find(session_id)
        if found is None:
            raise UnknownSession(f"There is no session {session_id!r}.", hint="It may have expired.", code="not_found")
        return found

    def page(
        self,
        *,
        states: Collection[str] | None = None,
        limit: int = 100,
        before: tuple[datetime, str] | None = None,
    ) -> list[SessionRecord]:
        """Return generations, newest first: those behind one that was created then and has that id."""
        place = (sessions.c.created_at, sessions.c.id)
        query = select(*_columns()).where(sessions.c.kind == GENERATION)
        if states is not None:
            query = query.where(sessions.c.state.in_(states))
        if before is not None:
            query = query.where(tuple_(*place) < tuple_(*before))
        with self._database.read_transaction() as connection:
            rows = connection.execute(query.order_by(*(column.desc() for column in place)).limit(limit))
            return [SessionRecord(*row) for row in rows]

    def find_completed(self, request_digest: str) -> SessionRecord | None:
        """Return the newest session that was completed of a request, or None."""
        found = self._records(sessions.c.request_digest == request_digest, sessions.c.state == "completed")
        return found[-1] if found else None

    def last_by_owner(self, owners: Collection[str]) -> dict[str, SessionRecord]:
        """Return the session that each owner asked for last."""
        column = sessions.c
        newest = select(column.owner, func.max(column.created_at).label("at")).where(column.owner.in_(owners))
        last = newest.group_by(column.owner).subquery()
        query = select(*_columns()).join(last, (column.owner == last.c.owner) & (column.created_at == last.c.at))
        with self._database.read_transaction() as connection:
            return {record.owner: record for record in (SessionRecord(*row) for row in connection.execute(query))}

    def find_unfinished(self) -> list[SessionRecord]:
        """Return what waits or is worked on, oldest first."""
        return self._records(sessions.c.state.in_(UNFINISHED))

    def claim(self, worker: Process, *, running_max: int) -> SessionRecord | None:
        """Take the session that has waited longest; None when none waits, or enough are worked on."""
        waiting = select(*_columns()).where(sessions.c.state == "queued")
        oldest = waiting.order_by(sessions.c.created_at, sessions.c.id).limit(1)
        with self._database.read_transaction() as connection:
            if connection.execute(oldest).first() is None:
                return None  # most looks: nobody waits for the lock
        with self._database.write_transaction() as connection:
            be_alone(self._database, connection)
            if _count(connection, sessions.c.state.in_(RUNNING)) >= running_max:
                return None
            row = connection.execute(oldest).first()
            if row is None:
                return None
            record = SessionRecord(*row)
            now = self._database.now(connection)
            values = {"state": "reading", "worker": worker.as_dict(), "worker_seen_at": now, "started_at": now}
            _change(connection, sessions.c.id == record.id, **values)
        return self.get(record.id)

    def begin(self, session_id: str, worker: Process) -> SessionRecord:
        """Take one session that waits, whatever else is worked on. Raises UnknownSession, SessionConflict."""
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            values = {"state": "reading", "worker": worker.as_dict(), "worker_seen_at": now, "started_at": now}
            waits = (sessions.c.id == session_id, sessions.c.state == "queued")
            taken = _change(connection, *waits, **values)
        record = self.get(session_id)
        if not taken:
            raise SessionConflict(f"The session {session_id} is {record.state}, and waits no more.", code="not_queued")
        return record

    def hand_over(self, session_id: str, worker: Process, to: Process) -> bool:
        """Note that another process works on a session; False when it is not worked on by `worker`."""
        with self._database.write_transaction(fleeting=True) as connection:
            seen_at = self._database.now(connection)
            return _change(connection, *_ours(session_id, worker), worker=to.as_dict(), worker_seen_at=seen_at)

    def note(self, session_id: str, worker: Process, **values: Any) -> bool:
        """Note how far a worker came: `state`, `progress`, `warnings`, `seed`, …; False when it is not its any more."""
        with self._database.write_transaction(fleeting=True) as connection:
            seen_at = self._database.now(connection)
            return _change(connection, *_ours(session_id, worker), **{"worker_seen_at": seen_at, **values})

    def show_life(self, session_id: str, worker: Process) -> bool:
        """Note that a worker lives, and tell whether it is to go on: the session is its, and nobody cancelled it."""
        with self._database.write_transaction(fleeting=True) as connection:
            seen_at = self._database.now(connection)
            beat = update(sessions).where(*_ours(session_id, worker)).values(worker_seen_at=seen_at)
            row = connection.execute(beat.returning(sessions.c.cancel_asked_at)).one_or_none()
            return row is not None and row[0] is None

    def finish(
        self,
        session_id: str,
        worker: Process,
        state: str,
        *,
        keep: timedelta,
        files: Sequence[SessionFileRecord] = (),
        **values: Any,
    ) -> bool:
        """Finish a session together with its files; False, and nothing is written, when it is the worker's no more.

        The files are there under their final names before this is called. One that was cancelled is not completed.
        """
        ours = _ours(session_id, worker)
        if state == "completed":
            ours = (*ours, sessions.c.cancel_asked_at.is_(None))
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            ended = {"state": state, "finished_at": now, "expires_at": now + keep, "worker": None}
            if not _change(connection, *ours, **ended, secrets_encrypted={}, **values):
                return False
            insert_files(connection, files)
        return True

    def ask_cancel(self, session_id: str, *, keep: timedelta) -> SessionRecord:
        """Cancel a session: at once when it waits, else its worker is asked to. Raises UnknownSession."""
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            ended = {"state": "cancelled", "finished_at": now, "expires_at": now + keep, "secrets_encrypted": {}}
            waits = (sessions.c.id == session_id, sessions.c.state == "queued")
            if not _change(connection, *waits, cancel_asked_at=now, **ended):
                works = (sessions.c.id == session_id, sessions.c.state.in_(RUNNING))
                _change(connection, *works, sessions.c.cancel_asked_at.is_(None), cancel_asked_at=now)
        return self.get(session_id)

    def interrupt_dead(self, *, keep: timedelta, sentence: str, hint: str) -> list[str]:
        """Fail the sessions whose worker is gone; cancel those that were to be. Return their ids.

        A worker of this machine is gone when its process is; one of another machine when it gave no sign of life for
        WORKER_TIMEOUT_SECONDS.
        """
        gone = []
        for record in self._records(sessions.c.state.in_(RUNNING)):
            if self._is_alive(record):
                continue
            with self._database.write_transaction() as connection:
                now = self._database.now(connection)
                ended: dict[str, Any] = {"finished_at": now, "expires_at": now + keep, "worker": None}
                failed = {"state": "failed", "error": sentence, "error_code": INTERRUPTED, "error_hint": hint}
                how = {"state": "cancelled"} if record.cancel_asked_at else failed
                same = (sessions.c.id == record.id, sessions.c.revision == record.revision)
                if _change(connection, *same, sessions.c.state.in_(RUNNING), **ended, **how, secrets_encrypted={}):
                    gone.append(record.id)
        return gone

    def _is_alive(self, record: SessionRecord) -> bool:
        if record.worker is None:
            return False
        worker = Process.parse(dict(record.worker))
        if worker.is_dead() or worker.is_alive():
            return worker.is_alive()
        with self._database.read_transaction() as connection:
            now = self._database.now(connection)
        seen_at = record.worker_seen_at or record.created_at
        return now - seen_at < timedelta(seconds=WORKER_TIMEOUT_SECONDS)

    def pin(self, session_id: str, *, pinned: bool) -> SessionRecord:
        """Keep a session beyond its time, or let it go in time. Raises UnknownSession."""
        with self._database.write_transaction() as connection:
            connection.execute(update(sessions).where(sessions.c.id == session_id).values(pinned=pinned))
        return self.get(session_id)

    def find_expired(self, now: datetime) -> list[SessionRecord]:
        """Return finished sessions past their time that nobody pinned."""
        return self._records(sessions.c.expires_at < now, sessions.c.pinned.is_(False))

    def remove(self, session_id: str) -> bool:
        """Forget a finished session with its files; False when there is none. Raises SessionConflict while it runs."""
        with self._database.write_transaction() as connection:
            row = connection.execute(select(sessions.c.state).where(sessions.c.id == session_id)).one_or_none()
            if row is None:
                return False
            if row.state not in FINISHED:
                raise SessionConflict(
                    f"The session {session_id} is {row.state}.", hint="Cancel it first.", code="unfinished"
                )
            for table in (session_files, session_exports):
                connection.execute(delete(table).where(table.c.session_id == session_id))
            finished = (sessions.c.id == session_id, sessions.c.state.in_(FINISHED))
            return connection.execute(delete(sessions).where(*finished)).rowcount > 0

    def ids(self) -> set[str]:
        """Return the ids of all sessions."""
        with self._database.read_transaction() as connection:
            return set(connection.execute(select(sessions.c.id)).scalars())

    def inputs(self, *, unfinished: bool = False) -> set[str]:
        """Return what sessions read, all of them or those that are not finished."""
        query = select(sessions.c.inputs)
        if unfinished:
            query = query.where(sessions.c.state.in_(UNFINISHED))
        with self._database.read_transaction() as connection:
            return {one for some in connection.execute(query).scalars() for one in some}

    def counts(self) -> dict[str, int]:
        """Return how many generations there are in each state."""
        query = select(sessions.c.state, func.count()).where(sessions.c.kind == GENERATION).group_by(sessions.c.state)
        with self._database.read_transaction() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}

    def _records(self, *where: Any) -> list[SessionRecord]:
        query = select(*_columns()).where(*where).order_by(sessions.c.created_at, sessions.c.id)
        with self._database.read_transaction() as connection:
            return [SessionRecord(*row) for row in connection.execute(query)]


def _columns() -> list[Any]:
    return [sessions.c[item.name] for item in fields(SessionRecord)]


def _ours(session_id: str, worker: Process) -> tuple[Any, ...]:
    """Match a session that a worker works on. A process is told by its pid and start; JSON compares as text."""
    column = sessions.c
    pid, started = column.worker["pid"].as_integer(), column.worker["started"].as_string()
    host = column.worker["host"].as_string() == worker.host
    return column.id == session_id, column.state.in_(RUNNING), pid == worker.pid, started == worker.started, host


def _change(connection: Connection, *where: Any, **values: Any) -> bool:
    """Change a session, so that whoever watches it sees that; tell whether there was one to change."""
    statement = update(sessions).where(*where).values(revision=sessions.c.revision + 1, **values)
    return connection.execute(statement).rowcount > 0


def _count(connection: Connection, *where: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(sessions).where(*where)).scalar_one())


def _same_key(connection: Connection, record: SessionRecord) -> SessionRecord | None:
    """Return what was asked for with the same key before. Raises SessionConflict when that was something else."""
    if record.idempotency_key is None:
        return None
    same = (sessions.c.owner == record.owner, sessions.c.idempotency_key == record.idempotency_key)
    row = connection.execute(select(*_columns()).where(*same)).one_or_none()
    if row is None:
        return None
    known = SessionRecord(*row)
    if known.request_digest != record.request_digest:
        raise SessionConflict(
            "The idempotency key was used for another request.",
            hint="Use a new key for each request, and the same one to repeat it.",
            code="idempotency_key",
            field="Idempotency-Key",
        )
    return known


def _require_room(connection: Connection, now: datetime, owner: str, queued_max: int, recent_max: int | None) -> None:
    require_queue(_count(connection, sessions.c.state == "queued"), queued_max, "generations")
    if recent_max is None:
        return
    moments = _recent_moments(connection, now - timedelta(hours=1), owner)
    if len(moments) >= recent_max:
        wait = moments[recent_max - 1] + timedelta(hours=1) - now
        raise TooManySessions(
            f"{recent_max} generations were asked for in the last hour.",
            code="too_many_recent",
            wait_seconds=max(1, round(wait.total_seconds())),
        )


def _recent_moments(connection: Connection, since: datetime, owner: str) -> list[datetime]:
    """Return when somebody asked for generations, newest first: also for those that were forgotten since."""
    there = select(sessions.c.created_at).where(sessions.c.owner == owner, sessions.c.created_at > since)
    log = audit_log.c
    known = select(sessions.c.id).where(sessions.c.id == log.subject)
    noted = (log.what == STARTED, log.who == owner, log.at > since, ~known.exists())
    forgotten = select(func.min(log.at)).where(*noted).group_by(log.subject)
    found = [*connection.execute(there).scalars(), *connection.execute(forgotten).scalars()]
    return sorted(found, reverse=True)
