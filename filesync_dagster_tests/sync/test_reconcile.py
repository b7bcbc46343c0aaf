"""When a store that tells what changed is listed as a whole again."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from filesync_dagster.core.model import SyncMode
from filesync_dagster_tests.sync.model.stage import staged
from filesync_dagster_tests.sync.test_incremental import Drive

YEARLY = "0 0 1 1 *"


@pytest.fixture(scope="module")
def stage():
    """A place for the projects of all tests."""
    with staged("google_drive") as stage:
        yield stage


@pytest.fixture
def proved(stage):
    """Return what opens a Drive with a reconcile, syncs it, and says that it was last listed so long ago."""

    def make(reconcile, ago):
        drive = Drive(stage)
        drive.store.create("top.txt", content=b"1")
        drive.open(reconcile=reconcile)
        assert drive.sync().mode is SyncMode.FULL
        url = f"sqlite:///{stage.project.home / 'filesync.db'}"
        with closing(sa.create_engine(url).raw_connection()) as connection:
            moment = (datetime.now(UTC) - ago).strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute("UPDATE endpoint_state SET reconciled_at = ?", (moment,))
            connection.commit()
        return drive

    return make


@pytest.mark.parametrize(
    ("reconcile", "ago", "mode"),
    [
        ({}, timedelta(hours=23), SyncMode.INCREMENTAL),
        ({}, timedelta(hours=25), SyncMode.FULL),
        ({"interval_hours": 48}, timedelta(hours=25), SyncMode.INCREMENTAL),
        ({"cron": YEARLY}, timedelta(days=366), SyncMode.FULL),
        ({"cron": "0 0 * * *", "timezone": "Asia/Tokyo"}, timedelta(hours=25), SyncMode.FULL),
        ({"cron": "0 0 29 2 *"}, timedelta(seconds=1), SyncMode.INCREMENTAL),
    ],
)
def test_everything_is_listed_again_when_a_reconcile_is_due(proved, reconcile, ago, mode):
    """After so many hours, or at the first sync after a tick of its own cron expression; and then not again."""
    drive = proved(reconcile, ago)
    assert drive.sync().mode is mode
    assert drive.sync().mode is SyncMode.INCREMENTAL
