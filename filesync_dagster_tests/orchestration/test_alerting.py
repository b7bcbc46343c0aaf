"""Alerts from Dagster: after a run, by the sensor, and about runs that could say nothing themselves."""

import json
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from filesync_dagster.orchestration.alerting import OTHER_JOBS, UNNAMED_JOB, Cursor
from filesync_dagster.orchestration.specs import asset_key
from filesync_dagster_tests.alerts.receivers import Hook
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
        folder.mkdir()
        made.instance = dg.DagsterInstance.local_temp(str(folder), {"telemetry": {"enabled": False}})
        self.cursor = str(Cursor(datetime(2026, 1, 1, tzinfo=UTC)))

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
        self.cursor = execution.cursor
        return execution.skip_message

    def dead_run(self, *names, job="sync", message="Run process exited with SIGKILL."):
        """Let the log of Dagster say that the process of a run died; return its id."""
        selection = frozenset(asset_key(name) for name in names) or None
        run = create_run_for_test(
            self.made.instance, job_name=job, status=DagsterRunStatus.STARTED, asset_selection=selection
        )
        self.made.instance.report_dagster_event(
            DagsterEvent(DagsterEventType.PIPELINE_FAILURE.value, job, message=message), run.run_id
        )
        return run.run_id


@pytest.fixture
def told(project, store, hook, tmp_path):
    """Return a project with the endpoints `a` and `b`."""
    return Told(project(store("a"), store("b")), hook, tmp_path / "dagster")


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


def test_a_job_that_syncs_nothing_speaks_for_itself(told, hook):
    """The alert is about the reports, until they are written again."""
    report = dg.AssetKey(["filesync_reports", "storage_growth"])
    run = create_run_for_test(
        told.made.instance, job_name="sync", status=DagsterRunStatus.STARTED, asset_selection=frozenset([report])
    )
    event = DagsterEvent(DagsterEventType.PIPELINE_FAILURE.value, "sync", message="No room left.")
    told.made.instance.report_dagster_event(event, run.run_id)
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
    told.dead_run(job="payroll")
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
    names = {job.name for job in repository.get_all_jobs() if not job.name.startswith(UNNAMED_JOB)}
    assert "sync" in names
    assert names - {"sync", "check_configuration"} <= set(OTHER_JOBS)


def test_a_job_without_assets_is_told_of(told, hook):
    """By its name."""
    told.dead_run(job="receive")
    told.tick()
    assert hook.titles == ["filesync: job receive: crashed"]
