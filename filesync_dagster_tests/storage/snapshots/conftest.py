import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from filesync_dagster.storage.snapshots import SnapshotStore, connect


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One engine, with the snapshot of 1,000 files as `files`."""
    connection = connect("500MB", tmp_path / "tmp", 2)
    connection.execute(f"CREATE TABLE files AS {files(1000)}")
    yield connection
    connection.close()


def files(rows: int) -> str:
    """A query of that many rows that look like files."""
    return f"""
        SELECT 'id-' || i AS external_id, '' AS scope, NULL::VARCHAR AS parent_id, 'n' || i AS name, 'p/n' || i AS path,
            'file' AS kind, i::BIGINT AS size, NULL::VARCHAR AS mime_type, NULL::TIMESTAMPTZ AS created_at,
            make_timestamptz(1700000000000000 + i) AS modified_at, md5(i::VARCHAR) AS version,
            NULL::VARCHAR AS content_hash, NULL::VARCHAR AS owner, NULL::VARCHAR AS permissions, NULL::VARCHAR AS link,
            false AS trashed, NULL::VARCHAR AS metadata, hash(i) AS id_hash, hash(i + 1) AS fingerprint
        FROM range({rows}) t(i)
    """


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """A store in a folder whose name no tool may take for a pattern."""
    return SnapshotStore(str(tmp_path / "da'ta [1]*"), tmp_path / "cache")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "small"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not allow mounting")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
