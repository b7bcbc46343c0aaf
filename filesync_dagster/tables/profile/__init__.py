"""The profile of a table: for each column what it is for and what is counted of its values.

Tables of up to `EXACT_ROWS` are counted in memory, column by column; of larger ones what needs an order comes of a
sample that is spread over all rows, and says so (`sampled_rows`).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filesync_dagster.core.errors import Cancelled
from filesync_dagster.tables.model import Table, TableColumn
from filesync_dagster.tables.profile.database import open_tables, tally
from filesync_dagster.tables.profile.large import large_statistics, spread_rows
from filesync_dagster.tables.profile.masks import format_pattern
from filesync_dagster.tables.profile.people import as_texts
from filesync_dagster.tables.profile.roles import ColumnFacts, plain_name, with_role
from filesync_dagster.tables.profile.statistics import column_statistics, spread
from filesync_dagster.tables.profile.values import Values, is_text

EXACT_ROWS = 4_000_000
SAMPLE_ROWS = 1_000

Cancel = Callable[[], bool]


def profile(table: Table, *, cancel: Cancel = lambda: False) -> Table:
    """Return the table with roles, statistics, formats and kinds of persons in its schema.

    Raises Cancelled when `cancel` says so, between two columns.
    """
    files = [pq.ParquetFile(part) for part in table.parts]
    try:
        rows = sum(file.metadata.num_rows for file in files)
        columns = []
        with open_tables([table]) as connection:
            for column in table.schema.columns:
                if cancel():
                    raise Cancelled(f"The profile of {table.name} was cancelled.", code="cancelled")
                columns.append(_profile_column(table, column, files, rows, connection))
    finally:
        for file in files:
            file.close()
    return replace(table, schema=replace(table.schema.with_columns(columns), row_count=rows))


def _profile_column(
    table: Table, column: TableColumn, files: list[pq.ParquetFile], rows: int, connection: duckdb.DuckDBPyConnection
) -> TableColumn:
    values = _read(column, files, rows)
    stats = column_statistics(values, lambda some: tally(connection, some))
    if rows > EXACT_ROWS:
        stats = large_statistics(connection, table.name, column, stats)
    sample = as_texts(spread(values.drop_null(), SAMPLE_ROWS))
    stats = {name: value for name, value in stats.items() if value is not None}
    profiled = with_role(ColumnFacts(column, table.name, stats, sample))
    return profiled if _is_written_so(profiled, values) else replace(profiled, format=column.format)


def _read(column: TableColumn, files: list[pq.ParquetFile], rows: int) -> Values:
    """Return the values of a column, of a large table some of them."""
    if rows > EXACT_ROWS:
        return spread_rows(files, column, rows, EXACT_ROWS // 4)
    read = (file.read([column.name], use_threads=False).column(0) for file in files)
    # Parquet has no seconds, so a timestamp may come back finer than it was.
    chunks = [chunk.cast(column.type) for values in read for chunk in values.chunks]
    values: Values = pa.chunked_array(chunks, cast("Any", column.type))
    return values


def _is_written_so(column: TableColumn, values: Values) -> bool:
    """Tell whether every text of a column is written as its format says, which some were asked about."""
    if column.format is None or not is_text(column.type):
        return True
    fitting: Any = pc.all(pc.match_substring_regex(values, format_pattern(column.format)))
    return fitting.as_py() is not False


__all__ = ["Cancel", "plain_name", "profile"]
