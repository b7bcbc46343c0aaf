"""Databases that have filesync's tables already, made once per process and copied; and what they are asked."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from filesync_dagster.storage.database import Metadata


@cache
def sqlite_template() -> Path:
    """Return a SQLite file with the tables and no rows; it goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="filesync-tables-"))
    weakref.finalize(sqlite_template, shutil.rmtree, folder, ignore_errors=True)
    file = folder / "filesync.db"
    with Metadata.open(f"sqlite:///{file}"):
        pass
    return file


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
