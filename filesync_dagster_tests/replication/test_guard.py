"""What the guard of a replication holds."""

import pytest

from filesync_dagster.replication.guard import objections
from filesync_dagster.replication.model import PlanCounts
from filesync_dagster_tests.replication.plans import replication


@pytest.mark.parametrize(
    ("counts", "before", "word"),
    [
        (PlanCounts(deleted=51), 100, "51 of 100"),
        (PlanCounts(deleted=3), 3, "leave none"),
        (PlanCounts(deleted=10_001), 1_000_000, "10,001 files"),
        (PlanCounts(created=1, bytes=10**12 + 1), 0, "bytes"),
        (PlanCounts(updated=10), 10, "all 10 files"),
    ],
)
def test_it_holds(counts, before, word):
    """Each reason is a sentence with its numbers."""
    [sentence] = objections(replication(), counts, before=before)
    assert word in sentence
    assert objections(replication(guard={"enabled": False}), counts, before=before) == []


@pytest.mark.parametrize(
    ("counts", "before"),
    [(PlanCounts(deleted=50), 100), (PlanCounts(created=500), 0), (PlanCounts(updated=9), 9), (PlanCounts(moved=9), 9)],
)
def test_an_ordinary_plan_passes(counts, before):
    """So does the first one."""
    assert objections(replication(), counts, before=before) == []


def test_always_is_meant_so():
    """`delete: always` is no matter of the guard."""
    assert objections(replication(delete="always"), PlanCounts(deleted=99), before=100) == []
