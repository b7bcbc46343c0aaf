"""What starts replications: the sensor after their sources, and schedules. No daemon: each tick is evaluated here."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from filesync_dagster.config import load_config, read_environment
from filesync_dagster.orchestration.assets.replication_specs import replica_key
from filesync_dagster.orchestration.replication_schedules import replication_schedules
from filesync_dagster.orchestration.sensors.replications import REPEAT_INTERVAL, replication_sensor
from filesync_dagster.orchestration.tags import CADENCE_TAG, LIVE_TAG
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.orchestration.replicated import replication, source_of, write


@pytest.fixture
def replicated(project, tmp_path, instance):
    """Return what makes a project with `photos`, `plans` and replications of them, both synced once."""

    def make(*replications):
        made = project()
        made.instance.dispose()
        made.instance = instance
        made.replications = list(replications) or [replication(tmp_path), replication(tmp_path, "second", "plans")]
        made.write(source_of(tmp_path), source_of(tmp_path, "plans"))
        sync(made, "photos", "plans")
        return made

    return make


def sync(made, *names):
    """Sync endpoints as the command line does: no run, no materialization."""
    with made.open() as filesync:
        for name in names:
            assert filesync.sync(name).status == "completed"


def replicate(made, *names):
    """Run replications elsewhere."""
    with made.open() as filesync:
        for name in names:
            assert filesync.replications.replicate(name).status == "completed"


class Sensor:
    """The sensor of a project, with its cursor."""

    def __init__(self, made):
        self.made, self.cursor = made, None
        self.moment = datetime.now(UTC) - 3 * REPEAT_INTERVAL  # later ones are before midnight, too

    def requests(self, *, keep=True):
        """Evaluate a tick; return the requests. Without `keep`, what it left is lost, as in a crash."""
        config = load_config(read_environment(self.made.config, self.made.variables))
        repository = self.made.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.made.instance,
            cursor=self.cursor,
            repository_def=repository,
            resources=repository.get_top_level_resources(),
        ) as context:
            came = replication_sensor(config, clock=lambda: self.moment).evaluate_tick(context)
        if keep:
            self.cursor = came.cursor
        return came.run_requests

    def names(self):
        """Return the replications that a tick asks for: one run at most."""
        requests = self.requests()
        assert len(requests) <= 1
        return {key.path[-1] for request in requests for key in request.asset_selection}


def test_one_run_for_all_whose_source_has_something(replicated):
    """It is live, of today, and says what started it."""
    sensor = Sensor(replicated())
    sensor.moment = datetime.now(UTC)
    [request] = sensor.requests()
    assert set(request.asset_selection) == {replica_key("copy"), replica_key("second")}
    assert request.partition_key == today()
    assert (request.tags[CADENCE_TAG], request.tags[LIVE_TAG]) == ("after_source", "true")


def test_each_change_of_a_source_is_asked_for_once(replicated, tmp_path):
    """Not twice, none is skipped, and a sync that found nothing starts nothing."""
    made = replicated()
    sensor = Sensor(made)
    assert sensor.names() == {"copy", "second"}
    assert sensor.names() == set(), "it was asked for"
    replicate(made, "copy", "second")
    sync(made, "photos", "plans")
    assert sensor.names() == set(), "nothing changed"
    for number in range(3):
        write(tmp_path / "photos", "0.txt", f"version {number}")
        sync(made, "photos")
        assert sensor.names() == {"copy"}
        assert sensor.names() == set()
        replicate(made, "copy")


def test_a_change_during_a_run_is_asked_for_when_that_is_over(replicated, tmp_path):
    """The run may have planned before it: it is neither taken for done nor asked for beside it."""
    made = replicated(replication(tmp_path))
    sensor = Sensor(made)
    assert sensor.names() == {"copy"}
    run = made.instance.create_run_for_job(
        made.definitions.resolve_job_def("sync"),
        asset_selection=frozenset({replica_key("copy")}),
        status=DagsterRunStatus.STARTED,
        tags={LIVE_TAG: "true"},
    )
    replicate(made, "copy")
    write(tmp_path / "photos", "0.txt", "changed after its plan")
    sync(made, "photos")
    with made.open() as filesync:
        record = filesync.runtime.metadata.replications.all()[0]
        with filesync.runtime.metadata.replication_leases.hold(record.id):
            assert sensor.names() == set()
    made.instance.report_run_canceled(run)
    assert sensor.names() == {"copy"}


def test_a_tick_that_was_lost_gives_the_same_run_again(replicated):
    """Dagster launches one run for one key."""
    sensor = Sensor(replicated())
    lost, again = sensor.requests(keep=False), sensor.requests()
    assert [one.run_key for one in lost] == [one.run_key for one in again]


def test_what_was_asked_for_in_vain_is_asked_for_after_a_while(replicated):
    """A run that died is made up for, under another key."""
    sensor = Sensor(replicated())
    [first] = sensor.requests()
    sensor.moment += REPEAT_INTERVAL - timedelta(minutes=1)
    assert sensor.requests() == []
    sensor.moment += timedelta(minutes=1)
    [second] = sensor.requests()
    assert second.run_key != first.run_key


def test_a_held_plan_is_left_to_whoever_decides(replicated, tmp_path):
    """It is not planned anew under the eyes of who looks at it, until the source has something else."""
    made = replicated(replication(tmp_path, guard={"max_bytes": 1}))
    sensor = Sensor(made)
    assert sensor.names() == {"copy"}
    with made.open() as filesync:
        assert filesync.replications.replicate("copy").status == "held"
        sensor.moment += 2 * REPEAT_INTERVAL
        assert sensor.names() == set()
        filesync.replications.reject("copy")
    assert sensor.names() == set()
    write(tmp_path / "photos", "0.txt", "something else")
    sync(made, "photos")
    assert sensor.names() == {"copy"}


def test_what_is_configured_anew_and_a_reconcile_are_reasons(replicated, tmp_path):
    """The source need not change for them."""
    made = replicated(replication(tmp_path))
    replicate(made, "copy")
    sensor = Sensor(made)
    assert sensor.names() == set()
    made.replications = [replication(tmp_path, paths={"add": "deep/"})]
    made.write(source_of(tmp_path), source_of(tmp_path, "plans"))
    assert sensor.names() == {"copy"}
    replicate(made, "copy")
    assert sensor.names() == set()
    made.replications = [replication(tmp_path, paths={"add": "deep/"}, reconcile_hours=0.000001)]
    made.write(source_of(tmp_path), source_of(tmp_path, "plans"))
    sensor.moment = datetime.now(UTC)
    assert sensor.names() == {"copy"}


def test_only_after_source_is_asked_for(replicated, tmp_path):
    """Of the others, a schedule or a person starts the runs."""
    made = replicated(
        replication(tmp_path, "by_hand", schedule="manual"),
        replication(tmp_path, "off", is_active=False),
        replication(tmp_path, "hourly", schedule="interval"),
        replication(tmp_path, "copy"),
    )
    assert Sensor(made).names() == {"copy"}
    names = [one.name for one in made.definitions.get_repository_def().schedule_defs]
    assert [name for name in names if name.startswith("replicate_")] == ["replicate_every_hour"]
    assert "off" not in {spec.key.path[-1] for spec in made.definitions.resolve_all_asset_specs()}


@pytest.fixture
def tick(replicated):
    """Return what evaluates one tick of the only schedule of replications, `late` after it was due."""

    def evaluate(made, scheduled, late=timedelta(seconds=1)):
        config = load_config(read_environment(made.config, made.variables))
        [schedule] = replication_schedules(config, clock=lambda: scheduled + late)
        repository = made.definitions.get_repository_def()
        with dg.build_schedule_context(
            instance=made.instance,
            scheduled_execution_time=scheduled,
            repository_def=repository,
            resources=repository.get_top_level_resources(),
        ) as context:
            came = schedule.evaluate_tick(context)
        return {key.path[-1] for request in came.run_requests for key in request.asset_selection}

    return evaluate


@pytest.mark.slow
def test_a_schedule_runs_what_is_due_and_idle(replicated, tmp_path, tick):
    """One run for all of a cadence; a late tick is for those that catch up, a stale one for nobody."""
    calm = {"schedule": "cron", "schedule_config": {"cron": "0 6 * * *", "catch_up": False}}
    made = replicated(
        replication(tmp_path, "one", schedule="cron", schedule_config={"cron": "0 6 * * *"}),
        replication(tmp_path, "two", **calm),
    )
    six = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    assert tick(made, six) == {"one", "two"}
    assert tick(made, six, late=timedelta(hours=2)) == {"one"}
    assert tick(made, six, late=timedelta(hours=25)) == set()
    made.instance.create_run_for_job(
        made.definitions.resolve_job_def("sync"),
        asset_selection=frozenset({replica_key("one")}),
        status=DagsterRunStatus.STARTED,
        tags={LIVE_TAG: "true"},
    )
    assert tick(made, six) == {"two"}


def test_an_interval_without_a_cron_goes_by_the_last_run(replicated, tmp_path, tick):
    """Every seven minutes is no cron expression: a tick a minute looks when it last ran."""
    made = replicated(replication(tmp_path, schedule="interval", schedule_config={"interval_minutes": 7}))
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    assert tick(made, now) == {"copy"}, "it never ran"
    replicate(made, "copy")
    assert tick(made, now + timedelta(minutes=5)) == set()
    assert tick(made, now + timedelta(minutes=8)) == {"copy"}
