"""Databases that have filesync's tables already, made once per process and copied; and what they are asked."""

import os
import shutil
import sqlite3
import tempfile
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.util import LRUCache

from filesync_dagster.storage.database import Metadata
from filesync_dagster.storage.database.migrate import HEAD
from filesync_dagster.storage.snapshots.engine import KEPT, Engines, literal


@cache
def sqlite_template() -> Path:
    """Return a SQLite file with the tables and no rows; it goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="filesync-tables-"))
    weakref.finalize(sqlite_template, shutil.rmtree, folder, ignore_errors=True)
    file = folder / "filesync.db"
    with Metadata.open(f"sqlite:///{file}"):
        pass
    return file


@cache
def sqlite_statements() -> tuple[str, ...]:
    """Return what makes the tables in an empty SQLite file, and says that they are the newest."""
    with sqlite3.connect(sqlite_template()) as template:
        ours = "sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        made = template.execute(f"SELECT sql FROM sqlite_master WHERE {ours} ORDER BY rowid").fetchall()
        names = template.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        filled = [name for (name,) in names if template.execute(f'SELECT 1 FROM "{name}"').fetchone()]
        assert filled == ["alembic_version"]
    return (*(sql for (sql,) in made), f"INSERT INTO alembic_version VALUES ('{HEAD}')")


@contextmanager
def recorded_statements() -> Iterator[list[str]]:
    """Yield the statements that any database is asked meanwhile. Beginnings of transactions are not among them."""
    asked: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", record)


@contextmanager
def shared_statements() -> Iterator[None]:
    """Have each statement compiled once per process: every engine would do it again, and each test has engines anew."""
    compile_cached = ClauseElement._compile_w_cache
    known: dict[Any, tuple[Any, LRUCache[Any, Any]]] = {}

    def compile_once(statement: Any, dialect: Any, *, compiled_cache: Any, **others: Any) -> Any:
        if compiled_cache is not None and dialect.server_version_info is not None:
            reading = (dialect._json_serializer, dialect._json_deserializer)
            alike = (type(dialect), dialect.server_version_info, dialect.paramstyle, *reading)
            dialect, compiled_cache = known.setdefault(alike, (dialect, LRUCache(5000)))
        return compile_cached(statement, dialect, compiled_cache=compiled_cache, **others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClauseElement, "_compile_w_cache", compile_once)
        yield


@contextmanager
def shared_engines() -> Iterator[dict[str, Any]]:
    """Have the databases of DuckDB that wait when their engines close lent by the next, set up as if they were new.

    Yields the methods that make and close one where nothing is shared.
    """
    make, close = Engines._make, Engines.close
    waiting: dict[tuple[int, int], list[Any]] = {}  # by process: its threads do not go with one that is forked

    def wait_for_the_next(engines: Engines) -> None:
        kept = waiting.setdefault((os.getpid(), engines._threads), [])
        while engines._idle and len(kept) < KEPT:
            kept.append(engines._idle.pop())
        close(engines)

    def make_or_take(engines: Engines) -> Any:
        try:
            database = waiting[os.getpid(), engines._threads].pop()
        except (KeyError, IndexError):
            return make(engines)
        try:
            _set_up(database, engines)
        except duckdb.Error:  # it has more in memory than this one may have
            database.close()
            return make(engines)
        return database

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engines, "close", wait_for_the_next)
        patch.setattr(Engines, "_make", make_or_take)
        yield {"close": close, "_make": make}
    for kept in waiting.values():
        for database in kept:
            database.close()


def _set_up(database: Any, engines: Engines) -> None:
    """Set up a database that others worked in as one that these engines make."""
    database._folder = engines._temp / f"duckdb-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    for name, value in {
        "memory_limit": f"'{engines._memory_limit}'",
        "temp_directory": literal(str(database._folder)),
        "preserve_insertion_order": "false",
        "TimeZone": "'UTC'",
    }.items():
        database._con.execute(f"SET GLOBAL {name} = {value}")
