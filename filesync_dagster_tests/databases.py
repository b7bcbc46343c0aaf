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
