import pytest

from filesync_dagster.core.guard import GuardLimits, Proposal, objections
from filesync_dagster.core.model import ChangeCounts


@pytest.mark.parametrize(
    ("what", "limits", "before", "after", "changes", "moved", "expected"),
    [
        ("an ordinary day", {}, 100, 95, {"removed": 10, "added": 5}, False, ""),
        ("more than half", {}, 100, 49, {"removed": 51}, False, "51 of 100"),
        ("exactly half", {}, 100, 50, {"removed": 50}, False, ""),
        ("too many", {"max_removed": 5, "max_removed_percent": 100}, 100, 94, {"removed": 6}, False, "limit is 5"),
        ("all gone", {"max_removed_percent": 100}, 3, 0, {"removed": 3}, False, "none of 3 files"),
        ("a folder renamed", {}, 100, 100, {"moved": 100}, False, ""),
        ("a narrower filter", {}, 100, 0, {"left_scope": 100}, False, ""),
        ("a wrong prefix", {}, 100, 0, {"left_scope": 100}, True, "none of 100"),
        ("another prefix", {}, 100, 70, {"left_scope": 100, "added": 70}, True, ""),
        ("all changed at once", {}, 20, 20, {"updated": 20}, False, "all 20 files"),
        ("three of three edited", {}, 3, 3, {"updated": 3}, False, ""),
        ("the first files", {}, 0, 50, {"added": 50}, False, ""),
        ("switched off", {"enabled": False}, 100, 0, {"removed": 100}, False, ""),
    ],
)
def test_what_is_held(what, limits, before, after, changes, moved, expected):
    """The guard objects to what looks like a mishap, and to nothing else."""
    proposal = Proposal(before, after, ChangeCounts(**changes), location_changed=moved)

    found = " ".join(objections(GuardLimits(**limits), proposal))

    assert bool(found) == bool(expected), found
    assert expected in found
