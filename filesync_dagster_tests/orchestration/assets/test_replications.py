"""Replicas as assets: what becomes of a run in Dagster, for each way that it can end."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from filesync_dagster.orchestration.assets.replication_results import NUMBERS, replica_checks
from filesync_dagster.orchestration.assets.replication_specs import destination_key, replica_key
from filesync_dagster.orchestration.assets.specs import asset_key, store_key
from filesync_dagster.orchestration.tags import CADENCE_TAG, LIVE_TAG, PLAN_TAG
from filesync_dagster.replication.model import PlanScope
from filesync_dagster_tests.orchestration.assets.test_endpoints import checked, complaint, shown, version
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.orchestration.replicated import contents, replication, source_of, write

PHOTOS, COPY = ["filesync", "photos"], ["filesync_replica", "copy"]
YESTERDAY = f"{datetime.now(UTC).date() - timedelta(days=1)}"
KEYS = {*NUMBERS, "seconds", "replica_lag_seconds", "plan", "filesync/status", "filesync/scope"}


@pytest.fixture
def replicated(project, tmp_path):
    """Return what makes a project with an endpoint `photos` and a replication `copy` of it, synced once."""

    def make(*more, endpoints=(), files=3, **entry):
        made = project()
        made.replications = [replication(tmp_path, **entry), *more]
        made.write(source_of(tmp_path, files=files), *endpoints)
        with made.open() as filesync:
            filesync.sync("photos")
        return made

    return make


def test_today_is_a_run_of_the_replication(replicated, tmp_path):
    """The files are there, the numbers are all there, zeros too, and the checks tell how it is."""
    made = replicated()
    result = made.materialize(COPY)
    assert result.success
    metadata = shown(result)["copy"]
    assert set(metadata) >= KEYS
    assert (metadata["created"], metadata["files_total"], metadata["updated"]) == (3, 3, 0)
    assert all(isinstance(metadata[name], int | float) for name in (*NUMBERS, "seconds", "replica_lag_seconds"))
    assert contents(tmp_path / "copy") == contents(tmp_path / "photos")
    assert checked(result)["copy", "replica_equals_source"] is True
    assert checked(result)["copy", "replication_guard"] is True
    with made.open() as filesync:
        [plan] = filesync.replications.plans("copy")
        assert plan.run_id == result.run_id
        assert metadata["plan"].startswith(f"{plan.id}: ")


def test_a_second_run_has_the_same_keys_and_tells_what_changed(replicated, tmp_path):
    """The data version tells change from no change."""
    made = replicated()
    first, same = made.materialize(COPY), made.materialize(COPY)
    assert version(first) == version(same)
    assert set(shown(first)["copy"]) == set(shown(same)["copy"])
    write(tmp_path / "photos", "0.txt", "another content")
    (tmp_path / "photos" / "1.txt").unlink()
    second = made.materialize(PHOTOS, COPY)
    assert second.success
    events = [event for event in second.get_asset_materialization_events() if event.asset_key == replica_key("copy")]
    assert events[0].materialization.tags["dagster/data_version"] != version(first)
    metadata = shown(second)["copy"]
    assert (metadata["updated"], metadata["deleted"], metadata["files_total"]) == (1, 1, 2)
    assert contents(tmp_path / "copy") == contents(tmp_path / "photos")


def test_selected_together_the_source_is_synced_first(replicated, tmp_path):
    """What appeared since the last sync is in the replica after one run."""
    made = replicated()
    write(tmp_path / "photos", "new.txt", "new")
    result = made.materialize(COPY, PHOTOS)
    assert result.success
    names = [event.asset_key.path[-1] for event in result.get_asset_materialization_events()]
    assert names == ["photos", "copy"]
    assert contents(tmp_path / "copy")["new.txt"] == "new"


def test_an_endpoint_that_fails_does_not_keep_replicas_from_being_made(replicated, tmp_path):
    """The replica of another one is made in the same run."""
    gone = {"name": "gone", "type": "local", "endpoint_details": {"path": str(tmp_path / "nowhere")}}
    made = replicated(endpoints=[gone])
    result = made.materialize(["filesync", "gone"], PHOTOS, COPY)
    assert not result.success
    assert set(shown(result)) == {"photos", "copy"}


def test_a_replica_has_no_past(replicated, tmp_path):
    """Today's state is never written under an old day: the run fails and says so, and nothing is done."""
    made = replicated()
    result = made.materialize(COPY, day=YESTERDAY)
    assert not result.success
    assert complaint(result).startswith("A replica has no past")
    assert shown(result) == {}
    assert made.instance.get_materialized_partitions(replica_key("copy")) == set()
    assert contents(tmp_path / "copy") == {}


def test_a_past_day_of_everything_leaves_replicas_alone(replicated):
    """Who rebuilds all that can be is not told of what cannot."""
    made = replicated()
    result = made.materialize(day="2026-01-05")
    assert "copy" not in shown(result)
    assert [event.step_key for event in result.all_node_events if event.is_step_failure] == ["inventory"]


def test_what_was_launched_before_midnight_is_a_run_of_the_new_day(replicated):
    """Its partition is yesterday, under which nothing is materialized."""
    made = replicated()
    result = made.materialize(COPY, day=YESTERDAY, tags={LIVE_TAG: "true"})
    assert result.success
    assert made.instance.get_materialized_partitions(replica_key("copy")) == {today()}


@pytest.mark.slow
def test_a_held_plan_materializes_nothing_and_says_what_to_do(replicated, tmp_path):
    """The guard's check fails, the run fails, the destination is as it was; approving heals it."""
    made = replicated(files=20)
    assert made.materialize(COPY).success
    for number in range(15):
        (tmp_path / "photos" / f"{number}.txt").unlink()
    with made.open() as filesync:
        filesync.sync("photos")
        filesync.approve("photos")
    result = made.materialize(COPY)
    assert not result.success
    assert shown(result) == {}
    assert "filesync approve copy" in complaint(result)
    [guard] = [one for one in result.get_asset_check_evaluations() if one.check_name == "replication_guard"]
    assert (guard.passed, guard.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert guard.metadata["held/deleted"].value == 15
    assert len(guard.metadata["held/operations"].value.records) == 15
    assert checked(result)["copy", "replica_equals_source"] is False
    assert len(contents(tmp_path / "copy")) == 20
    with made.open() as filesync:
        assert filesync.replications.status()[0].held_plan_id == guard.metadata["held/plan"].value
        filesync.replications.approve("copy")
    healed = made.materialize(COPY)
    assert healed.success
    assert checked(healed)["copy", "replication_guard"] is True
    assert checked(healed)["copy", "replica_equals_source"] is True


def test_a_run_for_an_approved_plan_does_that_plan_alone(replicated, tmp_path):
    """Another plan that is held by then is not done; the right one is, and materialized."""
    made = replicated(guard={"max_bytes": 1})
    assert not made.materialize(COPY).success
    with made.open() as filesync:
        plan_id = filesync.replications.held("copy").plan_id
    other = made.materialize(COPY, tags={PLAN_TAG: f"{plan_id + 1}"})
    assert not other.success
    assert contents(tmp_path / "copy") == {}
    result = made.materialize(COPY, tags={PLAN_TAG: f"{plan_id}"})
    assert result.success
    assert shown(result)["copy"]["plan"].startswith(f"{plan_id}: ")
    assert contents(tmp_path / "copy") == contents(tmp_path / "photos")


def test_one_that_fails_does_not_stop_its_neighbours(replicated, tmp_path):
    """It is named with its sentence, nothing of it is materialized; the other one is."""
    lost = replication(tmp_path, "lost")
    made = replicated(lost)
    (tmp_path / "lost").rmdir()
    result = made.materialize(COPY, ["filesync_replica", "lost"])
    assert not result.success
    assert set(shown(result)) == {"copy"}
    assert complaint(result).startswith("1 of 2 replications did not succeed. lost: The folder ")
    assert checked(result)["lost", "replica_equals_source"] is False


def test_what_another_run_is_at_is_left_to_it(replicated):
    """A scheduled run warns and goes on; who started one by hand is told."""
    made = replicated()
    with made.open() as filesync:
        assert filesync.replications.replicate("copy").status == "completed"
        [record] = filesync.runtime.metadata.replications.all()
        with filesync.runtime.metadata.replication_leases.hold(record.id):
            scheduled = made.materialize(COPY, tags={CADENCE_TAG: "every_hour"})
            by_hand = made.materialize(COPY)
    assert scheduled.success
    assert shown(scheduled) == {}
    assert not by_hand.success
    assert "copy is busy" in complaint(by_hand)


def test_a_file_that_cannot_be_copied_is_a_difference(replicated, tmp_path):
    """What is in its way stays, the others are copied, and the check names what is left."""
    made = replicated()
    write(tmp_path / "copy", "1.txt", "somebody else's")
    result = made.materialize(COPY)
    assert result.success
    assert shown(result)["copy"]["foreign"] == 1
    [check] = [c for c in result.get_asset_check_evaluations() if c.check_name == "replica_equals_source"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert contents(tmp_path / "copy")["1.txt"] == "somebody else's"


def test_after_a_reconcile_that_did_something_the_check_looks_at_the_destination(replicated, tmp_path):
    """What somebody takes away just then is a difference, though nothing that is known tells it."""
    made = replicated()
    with made.open() as filesync:
        first = filesync.replications.replicate("copy")
        assert (first.scope, first.created) == (PlanScope.INITIAL, 3)
        (tmp_path / "copy" / "0.txt").unlink()
        [status] = filesync.replications.status()
        equal, *_ = replica_checks(filesync, status, first)
        later, *_ = replica_checks(filesync, status)
    assert (equal.check_name, equal.passed) == ("replica_equals_source", False)
    assert later.passed, "without a listing nobody sees it"


def test_a_check_can_be_run_alone(replicated):
    """The replication is run for it; nothing is materialized."""
    made = replicated()
    key = dg.AssetCheckKey(replica_key("copy"), "replica_equals_source")
    job = made.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={key}
    )
    result = job.execute_in_process(partition_key=today(), instance=made.instance)
    assert checked(result) == {("copy", "replica_equals_source"): True}
    assert shown(result) == {}


def test_a_dry_run_does_and_materializes_nothing(replicated, tmp_path):
    """The run succeeds; the check tells what would be done."""
    made = replicated(dry_run=True)
    result = made.materialize(COPY)
    assert result.success
    assert shown(result) == {}
    assert contents(tmp_path / "copy") == {}
    assert checked(result)["copy", "replica_equals_source"] is False


def test_the_lineage_leads_from_a_store_to_its_destination(replicated, tmp_path):
    """The replica is between the inventory and the destination, which may be an endpoint's own store."""
    archive = source_of(tmp_path, "archive", files=0)
    linked = {"name": "linked", "source": "photos", "destination": {"endpoint": "archive"}}
    made = replicated(linked, endpoints=[archive])
    with made.open() as filesync:
        config = filesync.config
    specs = {spec.key: spec for spec in made.definitions.resolve_all_asset_specs()}
    deps = {key: {dep.asset_key for dep in spec.deps} for key, spec in specs.items()}
    assert deps[replica_key("copy")] == {asset_key("photos")}
    assert deps[destination_key(config, config.replication("copy"))] == {replica_key("copy")}
    assert deps[store_key(config.endpoint("archive"))] == {replica_key("linked")}
    assert destination_key(config, config.replication("linked")) not in specs
    assert specs[replica_key("copy")].partitions_def == specs[asset_key("photos")].partitions_def
    dg.Definitions.validate_loadable(made.definitions)


def test_files_that_may_go_round_load(replicated, tmp_path):
    """Two endpoints replicate to each other: Dagster's graph has no circle."""
    archive = source_of(tmp_path, "archive", files=0)
    to = {"name": "to", "source": "photos", "destination": {"endpoint": "archive"}, "allow_cycle": True}
    back = {"name": "back", "source": "archive", "destination": {"endpoint": "photos"}, "allow_cycle": True}
    made = replicated(to, back, endpoints=[archive])
    dg.Definitions.validate_loadable(made.definitions)
    keys = {spec.key for spec in made.definitions.resolve_all_asset_specs()}
    assert dg.AssetKey(["local", "back_destination"]) in keys
    assert dg.AssetKey(["local", "to_destination"]) not in keys


def test_a_broken_replication_is_a_node_beside_its_neighbours(replicated, tmp_path):
    """What is wrong shows on the node and as a failed check; the others can be materialized."""
    made = replicated()
    made.replications.append({"name": "odd", "source": "fotos", "destination": {"endpoint": "photos"}})
    made.write(source_of(tmp_path))
    nodes = {spec.key: spec for spec in made.definitions.resolve_all_asset_specs()}
    assert "no endpoint 'fotos'" in nodes[asset_key("replication_odd")].description
    assert made.materialize(COPY).success
    result = made.definitions.resolve_job_def("check_configuration").execute_in_process(instance=made.instance)
    [check] = result.get_asset_check_evaluations()
    assert not check.passed


@pytest.mark.slow
def test_an_edit_that_breaks_a_replication_is_shown_on_it_while_it_goes_on(replicated, tmp_path):
    """It is run as it was; its check says what is wrong with the file."""
    made = replicated()
    assert made.materialize(COPY).success, "a run remembers what works"
    made.replications = [{**made.replications[0], "sourze": "photos"}]
    made.write(source_of(tmp_path))
    assert made.materialize(COPY).success
    result = made.definitions.resolve_job_def("check_configuration").execute_in_process(instance=made.instance)
    [check] = result.get_asset_check_evaluations()
    assert (check.asset_key, check.passed) == (replica_key("copy"), False)
    assert "'sourze'" in check.description
