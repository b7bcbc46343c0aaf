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

from sqlalchemy import Engine, event

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
