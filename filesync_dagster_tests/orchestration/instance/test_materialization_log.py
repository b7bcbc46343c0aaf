"""What a run of many endpoints writes into Dagster's event log: everything once, and no check that says the same."""

import asyncio
from collections import Counter
from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.loader import LoadingContextForTest

from filesync_dagster.orchestration.instance import materialization_log
from filesync_dagster.orchestration.tags import CADENCE_TAG
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.sync.memory_store import STORES

QUIET_BYTES_MAX = 5 * 1024
"""Of an endpoint in the events of a run, without what the database needs around them."""

COMPLETE = dg.AssetCheckKey(dg.AssetKey(["filesync", "drawings"]), "listing_complete")


def tick(project, *names):
    """Run what a schedule asks for; return what was logged."""
    job = project.definitions.resolve_job_def("sync")
    keys = frozenset(dg.AssetKey(["filesync", name]) for name in names)
    chosen = job.get_subset(asset_selection=keys, asset_check_selection=frozenset())
    result = chosen.execute_in_process(
        instance=project.instance, partition_key=today(), tags={CADENCE_TAG: "every_5_minutes"}, raise_on_error=False
    )
    return [entry.dagster_event for entry in project.instance.all_logs(result.run_id) if entry.dagster_event]


def checked(events):
    """Return the checks that were told, and whether they passed."""
    return {
        (event.event_specific_data.check_name, event.event_specific_data.passed)
        for event in events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    }


def test_a_sync_is_one_event(project, store):
    """The event of a materialization has its partition and its data version; nothing repeats it."""
    made = project(store("drawings"), store("models"))
    events = tick(made, "drawings", "models")
    counts = Counter(event.event_type_value for event in events)
    assert counts["ASSET_MATERIALIZATION"] == counts["ASSET_MATERIALIZATION_PLANNED"] == 2
    assert counts["STEP_OUTPUT"] == counts["HANDLED_OUTPUT"] == 0
    latest = made.instance.get_latest_materialization_event(dg.AssetKey(["filesync", "drawings"]))
    assert latest is not None
    assert latest.asset_materialization.partition == today()
    assert latest.asset_materialization.tags["dagster/data_version"].startswith("12-")


def test_a_check_is_told_when_it_changes(project, store):
    """Whether the endpoint is materialized or not."""
    made = project(store("drawings"))
    assert checked(tick(made, "drawings")) == {("listing_complete", True), ("mass_delete_guard", True)}
    assert checked(tick(made, "drawings")) == set()
    STORES["drawings"].put("new", size=1)
    assert checked(tick(made, "drawings")) == {("mass_delete_guard", True)}, "it tells how many files there are"
    STORES["drawings"].faults.breaks = {"one": 0}
    assert checked(tick(made, "drawings")) == {("listing_complete", False)}
    assert checked(tick(made, "drawings")) == set()
    STORES["drawings"].faults.breaks = {}
    assert ("listing_complete", True) in checked(tick(made, "drawings"))


def test_dagster_takes_a_check_to_be_of_the_latest_materialization(project, store):
    """What the UI counts as passed, after a second quiet run, too."""
    made = project(store("drawings"))
    for _ in range(2):
        events = tick(made, "drawings")
    assert checked(events) == set()
    found = made.instance.event_log_storage.get_latest_asset_check_execution_by_key([COMPLETE])
    assert asyncio.run(found[COMPLETE].targets_latest_materialization(LoadingContextForTest(made.instance)))


def test_a_quiet_sync_takes_little_of_the_event_log(project, store):
    """Each event is there twice on SQLite: with its run, and in the index of all."""
    made = project(store("drawings"), store("models"))
    counts = [size_of(tick(made, "drawings", "models")) for _ in range(3)]
    assert max(counts[1:]) <= QUIET_BYTES_MAX < counts[0]
    STORES["models"].put("new", size=1)
    assert size_of(tick(made, "drawings", "models")) > QUIET_BYTES_MAX


def size_of(events):
    """Return how many bytes of events an endpoint takes, of two in a run."""
    told = {"ASSET_MATERIALIZATION_PLANNED", "ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION"}
    return sum(2 * len(dg.serialize_value(event)) for event in events if event.event_type_value in told) // 2


def test_a_person_who_asks_is_told_all(project, store):
    """A run that selects checks, as one from the UI does, evaluates every one of them."""
    made = project(store("drawings"))
    for _ in range(2):
        result = made.materialize(["filesync", "drawings"])
        told = {check.check_name for check in result.get_asset_check_evaluations()}
        assert told >= {"listing_complete", "mass_delete_guard"}


def test_a_check_is_told_again_after_a_day(project, store, monkeypatch):
    """A check that nobody has told for a day is told though it says the same."""
    made = project(store("drawings"))
    STORES["drawings"].faults.breaks = {"one": 0}
    tick(made, "drawings")
    assert checked(tick(made, "drawings")) == set()
    monkeypatch.setattr(materialization_log, "REPEAT_INTERVAL", timedelta(0))
    assert ("listing_complete", False) in checked(tick(made, "drawings"))


def test_a_check_that_was_only_planned_is_told(project, store):
    """A run that died before its checks leaves them planned: the next one tells them."""
    made = project(store("drawings"))
    STORES["drawings"].faults.breaks = {"one": 0}
    tick(made, "drawings")
    planned = AssetCheckEvaluationPlanned(asset_key=COMPLETE.asset_key, check_name=COMPLETE.name)
    event = dg.DagsterEvent("ASSET_CHECK_EVALUATION_PLANNED", "sync", event_specific_data=planned)
    made.instance.report_dagster_event(event, run_id="a" * 32)
    assert ("listing_complete", False) in checked(tick(made, "drawings"))


@pytest.mark.parametrize("together", [True, False])
def test_an_asset_that_depends_on_an_endpoint_runs_after_it(project, store, together):
    """What a project builds on an endpoint is materialized in the same run, too."""
    made = project(store("drawings"), store("models"))

    @dg.asset(deps=[dg.AssetKey(["filesync", "drawings"])])
    def findings() -> None:
        """Count something."""

    definitions = dg.Definitions.merge(made.definitions, dg.Definitions(assets=[findings]))
    keys = [dg.AssetKey(["filesync", "models"]), dg.AssetKey("findings")]
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=made.instance,
        partition_key=today(),
        asset_selection=[dg.AssetKey(["filesync", "drawings"]), *keys] if together else keys,
    )
    done = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert done == {"filesync/models", "findings"} | ({"filesync/drawings"} if together else set())
