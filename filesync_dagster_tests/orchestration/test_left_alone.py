"""An endpoint whose store failed five times in a row: what the schedules and the runs do."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from filesync_dagster.config import load_config, read_environment
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.cadences import REQUESTS
from filesync_dagster.orchestration.schedules import sync_schedules
from filesync_dagster.orchestration.sensors.events import request_sensor
from filesync_dagster.orchestration.tags import CADENCE_TAG
from filesync_dagster.sync.circuit_breaker import FAILURES
from filesync_dagster.sync.status import resting_endpoints
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.sync.memory_store import STORES


@pytest.fixture
def failing(project, store, instance_folder):
    """Return a project whose endpoint `a` failed five times in a row, and whose endpoint `b` is well."""
    made = project(store("a"), store("b"))
    made.instance = dg.DagsterInstance.local_temp(str(instance_folder), {"telemetry": {"enabled": False}})
    with made.open() as filesync:
        filesync.sync("a")
        STORES["a"].faults.breaks["one"] = 0
        for _ in range(FAILURES):
            filesync.sync("a")
    return made


def ticked(made, moment):
    """Return what the only schedule asks for at a moment."""
    config = load_config(read_environment(made.config, made.variables))
    [schedule] = sync_schedules(config, clock=lambda: moment)
    repository = made.definitions.get_repository_def()
    return schedule.evaluate_tick(
        dg.build_schedule_context(
            instance=made.instance,
            scheduled_execution_time=moment,
            repository_def=repository,
            resources=repository.get_top_level_resources(),
        )
    )


def run_of(made, tags):
    """Run both endpoints for today; return the result."""
    job = made.definitions.resolve_job_def("sync")
    return job.execute_in_process(
        partition_key=today(),
        instance=made.instance,
        asset_selection=[asset_key("a"), asset_key("b")],
        tags=tags,
        raise_on_error=False,
    )


def materialized(result):
    """Return the names of the endpoints that were materialized."""
    return {event.asset_key.path[-1] for event in result.get_asset_materialization_events()}


@pytest.mark.parametrize("minutes", [60, 7])
def test_a_schedule_leaves_it_out_until_the_probe_is_due(failing, minutes):
    """Whether the cadence is a cron expression or is due by its last sync."""
    plan = {"interval_minutes": minutes}
    entries = [{"name": n, "type": "memory", "endpoint_details": {"store": n}, "schedule_config": plan} for n in "ab"]
    failing.write(*entries)
    with failing.open() as filesync:
        until = resting_endpoints(filesync.runtime, datetime.now(UTC))["a"]

    def asked(moment):
        return {key.path[-1] for request in ticked(failing, moment).run_requests for key in request.asset_selection}

    assert asked(until - timedelta(minutes=1)) == {"b"}
    assert asked(until + timedelta(minutes=minutes)) == {"a", "b"}


def test_a_tick_with_nothing_else_says_why(failing):
    """No run is started for nothing."""
    failing.write({"name": "a", "type": "memory", "endpoint_details": {"store": "a"}})
    execution = ticked(failing, datetime.now(UTC))
    assert not execution.run_requests
    assert execution.skip_message == "All 1 due endpoints are left alone: their stores failed too often."


@pytest.mark.slow
def test_a_scheduled_run_skips_it_and_succeeds(failing):
    """A run that was queued before the store was left alone does not turn red for it, and asks the store nothing."""
    STORES["a"].faults.breaks.clear()
    pages = len(STORES["a"].pages)
    result = run_of(failing, {CADENCE_TAG: "every_hour"})
    assert result.success
    assert materialized(result) == {"b"}
    assert len(STORES["a"].pages) == pages
    checks = {(c.asset_key.path[-1], c.check_name): c.passed for c in result.get_asset_check_evaluations()}
    assert checks["a", "listing_complete"] is False
    assert checks["b", "listing_complete"] is True


@pytest.mark.slow
def test_a_run_that_somebody_started_probes_it(failing):
    """The button in the UI is for now: what is well again is materialized."""
    STORES["a"].faults.breaks.clear()
    result = run_of(failing, {})
    assert result.success
    assert materialized(result) == {"a", "b"}
    with failing.open() as filesync:
        assert resting_endpoints(filesync.runtime, datetime.now(UTC)) == {}


@pytest.mark.slow
def test_a_probe_that_fails_fails_the_run(failing):
    """It was asked, and it did not answer: that is news."""
    result = run_of(failing, {})
    assert not result.success
    assert materialized(result) == {"b"}


@pytest.mark.slow
def test_what_is_asked_for_waits_until_it_is_done(failing):
    """The sensor starts no run while the store is left alone; one that was queued before does not lose the request."""
    with failing.open() as filesync:
        filesync.request("a", "webhook", full=True)
        config, until = filesync.config, resting_endpoints(filesync.runtime, datetime.now(UTC))["a"]

    def asked(moment):
        definitions = failing.definitions
        resources = {"filesync": definitions.resources["filesync"]}
        with dg.build_sensor_context(
            instance=failing.instance, resources=resources, definitions=definitions
        ) as context:
            return request_sensor(config, lambda: moment).evaluate_tick(context)

    assert "left alone" in asked(until - timedelta(minutes=1)).skip_message
    assert run_of(failing, {CADENCE_TAG: REQUESTS}).success
    [request] = asked(until + timedelta(minutes=1)).run_requests
    assert request.asset_selection == [asset_key("a")]

    assert not run_of(failing, {}).success
    STORES["a"].faults.breaks.clear()
    assert run_of(failing, {}).success
    assert asked(until + timedelta(days=1)).skip_message == "Nobody asked for a sync."
