"""At most one sync per endpoint, one run per replication: a lease row with a heartbeat and a fencing token."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, Update, bindparam, null, select, text, update

from filesync_dagster.core.errors import LeaseLost, StorageError, SyncInProgress
from filesync_dagster.storage.database.column_types import UtcDateTime
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.records import LeaseRecord
from filesync_dagster.storage.database.tables import endpoints, leases, replication_leases, replications

HEARTBEAT_TIMES_PER_TERM = 3
"""Heartbeats in the life of a lease: two may be lost."""

MAINTENANCE = "maintenance"
"""The purpose that is waited for: it takes seconds, and is no sync that would be the sync of record."""

DATABASE_OUTAGE_SECONDS = 300.0
"""Seconds to wait for that."""


_alive: set[tuple[str, str, int, int]] = set()
"""Leases that somebody in this process holds: by database, table, endpoint and token."""


@dataclass(frozen=True)
class LeaseSubject:
    """What leases are the right to: where they are kept, and what people call it."""

    table: Table
    key: Column[int]
    owners: Table
    noun: str  # what has the lease
    work: str  # what its holder does


ENDPOINT = LeaseSubject(leases, leases.c.endpoint_id, endpoints, "endpoint", "sync")
REPLICATION = LeaseSubject(
    replication_leases, replication_leases.c.replication_id, replications, "replication", "replication"
)


class _Maintained(SyncInProgress):
    """Maintenance holds the lease."""


class Lease:
    """The right to sync one endpoint (or to run one replication), kept alive by a thread until released.

    A holder that was paused for too long may have lost it without knowing: `check` tells before work is wasted,
    and no transaction fenced by the token commits.
    """

    def __init__(
        self,
        database: Database,
        endpoint_id: int,
        endpoint: str,
        token: int,
        seconds: float,
        *,
        after_crash: bool,
        subject: LeaseSubject = ENDPOINT,
    ) -> None:
        self.after_crash = after_crash  # the holder before never gave it back
        self.endpoint_id = endpoint_id
        self.endpoint = endpoint
        self.token = token
        self.seconds = seconds
        self.checks = 0  # how often its holder came to a place from which it goes on
        self._database = database
        self._subject = subject
        self._renewed = time.monotonic()
        self._lost = threading.Event()
        self._released = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"lease-{endpoint_id}", daemon=True)
        self._heart.start()

    def check(self) -> None:
        """Raise LeaseLost if another sync took over. Costs nothing while the heartbeat is well.

        Raises DatabaseError when the database has been away for the whole term of the lease.
        """
        self.checks += 1
        if not self._lost.is_set() and time.monotonic() - self._renewed > self.seconds:
            self._renew()
        if self._lost.is_set():
            raise _lost(self._subject, self.endpoint)

    def fence(self, connection: Connection) -> None:
        """Renew the lease, and so lock it until this transaction ends: that commits only while the lease is held.

        Raises LeaseLost when another sync has taken over.
        """
        if self._lost.is_set() or not self._write_heartbeat(connection):
            self._lost.set()
            raise _lost(self._subject, self.endpoint)

    def extend(self, connection: Connection) -> None:
        """Renew inside a transaction: heartbeats had to wait for a long one."""
        if self._write_heartbeat(connection):
            self._renewed = time.monotonic()
        else:
            self._lost.set()

    def _write_heartbeat(self, connection: Connection) -> bool:
        """Renew the row; tell whether it is still ours."""
        beat = {
            "heartbeat_at": self._database.moment(),
            "expires_at": self._database.moment(timedelta(seconds=self.seconds)),
        }
        return connection.execute(self._row().values(**beat)).rowcount > 0

    def _row(self) -> Update:
        table = self._subject.table
        return update(table).where(self._subject.key == self.endpoint_id, table.c.token == self.token)

    def revoke(self) -> None:
        """Take the right from whoever still works under it: that commits nothing, and the next sync may begin."""
        self._lost.set()
        self._end(token=self._subject.table.c.token + 1)

    def release(self) -> None:
        """Let the next sync begin. The token stays in the row, so that it never comes again."""
        self._end()

    def _end(self, **values: Any) -> None:
        self._released.set()
        _alive.discard(_key(self._database, self._subject, self.endpoint_id, self.token))
        # A database that is away, or full, cannot be told; the lease then ends by itself, for this process at once.
        with suppress(StorageError), self._database.write_transaction(fleeting=True) as connection:
            connection.execute(self._row().values(holder=null(), expires_at=self._database.moment(), **values))

    def _renew(self) -> None:
        with self._database.write_transaction(fleeting=True) as connection:
            self.extend(connection)

    def _beat(self) -> None:
        while not self._released.wait(self.seconds / HEARTBEAT_TIMES_PER_TERM) and not self._lost.is_set():
            # The next beat tries again; `check` and `fence` find out if it was too late.
            with suppress(StorageError):
                self._renew()


class LeaseRepository:
    """The leases of endpoints, or of replications: at most one sync, or run, of each."""

    def __init__(self, database: Database, subject: LeaseSubject = ENDPOINT) -> None:
        self._database = database
        self._subject = subject

    def current(self) -> list[LeaseRecord]:
        """Leases that are held now, oldest first."""
        table = self._subject.table
        query = _rows(self._subject).where(table.c.holder.is_not(None)).order_by(table.c.acquired_at)
        with self._database.read_transaction() as connection:
            now = self._database.now(connection)
            rows = connection.execute(query)
            return [_record(row) for row in rows if _is_held(self._database, self._subject, row, now)]

    @contextmanager
    def hold(self, endpoint_id: int, *, purpose: str = "sync", seconds: float = 60.0) -> Iterator[Lease]:
        """Hold the right to sync an endpoint; a heartbeat renews it until the block ends.

        Raises SyncInProgress, naming the holder. Taken over at once when it expired `seconds` after the last
        heartbeat, or when its holder was a process of this machine that died, or this one, which is done with it.
        """
        taker = _Taker(self._database, self._subject, endpoint_id, purpose, seconds)
        endpoint, token, after_crash = taker.obtain()
        lease = Lease(
            self._database, endpoint_id, endpoint, token, seconds, after_crash=after_crash, subject=self._subject
        )
        try:
            yield lease
        finally:
            lease.release()


@dataclass(frozen=True)
class _Taker:
    """Whoever wants the lease of an endpoint."""

    database: Database
    subject: LeaseSubject
    endpoint_id: int
    purpose: str
    seconds: float

    def obtain(self) -> tuple[str, int, bool]:
        """Take the lease, as soon as maintenance has given it back should that hold it."""
        deadline = time.monotonic() + DATABASE_OUTAGE_SECONDS
        while True:
            try:
                row = self._look()
                with self.database.write_transaction(fleeting=True) as connection:
                    if row is not None and row.holder is None:
                        token = self._take_free(connection)
                        if token is not None:
                            return row.name, token, False
                    return self._take(connection)
            except _Maintained:
                if self.purpose == MAINTENANCE or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _look(self) -> Row[tuple[object, ...]] | None:
        """Return the lease, if there is one, without a lock: its holder keeps it locked while it commits.

        Raises SyncInProgress when it is held.
        """
        with self.database.read_transaction() as connection:
            row = self._row(connection)
            if row is None or row.holder is None:
                return row
            now = self.database.now(connection)
        if row.heartbeat_at - now > _term(row):
            row = self._date_back(row)
        self._refuse_if_held(row, now)
        return row

    def _date_back(self, row: Row[tuple[object, ...]]) -> Row[tuple[object, ...]] | None:
        """Let a lease end a term from now, and return its row: a clock that was ahead dated its last heartbeat.

        A holder that lives renews it before that; one that died would keep the endpoint until that time comes.
        """
        table = self.subject.table
        same = (self.subject.key == self.endpoint_id, table.c.token == row.token)
        with self.database.write_transaction(fleeting=True) as connection:
            now = self.database.now(connection)
            connection.execute(
                update(table)
                .where(*same, table.c.heartbeat_at == row.heartbeat_at)
                .values(heartbeat_at=now, expires_at=now + _term(row))
            )
            return self._row(connection)

    def _take(self, connection: Connection) -> tuple[str, int, bool]:
        now = self.database.now(connection)
        self._ensure_row(connection, now)
        row = self._row(connection, lock=True)
        assert row is not None
        self._refuse_if_held(row, now)
        token = int(row.token) + 1
        values = _holding(self.database, self.purpose, self.seconds)
        ours = update(self.subject.table).where(self.subject.key == self.endpoint_id)
        connection.execute(ours.values(token=token, **values))
        self._note_alive(token)
        return row.name, token, row.holder is not None

    def _take_free(self, connection: Connection) -> int | None:
        """Take a lease that nobody holds; return its token. None: somebody was quicker."""
        table = self.subject.table
        free = update(table).where(self.subject.key == self.endpoint_id, table.c.holder.is_(None))
        values = {"token": table.c.token + 1, **_holding(self.database, self.purpose, self.seconds)}
        token: int | None = connection.execute(free.values(**values).returning(table.c.token)).scalar()
        if token is not None:
            self._note_alive(token)
        return token

    def _note_alive(self, token: int) -> None:
        """Note that this process holds it: before anybody can see the row."""
        _alive.add(_key(self.database, self.subject, self.endpoint_id, token))

    def _ensure_row(self, connection: Connection, now: datetime) -> None:
        key = self.subject.key.name
        statement = text(
            f"INSERT INTO {self.subject.table.name} ({key}, token, purpose, acquired_at, heartbeat_at, expires_at)"
            f" VALUES (:id, 0, '', :now, :now, :now) ON CONFLICT ({key}) DO NOTHING",
        ).bindparams(bindparam("now", now, UtcDateTime))
        connection.execute(statement, {"id": self.endpoint_id})

    def _row(self, connection: Connection, *, lock: bool = False) -> Row[tuple[object, ...]] | None:
        query = _rows(self.subject).where(self.subject.key == self.endpoint_id)
        return connection.execute(query.with_for_update(of=self.subject.table) if lock else query).one_or_none()

    def _refuse_if_held(self, row: Row[tuple[object, ...]] | None, now: datetime) -> None:
        if row is None or not _is_held(self.database, self.subject, row, now):
            return
        lease = _record(row)
        raise (_Maintained if lease.purpose == MAINTENANCE else SyncInProgress)(
            f"{self.subject.noun.capitalize()} {lease.endpoint} is busy: a {lease.purpose} by process {lease.pid}"
            f" on {lease.host} has been running since {lease.acquired_at:%Y-%m-%d %H:%M:%S} UTC.",
            hint=f"Try again when it is done; should it have died, its lease ends at {lease.expires_at:%H:%M:%S} UTC.",
        )


def _rows(subject: LeaseSubject) -> Select[Any]:
    """Return the query of leases, each with the name of what has it."""
    names = subject.owners.c
    return select(subject.table, subject.key.label("owner_id"), names.name).join(
        subject.owners, names.id == subject.key
    )


def _term(row: Row[tuple[object, ...]]) -> timedelta:
    """Return how long a lease lasts after a heartbeat."""
    term: timedelta = row.expires_at - row.heartbeat_at
    return max(term, timedelta(0))


def _holding(database: Database, purpose: str, seconds: float) -> dict[str, Any]:
    """Return what a lease says of this process as its holder."""
    return {
        "holder": Process.current().as_dict(),
        "purpose": purpose,
        "acquired_at": database.moment(),
        "heartbeat_at": database.moment(),
        "expires_at": database.moment(timedelta(seconds=seconds)),
    }


def _is_held(database: Database, subject: LeaseSubject, row: Row[tuple[object, ...]], now: datetime) -> bool:
    if row.holder is None or row.expires_at <= now:
        return False
    holder = Process.parse(row.holder)
    is_ours = holder.boot and holder == Process.current()
    return _key(database, subject, row.owner_id, row.token) in _alive if is_ours else not holder.is_dead()


def _key(database: Database, subject: LeaseSubject, endpoint_id: int, token: int) -> tuple[str, str, int, int]:
    where = str(Path(database.where).resolve()) if database.is_sqlite else database.where
    return where, subject.table.name, endpoint_id, token


def _record(row: Row[tuple[object, ...]]) -> LeaseRecord:
    holder = Process.parse(row.holder)
    return LeaseRecord(
        endpoint=row.name,
        endpoint_id=row.owner_id,
        token=row.token,
        host=holder.host,
        pid=holder.pid,
        purpose=row.purpose,
        acquired_at=row.acquired_at,
        heartbeat_at=row.heartbeat_at,
        expires_at=row.expires_at,
    )


def _lost(subject: LeaseSubject, endpoint: str) -> LeaseLost:
    return LeaseLost(
        f"This {subject.work} of {subject.noun} {endpoint} lost its lease to another one and commits nothing.",
        hint=f"Nothing is lost: the other {subject.work} goes on.",
    )
