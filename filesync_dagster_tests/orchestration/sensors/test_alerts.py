"""Alerts from Dagster: after a run, by the sensor, and about runs that could say nothing themselves."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterRunStatus, EventLogEntry
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from filesync_dagster.monitoring.alerts import crashed_jobs
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.sensors import alerts
from filesync_dagster.orchestration.sensors.alerts import (
    OTHER_JOBS,
    FailureCursor,
    Runs,
    note_crashes,
    note_successes,
)
from filesync_dagster.orchestration.tags import ANY_ASSETS, KEPT_TAG, OUR_TAG
from filesync_dagster_tests.monitoring.alerts.receivers import Hook
from filesync_dagster_tests.sync.memory_store import STORES


@pytest.fixture
def hook():
    """Return a webhook."""
    with Hook() as opened:
        yield opened


class Told:
    """A project whose alerts a webhook is told, with an instance that sensors can use."""

    def __init__(self, made, hook, folder):
        self.made = made
        whole = json.loads(made.config.read_text())
        whole["alerts"] = {"urls": [hook.url], "link_base": "http://dagster"}
        made.config.write_text(json.dumps(whole))
        made.instance = dg.DagsterInstance.local_temp(str(folder), {"telemetry": {"enabled": False}})
        self.cursor = str(FailureCursor(datetime(2026, 1, 1, tzinfo=UTC)))

    def tick(self):
        """Let the sensor look; return what it says."""
        repository = self.made.definitions.get_repository_def()
        context = dg.build_sensor_context(
            self.made.instance,
            cursor=self.cursor,
            repository_def=repository,
            resources=repository.get_top_level_resources(),
        )
        execution = repository.get_sensor_def("alerts").evaluate_tick(context)
        self.cursor, self.events = execution.cursor, execution.asset_events
        for one in self.events:  # as the daemon does
            self.made.instance.report_runless_asset_event(one)
        return execution.skip_message

    def dead_run(self, *names, **how):
        """Let the log of Dagster say that the process of a run died; return its id."""
        return self.ended_run(DagsterEventType.PIPELINE_FAILURE, *names, **how)

    def ended_run(self, end, *names, job="sync", keys=(), ours=True, location=None, at=None):
        """Let the log of Dagster say how a run of a job ended, by the clock of its machine; return its id."""
        origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "r") if location else None
        run = create_run_for_test(
            self.made.instance,
            job_name=job,
            status=DagsterRunStatus.STARTED,
            asset_selection=frozenset([*keys, *map(asset_key, names)]) or None,
            tags={OUR_TAG: job} if ours else {},
            remote_job_origin=origin and origin.get_job_origin(job),
        )
        message = "Run process exited with SIGKILL."
        timestamp = (at or datetime.now(UTC)).timestamp()
        entry = EventLogEntry(
            error_info=None,
            level="debug",
            user_message=message,
            run_id=run.run_id,
            timestamp=timestamp,
            job_name=job,
            dagster_event=DagsterEvent(end.value, job, message=message),
        )
        self.made.instance.handle_new_event(entry)
        return run.run_id


@pytest.fixture
def told(project, store, hook, instance_folder):
    """Return a project with the endpoints `a` and `b`."""
    return Told(project(store("a"), store("b")), hook, instance_folder)


def test_a_run_tells_what_it_changed_before_it_ends(told, hook):
    """One message for each endpoint; the sensor has nothing to add, though the run failed."""
    STORES["a"].faults.breaks["one"] = 0
    result = told.made.materialize(["filesync", "a"], ["filesync", "b"])
    assert not result.success
    assert hook.titles == ["filesync: a: failed"]
    assert f"http://dagster/runs/{result.run_id}" in hook.posts[0]["message"]
    assert told.tick() == "0 new, 0 recovered; 0 messages were sent."
    STORES["a"].faults.breaks.clear()
    assert told.made.materialize(["filesync", "a"]).success
    assert hook.titles[1:] == ["filesync: a: recovered (failed)"]


def test_the_sensor_finds_what_no_run_told(told, hook):
    """Somebody syncs without Dagster."""
    STORES["b"].faults.breaks["one"] = 0
    with told.made.open() as filesync:
        filesync.sync("b")
    assert told.tick() == "1 new, 0 recovered; 1 messages were sent."
    assert told.tick() == "0 new, 0 recovered; 0 messages were sent."
    assert hook.titles == ["filesync: b: failed"]


def test_a_run_whose_process_died_is_told_and_so_is_its_end(told, hook):
    """Even if it was made up for before anybody looked; a run that is seen again is no news."""
    run_id = told.dead_run("a")
    with told.made.open() as filesync:
        assert filesync.sync("a", run_id="again").error is None
    told.tick()
    assert hook.titles == ["filesync: a: crashed", "filesync: a: recovered (crashed)"]
    assert (
        f"The run {run_id[:8]} ended before it was done: Run process exited with SIGKILL." in hook.posts[0]["message"]
    )
    assert "http://dagster/runs/again" in hook.posts[1]["message"]
    told.made.instance.add_run_tags(run_id, {"looked": "at"})
    told.tick()
    assert len(hook.posts) == 2


def test_a_dead_run_tells_of_those_that_it_had_not_synced(told, hook):
    """Those that it had are well."""
    run_id = told.dead_run("a", "b")
    with told.made.open() as filesync:
        filesync.sync("b", run_id=run_id)
    told.tick()
    told.tick()
    assert hook.titles == ["filesync: a: crashed"]


@pytest.mark.slow
def test_a_job_that_syncs_nothing_speaks_for_itself(told, hook):
    """The alert is about the reports, until they are written again."""
    report = dg.AssetKey(["filesync_reports", "storage_growth"])
    told.dead_run(keys=[report])
    told.tick()
    assert hook.titles == ["filesync: job reports: crashed"]
    assert told.made.materialize(["filesync", "a"]).success
    told.tick()
    assert len(hook.posts) == 1, "a sync is no report"
    assert told.made.materialize(["filesync_reports", "storage_growth"]).success
    told.tick()
    assert hook.titles[1:] == ["filesync: job reports: recovered (crashed)"]


def test_other_peoples_runs_are_none_of_our_business(told, hook):
    """Their jobs share the instance."""
    told.dead_run(job="payroll", ours=False)
    told.dead_run(ours=False)
    told.dead_run(job="receive", ours=False)
    assert told.tick() == "0 new, 0 recovered; 0 messages were sent."
    assert hook.posts == []


def test_failures_from_before_the_first_look_are_no_news(told, hook):
    """Who installs this is not told of last year."""
    told.dead_run("a")
    told.cursor = None
    told.tick()
    assert hook.posts == []


def test_an_edit_that_breaks_the_file_is_told(told, hook):
    """By the configuration that was good before, until the file is."""
    told.tick()
    good = told.made.config.read_text()
    told.made.config.write_text("endpoints: [")
    told.tick()
    assert hook.titles == ["filesync: configuration: wrong configuration"]
    assert "endpoints.yaml:2: this is not YAML" in hook.posts[0]["message"]
    told.made.config.write_text(good)
    told.tick()
    assert hook.titles[1:] == ["filesync: configuration: recovered (wrong configuration)"]


def test_a_run_goes_on_when_alerts_cannot_be_told(told, hook):
    """The inventory matters more."""
    hook.refuses = True
    STORES["b"].faults.breaks["one"] = 0
    result = told.made.materialize(["filesync", "a"], ["filesync", "b"])
    assert {event.asset_key.path[-1] for event in result.get_asset_materialization_events()} == {"a"}
    with told.made.open() as filesync:
        assert {(alert.subject, alert.kind) for alert in filesync.alerts()} == {("b", "failed"), ("1 json", "channel")}


def test_every_job_is_watched(told):
    """Whose runs could say nothing: a job that is added is added here."""
    whole = json.loads(told.made.config.read_text())
    whole["queues"] = [{"name": "events", "type": "rabbitmq", "url": "amqp://127.0.0.1", "queue": "q"}]
    told.made.config.write_text(json.dumps(whole))
    repository = told.made.definitions.get_repository_def()
    names = {job.name for job in repository.get_all_jobs() if not job.name.startswith(ANY_ASSETS)}
    assert "sync" in names
    assert names - {"sync", "check_configuration"} <= set(OTHER_JOBS)


def test_a_job_without_assets_is_told_of(told, hook):
    """By its name."""
    told.dead_run(job="receive")
    told.tick()
    assert hook.titles == ["filesync: job receive: crashed"]


def test_another_code_location_speaks_for_itself(told, hook):
    """A second project with filesync in it has jobs of the same names, and endpoints, too."""
    with told.made.open() as filesync:
        here = Runs(told.made.instance, filesync, frozenset(OTHER_JOBS), "here")
        cursor = FailureCursor(datetime.now(UTC))
        for job in ("sync", "receive"):
            told.dead_run(job=job, location="there")
        told.dead_run("a", job=ANY_ASSETS, location="there")
        cursor, crashed = note_crashes(here, cursor)
        assert not crashed
        told.dead_run(job="receive", location="here")
        cursor, crashed = note_crashes(here, cursor)
        assert crashed
        told.ended_run(DagsterEventType.PIPELINE_SUCCESS, job="receive", location="there")
        note_successes(here)
        assert crashed_jobs(filesync.runtime).keys() == {"receive"}
        told.ended_run(DagsterEventType.PIPELINE_SUCCESS, job="receive", location="here")
        note_successes(here)
        assert not crashed_jobs(filesync.runtime)


def test_a_machine_whose_clock_is_behind_is_heard(told, hook):
    """Its run died after the look before, though not by its clock; one whose clock is ahead hides nothing."""
    now = datetime.now(UTC)
    told.tick()
    told.dead_run("a", at=now + timedelta(hours=1))
    told.tick()
    told.dead_run("b", at=now - timedelta(minutes=5))
    told.tick()
    told.tick()
    assert hook.titles == ["filesync: a: crashed", "filesync: b: crashed"]


def test_an_old_failure_that_is_looked_at_anew_is_no_news(told, hook):
    """Maintenance gives it a tag, or a person does, long after it was told and forgotten here."""
    now = datetime.now(UTC)
    run_id = told.dead_run("a", at=now - timedelta(days=7))
    told.cursor = str(FailureCursor(now - timedelta(minutes=1)))
    told.made.instance.add_run_tags(run_id, {KEPT_TAG: "2026-11-21"})
    told.tick()
    assert hook.posts == []


def test_more_failures_than_one_look_takes_are_all_told(told, hook, monkeypatch):
    """The next looks have the others; none twice."""
    monkeypatch.setattr(alerts, "RUNS_PER_TICK", 2)
    runs = [told.dead_run(job=job) for job in ("receive", "maintenance", "receive", "receive", "sync")]
    told.tick()
    assert len(json.loads(told.cursor)["seen"]) == 2
    for _ in range(3):
        told.tick()
    assert set(json.loads(told.cursor)["seen"]) == set(runs)
    crashed = sorted(title for title in hook.titles if "recovered" not in title)
    assert crashed == [f"filesync: {name}: crashed" for name in ("a", "b", "job maintenance", "job receive")]


def test_a_job_that_succeeded_while_another_run_of_it_died_has_not_made_up_for_it(told, hook):
    """Nor has one from last week that is given a tag; the next one has."""
    now, success = datetime.now(UTC), DagsterEventType.PIPELINE_SUCCESS
    old = told.ended_run(success, job="maintenance", at=now - timedelta(days=7))
    told.tick()
    told.dead_run(job="maintenance")
    told.ended_run(success, job="maintenance", at=now - timedelta(seconds=1))
    told.made.instance.add_run_tags(old, {KEPT_TAG: "2026-11-21"})
    told.tick()
    told.tick()
    assert hook.titles == ["filesync: job maintenance: crashed"]
    told.ended_run(success, job="maintenance")
    told.tick()
    assert hook.titles[1:] == ["filesync: job maintenance: recovered (crashed)"]


@pytest.mark.slow
def test_dagster_learns_what_was_decided_elsewhere(told):
    """The guard's check is red while a sync is held, and green once it is rejected, though no run says so."""
    told.made.materialize(["filesync", "a"])
    for i in range(9):
        STORES["a"].delete(f"a-{i}")
    with told.made.open() as filesync:
        filesync.sync("a")
    told.tick()
    [held] = told.events
    assert (held.check_name, held.passed, held.metadata["held/removed"].value) == ("mass_delete_guard", False, 9)
    told.tick()
    assert told.events == []
    with told.made.open() as filesync:
        filesync.reject("a")
    told.tick()
    [decided] = told.events
    assert (decided.asset_key, decided.passed) == (asset_key("a"), True)
