"""A table of PostgreSQL to Parquet: by our source, by a bare ADBC read, and by a server cursor of psycopg."""

import math
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import adbc_driver_postgresql.dbapi
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.database import postgresql_server
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.registry import open_source

TABLE = """
CREATE TABLE sales AS SELECT
  i::bigint AS id, (i::bigint * 7919 % 100000)::int AS customer, (i % 99991 / 100.0)::numeric(12,2) AS amount,
  'order ' || i AS title, md5(i::text)::varchar(32) AS code, timestamptz '2020-01-01' + i * interval '37 seconds' AS at,
  i % 3 = 0 AS paid, sqrt(i) AS weight, date '2020-01-01' + i % 2000 AS due
FROM generate_series(1, {rows}) i
"""


def run(rows: int, rounds: int) -> dict[str, Any]:
    """Read the table each way in turn, best of some rounds."""
    ways = {"ours": ours, "adbc": bare_adbc, "psycopg": server_cursor}
    clock = dict.fromkeys(ways, math.inf)
    cpu = dict.fromkeys(ways, math.inf)
    with tempfile.TemporaryDirectory() as folder, postgresql_server() as server:
        url = server.get_uri()
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(TABLE.format(rows=rows))
        connection.close()
        for _ in range(rounds):
            for name, way in ways.items():
                seconds, cpu_seconds = timed(way, url, Path(folder) / f"{name}.parquet", rows)
                clock[name], cpu[name] = min(clock[name], seconds), min(cpu[name], cpu_seconds)
    return {
        "rows": rows,
        **{f"{name}_seconds": round(seconds, 3) for name, seconds in clock.items()},
        **{f"{name}_cpu_seconds": round(seconds, 3) for name, seconds in cpu.items()},
        "to_adbc": round(clock["ours"] / clock["adbc"], 2),
        "to_adbc_cpu": round(cpu["ours"] / cpu["adbc"], 2),
        "to_psycopg": round(clock["psycopg"] / clock["ours"], 2),
    }


def timed(way: Callable[[str, Path], None], url: str, path: Path, rows: int) -> tuple[float, float]:
    began, cpu_began = time.perf_counter(), time.process_time()
    way(url, path)
    took = time.perf_counter() - began, time.process_time() - cpu_began
    assert pq.read_metadata(path).num_rows == rows
    return took


def ours(url: str, path: Path) -> None:
    host = parse_qs(urlsplit(url).query)["host"][0]
    given = {"host": host, "database": "postgres", "username": "postgres", "tables": ["sales"]}
    context = SourceContext("bench", guard=AddressGuard.of_operator())
    with closing(open_source("postgres", given, context)) as source:
        [table] = source.discover(SourceDeadline(30))
        rows = source.read(table)
        with pq.ParquetWriter(path, rows.schema.arrow().remove_metadata(), compression="zstd") as writer:
            for batch in rows:
                writer.write_batch(batch)


def bare_adbc(url: str, path: Path) -> None:
    with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sales")
        reader = cursor.fetch_record_batch()
        with pq.ParquetWriter(path, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)


SCHEMA = pa.schema(
    [
        ("id", pa.int64()), ("customer", pa.int32()), ("amount", pa.decimal128(12, 2)), ("title", pa.string()),
        ("code", pa.string()), ("at", pa.timestamp("us", "UTC")), ("paid", pa.bool_()), ("weight", pa.float64()),
        ("due", pa.date32()),
    ]
)  # fmt: skip


def server_cursor(url: str, path: Path) -> None:
    with psycopg2.connect(url) as connection, connection.cursor("server") as cursor:
        cursor.execute("SELECT * FROM sales")
        with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
            while rows := cursor.fetchmany(50_000):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))
    connection.close()
