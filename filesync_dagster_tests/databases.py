"""Databases that have filesync's tables already, made once per process and copied; and what they are asked."""

import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.util import LRUCache

from filesync_dagster.storage.database import Metadata
from filesync_dagster.storage.database.migrate import HEAD


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
