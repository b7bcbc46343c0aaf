"""Statistics of columns that do not fit into memory: exact where one pass suffices, a sample for the rest."""

from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.tables.model import TableColumn
from filesync_dagster.tables.profile.database import one_row, quote
from filesync_dagster.tables.profile.statistics import TOP_COUNT
from filesync_dagster.tables.profile.values import Values, is_bytes, is_number, is_temporal, is_text, json_value

EXACT_DISTINCT = 1_000_000
_HLL_RATIO = 1.1


def spread_rows(files: list[pq.ParquetFile], column: TableColumn, rows: int, count: int) -> Values:
    """Return about `count` values of a column, evenly from all over its parts, in their order."""
    step, at = max(1, rows // count), 0
    chunks: list[Any] = []
    for file in files:
        for batch in file.iter_batches(columns=[column.name], use_threads=False):
            positions = np.arange(-at % step, batch.num_rows, step)
            chunks.append(batch.column(0).take(positions).cast(column.type))
            at += batch.num_rows
    spread: Values = pa.chunked_array(chunks, cast("Any", column.type))
    return spread


def large_statistics(
    connection: duckdb.DuckDBPyConnection, table: str, column: TableColumn, sampled: dict[str, Any]
) -> dict[str, Any]:
    """Return statistics of a column of a large table, with those of a sample for what needs an order.

    `distinct` is exact up to a million, else near (`distinct_exact` is false), and `top` of the sample then.
    """
    name, kind, found = quote(column.name), column.type, dict(sampled)
    found |= {"sampled_rows": sampled["count"], "order": None}
    facts = ["count(*)", f"count({name})", f"approx_count_distinct({name})"]
    finite = f" FILTER (isfinite({name}))" if pa.types.is_floating(kind) else ""
    facts += ["NULL", "NULL"] if is_bytes(kind) else [f"min({name}){finite}", f"max({name}){finite}"]
    spread = [f"avg({name}){finite}::DOUBLE", f"stddev_pop({name}){finite}::DOUBLE"]
    facts += spread if is_number(kind) else ["NULL", "NULL"]
    facts += [f"{measure}(length({name}))" for measure in ("min", "max", "avg")] if is_text(kind) else ["NULL"] * 3
    rows, filled, near, first, last, mean, sd, *lengths = one_row(
        connection, f"SELECT {', '.join(facts)} FROM {quote(table)}"
    )
    found |= {"count": rows, "nulls": rows - filled, "distinct": near, "distinct_exact": False, "mean": mean, "sd": sd}
    found |= dict(zip(("length_min", "length_max", "length_mean"), lengths, strict=True))
    found |= {"min": _json(first, kind), "max": _json(last, kind)}
    if near <= EXACT_DISTINCT * _HLL_RATIO:
        found |= _exact(connection, table, name, kind)
    return found


def _exact(connection: duckdb.DuckDBPyConnection, table: str, name: str, kind: pa.DataType) -> dict[str, Any]:
    """Return how many values are distinct, and the most frequent ones."""
    query = (
        f"WITH counted AS MATERIALIZED (SELECT {name} AS value, count(*) AS rows FROM {quote(table)} "
        f"WHERE {name} IS NOT NULL GROUP BY ALL) SELECT (SELECT count(*) FROM counted), value, rows FROM counted "
        f"ORDER BY rows DESC, value LIMIT {TOP_COUNT}"
    )
    rows = connection.execute(query).fetchall()
    top = [{"value": _json(value, kind), "count": count} for _, value, count in rows]
    return {"distinct": rows[0][0] if rows else 0, "distinct_exact": True, "top": top}


def _json(value: Any, kind: pa.DataType) -> Any:
    """Return a value that the database gave as JSON."""
    if value is None:
        return None
    if pa.types.is_floating(kind):
        return float(value) if np.isfinite(value) else str(value)
    if is_temporal(kind):
        return str(pa.scalar(value, kind).cast(pa.string()))
    return json_value(value, kind)
