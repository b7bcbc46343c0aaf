"""What keeps filesync's own storage from growing for ever, and what it leaves alone."""

import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from filesync_dagster.core.model import SyncStatus
from filesync_dagster.storage.database.tables import alerts, checkpoints, file_changes, requests, sync_logs
from filesync_dagster_tests.sync.memory_store import STORES, MemoryStore, register, unregister
from filesync_dagster_tests.sync.projects import Project, live, rows_of

NOW = datetime.now(UTC)


@pytest.fixture
def project(tmp_path):
    """Return a project of two endpoints in memory, with short retention."""
    register()
    for name in ("left", "stays"):
        STORES[name] = MemoryStore()
        STORES[name].put("one")
    endpoints = [{"name": n, "type": "memory", "endpoint_details": {"store": n}} for n in ("left", "stays")]
    kinds = ("intraday_snapshots_days", "snapshots_days", "journal_days", "sync_logs_days", "events_days")
    yield Project(tmp_path / "project", *endpoints, retention=dict.fromkeys(kinds, 5))
    STORES.clear()
    unregister()


def write(filesync, *statements):
    """Change the database behind the back of filesync."""
    with filesync.runtime.metadata._database.write_transaction() as connection:
        for statement in statements:
            connection.execute(statement)


def count(filesync, table):
    """Return how many rows a table has."""
    with filesync.runtime.metadata._database.read_transaction() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def let_time_pass(filesync, days):
    """Let everything that is logged have happened some days earlier than it did."""
    ago = timedelta(days=days)
    with filesync.runtime.metadata._database.read_transaction() as connection:
        logs = connection.execute(select(sync_logs)).all()
    for log in logs:
        moved = {name: getattr(log, name) - ago for name in ("as_of", "sync_started", "sync_completed")}
        write(filesync, update(sync_logs).where(sync_logs.c.id == log.id).values(**moved))
    write(filesync, update(file_changes).values(observed_at=NOW - ago))


def stored(project):
    """Return the Parquet files there are."""
    return set((project.home / "data").rglob("*.parquet"))


def test_an_endpoint_that_left_the_configuration_is_tidied_too(project):
    """Its syncs would have done it, but there are none any more. What is there last stays."""
    with project.open() as filesync:
        for name in ("two", "three"):
            filesync.sync("left")
            STORES["left"].put(name)
        last = filesync.sync("left")
        let_time_pass(filesync, 30)
        assert (len(stored(project)), count(filesync, file_changes)) == (5, 2)
    project.write({"name": "stays", "type": "memory", "endpoint_details": {"store": "stays"}})
    with project.open() as filesync:
        would = filesync.maintain(dry_run=True)
        assert (would["snapshots"], would["journal"]) == (3, 2)
        assert (len(stored(project)), count(filesync, file_changes)) == (5, 2)

        gone = filesync.maintain()
        assert (gone["snapshots"], gone["journal"], gone["sync_logs"]) == (3, 2, 2)
        assert Path(last.snapshot_uri) in stored(project)
        assert len(stored(project)) == 2  # what a committed row points to: the last snapshot, and its changes
        assert not any(filesync.maintain().values())


def test_a_listing_that_nobody_will_resume_is_forgotten(project):
    """That of an endpoint that left goes; that of one that is still synced stays until it is too old to resume."""
    with project.open() as filesync:
        for name in ("left", "stays"):
            folder = filesync.runtime.folder("staging", name, "listing", "scope")
            (folder / "00000001.parquet").write_bytes(b"x")
            endpoint_id = filesync.runtime.register(filesync.config.endpoint(name))
            write(filesync, insert(checkpoints).values(
                endpoint_id=endpoint_id, scope="one", listing_id="listing", segments=1, rows=1, complete=False,
                unread=[], selection="", location="", started_at=NOW, updated_at=NOW))  # fmt: skip
    project.write({"name": "stays", "type": "memory", "endpoint_details": {"store": "stays"}})
    with project.open() as filesync:
        assert filesync.maintain(dry_run=True)["staging"] == 1
        assert filesync.runtime.metadata.checkpoints.unfinished_listings() == {"left": 1, "stays": 1}
        assert filesync.maintain()["staging"] == 1
        assert filesync.runtime.metadata.checkpoints.unfinished_listings() == {"stays": 1}
        write(filesync, update(checkpoints).values(started_at=NOW - timedelta(days=3)))
        assert filesync.maintain()["staging"] == 0, "it began long ago, and goes on"
        write(filesync, update(checkpoints).values(updated_at=NOW - timedelta(days=1)))
        assert filesync.maintain()["staging"] == 1
        assert not filesync.runtime.metadata.checkpoints.unfinished_listings()
    assert not list((project.home / "staging").rglob("*.parquet"))


def test_what_a_crashed_sync_left_behind_goes_when_it_is_old(project):
    """A file that nobody points to may be one that a sync is about to point to."""
    with project.open() as filesync:
        kept = Path(filesync.sync("stays").snapshot_uri)
        orphan = kept.with_name("20200101T000000Z-00000000.parquet")
        shutil.copy(kept, orphan)
        metadata = filesync.runtime.metadata
        metadata.stored_files.begin(metadata.endpoints.ids()["stays"], [str(orphan)])
        assert filesync.maintain()["left_behind"] == 0
        os.utime(orphan, (time.time() - 2 * 86400,) * 2)
        os.utime(kept, (time.time() - 2 * 86400,) * 2)
        assert filesync.maintain()["left_behind"] == 1
        assert stored(project) == {kept}
        assert [row["external_id"] for row in live(filesync, "stays")] == ["one"]


def test_old_pictures_of_reports_go(project):
    """They are kept as long as the last snapshot of a day, from when they were written last."""
    with project.open() as filesync:
        folder = filesync.runtime.folder("reports", "duplicates")
        for name, days in (("new", 4), ("old", 6)):
            (folder / f"{name}.svg").write_text("<svg/>")
            os.utime(folder / f"{name}.svg", (time.time() - days * 86400,) * 2)
        assert filesync.maintain(dry_run=True)["charts"] == 1
        assert filesync.maintain()["charts"] == 1
        assert [path.name for path in folder.iterdir()] == ["new.svg"]


def test_an_endpoint_that_is_being_synced_is_left_to_its_sync(project):
    """Its neighbour is tidied."""
    with project.open() as filesync:
        for name in ("left", "stays"):
            filesync.sync(name)
            STORES[name].put("two")
            filesync.sync(name)
        let_time_pass(filesync, 30)
        with filesync.runtime.metadata.leases.hold(filesync.runtime.register(filesync.config.endpoint("left"))):
            assert filesync.maintain()["snapshots"] == 1
        assert filesync.maintain()["snapshots"] == 1


def test_what_was_held_and_what_can_be_decided_stays(project):
    """However long nobody decides."""
    STORES["left"].put("two")
    with project.open() as filesync:
        filesync.sync("left")
        for name in ("one", "two"):
            STORES["left"].delete(name)
        held = filesync.sync("left")
        assert held.status is SyncStatus.HELD
        let_time_pass(filesync, 300)
        filesync.maintain()
        assert Path(held.snapshot_uri).exists()
        assert filesync.approve("left").status is SyncStatus.COMPLETED
        assert not rows_of(filesync.files("left"))


def test_events_that_are_over_go(project):
    """An alert that stands, or that nobody was told of, stays; so does what was asked for lately."""
    old, new = NOW - timedelta(days=9), NOW - timedelta(days=1)
    alert = {"kind": "failed", "raised_at": old, "sentence": "", "told": []}
    with project.open() as filesync:
        write(
            filesync,
            *(insert(requests).values(endpoint="stays", full=False, source="rest", requested_at=at, taken_at=at)
              for at in (old, new)),
            insert(requests).values(endpoint="nobody", full=False, source="rest", requested_at=old),
            insert(alerts).values(subject="over", cleared_at=old, told_at=old, **alert),
            insert(alerts).values(subject="stands", told_at=old, **alert),
            insert(alerts).values(subject="untold", cleared_at=old, **alert),
        )  # fmt: skip
        expected = {"requests": 2, "alerts": 1}
        for dry_run in (True, False):
            gone = filesync.maintain(dry_run=dry_run)
            assert {kind: gone[kind] for kind in expected} == expected
        assert [count(filesync, table) for table in (requests, alerts)] == [1, 2]
