"""Which runs a wish is about."""

from datetime import UTC, datetime

import pytest

from filesync_dagster.core.errors import DagsterRefused
from filesync_dagster.orchestration.client import DagsterRun
from filesync_dagster.orchestration.run_selection import active_by_endpoint, find_run, retryable
from filesync_dagster.orchestration.tags import LIVE_TAG

ACTIVE = ("a", "b", "c")
TODAY = "2026-06-01"
PAST = {"dagster/partition": "2026-01-05"}
LIVE = {"dagster/partition": "2026-05-31", LIVE_TAG: "true"}  # launched yesterday


def run(run_id, status, *endpoints, **others):
    """Return a run of some endpoints."""
    return DagsterRun(run_id, status, "sync", datetime.now(UTC), endpoints=endpoints, **others)


def test_a_run_is_named_by_how_its_id_begins():
    """If that is enough to tell it from the others."""
    runs = [run("abcd1", "FAILURE"), run("abcd2", "FAILURE"), run("ffff3", "FAILURE")]
    assert find_run(runs, "ffff").id == "ffff3"
    assert find_run(runs, "abcd2").id == "abcd2"
    for prefix in ("abcd", "abc", "", "0000"):
        with pytest.raises(DagsterRefused, match="jobs status"):
            find_run(runs, prefix)


def test_busy_is_what_a_run_syncs_or_will():
    """A run of the whole job syncs every active endpoint."""
    runs = [run("1", "QUEUED", "a"), run("2", "SUCCESS", "b"), run("3", "STARTED", "a", "z")]
    assert {name: one.id for name, one in active_by_endpoint(runs, ["a", "b"], TODAY).items()} == {"a": "3"}
    assert active_by_endpoint([run("1", "STARTED", whole_job=True)], ACTIVE, TODAY).keys() == set(ACTIVE)
    assert active_by_endpoint([run("1", "STARTED")], ACTIVE, TODAY) == {}  # reports


def test_nothing_is_busy_for_a_past_day_or_for_a_slow_neighbour():
    """A backfill that waits is in nobody's way, nor is a run that goes on with something else."""
    assert active_by_endpoint([run("1", "QUEUED", "a", tags=PAST)], ACTIVE, TODAY) == {}
    assert active_by_endpoint([run("1", "QUEUED", "a", tags=LIVE)], ACTIVE, TODAY).keys() == {"a"}
    assert active_by_endpoint(
        [run("1", "STARTED", whole_job=True)], ACTIVE, TODAY, {"1": {"a": "completed"}}
    ).keys() == {"b", "c"}


@pytest.mark.parametrize(
    ("newest_first", "again"),
    [
        ([run("2", "FAILURE", "a"), run("1", "FAILURE", "a")], ["2"]),
        ([run("2", "SUCCESS", "a"), run("1", "FAILURE", "a")], []),
        ([run("2", "STARTED", "a"), run("1", "FAILURE", "a")], []),
        ([run("2", "CANCELED", "a"), run("1", "FAILURE", "a")], ["1"]),
        ([run("2", "SUCCESS", "a"), run("1", "FAILURE", "a", "b")], ["1"]),
        ([run("2", "SUCCESS", whole_job=True), run("1", "FAILURE", "a", "b")], []),
        ([run("2", "SUCCESS", "a", "b"), run("1", "FAILURE", whole_job=True)], ["1"]),
        ([run("2", "FAILURE"), run("1", "FAILURE", "c")], ["1"]),
        ([run("2", "SUCCESS", "b", parent="1"), run("1", "FAILURE", "a", "b")], []),  # it repeats what was not done
        ([run("2", "SUCCESS", "a", tags=PAST), run("1", "FAILURE", "a", tags=LIVE)], ["1"]),
        ([run("2", "SUCCESS", "a", tags=LIVE), run("1", "FAILURE", "a", tags=PAST)], ["1"]),
        ([run("2", "SUCCESS", "a", tags=PAST), run("1", "FAILURE", "a", tags=PAST)], []),
        ([], []),
    ],
)
def test_a_failed_run_is_worth_another_try_until_a_later_one_overtakes_it(newest_first, again):
    """Repeating every failure of a night would sync the same endpoint a hundred times."""
    assert [one.id for one in retryable(newest_first, ACTIVE, TODAY)] == again
