"""A snapshot as a file of the user's own."""

from pathlib import Path

import duckdb

from filesync_dagster.storage.durable import publish
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.storage.snapshots.engine import literal

FORMATS = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER true"}


FORMULA = r"^[=+\-@\t\r\n]"
"""What a cell begins with that a spreadsheet takes for a formula: it would run what somebody put into a file's name."""


def export(con: duckdb.DuckDBPyConnection, query: str, target: Path, file_format: str, *, safe: bool = False) -> int:
    """Write the rows of a query to `target`, whole or not at all; return their number.

    `file_format` is a key of FORMATS; `safe` for people: a text that begins like a formula gets an apostrophe before
    it. Raises OutOfSpace, NotWritable or StorageError.
    """
    query = _without_formulas(con, query) if safe else query
    scratch = target.with_name(f".{target.name}.tmp")
    with disk_errors(f"writing {target}"):
        try:
            options = f"{FORMATS[file_format]}, USE_TMP_FILE false"
            [(rows,)] = con.execute(f"COPY ({query}) TO {literal(str(scratch))} ({options})").fetchall()
            publish(scratch, target)
        finally:
            scratch.unlink(missing_ok=True)
    return int(rows)


def _without_formulas(con: duckdb.DuckDBPyConnection, query: str) -> str:
    columns = [(name.replace('"', '""'), kind) for name, kind, *_ in con.execute(f"DESCRIBE {query}").fetchall()]
    begins, apostrophe = literal(FORMULA), literal("'")
    cells = (
        f'CASE WHEN regexp_matches("{name}", {begins}) THEN {apostrophe} || "{name}" ELSE "{name}" END AS "{name}"'
        if kind == "VARCHAR"
        else f'"{name}"'
        for name, kind in columns
    )
    return f"SELECT {', '.join(cells)} FROM ({query})"
