"""Connections and transactions, the same on SQLite and PostgreSQL."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, DateTime, create_engine, event, func, literal, select
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from filesync_dagster.core import clock
from filesync_dagster.core.errors import DatabaseLocked, DatabaseUnavailable
from filesync_dagster.storage.database.column_types import UtcDateTime
from filesync_dagster.storage.database.errors import translate_errors

WRITES = "filesync_writes"
"""Execution option of a connection whose transaction will write."""


class Database:
    """An engine with our rules of transactions. Safe to share between threads.

    `where` names the database for people. Everything raised is a StorageError of ours.
    """

    def __init__(self, url: str, *, patience: float, private: bool = True) -> None:
        """Connect to nothing yet. `patience` is how many seconds to wait for a lock."""
        parsed = _parse(url)
        self.patience = patience
        self.where = _shown(parsed)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        # SQLite has one writer; waiting in line in this process is fair, its busy handler is not.
        self._turn = threading.Lock()
        with translate_errors(self.where):
            self.engine = (
                _sqlite(parsed, patience, private=private) if self.is_sqlite else _postgresql(parsed, patience)
            )

    @property
    def folder(self) -> Path:
        """The folder of a SQLite database."""
        assert self.is_sqlite
        return Path(self.engine.url.database or "").parent

    @contextmanager
    def read_transaction(self) -> Iterator[Connection]:
        """Open a transaction that reads."""
        with translate_errors(self.where), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write_transaction(self, *, attached: Path | None = None, fleeting: bool = False) -> Iterator[Connection]:
        """Open a transaction that writes; commit at the end, roll back on error.

        On SQLite it holds the write lock from the start, so that what it reads stays true until it commits.
        `attached` is another SQLite file whose tables it can read. What is `fleeting` may be undone by a power cut,
        which ends all who use a SQLite file; so it is not waited for until it is on the disk.
        """
        with translate_errors(self.where), self._line(), self.engine.connect() as connection:
            connection.execution_options(**{WRITES: True})
            quickly = _unsynced(connection, self.is_sqlite and fleeting)
            with _attachment(connection, attached), quickly, connection.begin():
                yield connection

    def now(self, connection: Connection) -> datetime:
        """The time of the database, which all its users share. A SQLite database is used by one machine."""
        if self.is_sqlite:
            return clock.utc_now()
        moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def moment(self, later: timedelta = timedelta(0)) -> ColumnElement[datetime]:
        """Return the same, or so much later, as part of a statement: nobody has to ask for it first."""
        if self.is_sqlite:
            return literal(clock.utc_now() + later, UtcDateTime)
        return func.clock_timestamp(type_=DateTime(timezone=True)) + later

    @contextmanager
    def _line(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=self.patience):
            raise DatabaseLocked(
                f"The metadata database {self.where} was busy for {self.patience:g} seconds.",
                hint="Sync fewer endpoints at once, or use PostgreSQL.",
            )
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        # The cause would show the URL and the password in it.
        raise DatabaseUnavailable(
            "The URL of the metadata database cannot be read.", hint="Write sqlite:///path or postgresql://…"
        ) from None
    if "@" in (parsed.host or ""):  # what is before it is the end of a password
        raise DatabaseUnavailable(
            "The URL of the metadata database has an @ in its user or password.", hint="Write %40 there."
        )
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg2")
    if backend != "sqlite":
        raise DatabaseUnavailable(
            f"A metadata database of type {backend} is not supported.", hint="Write sqlite:///path or postgresql://…"
        )
    if parsed.database in (None, "", ":memory:"):
        raise DatabaseUnavailable(
            "A SQLite metadata database must be a file.", hint="Write sqlite:///path, or sqlite:////absolute/path."
        )
    return parsed


def _shown(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    # Query parameters may hold secrets too; only the host of a socket is worth showing.
    host = url.query.get("host")
    shown = url.set(query={"host": host} if host else {}, drivername="postgresql")
    return shown.render_as_string(hide_password=True)


def _postgresql(url: URL, patience: float) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,  # a server that was restarted costs nothing but a new connection
        pool_size=10,
        max_overflow=-1,
        connect_args={
            "client_encoding": "utf8",
            "connect_timeout": 10,
            "application_name": "filesync",
            "options": f"-c timezone=UTC -c lock_timeout={int(patience * 1000)}",
        },
    )


def _sqlite(url: URL, patience: float, *, private: bool) -> Engine:
    folder = Path(url.database or "").parent
    if "uri" not in url.query and not folder.is_dir():
        raise DatabaseUnavailable(
            f"The metadata database {url.database} cannot be opened: {folder} is not a folder.",
            hint="Create the folder or correct the URL.",
        )
    if private and "uri" not in url.query:
        # One that is there must not be opened here: closing it would let go of the locks that other connections of this
        # process have, and another process would take the log from under them.
        with suppress(OSError):  # what is the matter SQLite says when it opens the file
            os.close(
                os.open(str(url.database), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            )  # those beside take after it
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        hide_parameters=True,
        pool_size=10,
        max_overflow=-1,
        # isolation_level=None: we say BEGIN ourselves, also before DDL.
        connect_args={"timeout": patience, "check_same_thread": False, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    for pragma in (
        "foreign_keys = ON",
        "synchronous = FULL",  # a row that points to a file survives a power cut once the file may be relied on
        "journal_size_limit = 67108864",  # the log of a big commit shrinks again
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")


@contextmanager
def _attachment(connection: Connection, path: Path | None) -> Iterator[None]:
    if path is None:
        yield
        return
    # ATTACH works outside of a transaction only, so it goes past SQLAlchemy, which would begin one.
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("ATTACH DATABASE ? AS incoming", (str(path),))
    raw.execute("PRAGMA main.cache_size = -65536")  # KiB: a bulk write updates indexes all over the place
    try:
        yield
    finally:
        raw.execute("PRAGMA main.cache_size = -2048")
        raw.execute("PRAGMA shrink_memory")
        raw.execute("DETACH DATABASE incoming")


@contextmanager
def _unsynced(connection: Connection, is_wanted: bool) -> Iterator[None]:
    if not is_wanted:
        yield
        return
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        raw.execute("PRAGMA synchronous = FULL")


def use_write_ahead_log(database: Database) -> None:
    """Switch a SQLite file to WAL, once for all its users; readers then never wait for a writer."""
    deadline = time.monotonic() + database.patience
    with translate_errors(database.where):
        while True:
            raw = database.engine.raw_connection()
            try:
                cursor = raw.cursor()
                if cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",):
                    return
                cursor.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # The busy handler is not asked while several processes create the file at once.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            finally:
                raw.close()
