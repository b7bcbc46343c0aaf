"""What time and misfortune do to a sync that was committed: its log stands, and what retention took is not guessed."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.core.errors import HeldSyncOutdated, NothingKnown
from filesync_dagster.core.model import SyncStatus
from filesync_dagster.monitoring.reports.counted_endpoints import CountedEndpoint
from filesync_dagster.orchestration.assets.reports import endpoint_day
from filesync_dagster.storage.database.tables import endpoints, sync_logs
from filesync_dagster.sync.retention import retain
from filesync_dagster_tests.orchestration.versioned_bucket import ACCOUNT, moto_in_process, s3_backends
from filesync_dagster_tests.sync.projects import Project, live, rows_of

NOW = datetime.now(UTC)


def days_ago(days, hour=12):
    """Return an hour of a past day, UTC."""
    return datetime.combine(NOW.date() - timedelta(days=days), time(hour), UTC)


def move(filesync, sync_id, at):
    """Let a sync have happened at another time."""
    with filesync.runtime.metadata._database.write_transaction() as connection:
        statement = update(sync_logs).where(sync_logs.c.id == sync_id)
        connection.execute(statement.values(as_of=at, sync_started=at, sync_completed=at))


@pytest.fixture
def files(tmp_path):
    """Return a folder that is an endpoint."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def project(tmp_path, files):
    """Return a project with that endpoint."""
    return Project(tmp_path / "project", {"name": "docs", "type": "local", "endpoint_details": {"path": str(files)}})


def test_old_files_that_cannot_be_deleted_do_not_undo_a_sync(project, files):
    """Retention comes after the commit: when it fails, the sync is committed and its log says so."""
    with project.open() as filesync:
        (files / "a").write_text("a")
        first = filesync.sync("docs")
        (files / "b").write_text("b")
        second = filesync.sync("docs")
        move(filesync, first.sync_id, days_ago(20, 9))
        move(filesync, second.sync_id, days_ago(20, 10))
        stuck = Path(first.snapshot_uri)
        stuck.unlink()
        (stuck / "no file").mkdir(parents=True)
        (files / "c").write_text("c")
        third = filesync.sync("docs")
        assert third.status is SyncStatus.COMPLETED
        log = filesync.runtime.metadata.syncs.get(third.sync_id)
        assert (log.sync_status, log.snapshot_uri, log.files_added) == (SyncStatus.COMPLETED, third.snapshot_uri, 1)


def test_the_current_snapshot_is_exported_whatever_the_clock_says(project, files, tmp_path):
    """The machine that synced may be ahead of the one that exports."""
    (files / "a").write_text("a")
    with project.open() as filesync:
        move(filesync, filesync.sync("docs").sync_id, NOW + timedelta(hours=1))
        assert filesync.export("docs", tmp_path / "out.csv", format="csv") == 1


def test_an_entry_with_the_name_of_another_fails_beside_it(project, files):
    """`filesync sync` does not exit with 0 while an entry of the configuration was left out."""
    docs = {"name": "docs", "type": "local", "endpoint_details": {"path": str(files)}}
    project.write(docs, docs)
    with Filesync(load_config(read_environment(project.config, project.variables))) as filesync:
        good, bad = filesync.sync_many()
    assert (good.status, bad.status) == (SyncStatus.COMPLETED, SyncStatus.FAILED)
    assert "already taken" in bad.error


@pytest.fixture
def thinned_out(project, files):
    """Return the project after three syncs on a day long ago, and one the day before, of which retention kept two."""
    with project.open() as filesync:
        for number, at in enumerate([days_ago(21), days_ago(20, 9), days_ago(20, 12), days_ago(20, 18)]):
            (files / f"f{number}").write_text("x")
            move(filesync, filesync.sync("docs").sync_id, at)
        retain(filesync.runtime, filesync.runtime.metadata.endpoints.states()["docs"].endpoint_id)
        yield filesync


def test_a_moment_whose_snapshot_is_gone_is_not_told_by_an_older_one(thinned_out):
    """At one o'clock there were three files. The snapshot of the day before, which has one, is no answer."""
    with pytest.raises(NothingKnown, match="retention"):
        rows_of(thinned_out.files("docs", as_of=days_ago(20, 13)))
    assert len(rows_of(thinned_out.files("docs", as_of=days_ago(20, 19)))) == 4
    assert len(rows_of(thinned_out.files("docs", as_of=days_ago(20, 8)))) == 1


def test_what_was_added_does_not_become_an_import_when_its_file_is_let_go(thinned_out):
    """The report of a day says the same after retention."""
    endpoint = CountedEndpoint("docs", thinned_out.runtime.metadata.endpoints.ids()["docs"])
    assert endpoint_day(thinned_out, endpoint, days_ago(20).date()).counts["added"] == 3
    assert endpoint_day(thinned_out, endpoint, days_ago(21).date()).counts["imported"] == 1


def test_days_before_versioning_come_from_what_was_stored(tmp_path):
    """A bucket whose versions do not reach back to a day does not hide that it was synced on it."""
    with moto_in_process() as server:
        client, name = server.client(), "late-versioning"
        client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        client.put_object(Bucket=name, Key="a", Body=b"a")
        bucket = s3_backends[ACCOUNT]["aws"].buckets[name]
        bucket.creation_date = days_ago(20).replace(tzinfo=None)
        [version] = bucket.keys.getlist("a")
        version.last_modified = days_ago(3).replace(tzinfo=None)
        project = Project(tmp_path, {"name": "docs", "type": "s3", "endpoint_details": server.details(name)})
        with project.open() as filesync:
            live_sync = filesync.sync("docs")
            move(filesync, live_sync.sync_id, days_ago(5))
            stored = filesync.sync_day("docs", days_ago(5).date())
            assert (stored.status, stored.snapshot_uri) == (SyncStatus.COMPLETED, live_sync.snapshot_uri)
            unknown = filesync.sync_day("docs", days_ago(4).date())
            assert unknown.status is SyncStatus.FAILED
            assert "Nothing is known" in unknown.error
            began = filesync.sync_day("docs", days_ago(3).date())
            assert (began.status, began.files_total) == (SyncStatus.COMPLETED, 1), began.error
            assert len(live(filesync, "docs")) == 1


def test_a_held_sync_of_another_place_cannot_be_approved(project, files, tmp_path):
    """What was held says nothing about the place that the endpoint lists now."""
    for i in range(20):
        (files / f"{i}").write_text("x")
    with project.open() as filesync:
        filesync.sync("docs")
        for i in range(15):
            (files / f"{i}").unlink()
        assert filesync.sync("docs").status is SyncStatus.HELD

    other = tmp_path / "other"
    other.mkdir()
    moved = Project(tmp_path / "project", {"name": "docs", "type": "local", "endpoint_details": {"path": str(other)}})
    with moved.open() as filesync:
        with pytest.raises(HeldSyncOutdated, match="another place"):
            filesync.approve("docs")
        assert len(live(filesync, "docs")) == 20


def test_what_left_the_configuration_is_marked(tmp_path, files):
    """An endpoint that is no longer configured keeps its rows and is inactive in the database."""
    entries = [{"name": name, "type": "local", "endpoint_details": {"path": str(files)}} for name in ("docs", "photos")]
    with Project(tmp_path / "project", *entries).open() as filesync:
        assert {result.status for result in filesync.sync_many()} == {SyncStatus.COMPLETED}
    with Project(tmp_path / "project", entries[0]).open() as filesync:
        list(filesync.sync_many())
        with filesync.runtime.metadata._database.read_transaction() as connection:
            found = connection.execute(select(endpoints.c.name, endpoints.c.is_active)).all()
    assert dict(map(tuple, found)) == {"docs": True, "photos": False}
