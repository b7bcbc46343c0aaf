"""What keeps Dagster's storage from growing for ever, and what it leaves alone."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import create_engine, text

from filesync_dagster.config import Retention
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.instance import job_snapshot_gc, run_retention
from filesync_dagster.orchestration.instance.run_retention import main, maintain_instance
from filesync_dagster.orchestration.tags import INSTALLATION_TAG, KEPT_TAG, OUR_TAG
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.sync.memory_store import STORES

KEEP = Retention(runs_days=7, snapshots_days=400)
HERE = "here"
OURS = {OUR_TAG: "sync", INSTALLATION_TAG: HERE}


@pytest.fixture
def made(project, store, instance):
    """Return a project of two endpoints whose runs are in the instance."""
    made = project(store("a"), store("b"))
    made.instance.dispose()
    made.instance = instance
    return made


def later(**days):
    """Return a moment in the future: all runs of a test were made just now."""
    return datetime.now(UTC) + timedelta(**days)


def runs(instance):
    """Return the ids of all runs."""
    return {run.run_id for run in instance.get_runs()}


def runs_of(gone):
    """Return what went of the runs, and what stayed, without what described them."""
    return {kind: gone[kind] for kind in ("runs", "runs_kept")}


def rows(instance, table):
    """Return how many rows of the index there are, by run."""
    engine = create_engine(instance.event_log_storage.conn_string_for_shard("index"))
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT run_id, count(*) FROM {table} GROUP BY run_id")).all()
    engine.dispose()
    return dict(found)


def sync(made, *names):
    """Sync some endpoints in a run; return its id."""
    return made.materialize(*(["filesync", name] for name in names)).run_id


def begun(made, *names):
    """Create the run of a schedule for some endpoints; return it."""
    job = made.definitions.resolve_job_def("sync").get_subset(asset_selection={asset_key(name) for name in names})
    return made.instance.create_run_for_job(job, tags=OURS)


def described(instance):
    """Return the ids of all descriptions of jobs and plans."""
    with instance.run_storage.connect() as connection:
        return set(connection.execute(text("SELECT snapshot_id FROM snapshots")).scalars())


@pytest.mark.slow
def test_runs_go_but_those_that_hold_what_was_last_known(made, instance):
    """The latest materialization of each endpoint and day stays, so the UI shows what it showed."""
    first, both, only_a = sync(made, "a", "b"), sync(made, "a", "b"), sync(made, "a")
    shard = Path(instance.event_log_storage.path_for_shard(first))
    assert shard.exists()

    assert runs_of(maintain_instance(instance, KEEP, HERE, now=later(days=6))) == {"runs": 0, "runs_kept": 0}
    assert maintain_instance(instance, KEEP, HERE, now=later(days=8), dry_run=True)["runs"] == 1
    assert runs(instance) == {first, both, only_a}
    assert runs_of(maintain_instance(instance, KEEP, HERE, now=later(days=8))) == {"runs": 1, "runs_kept": 2}

    assert runs(instance) == {both, only_a}
    assert not shard.exists()
    assert first not in rows(instance, "event_logs")
    assert first not in rows(instance, "asset_check_executions")
    assert rows(instance, "asset_check_executions")[both]
    for name, run_id in {"a": only_a, "b": both}.items():
        event = instance.get_latest_materialization_event(dg.AssetKey(["filesync", name]))
        assert event.run_id == run_id
        assert instance.get_materialized_partitions(dg.AssetKey(["filesync", name])) == {today()}
    assert runs_of(maintain_instance(instance, KEEP, HERE, now=later(days=8))) == {"runs": 0, "runs_kept": 2}


@pytest.mark.slow
def test_runs_go_from_postgresql_as_well(made, tmp_path, postgres_url):
    """Their events and checks with them."""
    url = postgres_url.replace("postgresql://", "postgresql+psycopg2://")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text(json.dumps({"storage": {"postgres": {"postgres_url": url}}}))
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as made.instance:
        first, last = sync(made, "a", "b"), sync(made, "a", "b")
        assert runs_of(maintain_instance(made.instance, KEEP, HERE, now=later(days=8))) == {"runs": 1, "runs_kept": 1}
        assert runs(made.instance) == {last}
    engine = create_engine(url)
    with engine.connect() as connection:
        for table in ("event_logs", "asset_check_executions"):
            assert set(connection.execute(text(f"SELECT run_id FROM {table}")).scalars()) == {last}, first
    engine.dispose()


@pytest.mark.slow
def test_what_describes_a_run_goes_with_the_last_that_it_describes(made, instance, monkeypatch):
    """Each set of endpoints has its own; that of the whole job stays as long as that of a part of it."""
    monkeypatch.setattr(job_snapshot_gc, "DESCRIPTIONS_AT_ONCE", 1)
    of_a, of_b, again, waiting = (begun(made, *names) for names in ("a", "b", "a", "ab"))
    for run in (of_a, of_b, again):
        instance.report_run_failed(run)
    theirs = instance.add_run(dg.DagsterRun(job_name="theirs", job_snapshot_id=of_b.job_snapshot_id))
    there = described(instance)
    assert len(there) == 7, "a job and a plan for each of three sets, and the whole job"

    assert maintain_instance(instance, KEEP, HERE, now=later(days=8), dry_run=True)["descriptions"] == 3
    assert described(instance) == there
    assert maintain_instance(instance, KEEP, HERE, now=later(days=8)) == {"runs": 3, "runs_kept": 0, "descriptions": 3}

    whole = instance.get_job_snapshot(waiting.job_snapshot_id).lineage_snapshot.parent_snapshot_id
    of_waiting = {waiting.job_snapshot_id, waiting.execution_plan_snapshot_id}
    assert described(instance) == {*of_waiting, theirs.job_snapshot_id, whole}
    assert all(instance.get_historical_job(run.job_snapshot_id).parent_job_snapshot for run in (theirs, waiting))


@pytest.mark.parametrize("pattern", ["PLAN", "WHOLE"])
def test_descriptions_that_are_not_understood_stay(made, instance, monkeypatch, pattern):
    """Those of another version of Dagster."""
    monkeypatch.setattr(job_snapshot_gc, pattern, re.compile(b"what_it_is_called_now"))
    for name in ("a", "b"):
        instance.report_run_failed(begun(made, name))
    begun(made, "a", "b")

    assert maintain_instance(instance, KEEP, HERE, now=later(days=8)) == {"runs": 2, "runs_kept": 0, "descriptions": 0}
    assert len(described(instance)) == 7


@pytest.mark.slow
def test_a_day_beyond_retention_is_let_go_but_not_the_last_one(made, instance):
    """However long an endpoint has rested, its node shows when it was last synced."""
    yesterday = f"{datetime.now(UTC).date() - timedelta(days=1)}"
    sync(made, "a", "b")
    of_yesterday = create_run_for_test(
        instance, job_name="sync", status=DagsterRunStatus.SUCCESS,
        tags={"dagster/partition": yesterday, KEPT_TAG: today(), **OURS},
    ).run_id  # fmt: skip
    last = sync(made, "a", "b")

    assert maintain_instance(instance, KEEP, HERE, now=later(days=300))["runs_kept"] == 2
    assert runs(instance) == {of_yesterday, last}
    maintain_instance(instance, KEEP, HERE, now=later(days=500))
    assert runs(instance) == {last}


def test_a_run_of_no_partition_goes_with_the_days_that_it_materialized(instance):
    """That of a queue: nothing but its materializations tells which days it is about. The last of all stays."""
    yesterday = f"{datetime.now(UTC).date() - timedelta(days=1)}"

    @dg.op
    def messages(context: dg.OpExecutionContext) -> None:
        context.log_event(dg.AssetMaterialization(["filesync", "a"], partition=context.op_config))

    @dg.job(name="receive", tags=OURS)
    def receive() -> None:
        messages()

    ids = [
        receive.execute_in_process(instance=instance, run_config={"ops": {"messages": {"config": day}}}).run_id
        for day in (yesterday, yesterday, today())
    ]
    for days, left in ((8, ids[1:]), (300, ids[1:]), (500, ids[2:])):
        maintain_instance(instance, KEEP, HERE, now=later(days=days))
        assert runs(instance) == set(left)


@pytest.mark.slow
def test_a_run_that_held_only_the_latest_check_goes_when_another_one_does(made, instance):
    """It failed, so it is about no day; it was kept, and is not kept for ever for that."""
    sync(made, "a")
    STORES["a"].faults.breaks["one"] = 0
    failed = sync(made, "a")
    maintain_instance(instance, KEEP, HERE, now=later(days=8))
    assert failed in runs(instance)
    del STORES["a"].faults.breaks["one"]
    sync(made, "a")
    maintain_instance(instance, KEEP, HERE, now=later(days=8))
    assert failed not in runs(instance)


def test_a_backlog_of_runs_is_worked_off_page_by_page(instance, monkeypatch):
    """Years of runs do not fit into memory, and a page does not begin behind a run that is deleted already."""
    monkeypatch.setattr(run_retention, "RUNS_AT_ONCE", 2)
    for _ in range(7):
        create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.FAILURE, tags=OURS)
    working = create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.STARTED)

    assert maintain_instance(instance, KEEP, HERE, now=later(days=8))["runs"] == 7
    assert runs(instance) == {working.run_id}


def test_what_others_do_in_the_same_instance_is_theirs(made, instance):
    """Their runs, of jobs that have the names of ours, and of assets beside ours; those of another filesync, too."""
    ours = sync(made, "a"), sync(made, "a")

    theirs = {
        create_run_for_test(
            instance, job_name=job, status=DagsterRunStatus.SUCCESS,
            asset_selection=frozenset(map(dg.AssetKey, keys)) if keys else None, tags=tags,
        ).run_id
        for job, keys, tags in [
            ("nightly", (), {}),
            ("maintenance", (), {}),
            ("sync", (), {}),
            ("sync", ["orders"], {}),
            ("__ASSET_JOB", ["orders"], {}),
            ("__ASSET_JOB", ["orders", ["filesync", "a"]], {}),
            ("sync", (), {**OURS, INSTALLATION_TAG: "another"}),
        ]
    }  # fmt: skip
    assert runs_of(maintain_instance(instance, KEEP, HERE, now=later(days=500))) == {"runs": 1, "runs_kept": 1}

    assert runs(instance) == {ours[1], *theirs}


def test_what_goes_on_stays(instance):
    """Runs that wait or work, what a retry of theirs repeats, and the days of a backfill."""
    root = create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.FAILURE, tags=OURS)
    again = create_run_for_test(
        instance, job_name="sync", status=DagsterRunStatus.STARTED,
        root_run_id=root.run_id, parent_run_id=root.run_id,
    )  # fmt: skip
    failed = create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.FAILURE, tags=OURS)
    tags = {"dagster/backfill": "abc", **OURS}
    waiting = create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.STARTING, tags=tags)
    done = create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.SUCCESS, tags=tags)

    maintain_instance(instance, KEEP, HERE, now=later(days=30))

    assert runs(instance) >= {root.run_id, again.run_id, waiting.run_id, done.run_id}
    assert failed.run_id not in runs(instance)


def test_the_latest_result_of_a_check_stays(made, instance):
    """It may be that of a run that failed, and materialized nothing since."""
    sync(made, "a", "b")
    STORES["a"].faults.breaks["one"] = 0
    failed = sync(made, "a")
    assert instance.get_run_by_id(failed).status is DagsterRunStatus.FAILURE

    maintain_instance(instance, KEEP, HERE, now=later(days=8))

    assert failed in runs(instance)


def test_the_job_does_all_of_it(made, instance):
    """As it runs every night."""
    sync(made, "a", "b")
    definitions = made.definitions
    assert definitions.resolve_schedule_def("maintenance").default_status is dg.DefaultScheduleStatus.RUNNING

    result = definitions.resolve_job_def("maintenance").execute_in_process(instance=instance)

    assert result.success
    [output] = [event for event in result.all_events if event.is_successful_output]
    assert {"snapshots", "journal", "runs"} <= output.event_specific_data.metadata.keys()


def test_by_itself_it_prints_what_went(instance, monkeypatch, capsys):
    """This is what `filesync maintain` asks."""
    monkeypatch.setenv("DAGSTER_HOME", instance.root_directory)
    (Path(instance.root_directory) / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    main([KEEP.model_dump_json(), HERE, "--dry-run"])
    assert json.loads(capsys.readouterr().out) == {"runs": 0, "runs_kept": 0, "descriptions": 0}
