"""What people look for among a million files: in milliseconds, and beside a query that reads every row."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.database import NOW, ended, entries, postgresql_server
from filesync_dagster.core.path_filter import PathFilter
from filesync_dagster.storage.database import EndpointRecord, Metadata
from filesync_dagster.storage.database.search import FileKey, FileQuery
from filesync_dagster.storage.database.tables import files

REPEATS = 5
LIMIT = 100
QUERIES = {
    "folder": FileQuery(path=PathFilter("projects/77/")),
    "hash": FileQuery(content_hash="md5:c4ca4238a0b923820dcc509a6f75849b"),
    "name": FileQuery(text="no file has this in its name"),
    "owner": FileQuery(owner="nobody"),
}


def run(rows: int) -> dict[str, Any]:
    """Import `rows` entries into both databases and ask each, as a search does."""
    with tempfile.TemporaryDirectory() as folder:
        batches = entries(Path(folder), 0, rows, edit=0)
        result: dict[str, Any] = {"rows": rows}
        result["sqlite"] = measured(f"sqlite:///{folder}/filesync.db", batches)
        with postgresql_server() as server:
            server.psql("CREATE DATABASE queries;")
            result["postgresql"] = measured(server.get_uri(database="queries"), batches)
    return result


def measured(url: str, batches: list[Any]) -> dict[str, float]:
    """Return the best milliseconds of each query, and the shares of reading every row once."""
    with Metadata.open(url) as metadata:
        endpoint = metadata.endpoints.register(EndpointRecord("bench", "s3"))
        with metadata.leases.hold(endpoint) as lease:
            log, state = ended(endpoint, "first", NOW, sum(batch.num_rows for batch in batches))
            metadata.commit(lease, log, state, imported=iter(batches))

        def ask(query: FileQuery, after: FileKey | None = None) -> Callable[[], object]:
            return lambda: list(metadata.search.find([endpoint], query, after=after, limit=LIMIT))

        def scan() -> object:
            with metadata._database.read_transaction() as connection:  # noqa: SLF001 - as bare as it can be
                return connection.execute(select(func.count(files.c.mime_type), func.sum(files.c.size))).all()

        found = {name: milliseconds(ask(query)) for name, query in QUERIES.items()}
        found["page"] = milliseconds(ask(FileQuery(), FileKey(endpoint, "projects/55/", "")))
        every = milliseconds(scan)
    numbers = {f"{name}_ms": round(value, 2) for name, value in found.items()}
    shares = {f"{name}_share": round(value / every, 4) for name, value in found.items()}
    return {**numbers, **shares, "every_row_ms": round(every, 1)}


def milliseconds(work: Callable[[], object]) -> float:
    """Return the best of some."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return min(times)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000), indent=2) + "\n")
