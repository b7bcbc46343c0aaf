"""Alerts about replications: what is wrong with one, told once, and that it is over."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from filesync_dagster.config import Endpoint, Replication, lag_limit
from filesync_dagster.monitoring.alerts import Observation, conditions, transitions
from filesync_dagster.replication.status import ReplicationStatus
from filesync_dagster.storage.database import AlertRecord
from filesync_dagster_tests.monitoring.alerts.conftest import Watched
from filesync_dagster_tests.orchestration.replicated import replication, source_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WELL = ReplicationStatus(
    name="copy", title="Copy", source="photos", destination="local", mode="mirror", state="ok", is_active=True,
    files=3, bytes=9, verified_by_hash=3, acknowledged=0, lag_seconds=0.0, last_run=NOON,
    held_plan_id=None, held_reason=None,
    held_counts=None, problems={}, running_since=None, error=None, last_outcome="completed",
)  # fmt: skip
FAILED = replace(WELL, state="failed", last_outcome="failed", error="Denied. Ask for access.")
HELD = replace(WELL, state="held", held_plan_id=7, held_reason="It would delete 11 of 12 files.", lag_seconds=9999.0)


def found(*statuses, limits=None):
    """Return the kinds of what is wrong, by subject."""
    look = Observation(NOON, [], replications=statuses, lag_limits={"copy": HOUR} if limits is None else limits)
    return {(condition.subject, condition.kind.value) for condition in conditions(look)}


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (WELL, set()),
        (FAILED, {"replication_failed"}),
        (replace(FAILED, state="running", running_since=NOON), {"replication_failed"}),
        (HELD, {"replication_held"}),
        (replace(HELD, last_outcome="failed"), {"replication_held", "replication_failed"}),
        (replace(WELL, lag_seconds=3600.0), set()),
        (replace(WELL, lag_seconds=3601.0), {"replication_lag"}),
        (replace(WELL, lag_seconds=None, last_outcome=None), set()),
        (replace(WELL, problems={"foreign": 2, "collision": 1}), {"replication_problems"}),
        (replace(WELL, problems={"stale": 2}), set()),
        (replace(FAILED, is_active=False, problems={"foreign": 1}), set()),
    ],
)
def test_what_is_wrong(status, kinds):
    """Each kind by itself, while a run is on too; of one that is switched off nothing is expected."""
    assert found(status) == {("copy", kind) for kind in kinds}
    assert ("copy", "replication_lag") not in found(status, limits={})


def alert(kind, subject="copy"):
    """Return an alert that stands."""
    return AlertRecord(subject, kind, NOON, "Something.")


def test_what_is_over_recovers_and_what_is_gone_is_dropped():
    """Nobody mended a replication that left the configuration."""
    standing = [alert("replication_failed"), alert("replication_held", "gone")]
    came = transitions(standing, [], [], replications={"copy"})
    assert [one.subject for one, _ in came.cleared] == ["copy"]
    assert [one.subject for one in came.dropped] == ["gone"]


def test_how_long_a_replica_may_lack_something():
    """After its source: half a period of that; by the clock: a period and some grace; by hand: for ever."""
    source = Endpoint.model_validate(
        {"name": "photos", "type": "local", "endpoint_details": {}, "schedule_config": {"interval_minutes": 120}}
    )
    entry = {"name": "copy", "source": "photos", "destination": {"endpoint": "archive"}}

    def limit(source=source, **more):
        return lag_limit(Replication.model_validate(entry | more), source)

    assert limit() == HOUR
    assert limit(source.model_copy(update={"schedule": "manual"})) == 4 * HOUR
    assert limit(schedule="interval", schedule_config={"interval_minutes": 60}) == 1.5 * HOUR
    assert limit(schedule="manual") is None
    assert limit(is_active=False) is None


def test_a_failure_is_told_once_and_so_is_its_end(tmp_path, hook):
    """The destination goes away, a run fails, and another one succeeds."""
    made = Watched(tmp_path / "project", hook, names=())
    made.replications = [replication(tmp_path)]
    made.write(source_of(tmp_path))
    with made.open() as filesync:
        filesync.sync("photos")
    made.alert()
    assert hook.titles == []
    shutil.move(tmp_path / "copy", tmp_path / "away")
    with made.open() as filesync:
        for _ in range(2):
            assert filesync.replications.replicate("copy").status == "failed"
            made.alert()
    assert hook.titles == ["filesync: copy: replication failed"]
    assert "filesync_replica/copy" in hook.posts[-1]["message"]
    shutil.move(tmp_path / "away", tmp_path / "copy")
    with made.open() as filesync:
        filesync.replications.replicate("copy")
    made.alert()
    assert hook.titles[1:] == ["filesync: copy: recovered (replication failed)"]
