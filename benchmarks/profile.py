"""The profile of a table of a million rows and 20 columns, beside DuckDB's count, least and most of each column."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.tables.model import Table, TableColumn, TableSchema
from filesync_dagster.tables.profile import profile

REPEATS = 5


def run(rows: int) -> dict[str, Any]:
    """Return the best CPU seconds of both, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        pq.write_table(table_of(rows), path, compression="zstd")
        names = pq.read_schema(path).names
        columns = tuple(TableColumn(field.name, field.type, i) for i, field in enumerate(pq.read_schema(path)))
        table = Table(TableSchema("table", "", columns), (path,))
        plain = best(lambda: ends(path, names))
        ours = best(lambda: profile(table))
    return {
        "rows": rows,
        "columns": len(names),
        "ends_cpu_seconds": round(plain, 2),
        "profile_cpu_seconds": round(ours, 2),
        "ratio": round(ours / plain, 2),
    }


def ends(path: Path, names: list[str]) -> None:
    facts = ", ".join(f'min("{name}"), max("{name}")' for name in names)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"SELECT count(*), {facts} FROM read_parquet('{path}')").fetchall()


def table_of(rows: int) -> pa.Table:
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(500)])
    return pa.table(
        {
            "id": np.arange(1, rows + 1),
            **{f"count_{size}": rng.integers(0, size, rows) for size in (10, 1_000, 1_000_000, 1_000_000_000)},
            **{f"amount_{digits}": np.round(rng.lognormal(3, 1, rows), digits) for digits in (0, 2, 3, 6)},
            **{f"kind_{size}": words[rng.integers(0, size, rows)] for size in (5, 50, 500)},
            "email": [f"u{i}@m{i % 99}.example" for i in rng.permutation(rows)],
            "code": [f"EMP-{i:07d}" for i in range(rows)],
            "text": [" ".join(words[row]) for row in rng.integers(0, 500, (rows, 6))],
            "day": pa.array(rng.integers(10_000, 20_000, rows).astype("int32")).cast(pa.date32()),
            "at": pa.array(rng.integers(1.5e15, 1.7e15, rows)).cast(pa.timestamp("us")),
            "is_new": rng.random(rows) < 0.3,
            "price": pa.array(np.round(rng.gamma(2, 50, rows), 2)).cast(pa.decimal128(12, 2)),
            "rare": pa.array(rng.integers(0, 100, rows), mask=rng.random(rows) < 0.4),
        }
    )


def best(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)
