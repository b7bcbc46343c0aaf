"""A snapshot root belongs to one installation, and what its database does not know is not its to delete."""

import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from filesync_dagster.core.errors import ForeignRoot
from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.sync import memory_store
from filesync_dagster_tests.sync.memory_store import Faults, MemoryStore
from filesync_dagster_tests.sync.projects import Project, live, stored

ENTRY = {"name": "docs", "type": "memory", "endpoint_details": {"store": "store"}, "guard": {"enabled": False}}


@pytest.fixture
def store():
    """Return a store in memory."""
    memory_store.register()
    store = memory_store.STORES["store"] = MemoryStore()
    store.put("a")
    yield store
    memory_store.unregister()
    memory_store.STORES.clear()


def fails(filesync, store):
    """Let a sync fail, so that the next one tidies up after it."""
    store.faults = Faults(breaks={"one": 0})
    assert filesync.sync("docs", full=True).status is SyncStatus.FAILED
    store.faults = Faults()


def test_a_second_installation_is_refused_and_takes_nothing(tmp_path, store, root):
    """It says so in one sentence; the first one has all its history, and goes on."""
    first, second = (Project(tmp_path / name, ENTRY, snapshot_root=root) for name in ("first", "second"))
    with first.open() as one, second.open() as other:
        uris = [one.sync("docs").snapshot_uri]
        store.put("b")
        uris.append(one.sync("docs").snapshot_uri)
        refused = other.sync("docs")
        assert refused.status is SyncStatus.FAILED
        assert "belongs to another installation" in refused.error
        fails(other, store)
        other.maintain()
        assert [len(stored(one, uri)) for uri in uris] == [1, 2]
        store.put("c")
        assert one.sync("docs").status is SyncStatus.COMPLETED
        assert other.maintain(adopt=True)["left_behind"] == 0
        assert other.sync("docs").status is SyncStatus.COMPLETED
        assert [len(stored(one, uri)) for uri in uris] == [1, 2]


def test_an_older_database_deletes_nothing_that_it_does_not_know(tmp_path, store):
    """Restored from a backup, it finds files of later syncs: tidying after a failure, too, they stay."""
    project = Project(tmp_path, ENTRY)
    with project.open() as filesync:
        filesync.sync("docs")
    shutil.copytree(project.home, tmp_path / "backup")
    with project.open() as filesync:
        store.put("b")
        later = filesync.sync("docs")
    for file in ("filesync.db", "filesync.db-wal", "filesync.db-shm"):
        (project.home / file).unlink(missing_ok=True)
        if (tmp_path / "backup" / file).exists():
            shutil.copy(tmp_path / "backup" / file, project.home / file)
    with project.open() as filesync:
        fails(filesync, store)
        assert filesync.sync("docs").status is SyncStatus.COMPLETED
        filesync.maintain()
        assert len(live(filesync, "docs")) == 2
    assert Path(later.snapshot_uri).exists()
    assert Path(later.changes_uri).exists()


def test_a_root_without_a_mark_is_adopted(tmp_path, store):
    """As those are that an older version wrote."""
    project = Project(tmp_path, ENTRY)
    with project.open() as filesync:
        filesync.sync("docs")
    (project.home / "data" / "filesync.json").unlink()
    with project.open() as filesync:
        store.put("b")
        assert filesync.sync("docs").status is SyncStatus.COMPLETED
    assert (project.home / "data" / "filesync.json").exists()


def put_unknown(filesync, project, age_days):
    """Put copies of a snapshot into the root, so many days old, that no database knows; return them."""
    known = Path(filesync.sync("docs").snapshot_uri)
    copies = [
        known.with_name("20200101T000000Z-00000000.parquet"),
        project.home / "data" / "changes" / "docs" / "2020-01-01" / "20200101T000000Z-00000000.csv",
        project.home / "data" / "snapshots" / "never" / "2020-01-01" / "20200101T000000Z-00000000.parquet",
    ]
    for copy in copies:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(known, copy)
    for path in [*copies, known]:
        os.utime(path, (time.time() - age_days * 86400,) * 2)
    return copies


def test_unknown_files_are_put_aside_when_they_are_old_and_deleted_when_they_are_older_still(tmp_path, store):
    """Of this endpoint, and of one that there never was. What the database knows stays, however old it is."""
    project = Project(tmp_path, ENTRY)
    root = project.home / "data"
    with project.open() as filesync:
        copies = put_unknown(filesync, project, age_days=29)
        assert not any(filesync.maintain().values())
        copies = put_unknown(filesync, project, age_days=31)
        assert filesync.maintain(dry_run=True)["quarantined"] == 3
        assert all(copy.exists() for copy in copies)
        assert filesync.maintain()["quarantined"] == 3
        [day] = (root / "quarantine").iterdir()
        assert all((day / copy.relative_to(root)).exists() and not copy.exists() for copy in copies)
        assert not any(filesync.maintain().values())
        older = datetime.now(UTC).date() - timedelta(days=31)
        day.rename(day.with_name(older.isoformat()))
        (root / "quarantine" / "mine").mkdir()
        (root / "quarantine" / "mine" / "notes").touch()
        assert filesync.maintain(dry_run=True)["quarantine_deleted"] == 3
        assert filesync.maintain()["quarantine_deleted"] == 3
        assert [path.name for path in (root / "quarantine").rglob("*") if path.is_file()] == ["notes"]
        assert len(live(filesync, "docs")) == 1


def test_unknown_objects_are_put_aside(tmp_path, store, root):
    """In a bucket as in a folder; what another installation's root has is nobody's to move."""
    first, second = (Project(tmp_path / name, ENTRY, snapshot_root=root) for name in ("first", "second"))
    with first.open() as one, second.open() as other:
        known = one.sync("docs").snapshot_uri
        snapshots, today = one.runtime.snapshots, datetime.now(UTC).date()
        with pytest.raises(ForeignRoot):
            other.runtime.snapshots.put_aside("docs", [], timedelta(0), today, dry_run=True)
        assert other.maintain()["roots_failed"] == 1
        assert snapshots.endpoints() == ["docs"]
        # The clock of the store counts: what is no second old yet may be of its future.
        age = timedelta(seconds=-60)
        assert snapshots.put_aside("docs", [known], age, today) == 0
        assert snapshots.put_aside("docs", [], age, today, dry_run=True) == 1
        assert snapshots.put_aside("docs", [], age, today) == 1
        assert not snapshots.exists(known)
        put = known.replace("snapshots/docs", f"quarantine/{today}/snapshots/docs")
        assert snapshots.exists(put)
        assert snapshots.clear_quarantine(timedelta(days=1), today + timedelta(days=1)) == 0
        assert snapshots.clear_quarantine(timedelta(days=1), today + timedelta(days=2)) == 1
        assert not snapshots.exists(put)
