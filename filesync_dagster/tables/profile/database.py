"""The database that reads the parts of tables: DuckDB in memory, one thread, nothing from outside."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from filesync_dagster.tables.model import Table
from filesync_dagster.tables.profile.statistics import TOP_COUNT
from filesync_dagster.tables.profile.values import Values

MEMORY_LIMIT = "1GiB"


def quote(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def open_tables(tables: Iterable[Table], threads: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database in which each table is a view of its parts, by its name."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": MEMORY_LIMIT,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=settings)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")  # it would be part of what a command prints
        for table in tables:
            parts = ", ".join(literal(str(part)) for part in table.parts)
            connection.execute(f"CREATE VIEW {quote(table.name)} AS SELECT * FROM read_parquet([{parts}])")
        yield connection
    finally:
        connection.close()


_TALLY = f"""
    WITH counted AS MATERIALIZED (SELECT value, count(*) AS rows FROM {{relation}} GROUP BY value)
    SELECT (SELECT count(*) FROM counted), value, rows FROM counted
    WHERE rows > 1 OR (SELECT count(*) FROM counted) <= {TOP_COUNT}
    ORDER BY rows DESC, value LIMIT {TOP_COUNT}
"""


def tally(connection: duckdb.DuckDBPyConnection, values: Values) -> tuple[int, list[tuple[Any, int]]]:
    """Return how many values are distinct, and the most frequent ones; of more than 20 those that repeat."""
    connection.register("tallied", pa.Table.from_arrays([values], ["value"]))
    try:
        rows = connection.execute(_TALLY.format(relation="tallied")).fetchall()
        if rows:
            return rows[0][0], [(value, count) for _, value, count in rows]
        return len(values), []  # each of them once
    finally:
        connection.unregister("tallied")


def one_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """Return the one row of an answer."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(None if isinstance(value, float) and math.isnan(value) else value for value in row)
