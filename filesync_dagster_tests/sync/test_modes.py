"""Who may read what filesync keeps."""

import pytest

from filesync_dagster_tests.sync import memory_store
from filesync_dagster_tests.sync.memory_store import MemoryStore
from filesync_dagster_tests.sync.projects import Project

ENTRY = {"name": "docs", "type": "memory", "endpoint_details": {"store": "store"}, "csv": True}


@pytest.fixture(autouse=True)
def _store():
    memory_store.register()
    memory_store.STORES["store"] = MemoryStore()
    memory_store.STORES["store"].put("a")
    yield
    memory_store.unregister()
    memory_store.STORES.clear()


def modes(folder):
    """Return the rights of others, by path, below a folder."""
    return {path: path.stat().st_mode & 0o077 for path in folder.rglob("*")}


def test_nobody_else_reads_the_inventory(tmp_path):
    """Database, snapshots and changes, and the folders that they are in."""
    with Project(tmp_path, ENTRY).open() as filesync:
        filesync.sync("docs")
        filesync.export("docs", tmp_path / "out.csv", format="csv")
        found = modes(filesync.runtime.home)
    kept = [path for path in found if path.suffix in {".db", ".db-wal", ".parquet", ".csv", ".json"} or path.is_dir()]
    assert len(kept) > 5
    assert {found[path] for path in kept} == {0}
    assert filesync.runtime.home.stat().st_mode & 0o077 == 0


def test_the_umask_may_decide_instead(tmp_path):
    """With `private_files: false`, others read what it lets them."""
    with Project(tmp_path, ENTRY, private_files=False).open() as filesync:
        filesync.sync("docs")
        assert (filesync.runtime.home / "filesync.db").stat().st_mode & 0o044
        assert filesync.local_snapshot(filesync.syncs("docs")[0].snapshot_uri).stat().st_mode & 0o044
