"""Schedules: what a tick asks for. No daemon here: ticks are evaluated one by one, at the times that matter."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from sqlalchemy import update

from filesync_dagster.config import delay, load_config, read_environment
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.cadences import group_by_cadence
from filesync_dagster.orchestration.definitions import definitions_for
from filesync_dagster.orchestration.schedules import report_schedules, sync_schedules
from filesync_dagster.orchestration.sensors.first_syncs import first_sync_sensor
from filesync_dagster.orchestration.tags import CADENCE_TAG, CONFIG_TAG, LIVE_TAG
from filesync_dagster.storage.database.tables import leases
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.sync.memory_store import STORES

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def project(project, instance_folder):
    """Return what makes a project with an instance on disk: ticks open it by its reference."""

    def make(*endpoints, **settings):
        made = project(*endpoints, **settings)
        made.instance = dg.DagsterInstance.local_temp(str(instance_folder))
        return made

    return make


@pytest.fixture
def tick(project):
    """Return what evaluates one tick of the only schedule, at a moment, `late` after it was due."""

    def evaluate(made, scheduled, late=timedelta(seconds=1)):
        config = load_config(read_environment(made.config, made.variables))
        [schedule] = sync_schedules(config, clock=lambda: scheduled.astimezone(UTC) + late)
        repository = definitions_for(read_environment(made.config, made.variables)).get_repository_def()
        # It is closed here: Dagster loads later definitions with what is left of an instance that a context entered.
        with dg.build_schedule_context(
            instance=made.instance,
            scheduled_execution_time=scheduled,
            repository_def=repository,
            resources=repository.get_top_level_resources(),
        ) as context:
            return schedule.evaluate_tick(context)

    return evaluate


def asked(execution):
    """Return the names of the endpoints and the day that a tick asked for."""
    [request] = execution.run_requests
    return {key.path[-1] for key in request.asset_selection}, request.partition_key


def test_one_run_for_all_that_are_due(project, store, tick):
    """The run has the day of the tick and says which cadence it is."""
    made = project(store("a"), store("b"))
    execution = tick(made, datetime(2026, 6, 1, 10, 0, tzinfo=UTC))
    assert asked(execution) == ({"a", "b"}, "2026-06-01")
    assert execution.run_requests[0].tags[CADENCE_TAG] == "every_hour"


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 6, 2, 0, 0, tzinfo=BERLIN), "2026-06-02"),  # 22:00 of the day before in UTC
        (datetime(2026, 6, 1, 23, 0, tzinfo=BERLIN), "2026-06-01"),
        (datetime(2026, 3, 29, 3, 0, tzinfo=BERLIN), "2026-03-29"),  # the hour from 2 to 3 is not there
        (datetime(2026, 10, 25, 2, 0, tzinfo=BERLIN, fold=0), "2026-10-25"),
        (datetime(2026, 10, 25, 2, 0, tzinfo=BERLIN, fold=1), "2026-10-25"),  # the same hour again
        (datetime(2026, 10, 26, 0, 0, tzinfo=BERLIN), "2026-10-26"),
    ],
)
def test_the_day_is_that_of_the_partitions_time_zone(project, store, tick, moment, day):
    """At midnight and when the clocks change, the tick's own day counts, not that of UTC."""
    made = project(store("a"), partitions={"timezone": "Europe/Berlin"})
    assert asked(tick(made, moment)) == ({"a"}, day)


def test_a_stale_tick_is_dropped(project, store, tick):
    """After an hour of downtime, the tick that a later one has overtaken asks for nothing."""
    made = project(store("a"))
    execution = tick(made, datetime(2026, 6, 1, 10, 0, tzinfo=UTC), late=timedelta(minutes=61))
    assert not execution.run_requests
    assert "stale" in execution.skip_message
    assert tick(made, datetime(2026, 6, 1, 10, 0, tzinfo=UTC), late=timedelta(minutes=59)).run_requests


@pytest.mark.parametrize("minutes", [7, 90])
def test_an_interval_without_a_cron_is_due_by_its_last_sync(project, store, tick, minutes):
    """It is due in the minute in which the interval has passed, and not before."""
    made = project(store("a", schedule_config={"interval_minutes": minutes}))
    with made.open() as filesync:
        started = filesync.sync("a").started_at
    due = (started + timedelta(minutes=minutes)).replace(second=0, microsecond=0)
    assert not tick(made, due - timedelta(minutes=1)).run_requests
    assert asked(tick(made, due))[0] == {"a"}


@pytest.mark.slow
def test_what_is_in_an_active_run_is_left_out(project, store, tick):
    """A backfill of the past is in nobody's way."""
    made = project(store("a"), store("b"), store("c"))
    moment = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    job = made.definitions.resolve_job_def("sync")
    for name, status, tags in [
        ("a", DagsterRunStatus.STARTED, {}),
        ("b", DagsterRunStatus.STARTING, {"dagster/backfill": "x", "dagster/partition": "2026-05-01"}),
        ("c", DagsterRunStatus.SUCCESS, {}),
    ]:
        made.instance.create_run_for_job(job, asset_selection=frozenset({asset_key(name)}), status=status, tags=tags)
    assert asked(tick(made, moment))[0] == {"b", "c"}
    made.instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
    assert asked(tick(made, moment))[0] == {"b", "c"}, "a job of somebody else, of the same name"
    made.instance.create_run_for_job(
        job, status=DagsterRunStatus.STARTED, tags={**job.run_tags, CONFIG_TAG: "/elsewhere/endpoints.yaml"}
    )
    assert asked(tick(made, moment))[0] == {"b", "c"}, "another code location in the same Dagster"
    made.instance.create_run_for_job(job, status=DagsterRunStatus.STARTED, tags=job.run_tags)
    execution = tick(made, moment)
    assert not execution.run_requests
    assert "active runs" in execution.skip_message


def launched(made, *names, begun=True, **options):
    """Return the id of a run of some endpoints, of all when none is named, that waits or goes on."""
    keys = frozenset(map(asset_key, names)) or None
    status = options.pop("status", DagsterRunStatus.STARTING if begun else DagsterRunStatus.NOT_STARTED)
    job = made.definitions.resolve_job_def("sync")
    tags = {**job.run_tags, LIVE_TAG: "true", **options.pop("tags", {})}
    run = made.instance.create_run_for_job(job, asset_selection=keys, status=status, tags=tags, **options)
    if begun and status is DagsterRunStatus.STARTING:
        made.instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", "sync"), run.run_id)
    return run.run_id


@pytest.mark.parametrize("whole", [False, True])
def test_a_slow_endpoint_keeps_no_other_from_being_synced(project, store, tick, whole):
    """In a run that has taken two hours for one endpoint, the others are done, failed ones too: they are due again."""
    made = project(store("slow"), store("b"), store("failed"), store("later"))
    moment = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    with made.open() as filesync:
        for name in ("slow", "b", "later"):
            filesync.sync(name)
        run_id = launched(made, *(() if whole else ("slow", "b", "failed", "later")))
        assert not tick(made, moment).run_requests, "nothing of it is done in this run"
        STORES["failed"].faults.breaks["one"] = 0
        for name in ("b", "failed"):
            filesync.sync(name, run_id=run_id)
    assert asked(tick(made, moment))[0] == {"b", "failed"}

    with made.open() as filesync:
        following = launched(made, "b", "failed", tags={"dagster/partition": "2026-05-31"})
        assert not tick(made, moment).run_requests, "launched yesterday, but live"
        filesync.sync("b", run_id=following)
    assert asked(tick(made, moment))[0] == {"b"}, "the slow run is older than what was synced since"


def test_what_a_run_will_do_again_is_left_to_it(project, store, tick):
    """One that waits, and one that repeats another, have not done what was done before."""
    made = project(store("a"), store("b"), store("c"))
    moment = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    with made.open() as filesync:
        first = launched(made, "a", "b")
        filesync.sync("a", run_id=first)
        filesync.sync("b", run_id=first)
        assert asked(tick(made, moment))[0] == {"a", "b", "c"}
        again = launched(made, "a", "b", parent_run_id=first, root_run_id=first)
        assert asked(tick(made, moment))[0] == {"c"}
        filesync.sync("a", run_id=again)
        assert asked(tick(made, moment))[0] == {"a", "c"}
        launched(made, "a", begun=False)
        filesync.sync("a")
        assert asked(tick(made, moment))[0] == {"c"}


def test_what_is_asked_for_does_not_wait_for_a_slow_neighbour(project, store):
    """The sensor asks for it as soon as the run that it is in has done with it."""
    made = project(store("slow"), store("b"))
    repository = made.definitions.get_repository_def()
    sensor = made.definitions.resolve_sensor_def("requests")

    def look():
        resources = repository.get_top_level_resources()
        context = dg.build_sensor_context(made.instance, repository_def=repository, resources=resources)
        return sensor.evaluate_tick(context)

    with made.open() as filesync:
        run_id = launched(made, "slow", "b")
        filesync.request("b", "webhook")
        assert not look().run_requests, "its turn in that run comes"
        filesync.sync("b", run_id=run_id)
        assert asked(look()) == ({"b"}, today())


def test_what_is_being_synced_now_is_not_done(project, store, tick):
    """Events may have had it synced since the run began that lists it now."""
    made = project(store("a"), store("b"))
    with made.open() as filesync:
        launched(made, "a", "b")
        for name in ("a", "b"):
            filesync.sync(name)
        with filesync.runtime.metadata.leases.hold(filesync.runtime.register(filesync.config.endpoint("a"))):
            assert asked(tick(made, datetime(2026, 6, 1, 10, 0, tzinfo=UTC)))[0] == {"b"}


def test_what_somebody_else_syncs_is_left_to_them(project, store, tick):
    """A shell, a run of a queue. Not what is likely to be over when the run begins: that tick may be the only one."""
    made = project(store("a"), store("b"), store("c"))
    moment = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    with made.open() as filesync:
        metadata = filesync.runtime.metadata
        ids = {name: filesync.runtime.register(filesync.config.endpoint(name)) for name in "abc"}
        with (
            metadata.leases.hold(ids["a"]),
            metadata.leases.hold(ids["b"]),
            metadata.leases.hold(ids["c"], purpose="maintenance"),
        ):
            with metadata._database.write_transaction() as connection:
                for name in ("a", "c"):
                    ago = datetime.now(UTC) - timedelta(minutes=2)
                    connection.execute(update(leases).where(leases.c.endpoint_id == ids[name]).values(acquired_at=ago))
            assert asked(tick(made, moment))[0] == {"b", "c"}
            assert asked(first_look(made)(None))[0] == {"b", "c"}


def test_a_first_sync_over_which_runs_die_is_not_begun_all_the_time(project, store):
    """Each may cost the machine its memory. Another endpoint is not kept from its own."""
    now = datetime.now(UTC)
    morning = "Etc/GMT+11" if now.hour >= 12 else "UTC"  # where two hours from now are the same day
    made = project(store("huge"), store("b"), partitions={"timezone": morning})
    for moment, names in ((now, {"huge", "b"}), (now + timedelta(minutes=59), {"b"}), (now + timedelta(hours=2), None)):
        look = first_look(made, clock=lambda moment=moment: moment)
        assert asked(look(None))[0] == (names or {"huge", "b"})
        if moment == now:
            launched(made, "huge", status=DagsterRunStatus.FAILURE, tags={CADENCE_TAG: "first_syncs"})


def first_look(made, **options):
    """Return what evaluates the sensor of first syncs."""
    repository = made.definitions.get_repository_def()
    sensor = first_sync_sensor(load_config(read_environment(made.config, made.variables)), **options)

    def look(cursor):
        context = dg.build_sensor_context(
            made.instance,
            cursor=cursor,
            repository_def=repository,
            resources=repository.get_top_level_resources(),
        )
        return sensor.evaluate_tick(context)

    return look


def test_a_new_endpoint_is_synced_at_once(project, store):
    """The sensor asks for those that were never synced, and rests when there are none."""
    made = project(store("a"), store("b"), store("m", schedule="manual"))
    look = first_look(made)
    with made.open() as filesync:
        filesync.sync("a")
        assert asked(look(None)) == ({"b"}, today())
        filesync.sync("b")
    rest = look(None)
    assert not rest.run_requests
    assert "before" in look(rest.cursor).skip_message


def test_reports_are_written_every_hour_and_once_more_at_the_end_of_a_day(project, store):
    """At five past midnight, yesterday's are finished."""
    made = project(store("a"))
    schedule, _ = report_schedules(made.open().config.settings)
    days = [
        [
            request.partition_key
            for request in schedule.evaluate_tick(
                dg.build_schedule_context(
                    made.instance,
                    datetime(2026, 6, 2, hour, 5, tzinfo=UTC),
                    repository_def=made.definitions.get_repository_def(),
                )
            ).run_requests
        ]
        for hour in (0, 1)
    ]
    assert days == [["2026-06-01", "2026-06-02"], ["2026-06-02"]]


def test_what_a_tick_asks_for_can_be_run(project, store, tick):
    """The job takes the selection and materializes it, with its checks."""
    made = project(store("a"), store("b"))
    [request] = tick(made, datetime.now(UTC).replace(minute=0, second=0, microsecond=0)).run_requests
    result = made.definitions.resolve_job_def("sync").execute_in_process(
        partition_key=request.partition_key, asset_selection=[asset_key("a")], instance=made.instance
    )
    assert [event.asset_key for event in result.get_asset_materialization_events()] == [asset_key("a")]
    assert {check.check_name for check in result.get_asset_check_evaluations()} == {
        "listing_complete",
        "mass_delete_guard",
    }


def test_what_was_missed_is_caught_up_once_or_not_at_all(project, store, tick):
    """A tick that comes late, with no later one yet, syncs all but those that wait for the next."""
    nightly = {"cron": "0 2 * * *"}
    made = project(
        store("a", schedule="cron", schedule_config=nightly),
        store("b", schedule="cron", schedule_config={**nightly, "catch_up": False}),
    )
    night = datetime(2026, 6, 1, 2, tzinfo=UTC)
    assert asked(tick(made, night))[0] == {"a", "b"}
    assert asked(tick(made, night, late=timedelta(minutes=4)))[0] == {"a", "b"}, "a busy daemon is no downtime"
    assert asked(tick(made, night, late=timedelta(hours=7)))[0] == {"a"}


def test_a_late_tick_for_nobody_is_skipped(project, store, tick):
    """It says so."""
    made = project(store("a", schedule_config={"catch_up": False}))
    execution = tick(made, datetime(2026, 6, 1, 2, tzinfo=UTC), late=timedelta(minutes=30))
    assert not execution.run_requests
    assert "Nothing is due" in execution.skip_message


def test_a_reconcile_has_a_schedule_where_no_sync_comes_soon(project, store, tick):
    """Not for what is synced within the hour anyway, nor at a moment that is a tick of the endpoint itself."""
    plan = {"cron": "0 3 * * *"}
    made = project(
        store("manual", schedule="manual", reconcile=plan),
        store("daily", schedule="cron", schedule_config={"cron": "0 3 * * *"}, reconcile={"cron": "0 */3 * * *"}),
        store("often", schedule_config={"interval_minutes": 5}, reconcile=plan),
        store("odd", schedule_config={"interval_minutes": 90}, reconcile=plan),
        store("idle", schedule="manual", reconcile=plan, is_active=False),
    )
    config = load_config(read_environment(made.config, made.variables))
    groups = group_by_cadence(config.endpoints, "UTC")
    own = {cadence.name: [one.name for one in group] for cadence, group in groups.items() if cadence.reconcile}
    assert own == {"reconcile_0_3_any_any_any": ["manual"], "reconcile_0_anyper3_any_any_any": ["daily"]}

    def names(hour):
        schedule = next(one for one in sync_schedules(config, lambda: at(hour)) if "anyper3" in one.name)
        repository = made.definitions.get_repository_def()
        context = dg.build_schedule_context(
            made.instance, at(hour), repository_def=repository, resources=repository.get_top_level_resources()
        )
        return {key.path[-1] for one in schedule.evaluate_tick(context).run_requests for key in one.asset_selection}

    def at(hour):
        return datetime(2026, 6, 1, hour, tzinfo=UTC)

    assert names(6) == {"daily"}
    assert names(3) == set(), "the daily sync is a full one then"


def test_a_scheduled_run_begins_each_endpoint_at_its_own_moment(project, store):
    """Jitter holds for what a schedule started, in one run; who starts a sync by hand does not wait."""
    plan = {"jitter_seconds": 2}
    made = project(*(store(f"e{i}", schedule_config=plan) for i in range(4)))
    with made.open() as filesync:
        delays = {endpoint.name: delay(endpoint) for endpoint in filesync.config.endpoints}
        begun = datetime.now(UTC)
        started = {result.endpoint: result.started_at for result in filesync.sync_many(spread=True)}
    assert len(set(delays.values())) > 1
    assert {name for name, moment in started.items() if moment < begun + timedelta(seconds=delays[name])} == set()
