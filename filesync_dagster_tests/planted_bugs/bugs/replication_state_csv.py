"""Bugs in states as CSV."""

from filesync_dagster_tests.planted_bugs.bug import Bug

TESTS = "filesync_dagster_tests/replication/test_state_csv.py"

BUGS = (
    Bug(
        "a comparison of states takes what is not known for nothing different",
        "replication/state_csv.py",
        '_DIFFERENT = {name: f"o.{name} IS DISTINCT FROM n.{name}" for name in COMPARED}',
        '_DIFFERENT = {name: f"o.{name} <> n.{name}" for name in COMPARED}',
        TESTS,
        "is_different",
    ),
    Bug(
        "a file moved to one of several that are alike",
        "replication/state_csv.py",
        "GROUP BY ALL HAVING count(*) = 1",
        "GROUP BY ALL",
        TESTS,
        "dictionary",
    ),
    Bug(
        "two rows of one path are a state",
        "replication/state_csv.py",
        "bad != (0,) or twice != (0,)",
        "bad != (0,)",
        TESTS,
        "told_with_its_line",
    ),
)
