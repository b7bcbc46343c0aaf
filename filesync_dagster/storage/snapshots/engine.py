"""DuckDB as this project uses it: bounded in memory, at work in its own folder, without network."""

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from filesync_dagster.storage.snapshots.disk import disk_errors

ABANDONED_SECONDS = 24 * 3600

WORK = "work"
"""The database, within one of DuckDB's, in which everything is made: dropped at once, whatever is in it."""

KEPT = 4
"""Databases at most that wait for the next to need one: of a few megabytes each, when they are empty."""


class Engines:
    """In-memory databases, each lent to one at a time. For all threads of one process.

    To make one takes DuckDB longer than to compare most endpoints, so one that served well is lent again, emptied.
    """

    def __init__(self, memory_limit: str, temp: Path, threads: int) -> None:
        """`memory_limit`, of each of them, as DuckDB reads it ("1GB"); past it, work goes to a folder below `temp`."""
        self._memory_limit, self._temp, self._threads = memory_limit, temp, threads
        self._idle: list[_Database] = []

    @contextmanager
    def lend(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend an empty database. The folder that it worked in is gone at the end.

        What a killed process left below `temp` is removed a day later.
        """
        _prepare(self._temp)
        try:
            database = self._idle.pop()
        except IndexError:
            database = self._make()
        again = False
        try:
            with closing(database.open()) as con:
                yield con
            again = database.drop_all() and len(self._idle) < KEPT
        finally:
            if again:
                self._idle.append(database)
            else:
                database.close()

    def close(self) -> None:
        """Close those that wait."""
        while self._idle:
            self._idle.pop().close()

    def _make(self) -> "_Database":
        return _Database(self._memory_limit, self._temp, self._threads)


def connect(memory_limit: str, temp: Path, threads: int) -> duckdb.DuckDBPyConnection:
    """Return a database of one's own, as `Engines` lends them; closed by the caller."""
    _prepare(temp)
    return _Database(memory_limit, temp, threads).open()


class _Database:
    """What one connection after the other is opened on; closed with the last of them."""

    def __init__(self, memory_limit: str, temp: Path, threads: int) -> None:
        self._folder = temp / f"duckdb-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._con = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "temp_directory": str(self._folder),
                "threads": threads,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._con.execute("SET GLOBAL TimeZone = 'UTC'")

    def open(self) -> duckdb.DuckDBPyConnection:
        self._con.execute(f"ATTACH ':memory:' AS {WORK}")
        return beside(self._con)

    def drop_all(self) -> bool:
        """Drop all that was made; tell whether nothing is left, not even the folder."""
        with suppress(duckdb.Error):  # whoever worked here is done, and nobody else will
            self._con.execute(f"DETACH {WORK}")
            return not self._folder.exists()
        return False

    def close(self) -> None:
        self._con.close()


def beside(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return another connection to what a lent one works in; temporary tables and settings are not shared."""
    other = con.cursor()
    other.execute(f"USE {WORK}")
    return other


def parquet(files: Sequence[Path | str]) -> str:
    """Return an SQL expression that reads these local files, at least one, whatever their names."""
    return f"read_parquet([{', '.join(literal(_exactly(str(file))) for file in files)}])"


def literal(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _exactly(path: str) -> str:
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def _prepare(temp: Path) -> None:
    with disk_errors(f"preparing {temp}"):
        temp.mkdir(parents=True, exist_ok=True)
        _clear(temp)


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
    """Yield the rows of a query as batches of at most `rows`, from a connection of its own: `con` stays free."""
    yield from beside(con).sql(query).to_arrow_reader(rows)
