"""A snapshot as a file of the user's own."""

from pathlib import Path

import duckdb

from filesync_dagster.storage.durable import publish
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.storage.snapshots.engine import literal

FORMATS = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER true"}


def export(con: duckdb.DuckDBPyConnection, query: str, target: Path, file_format: str) -> int:
    """Write the rows of a query to `target`, whole or not at all; return their number.

    `file_format` is a key of FORMATS. Raises OutOfSpace, NotWritable or StorageError.
    """
    scratch = target.with_name(f".{target.name}.tmp")
    with disk_errors(f"writing {target}"):
        try:
            options = f"{FORMATS[file_format]}, USE_TMP_FILE false"
            [(rows,)] = con.execute(f"COPY ({query}) TO {literal(str(scratch))} ({options})").fetchall()
            publish(scratch, target)
        finally:
            scratch.unlink(missing_ok=True)
    return int(rows)
