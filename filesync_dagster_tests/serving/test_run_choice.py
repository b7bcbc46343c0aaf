"""Which runs a wish is about."""

from datetime import UTC, datetime

import pytest

from filesync_dagster.errors import DagsterRefused
from filesync_dagster.serving.dagster_client import DagsterRun
from filesync_dagster.serving.run_choice import busy, named, worth_another_try

ACTIVE = ("a", "b", "c")


def run(run_id, status, *endpoints, **others):
    """Return a run of some endpoints."""
    return DagsterRun(run_id, status, "sync", datetime.now(UTC), endpoints=endpoints, **others)


def test_a_run_is_named_by_how_its_id_begins():
    """If that is enough to tell it from the others."""
    runs = [run("abcd1", "FAILURE"), run("abcd2", "FAILURE"), run("ffff3", "FAILURE")]
    assert named(runs, "ffff").id == "ffff3"
    assert named(runs, "abcd2").id == "abcd2"
    for prefix in ("abcd", "abc", "", "0000"):
        with pytest.raises(DagsterRefused, match="jobs status"):
            named(runs, prefix)


def test_busy_is_what_a_run_syncs_or_will():
    """A run of the whole job syncs every active endpoint."""
    runs = [run("1", "QUEUED", "a"), run("2", "SUCCESS", "b"), run("3", "STARTED", "a", "z")]
    assert {name: one.id for name, one in busy(runs, ["a", "b"]).items()} == {"a": "3"}
    assert busy([run("1", "STARTED", whole_job=True)], ACTIVE).keys() == set(ACTIVE)
    assert busy([run("1", "STARTED")], ACTIVE) == {}  # reports


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
        ([], []),
    ],
)
def test_a_failed_run_is_worth_another_try_until_a_later_one_overtakes_it(newest_first, again):
    """Repeating every failure of a night would sync the same endpoint a hundred times."""
    assert [one.id for one in worth_another_try(newest_first, ACTIVE)] == again
