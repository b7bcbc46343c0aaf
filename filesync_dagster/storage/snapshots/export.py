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

    What is no file, as a pipe or /dev/stdout, is written to as it is, and where a symbolic link leads is written.
    `file_format` is a key of FORMATS; `safe` for people: a text that begins like a formula gets an apostrophe before
    it. Raises OutOfSpace, NotWritable or StorageError.
    """
    query = _without_formulas(con, query) if safe else query
    with disk_errors(f"writing {target}"):
        if target.exists() and not target.is_file():
            return _copy(con, query, target, file_format)
        final = target.resolve()
        scratch = final.with_name(f".{final.name}.tmp")
        try:
            rows = _copy(con, query, scratch, file_format)
            publish(scratch, final)
        finally:
            scratch.unlink(missing_ok=True)
    return rows


def _copy(con: duckdb.DuckDBPyConnection, query: str, target: Path, file_format: str) -> int:
    options = f"{FORMATS[file_format]}, USE_TMP_FILE false"
    [(rows,)] = con.execute(f"COPY ({query}) TO {literal(str(target))} ({options})").fetchall()
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
