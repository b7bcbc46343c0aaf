"""The bugs that `make planted` plants can be planted: the code that each alters is there, once."""

import pytest

from filesync_dagster_tests.planted_bugs import BUGS, places


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what)
def test_it_can_be_planted(bug):
    """Whoever changes the code that a bug alters sees it here, not after minutes."""
    assert places(bug) == 1, f"{bug.right!r} in {bug.file}"
    assert bug.right != bug.wrong
