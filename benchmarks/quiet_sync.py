"""A sync that finds nothing new: its statements to the metadata database, its processor time to that of bare work."""

import hashlib
import json
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.database import postgresql_server
from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster_tests.databases import recorded_statements

SYNCS = 50


def run(files: int) -> dict[str, Any]:
    """Sync a folder that never changes, on both databases."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        result: dict[str, Any] = {"files": files, "sqlite": quiet(root / "sqlite", files, None)}
        with postgresql_server() as server:
            name = f"bench_{uuid.uuid4().hex[:8]}"
            server.psql(f"CREATE DATABASE {name};")
            result["postgresql"] = quiet(root / "postgresql", files, server.get_uri(database=name))
    return result


def quiet(root: Path, files: int, database: str | None) -> dict[str, float]:
    """Return the statements and the processor time of one quiet sync."""
    store = root / "store"
    store.mkdir(parents=True)
    for number in range(files):
        (store / f"drawing-{number:03}.pdf").write_text(str(number))
    config = root / "endpoints.yaml"
    entry = {"name": "quiet", "type": "local", "endpoint_details": {"path": str(store)}}
    config.write_text(json.dumps({"endpoints": [entry]}))
    variables = {"FILESYNC_HOME": str(root / "home"), **({"FILESYNC_DATABASE_URL": database} if database else {})}
    with Filesync(load_config(read_environment(config, variables))) as filesync:
        snapshot = Path(str(filesync.sync("quiet").snapshot_uri))
        filesync.sync("quiet")
        with recorded_statements() as asked:
            assert filesync.sync("quiet").files_total == files
        mine = processor_ms(lambda: filesync.sync("quiet"))
    bare = processor_ms(lambda: bare_work(root / "bare.db", store, snapshot))
    return {"statements": len(asked), "ms": round(mine, 2), "bare_ms": round(bare, 2), "ratio": round(mine / bare, 1)}


def bare_work(database: Path, store: Path, snapshot: Path) -> None:
    """List the folder, read the snapshot, and commit three times: what no quiet sync can do without."""
    with os.scandir(store) as found:
        assert all(entry.stat().st_size for entry in found)
    hashlib.file_digest(snapshot.open("rb"), "md5")
    for _ in range(3):
        connection = sqlite3.connect(database)
        with connection:
            connection.execute("CREATE TABLE IF NOT EXISTS logs (at REAL)")
            connection.execute("INSERT INTO logs VALUES (?)", (time.time(),))
        connection.close()


def processor_ms(work: Callable[[], Any]) -> float:
    """Return the processor time of one time, of many."""
    work()
    began = time.process_time()
    for _ in range(SYNCS):
        work()
    return (time.process_time() - began) * 1000 / SYNCS
