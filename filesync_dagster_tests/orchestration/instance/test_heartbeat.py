"""What tells that a run's process lives, and what ends a process whose run is over."""

import threading
import time

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.launcher.base import WorkerStatus
from dagster._core.test_utils import create_run_for_test

from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.instance.heartbeat import Heartbeat, last_beat, run_heartbeat, slot
from filesync_dagster.orchestration.instance.run_launcher import DEAD_AFTER_SECONDS, WatchedRunLauncher
from filesync_dagster.orchestration.processes import dagster_home
from filesync_dagster.sync.progress import Progress


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """Return an instance as `filesync up` makes it."""
    home = dagster_home(read_environment(variables={"FILESYNC_HOME": str(tmp_path_factory.mktemp("home"))}))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(home))
        with DagsterInstance.get() as made:
            yield made


@pytest.fixture
def run(instance):
    """Return a run that has been started."""
    return create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.STARTED)


@pytest.fixture
def launcher(instance):
    """Return a launcher whose clock is set by hand."""
    launcher = WatchedRunLauncher(clock=lambda: launcher.now)
    launcher.now = 0.0
    launcher.register_instance(instance)
    return launcher


def test_the_instance_that_is_shipped_watches_its_runs(instance):
    """dagster.yaml names the launcher, and run monitoring asks it."""
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    assert instance.run_launcher.supports_check_run_worker_health
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_runtime_seconds > 0


def test_a_run_lives_while_its_heart_beats(instance, run, launcher):
    """However long it takes; and when its step is over, for nobody knows what it does then."""
    heart = Heartbeat(instance, run.run_id, beat_seconds=0.01)
    try:
        for _ in range(3):
            before = until(lambda: last_beat(instance, run.run_id))
            assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
            launcher.now += DEAD_AFTER_SECONDS * 2
            until(lambda before=before: last_beat(instance, run.run_id) != before)
    finally:
        heart.stop()
    launcher.now += DEAD_AFTER_SECONDS * 2
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING


def test_a_run_whose_heart_does_not_beat_any_more_is_dead_after_a_while(instance, run, launcher):
    """Not at once: a beat may be late."""
    instance.run_storage.set_cursor_values({slot(run.run_id): f"{run.run_id} 3"})

    for launcher.now in (0, 30, 60, DEAD_AFTER_SECONDS - 1):
        assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    launcher.now = DEAD_AFTER_SECONDS
    assert launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND


def test_a_run_lives_on_when_the_database_of_dagster_was_away(instance, run, launcher):
    """For an hour nobody could beat, and nobody could look: the first look after that proves nothing."""
    for launcher.now in (0, 30):
        instance.run_storage.set_cursor_values({slot(run.run_id): f"{run.run_id} {launcher.now}"})
        assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    for launcher.now in (3630, 3660):
        assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    launcher.now = 3690
    assert launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND, "it had a minute to beat again"


def test_a_run_that_never_beat_is_taken_to_live(run, launcher):
    """It may be of a job that is none of ours."""
    launcher.check_run_worker_health(run)
    launcher.now = DEAD_AFTER_SECONDS * 10

    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING


def test_a_run_that_shares_its_slot_is_taken_to_live(instance, run, launcher):
    """The table of heartbeats does not grow with the runs, so two may meet in it."""
    instance.run_storage.set_cursor_values({slot(run.run_id): "somebody-else 7"})
    launcher.check_run_worker_health(run)
    launcher.now = DEAD_AFTER_SECONDS * 10

    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING


@pytest.mark.parametrize("status", [DagsterRunStatus.CANCELING, DagsterRunStatus.FAILURE, None])
def test_the_syncs_of_a_run_that_was_ended_stop(instance, status):
    """Canceled, given up or deleted by somebody else. The process is ended when it does not stop by itself."""
    run = create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.STARTED)
    ended = threading.Event()
    heart = Heartbeat(instance, run.run_id, beat_seconds=0.01, grace_seconds=0.01, end=ended.set)
    try:
        watch = heart.watch()
        watch(Progress("photos", "listing", 1))
        if status is None:
            instance.delete_run(run.run_id)
        elif status is DagsterRunStatus.CANCELING:
            instance.report_run_canceling(run)
        else:
            instance.report_run_failed(run)
        assert heart.stop_requested.wait(30)
        with pytest.raises(KeyboardInterrupt):
            watch(Progress("photos", "listing", 2))
        assert ended.wait(30)
    finally:
        heart.stop()


def test_a_step_beats_while_it_works(instance):
    """And then no more."""

    @dg.op
    def look(context: dg.OpExecutionContext) -> None:
        with run_heartbeat(context) as watch:
            assert until(lambda: last_beat(context.instance, context.run.run_id))
            watch(Progress("photos", "listing", 1))
        assert last_beat(context.instance, context.run.run_id) is None

    @dg.job
    def looking():
        look()

    assert looking.execute_in_process(instance=instance).success


@pytest.mark.parametrize("report", ["daily_changes", "storage_growth", "duplicates"])
def test_a_report_beats_while_it_is_written(project, store, instance, report):
    """It may take long, too; where its machine goes away, the run would never end."""
    made = project(store("a"))
    made.instance.dispose()
    made.instance = instance
    result = made.materialize(["filesync_reports", report])
    assert result.success
    assert instance.run_storage.get_cursor_values({slot(result.run_id)}) == {slot(result.run_id): ""}, "it has stopped"


def until(found, patience=30):
    """Wait until something is true; return it."""
    deadline = time.monotonic() + patience
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return value
