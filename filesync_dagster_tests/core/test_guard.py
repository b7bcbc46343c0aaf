import pytest

from filesync_dagster.core.guard import GuardLimits, Peak, Proposal, objections
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
        ("a filter that selects nothing", {}, 100, 0, {"left_scope": 100}, True, "It would have none"),
        ("a filter that lets half go", {}, 100, 50, {"left_scope": 50}, True, "allow_rescope"),
        ("a narrower filter", {}, 100, 51, {"left_scope": 49}, True, ""),
        ("a wrong prefix", {}, 100, 0, {"left_scope": 100}, True, "100 of 100"),
        ("another prefix", {}, 100, 70, {"left_scope": 100, "added": 70}, True, "100 of 100"),
        ("an edit that is confirmed", {"allow_rescope": True}, 100, 0, {"left_scope": 100}, True, ""),
        ("no edit, but moved out", {"allow_rescope": True}, 100, 0, {"left_scope": 100}, False, "lie elsewhere"),
        ("both at once", {}, 100, 40, {"left_scope": 25, "removed": 35}, True, "35 others"),
        ("all changed at once", {}, 20, 20, {"updated": 20}, False, "all 20 files"),
        ("three of three edited", {}, 3, 3, {"updated": 3}, False, ""),
        ("the first files", {}, 0, 50, {"added": 50}, False, ""),
        ("switched off", {"enabled": False}, 100, 0, {"removed": 100}, False, ""),
    ],
)
def test_what_is_held(what, limits, before, after, changes, moved, expected):
    """The guard objects to what looks like a mishap, and to nothing else."""
    proposal = Proposal(before, after, ChangeCounts(**changes), rescoped=moved)

    found = " ".join(objections(GuardLimits(**limits), proposal))

    assert bool(found) == bool(expected), found
    assert expected in found


@pytest.mark.parametrize(
    ("what", "limits", "before", "after", "changes", "peak", "expected"),
    [
        ("a second half", {}, 50, 25, {"removed": 25}, Peak(100), "75 of 100"),
        ("a small slice", {}, 51, 49, {"removed": 2}, Peak(100), "51 of 100"),
        ("as much as may go", {}, 52, 50, {"removed": 2}, Peak(100), ""),
        ("made up for", {}, 70, 60, {"removed": 50, "added": 40}, Peak(100), "50 of 70"),
        ("what left by a filter, and what goes now", {}, 60, 50, {"removed": 10}, Peak(100, 40), "10 others"),
        ("made up for, slowly", {}, 100, 70, {"removed": 30}, Peak(100), ""),
        (
            "too many by now",
            {"max_removed": 15, "max_removed_percent": 100},
            90,
            80,
            {"removed": 10},
            Peak(100),
            "20 of",
        ),
        ("nothing goes now", {}, 10, 11, {"added": 1}, Peak(100), ""),
        ("what left by a filter was let go", {}, 60, 55, {"removed": 5}, Peak(100, 40), ""),
        ("a filter in slices", {}, 70, 45, {"left_scope": 25}, Peak(100, 30), "55 of 100"),
        ("a filter before, less than half", {}, 70, 60, {"removed": 10}, Peak(100, 30), ""),
        ("each by itself", {"enabled": False}, 50, 25, {"removed": 25}, Peak(100), ""),
    ],
)
def test_slices_count_together(what, limits, before, after, changes, peak, expected):
    """What is taken away in several syncs is held as if it came at once."""
    proposal = Proposal(before, after, ChangeCounts(**changes), rescoped=True, peak=peak)

    found = " ".join(objections(GuardLimits(**limits), proposal))

    assert bool(found) == bool(expected), found
    assert expected in found
