"""Databases that have filesync's tables already: made once per process by the migrations, then copied."""

import shutil
import tempfile
import weakref
from functools import cache
from pathlib import Path

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


def put_tables(home: Path) -> None:
    """Give a home that is not there yet a database with the tables: a copy costs 1 ms, migrating 30."""
    home.mkdir(parents=True)
    shutil.copy(sqlite_template(), home / "filesync.db")
