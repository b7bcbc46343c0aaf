"""The DuckDB database that a file is read with: one of its own, or the one that all files of a request use in turn.

To make one takes DuckDB longer than to read most files.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from pathlib import Path

import duckdb

from filesync_dagster.storage.snapshots.engine import Engines
from filesync_dagster.tables.reading.options import ReadLimits

_SHARED: ContextVar[Engines | None] = ContextVar("shared_database", default=None)


@contextmanager
def open_database(limits: ReadLimits, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend an empty database that keeps the order of rows, and goes to the disk in a folder when memory is used up."""
    with ExitStack() as stack:
        engines = _SHARED.get() or stack.enter_context(closing(_engines(limits, folder)))
        con = stack.enter_context(engines.lend())
        con.execute("SET preserve_insertion_order = true")
        yield con


@contextmanager
def shared_database(limits: ReadLimits, folder: Path) -> Iterator[None]:
    """Have all files that are read meanwhile use one database, which spills below a folder."""
    with closing(_engines(limits, folder)) as engines:
        token = _SHARED.set(engines)
        try:
            yield
        finally:
            _SHARED.reset(token)


def _engines(limits: ReadLimits, folder: Path) -> Engines:
    return Engines(f"{limits.memory_bytes // 2**20}MB", folder / ".duckdb", limits.threads)
