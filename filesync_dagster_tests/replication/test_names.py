"""Names that a destination can hold, and those that it cannot."""

from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.replication.names import copy_problem, escape_path, suspects
from filesync_dagster.storage.snapshots import connect
from filesync_dagster_tests.replication.plans import BUCKET, FOLDER, SmallPlan, replication, row

WINDOWS = replace(
    FOLDER, forbidden_characters='<>:"\\|?*', forbidden_names=frozenset({"con", "nul"}), forbidden_endings=". ",
    case_sensitive=False, max_name_bytes=20, max_path_bytes=60,
)  # fmt: skip
PATHS = st.text(st.sampled_from('a.é /<:"\\ %Con\x01~'), min_size=1, max_size=40)


@pytest.mark.parametrize(
    "path", ["a//b", "../x", "a/./b", "/a", "a/", "x" * 300, ".filesync-trash/a", "a/b.filesync-part", "a\x00b"]
)
def test_what_a_folder_cannot_hold_is_listed(con, path):
    """It is never altered, and nothing of it is outside the root."""
    plan = SmallPlan(con, [row("1", path), row("2", "fine")], [], facts=FOLDER)
    assert [one["path"] for one in plan.run()] == ["fine"]
    [problem] = plan.state.problems
    assert (problem.kind, problem.paths) == ("name", (path,))


@pytest.mark.parametrize("path", ["a//b", "../x", "a/./b", "/a", "trail/", "a\\b"])
def test_a_bucket_holds_them(con, path):
    """Keys may be anything."""
    assert [one["path"] for one in SmallPlan(con, [row("1", path)], [], facts=BUCKET).run()] == [path]


def test_names_are_escaped_when_that_is_configured(con):
    """And the way back is plain."""
    escaped = replication(rename_impossible="percent")
    paths = ["a:b/con.txt", "end./x", "100%/q?"]
    plan = SmallPlan(con, [row(path, path) for path in paths], [], facts=WINDOWS, replication=escaped)
    names = {one["external_id"]: one["path"] for one in plan.run() if one["op"] == "create"}
    assert names == {"a:b/con.txt": "a%3Ab/%63on.txt", "end./x": "end%2E/x", "100%/q?": "100%25/q%3F"}
    assert plan.state.problems == ()


@given(PATHS)
def test_an_escaped_name_is_possible_and_comes_back(path):
    """Unless it is too long."""
    escaped = escape_path(path, WINDOWS)
    roomy = replace(WINDOWS, max_name_bytes=None, max_path_bytes=None)
    assert copy_problem(escaped, roomy) is None
    if "" not in path.split("/"):  # an empty name has no letter to come back from
        assert unquote(escaped) == path


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """One for all examples."""
    with connect("500MB", tmp_path_factory.mktemp("names"), 1) as connection:
        yield connection


@settings(max_examples=40, deadline=None)
@given(paths=st.lists(PATHS, min_size=10, max_size=60))
def test_what_is_not_suspected_has_no_problem(database, paths):
    """The conditions in SQL miss nothing that Python finds."""
    for facts in (FOLDER, WINDOWS, BUCKET):
        condition = " OR ".join(suspects(facts))
        found = database.execute(
            f"SELECT dest_path, {condition} FROM (SELECT unnest(?) AS dest_path, 1 AS size)", [paths]
        ).fetchall()
        for path, is_suspect in found:
            assert is_suspect or copy_problem(path, facts) is None, (path, facts)
