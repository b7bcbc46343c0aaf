"""The bugs that `make planted` plants can be planted: the code that each alters is there, once."""

from datetime import date, timedelta

import pytest

from filesync_dagster_tests.planted_bugs import BUGS
from filesync_dagster_tests.planted_bugs.__main__ import group_by_tests, places, sixth_of


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what)
def test_it_can_be_planted(bug):
    """Whoever changes the code that a bug alters sees it here, not after minutes."""
    assert places(bug) == 1, f"{bug.right!r} in {bug.file}"
    assert bug.right != bug.wrong


def test_six_days_plant_every_bug_once():
    """CI plants a sixth of them each day."""
    days = [date(2026, 12, 28) + timedelta(days=number) for number in range(6)]

    planted = [bug.what for day in days for bug in sixth_of(day, BUGS)]
    assert sorted(planted) == sorted(bug.what for bug in BUGS)


def test_bugs_of_the_same_tests_are_planted_together():
    """The largest group begins, and none is left out."""
    groups = group_by_tests(BUGS)

    assert [len(bugs) for _, bugs in groups] == sorted((len(bugs) for _, bugs in groups), reverse=True)
    assert sum(len(bugs) for _, bugs in groups) == len(BUGS)
    assert all(bug.tests == tests for tests, bugs in groups for bug in bugs)
