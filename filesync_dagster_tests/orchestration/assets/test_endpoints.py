"""The assets: what becomes of a sync in Dagster, for each way that it can end."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import dagster as dg
import pytest

from filesync_dagster.core.model import SyncMode
from filesync_dagster.monitoring.reports import CATALOGUE
from filesync_dagster.orchestration.assets.results import SHOWN
from filesync_dagster.orchestration.tags import CADENCE_TAG, LIVE_TAG
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.sync.memory_store import STORES
from filesync_dagster_tests.sync.projects import live


def shown(result):
    """Return {endpoint: metadata} of what was materialized."""
    return {
        event.asset_key.path[-1]: {name: _plain(value) for name, value in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    }


def _plain(value):
    return [record.data for record in value.records] if isinstance(value, dg.TableMetadataValue) else value.value


def checked(result):
    """Return {(endpoint, check): passed}."""
    return {(c.asset_key.path[-1], c.check_name): c.passed for c in result.get_asset_check_evaluations()}


def complaint(result):
    """Return what the failed step says to people."""
    [failed] = [event for event in result.all_node_events if event.is_step_failure]
    return failed.step_failure_data.user_failure_data.description


def version(result):
    """Return the data version of the only materialization."""
    [event] = result.get_asset_materialization_events()
    return event.materialization.tags["dagster/data_version"]


def test_today_is_a_live_sync(project, store):
    """The inventory is there, the numbers are all there, zeros too, and the checks pass."""
    made = project(store("a", files=12))
    result = made.materialize(["filesync", "a"])
    assert result.success
    metadata = shown(result)["a"]
    assert set(SHOWN) <= set(metadata)
    assert (metadata["files_total"], metadata["sync/files_added"], metadata["sync/files_removed"]) == (12, 12, 0)
    assert sorted(SHOWN)[:2] == ["bytes_total", "files_total"], "Dagster plots them first"
    assert checked(result) == {("a", "listing_complete"): True, ("a", "mass_delete_guard"): True}
    with made.open() as filesync:
        assert len(live(filesync, "a")) == 12
        assert filesync.syncs("a")[0].run_id == result.run_id


def test_a_second_sync_of_the_day_shows_what_changed(project, store):
    """A sample of the changes is in the metadata; the data version tells change from no change."""
    made = project(store("a", files=60))
    first = made.materialize(["filesync", "a"])
    same = made.materialize(["filesync", "a"])
    assert version(same) == version(first)
    for i in range(55):
        STORES["a"].put(f"a-{i}", size=1000 + i, version=2)
    STORES["a"].delete("a-59")
    second = made.materialize(["filesync", "a"])
    assert version(second) != version(first)
    metadata = shown(second)["a"]
    assert (metadata["sync/files_updated"], metadata["sync/files_removed"], metadata["files_total"]) == (55, 1, 59)
    rows = metadata["changes"]
    assert len(rows) == 50
    assert {row["change"] for row in rows} <= {"modified", "removed"}


def test_a_failing_endpoint_does_not_stop_its_neighbours(project, store):
    """It is named with its sentence, its check fails, nothing of it is materialized; the others are."""
    made = project(store("a"), store("b"), {"name": "gone", "type": "local", "endpoint_details": {"path": "nowhere"}})
    result = made.materialize(["filesync", "a"], ["filesync", "gone"], ["filesync", "b"])
    assert not result.success
    assert set(shown(result)) == {"a", "b"}
    assert complaint(result).startswith("1 of 3 endpoints did not commit. gone: The folder ")
    assert checked(result)["gone", "listing_complete"] is False
    assert checked(result)["gone", "mass_delete_guard"] is True


def test_a_held_sync_materializes_nothing_and_says_what_to_do(project, store):
    """The guard's check fails, the run fails, the inventory is as it was; approving heals it."""
    made = project(store("a", files=20))
    made.materialize(["filesync", "a"])
    for i in range(15):
        STORES["a"].delete(f"a-{i}")
    result = made.materialize(["filesync", "a"])
    assert not result.success
    assert shown(result) == {}
    assert "filesync approve a" in complaint(result)
    assert checked(result) == {("a", "listing_complete"): True, ("a", "mass_delete_guard"): False}
    [guard] = [one for one in result.get_asset_check_evaluations() if one.check_name == "mass_delete_guard"]
    assert guard.metadata["held/removed"].value == 15
    assert [row.data for row in guard.metadata["held/folders"].value.records] == [{"folder": "/", "removed": 15}]
    assert len(guard.metadata["held/changes"].value.records) == 15
    with made.open() as filesync:
        assert guard.metadata["held/digest"].value == filesync.status()[0].held_digest
        assert len(live(filesync, "a")) == 20
        filesync.approve("a", digest=filesync.held("a").digest)
    healed = made.materialize(["filesync", "a"])
    assert healed.success
    assert shown(healed)["a"]["files_total"] == 5
    assert checked(healed)["a", "mass_delete_guard"] is True


def test_a_partial_sync_materializes_with_a_warning(project, store):
    """What was read is committed; the check names what was not."""
    made = project(store("a"))
    made.materialize(["filesync", "a"])
    STORES["a"].faults.unread["one"] = "secret folder"
    result = made.materialize(["filesync", "a"])
    assert result.success
    assert shown(result)["a"]["filesync/status"] == "partial"
    [check] = [c for c in result.get_asset_check_evaluations() if c.check_name == "listing_complete"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "secret folder" in check.description


def test_a_remark_is_shown_and_no_gap(project, store):
    """What could not be told of entries that were all listed is a warning; the listing is complete."""
    made = project(store("a"))
    made.materialize(["filesync", "a"])
    STORES["a"].faults.remark = "Nobody knows whose these are."
    result = made.materialize(["filesync", "a"])
    assert result.success
    assert shown(result)["a"]["filesync/status"] == "completed"
    assert shown(result)["a"]["warnings"] == "- Nobody knows whose these are."
    [check] = [c for c in result.get_asset_check_evaluations() if c.check_name == "listing_complete"]
    assert (check.passed, check.metadata["unread"].value) == (True, 0)
    assert check.description == "Nobody knows whose these are."


def test_a_past_day_is_replayed_from_what_was_stored(project, store):
    """It shows that day's numbers, twice the same, and leaves the inventory of today alone."""
    made = project(store("a", files=12))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with made.open() as filesync:
        filesync.sync("a")
        [record] = filesync.syncs("a")
        noon = datetime.combine(yesterday, time(12), UTC)
        filesync.runtime.metadata.syncs.record(
            replace(record, id="yesterday", as_of=noon, sync_started=noon, files_total=7, files_added=7)
        )
        before = live(filesync, "a")
        first, second = (made.materialize(["filesync", "a"], day=f"{yesterday}") for _ in range(2))
        assert live(filesync, "a") == before
    assert first.success
    for result in (first, second):
        metadata = shown(result)["a"]
        assert (metadata["filesync/mode"], metadata["files_total"]) == (SyncMode.REPLAY.value, 7)
    assert version(first) == version(second)


def test_a_day_of_which_nothing_is_known_fails_and_says_so(project, store):
    """Today's state is never written under an old day."""
    made = project(store("a"))
    made.materialize(["filesync", "a"])
    result = made.materialize(["filesync", "a"], day="2026-01-05")
    assert not result.success
    assert shown(result) == {}
    assert "Nothing is known of 'a' on 2026-01-05" in complaint(result)


def test_what_was_launched_before_midnight_and_begins_after_it_is_a_live_sync_of_the_new_day(project, store):
    """Its partition is yesterday, of which nothing is rebuilt and nothing is materialized."""
    made = project(store("a"))
    yesterday = f"{datetime.now(UTC).date() - timedelta(days=1)}"

    result = made.materialize(["filesync", "a"], day=yesterday, tags={LIVE_TAG: "true"})

    assert result.success
    with made.open() as filesync:
        [log] = filesync.syncs("a")
        assert (log.mode, log.files_added, log.run_id) == (SyncMode.FULL, 12, result.run_id)
    assert made.instance.get_materialized_partitions(dg.AssetKey(["filesync", "a"])) == {today()}
    assert shown(result)["a"]["files_total"] == 12
    assert version(result)
    assert checked(result) == {("a", "listing_complete"): True, ("a", "mass_delete_guard"): True}


def test_a_run_that_began_live_is_live_when_it_is_repeated(project, store):
    """Dagster gives a retry the tags that the run has by then; one of a past day has no reason to."""
    made = project(store("a"))
    for day, live_tag in ((today(), "true"), (f"{datetime.now(UTC).date() - timedelta(days=1)}", None)):
        result = made.materialize(["filesync", "a"], day=day)
        assert made.instance.get_run_by_id(result.run_id).tags.get(LIVE_TAG) == live_tag


def test_what_another_run_syncs_is_left_to_it(project, store):
    """A scheduled run warns and goes on; who started one by hand is told."""
    made = project(store("a"), store("b"))
    both = ["filesync", "a"], ["filesync", "b"]
    with (
        made.open() as filesync,
        filesync.runtime.metadata.leases.hold(filesync.runtime.register(filesync.config.endpoint("a"))),
    ):
        scheduled = made.materialize(*both, tags={CADENCE_TAG: "every_hour"})
        by_hand = made.materialize(*both)
    assert scheduled.success
    assert shown(scheduled).keys() == {"b"}
    assert not by_hand.success
    assert "a is busy" in complaint(by_hand)


def test_a_past_day_says_nothing_about_how_the_endpoint_is_now(project, store):
    """A backfill does not turn the checks of a healthy endpoint red."""
    made = project(store("a"))
    made.materialize(["filesync", "a"])
    result = made.materialize(["filesync", "a"], day="2026-01-05")
    assert not result.success
    assert checked(result) == {("a", "listing_complete"): True, ("a", "mass_delete_guard"): True}


def test_a_failed_listing_does_not_hide_that_a_sync_is_held(project, store):
    """The guard's check stays red until somebody decides, or a clean listing heals it."""
    made = project(store("a", files=20))
    made.materialize(["filesync", "a"])
    for i in range(15):
        STORES["a"].delete(f"a-{i}")
    made.materialize(["filesync", "a"])
    STORES["a"].faults.breaks["one"] = 0
    result = made.materialize(["filesync", "a"])
    assert checked(result) == {("a", "listing_complete"): False, ("a", "mass_delete_guard"): False}


@pytest.mark.parametrize("selected", [["a"], ["a", "b"]])
def test_only_what_was_selected_is_synced(project, store, selected):
    """One endpoint of the group can be materialized alone."""
    made = project(store("a"), store("b"), store("c"))
    result = made.materialize(*(["filesync", name] for name in selected))
    assert set(shown(result)) == set(selected)
    with made.open() as filesync:
        assert {status.name for status in filesync.status() if status.last_sync} == set(selected)


def test_everything_and_its_reports_in_one_run(project, store):
    """The reports come after the syncs, and come even when an endpoint failed."""
    made = project(store("a"), {"name": "gone", "type": "local", "endpoint_details": {"path": "nowhere"}})
    result = made.materialize()
    assert not result.success
    names = [event.asset_key.path[-1] for event in result.get_asset_materialization_events()]
    assert names[0] == "a"
    assert set(names[1:]) == {"daily_changes", "storage_growth", *CATALOGUE}
    assert shown(result)["daily_changes"]["files_imported"] == 12


def test_a_check_can_be_run_alone(project, store):
    """The endpoint is synced for it; nothing is materialized."""
    made = project(store("a"))
    key = dg.AssetCheckKey(dg.AssetKey(["filesync", "a"]), "mass_delete_guard")
    job = made.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={key}
    )
    result = job.execute_in_process(partition_key=today(), instance=made.instance)
    assert checked(result) == {("a", "mass_delete_guard"): True}
    assert shown(result) == {}


@pytest.mark.parametrize("where", ["settings", "home", "nowhere"])
def test_what_a_sync_found_leads_to_the_console(project, store, where):
    """Where the settings say, or a running `filesync serve`; nowhere when nobody did, and never from a quiet sync."""
    found = "https://files.example.com/console"
    settings = {"serve": {"console_url": f"{found}/"}} if where == "settings" else {}
    made = project(store("a", files=3), **settings)
    if where == "home":
        with made.open() as filesync:
            home = filesync.config.environment.home
        home.mkdir(exist_ok=True)
        (home / "console.url").write_text(found)
    link = shown(made.materialize(["filesync", "a"]))["a"].get("console")

    assert link == (None if where == "nowhere" else f"{found}/endpoints/a")
    assert "console" not in shown(made.materialize(["filesync", "a"]))["a"]
