"""At most one sync per endpoint: a lease row with a heartbeat and a fencing token."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, bindparam, null, select, text, update

from filesync_dagster.core.errors import LeaseLost, StorageError, SyncInProgress
from filesync_dagster.storage.database.column_types import UtcDateTime
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.records import LeaseRecord
from filesync_dagster.storage.database.tables import endpoints, leases

HEARTBEAT_TIMES_PER_TERM = 3
"""Heartbeats in the life of a lease: two may be lost."""

MAINTENANCE = "maintenance"
"""The purpose that is waited for: it takes seconds, and is no sync that would be the sync of record."""

DATABASE_OUTAGE_SECONDS = 300.0
"""Seconds to wait for that."""


_alive: set[tuple[str, int, int]] = set()
"""Leases that somebody in this process holds: by database, endpoint and token."""


class _Maintained(SyncInProgress):
    """Maintenance holds the lease."""


class Lease:
    """The right to sync one endpoint, kept alive by a thread until released.

    A holder that was paused for too long may have lost it without knowing: `check` tells before work is wasted,
    and no transaction fenced by the token commits.
    """

    def __init__(
        self, database: Database, endpoint_id: int, endpoint: str, token: int, seconds: float, *, after_crash: bool
    ) -> None:
        self.after_crash = after_crash  # the holder before never gave it back
        self.endpoint_id = endpoint_id
        self.endpoint = endpoint
        self.token = token
        self.seconds = seconds
        self.checks = 0  # how often its holder came to a place from which it goes on
        self._database = database
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
            raise _lost(self.endpoint)

    def fence(self, connection: Connection) -> None:
        """Renew the lease, and so lock it until this transaction ends: that commits only while the lease is held.

        Raises LeaseLost when another sync has taken over.
        """
        if self._lost.is_set() or not self._write_heartbeat(connection):
            self._lost.set()
            raise _lost(self.endpoint)

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
        ours = update(leases).where(leases.c.endpoint_id == self.endpoint_id, leases.c.token == self.token)
        return connection.execute(ours.values(**beat)).rowcount > 0

    def revoke(self) -> None:
        """Take the right from whoever still works under it: that commits nothing, and the next sync may begin."""
        self._lost.set()
        self._end(token=leases.c.token + 1)

    def release(self) -> None:
        """Let the next sync begin. The token stays in the row, so that it never comes again."""
        self._end()

    def _end(self, **values: Any) -> None:
        self._released.set()
        _alive.discard(_key(self._database, self.endpoint_id, self.token))
        # A database that is away, or full, cannot be told; the lease then ends by itself, for this process at once.
        with suppress(StorageError), self._database.write_transaction(fleeting=True) as connection:
            connection.execute(
                update(leases)
                .where(leases.c.endpoint_id == self.endpoint_id, leases.c.token == self.token)
                .values(holder=null(), expires_at=self._database.moment(), **values),
            )

    def _renew(self) -> None:
        with self._database.write_transaction(fleeting=True) as connection:
            self.extend(connection)

    def _beat(self) -> None:
        while not self._released.wait(self.seconds / HEARTBEAT_TIMES_PER_TERM) and not self._lost.is_set():
            # The next beat tries again; `check` and `fence` find out if it was too late.
            with suppress(StorageError):
                self._renew()


class LeaseRepository:
    """The leases of endpoints: at most one sync of each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> list[LeaseRecord]:
        """Leases that are held now, oldest first."""
        query = (
            select(leases, endpoints.c.name)
            .join(endpoints, endpoints.c.id == leases.c.endpoint_id)
            .where(leases.c.holder.is_not(None))
            .order_by(leases.c.acquired_at)
        )
        with self._database.read_transaction() as connection:
            now = self._database.now(connection)
            return [_record(row) for row in connection.execute(query) if _is_held(self._database, row, now)]

    @contextmanager
    def hold(self, endpoint_id: int, *, purpose: str = "sync", seconds: float = 60.0) -> Iterator[Lease]:
        """Hold the right to sync an endpoint; a heartbeat renews it until the block ends.

        Raises SyncInProgress, naming the holder. Taken over at once when it expired `seconds` after the last
        heartbeat, or when its holder was a process of this machine that died, or this one, which is done with it.
        """
        endpoint, token, after_crash = _obtain(self._database, endpoint_id, purpose, seconds)
        lease = Lease(self._database, endpoint_id, endpoint, token, seconds, after_crash=after_crash)
        try:
            yield lease
        finally:
            lease.release()


def _obtain(database: Database, endpoint_id: int, purpose: str, seconds: float) -> tuple[str, int, bool]:
    """Take the lease, as soon as maintenance has given it back should that hold it."""
    deadline = time.monotonic() + DATABASE_OUTAGE_SECONDS
    while True:
        try:
            row = _look(database, endpoint_id)
            with database.write_transaction(fleeting=True) as connection:
                if row is not None and row.holder is None:
                    token = _take_free(database, connection, endpoint_id, purpose, seconds)
                    if token is not None:
                        return row.name, token, False
                return _take(database, connection, endpoint_id, purpose, seconds)
        except _Maintained:
            if purpose == MAINTENANCE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _look(database: Database, endpoint_id: int) -> Row[tuple[object, ...]] | None:
    """Return the lease, if there is one, without a lock: its holder keeps it locked while it commits.

    Raises SyncInProgress when it is held.
    """
    with database.read_transaction() as connection:
        row = _row(connection, endpoint_id)
        if row is None or row.holder is None:
            return row
        now = database.now(connection)
    if row.heartbeat_at - now > _term(row):
        row = _date_back(database, row)
    _refuse_if_held(database, row, now)
    return row


def _date_back(database: Database, row: Row[tuple[object, ...]]) -> Row[tuple[object, ...]] | None:
    """Let a lease end a term from now, and return its row: a clock that was ahead dated its last heartbeat.

    A holder that lives renews it before that; one that died would keep the endpoint until that time comes.
    """
    same = (leases.c.endpoint_id == row.endpoint_id, leases.c.token == row.token)
    with database.write_transaction(fleeting=True) as connection:
        now = database.now(connection)
        connection.execute(
            update(leases)
            .where(*same, leases.c.heartbeat_at == row.heartbeat_at)
            .values(heartbeat_at=now, expires_at=now + _term(row))
        )
        return _row(connection, int(row.endpoint_id))


def _term(row: Row[tuple[object, ...]]) -> timedelta:
    """Return how long a lease lasts after a heartbeat."""
    term: timedelta = row.expires_at - row.heartbeat_at
    return max(term, timedelta(0))


def _take(
    database: Database, connection: Connection, endpoint_id: int, purpose: str, seconds: float
) -> tuple[str, int, bool]:
    now = database.now(connection)
    _ensure_row(connection, endpoint_id, now)
    row = _row(connection, endpoint_id, lock=True)
    assert row is not None
    _refuse_if_held(database, row, now)
    token = int(row.token) + 1
    values = _holding(database, purpose, seconds)
    connection.execute(update(leases).where(leases.c.endpoint_id == endpoint_id).values(token=token, **values))
    _alive.add(_key(database, endpoint_id, token))  # before anybody can see the row
    return row.name, token, row.holder is not None


def _take_free(
    database: Database, connection: Connection, endpoint_id: int, purpose: str, seconds: float
) -> int | None:
    """Take a lease that nobody holds; return its token. None: somebody was quicker."""
    free = update(leases).where(leases.c.endpoint_id == endpoint_id, leases.c.holder.is_(None))
    values = {"token": leases.c.token + 1, **_holding(database, purpose, seconds)}
    token: int | None = connection.execute(free.values(**values).returning(leases.c.token)).scalar()
    if token is not None:
        _alive.add(_key(database, endpoint_id, token))  # before anybody can see the row
    return token


def _holding(database: Database, purpose: str, seconds: float) -> dict[str, Any]:
    """Return what a lease says of this process as its holder."""
    return {
        "holder": Process.current().as_dict(),
        "purpose": purpose,
        "acquired_at": database.moment(),
        "heartbeat_at": database.moment(),
        "expires_at": database.moment(timedelta(seconds=seconds)),
    }


def _ensure_row(connection: Connection, endpoint_id: int, now: datetime) -> None:
    statement = text(
        "INSERT INTO leases (endpoint_id, token, purpose, acquired_at, heartbeat_at, expires_at)"
        " VALUES (:endpoint_id, 0, '', :now, :now, :now) ON CONFLICT (endpoint_id) DO NOTHING",
    ).bindparams(bindparam("now", now, UtcDateTime))
    connection.execute(statement, {"endpoint_id": endpoint_id})


def _row(connection: Connection, endpoint_id: int, *, lock: bool = False) -> Row[tuple[object, ...]] | None:
    query = (
        select(leases, endpoints.c.name)
        .join(endpoints, endpoints.c.id == leases.c.endpoint_id)
        .where(leases.c.endpoint_id == endpoint_id)
    )
    return connection.execute(query.with_for_update(of=leases) if lock else query).one_or_none()


def _is_held(database: Database, row: Row[tuple[object, ...]], now: datetime) -> bool:
    if row.holder is None or row.expires_at <= now:
        return False
    holder = Process.parse(row.holder)
    is_ours = holder.boot and holder == Process.current()
    return _key(database, row.endpoint_id, row.token) in _alive if is_ours else not holder.is_dead()


def _key(database: Database, endpoint_id: int, token: int) -> tuple[str, int, int]:
    return str(Path(database.where).resolve()) if database.is_sqlite else database.where, endpoint_id, token


def _refuse_if_held(database: Database, row: Row[tuple[object, ...]] | None, now: datetime) -> None:
    if row is None or not _is_held(database, row, now):
        return
    lease = _record(row)
    raise (_Maintained if lease.purpose == MAINTENANCE else SyncInProgress)(
        f"Endpoint {lease.endpoint} is busy: a {lease.purpose} by process {lease.pid} on {lease.host}"
        f" has been running since {lease.acquired_at:%Y-%m-%d %H:%M:%S} UTC.",
        hint=f"Try again when it is done; should it have died, its lease ends at {lease.expires_at:%H:%M:%S} UTC.",
    )


def _record(row: Row[tuple[object, ...]]) -> LeaseRecord:
    holder = Process.parse(row.holder)
    return LeaseRecord(
        endpoint=row.name,
        endpoint_id=row.endpoint_id,
        token=row.token,
        host=holder.host,
        pid=holder.pid,
        purpose=row.purpose,
        acquired_at=row.acquired_at,
        heartbeat_at=row.heartbeat_at,
        expires_at=row.expires_at,
    )


def _lost(endpoint: str) -> LeaseLost:
    return LeaseLost(
        f"This sync of endpoint {endpoint} lost its lease to another one and commits nothing.",
        hint="Nothing is lost: the other sync goes on.",
    )
