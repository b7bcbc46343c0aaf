"""Disks, databases and snapshots that fail: one sentence, nothing lost, and the next sync is fine."""

import os
import subprocess
import time
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from filesync_dagster.core.errors import DatabaseError
from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.sync import memory_store
from filesync_dagster_tests.sync.memory_store import Faults, MemoryStore
from filesync_dagster_tests.sync.projects import Project, everything, live, rows_of

ENDPOINT = {"name": "docs", "type": "memory", "endpoint_details": {"store": "store"}}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small or read-only disk")


@pytest.fixture
def store():
    """Return a store in memory with 20 files."""
    memory_store.register()
    store = memory_store.STORES["store"] = MemoryStore(page_size=500)
    for number in range(20):
        store.put(f"f{number:05}")
    yield store
    memory_store.unregister()
    memory_store.STORES.clear()


@contextmanager
def mounted(folder, options):
    """Mount a disk of its own on a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this container may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def is_one_sentence(text):
    """Tell whether a text is fit for a person: short, on one line, without a traceback."""
    return text.endswith(".") and "\n" not in text and "Traceback" not in text and len(text) < 400


@needs_root
@pytest.mark.parametrize("full", ["home", "data"])
def test_a_full_disk_fails_the_sync_and_loses_nothing(tmp_path, store, full):
    """Whether staging, database or snapshots have no room: the inventory stays; with room it goes on."""
    small = tmp_path / "home" if full == "home" else tmp_path / "home" / "data"
    project = Project(tmp_path, ENDPOINT, batch_size=1000)
    with mounted(small, "size=4m"):
        with project.open() as filesync:
            assert filesync.sync("docs").status is SyncStatus.COMPLETED
            before = everything(filesync, "docs")
            with (small / "ballast").open("wb") as ballast:
                ballast.write(bytes(2_700_000 if full == "home" else 4_000_000))
            for number in range(20_000):
                store.put(f"g{number:05}", name=f"{number:05}" * 20)
            result = filesync.sync("docs")
            assert result.status is SyncStatus.FAILED, result
            assert "No room" in result.error or "full" in result.error, result.error
            assert is_one_sentence(result.error)
            assert everything(filesync, "docs") == before
        subprocess.run(["mount", "-o", "remount,size=200m", str(small)], check=True)
        with project.open() as filesync:
            result = filesync.sync("docs")
            assert result.status is SyncStatus.COMPLETED, result.error
            assert len(live(filesync, "docs")) == 20_020
        left = [*project.home.glob("incoming-*"), *project.home.glob("**/*.tmp"), *project.home.glob("staging/docs/*")]
        assert left == []


@needs_root
def test_a_read_only_snapshot_root_fails_the_sync_with_its_reason(tmp_path, store):
    """Nothing is committed that has no snapshot."""
    project = Project(tmp_path, ENDPOINT)
    with mounted(project.home / "data", "ro"), project.open() as filesync:
        result = filesync.sync("docs")
        assert result.status is SyncStatus.FAILED
        assert "refused" in result.error
        assert is_one_sentence(result.error)
        assert live(filesync, "docs") == []
    with project.open() as filesync:
        assert filesync.sync("docs").status is SyncStatus.COMPLETED
        assert len(live(filesync, "docs")) == 20


@pytest.mark.parametrize("damage", ["cut short", "overwritten", "deleted", "another one"])
def test_a_damaged_snapshot_is_written_anew_from_the_database(tmp_path, store, damage):
    """The next sync says what was wrong and goes on from the database: nothing is removed that is there."""
    project = Project(tmp_path, ENDPOINT)
    with project.open() as filesync:
        first = filesync.sync("docs")
        store.put("later")
        second = filesync.sync("docs")
        rows = live(filesync, "docs")
        snapshot, other = (filesync.local_snapshot(r.snapshot_uri) for r in (second, first))
        content = snapshot.read_bytes()
        match damage:
            case "cut short":
                snapshot.write_bytes(content[: len(content) // 2])
            case "overwritten":
                snapshot.write_bytes(content[:4] + bytes(len(content) - 8) + content[-4:])
            case "deleted":
                snapshot.unlink()
            case "another one":
                snapshot.write_bytes(other.read_bytes())
        store.delete("f00000")
        rebuilt = filesync.sync("docs")
        assert is_one_sentence(rebuilt.warnings[0])
        assert snapshot.name in rebuilt.warnings[0]
        assert rebuilt.status is SyncStatus.COMPLETED, rebuilt.error
        assert (rebuilt.counts.added, rebuilt.counts.updated, rebuilt.counts.removed) == (0, 0, 1)
        assert live(filesync, "docs") == [row for row in rows if row["external_id"] != "f00000"]
        assert filesync.sync("docs").status is SyncStatus.COMPLETED
        assert [row["change"] for row in rows_of(filesync.changes("docs"))] == ["added", "removed"]


@pytest.mark.parametrize("moment", [0, 5, 11])
def test_a_database_that_goes_away_ends_the_sync_and_the_next_one_is_fine(tmp_path, store, postgres_url, moment):
    """One error of ours while it is away; once the lease has ended by itself, the next sync is fine."""
    for number in range(6000):
        store.put(f"g{number:05}")
    admin = create_engine(
        make_url(postgres_url).set(drivername="postgresql+psycopg2", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    name = make_url(postgres_url).database

    def cut(scope, number):
        if number == moment:
            with admin.connect() as connection:
                connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
                connection.exec_driver_sql(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                )

    project = Project(tmp_path, ENDPOINT, database=postgres_url, batch_size=1000, lease_seconds=5)
    with project.open() as filesync:
        assert filesync.check("docs")
        store.faults = Faults(on_page=cut)
        with pytest.raises(DatabaseError) as caught:
            filesync.sync("docs")
        assert is_one_sentence(str(caught.value)), str(caught.value)
        with admin.connect() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        store.faults = Faults()
        ends = time.monotonic() + 6
        result = filesync.sync("docs")
        while result.status is SyncStatus.FAILED and time.monotonic() < ends:
            assert "its lease ends at" in result.error
            time.sleep(0.2)
            result = filesync.sync("docs")
        assert result.status is SyncStatus.COMPLETED, result.error
        assert len(live(filesync, "docs")) == 6020
    admin.dispose()


def test_scopes_that_the_store_could_not_name(tmp_path, store):
    """They may be there: what is known of them stays, the sync is partial, and the others are brought up to date."""
    store.scopes = ("one", "two")
    for number in range(5):
        store.put(f"g{number}", scope="two")
    with Project(tmp_path, {**ENDPOINT, "guard": {"enabled": False}}).open() as filesync:
        assert filesync.sync("docs").counts.added == 25

        store.scopes, store.faults = ("one",), Faults(unnamed="The hub of two answered 403.")
        store.delete("f00000")
        result = filesync.sync("docs")
        assert result.status is SyncStatus.PARTIAL
        assert (result.counts.removed, result.files_total) == (1, 24)
        assert any("answered 403" in warning for warning in result.warnings)

        store.scopes, store.faults = ("one", "two"), Faults()
        store.delete("g0")
        result = filesync.sync("docs")
        assert (result.status, result.counts.removed) == (SyncStatus.COMPLETED, 1)
