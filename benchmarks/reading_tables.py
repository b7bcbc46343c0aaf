"""A CSV file of a million rows and 20 columns, typed and exact, beside DuckDB's own guess; and many small files."""

import math
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from filesync_dagster.tables.reading import ReadOptions, read_tables
from filesync_dagster.tables.reading.reader_pool import READERS
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.file_tables import FileGroup, FileTables
from filesync_dagster.tables.sources.parse import FileOptions
from filesync_dagster.tables.sources.parsed_files import SourceFile

COLUMNS = """
i AS id, i * 7919 % 100000 AS customer, (i % 99991 / 100.0)::decimal(12,2) AS amount, 'order ' || i AS title,
md5(i::text) AS code, timestamp '2020-01-01' + to_seconds(i * 37) AS at, i % 3 = 0 AS paid, i % 17 AS line,
date '2020-01-01' + (i % 2000)::int AS due, lpad((i % 90000)::text, 5, '0') AS postcode, i % 1000 AS a, i % 10007 AS b,
(i % 777 / 10.0)::decimal(12,1) AS c, 'text ' || i % 50 AS d, 'kind ' || i % 7 AS e, i * 3 AS f, i % 2 AS g,
CASE WHEN i % 9 > 0 THEN i % 31 END AS h, 'u' || i || '@example.org' AS mail,
date '1990-01-01' + (i % 9000)::int AS born
"""


def run(rows: int, files: int, rounds: int) -> dict[str, Any]:
    """Return the best seconds of both ways to read the large file, their ratio, and the seconds of the small files."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        large = folder / "large.csv"
        duckdb.sql(f"COPY (SELECT {COLUMNS} FROM range(1, {rows} + 1) t(i)) TO '{large}' (HEADER)")
        ours = theirs = math.inf
        for number in range(rounds):
            theirs = min(theirs, _seconds(lambda: _guessed(large, folder / "guessed.parquet")))
            ours = min(ours, _seconds(lambda at=folder / f"out{number}": _typed(large, at, rows)))
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        READERS.close()
        cpu_began = _cpu_seconds()
        many = _seconds(lambda: _many(folder, files))
        READERS.close()  # only then is told what they needed
        many_cpu = _cpu_seconds() - cpu_began
    return {
        "rows": rows,
        "duckdb_seconds": round(theirs, 2),
        "ours_seconds": round(ours, 2),
        "to_duckdb": round(ours / theirs, 2),
        "peak_mb": round(peak_mb),
        "files": files,
        "files_seconds": round(many, 1),
        "files_cpu_seconds": round(many_cpu, 1),
    }


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def _seconds(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _guessed(path: Path, to: Path) -> None:
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(f"COPY (FROM read_csv('{path}')) TO '{to}' (COMPRESSION zstd)")


def _typed(path: Path, folder: Path, rows: int) -> None:
    [table] = read_tables(path, "large", ReadOptions(), folder)
    assert table.schema.row_count == rows


def _many(folder: Path, count: int) -> None:
    files = []
    for number in range(count):
        path = folder / f"{number:04}.csv"
        path.write_text("id,name,amount\n" + "".join(f"{number * 20 + i},n{i},{i}.50\n" for i in range(20)))
        files.append(SourceFile(path.name, "1", lambda path=path: path.open("rb"), path.stat().st_size))
    tables = FileTables(
        SourceContext("x", folder=folder / "work", cache=folder / "kept"), "It", FileOptions(), fields={}
    )
    [table] = tables.find([FileGroup("all", tuple(files))], SourceDeadline(3600))
    assert sum(batch.num_rows for batch in tables.read(table, columns=None, limit=None)) == 20 * count
    tables.close()
