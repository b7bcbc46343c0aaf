"""DuckDB as this project uses it: bounded in memory, at work in its own folder, without network."""

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from filesync_dagster.snapshots.disk import disk_errors

ABANDONED_SECONDS = 24 * 3600


def connect(memory_limit: str, temp: Path, threads: int) -> duckdb.DuckDBPyConnection:
    """Return a new in-memory database, closed by the caller.

    `memory_limit` as DuckDB reads it ("1GB"). Past it, work goes to a folder of its own below `temp`, which goes
    away with the connection; what a killed process left there is removed a day later.
    """
    with disk_errors(f"preparing {temp}"):
        temp.mkdir(parents=True, exist_ok=True)
        _clear(temp)
    con = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory_limit,
            "temp_directory": str(temp / f"duckdb-{os.getpid()}-{uuid.uuid4().hex[:8]}"),
            "threads": threads,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    con.execute("SET TimeZone = 'UTC'")
    return con


def parquet(files: Sequence[Path | str]) -> str:
    """Return an SQL expression that reads these local files, at least one, whatever their names."""
    return f"read_parquet([{', '.join(literal(_exactly(str(file))) for file in files)}])"


def literal(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _exactly(path: str) -> str:
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def _clear(temp: Path) -> None:
    """Remove the folders of processes that are gone. Their age guards those of other process namespaces."""
    for folder in temp.glob("duckdb-*-*"):
        pid = folder.name.split("-")[1]
        try:
            old = time.time() - folder.stat().st_mtime > ABANDONED_SECONDS
        except FileNotFoundError:
            continue
        if old and pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stream(con: duckdb.DuckDBPyConnection, query: str, rows: int = 50_000) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a query as batches of at most `rows`, from a cursor of its own: `con` stays free."""
    yield from con.cursor().sql(query).to_arrow_reader(rows)
