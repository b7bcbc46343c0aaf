"""Walking through files: every page, order and folder is what a look at all rows says, on both databases."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from filesync_dagster.core.path_filter import PathFilter
from filesync_dagster.storage.database import Metadata
from filesync_dagster.storage.database.browse import BrowseQuery, key_of
from filesync_dagster.storage.database.search import FileQuery
from filesync_dagster.storage.database.tables import files
from filesync_dagster_tests.databases import sqlite_template

NOW = datetime(2026, 11, 30, tzinfo=UTC)
NAMES = ("a", "a-b", "a.txt", "a0", "B", "ä", "b c", "x%y", "\U0001f600", "z" * 600)
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)


def rows_of(paths, endpoint_id=1):
    """Return rows of `files`: folders where the store has them, some of them gone."""
    made = []
    for at, (path, size, kind, gone, moment) in enumerate(paths):
        name = path.rpartition("/")[2]
        made.append(
            {
                "endpoint_id": endpoint_id,
                "external_id": f"{endpoint_id}-{at}",
                "scope": "",
                "title": name,
                "name": name,
                "name_search": name.lower(),
                "path": path,
                "kind": kind,
                "size": size if kind == "file" else None,
                "date_updated": None if moment is None else NOW + timedelta(seconds=moment),
                "deleted_at": NOW if gone else None,
                "first_seen_at": NOW,
                "last_seen_at": NOW,
                "created_at": NOW,
                "updated_at": NOW,
            }
        )
    return made


TREES = st.lists(
    st.tuples(
        PATHS,
        st.one_of(st.none(), st.integers(0, 3), st.just(2**40)),
        st.sampled_from(["file", "file", "folder"]),
        st.booleans().map(lambda gone: gone),
        st.one_of(st.none(), st.integers(-3, 3)),
    ),
    max_size=25,
    unique_by=lambda row: row[0],
)


def fill(metadata, *endpoints):
    """Replace all rows."""
    with metadata._database.write_transaction() as connection:
        connection.execute(files.delete())
        for number, paths in enumerate(endpoints, start=1):
            if rows := rows_of(paths, number):
                connection.execute(insert(files), rows)


def walk(browse, query, limit):
    """Return all rows, page by page."""
    found, after = [], None
    while True:
        rows = browse.page([1, 2], query, after=after, limit=limit)
        found += rows
        if len(rows) < limit:
            return found
        after = key_of(rows[-1], query.sort)


def expected_children(paths, folder):
    """Return what lies right in a folder, by a look at all live rows."""
    start = f"{folder}/" if folder else ""
    found = {}
    for path, _, kind, gone, _ in paths:
        if not gone and path.startswith(start):
            name, slash, _ = path[len(start) :].partition("/")
            found[start + name] = found.get(start + name, False) or bool(slash) or kind == "folder"
    return found


@pytest.fixture(scope="module")
def metadata(tmp_path_factory):
    """An open SQLite database."""
    file = tmp_path_factory.mktemp("browse") / "filesync.db"
    file.write_bytes(sqlite_template().read_bytes())
    with closing(Metadata.open(f"sqlite:///{file}")) as opened:
        yield opened


def check_pages(metadata, one, two, limit, sort, descending, with_gone):
    """Walk through all rows, and compare."""
    fill(metadata, one, two)
    browse = metadata.browse
    query = BrowseQuery(sort=sort, descending=descending, with_gone=with_gone)
    walked = walk(browse, query, limit)
    wanted = {(number, row[0]) for number, paths in ((1, one), (2, two)) for row in paths if with_gone or not row[3]}

    assert [key_of(row, sort) for row in walked] == sorted((key_of(row, sort) for row in walked), reverse=descending)
    assert len(walked) == len(wanted)
    assert {(row["endpoint_id"], row["path"]) for row in walked} == wanted
    assert browse.count([1, 2], query).rows == len(wanted)
    offset = len(wanted) // 2
    assert browse.page([1, 2], query, offset=offset, limit=1000) == walked[offset:]


def check_folders(metadata, one, limit):
    """Look into folders, and compare."""
    fill(metadata, one)
    for folder in ("", "a", "a/a"):
        found, after = [], None
        while True:
            page = list(metadata.browse.children(1, folder, after=after, limit=limit, counted=2))
            found += page
            if len(page) < limit:
                break
            after = page[-1].behind
        wanted = expected_children(one, folder)
        shadowed = {path for path in wanted if not any(row[0] == path and not row[3] for row in one)}
        assert {child.path: child.is_folder or child.path in shadowed for child in found} == wanted
        assert len(found) == len(wanted)
        folders = metadata.browse.children(1, folder, after=None, limit=100, counted=2, folders_only=True)
        assert {child.path for child in folders} == {child.path for child in found if child.is_folder}
        for child in found:
            if child.is_folder:
                below = sum(row[0].startswith(f"{child.path}/") and not row[3] for row in one)
                assert (child.files, child.is_exact) == (min(below, 2), below <= 2)


@settings(max_examples=60)
@given(TREES, TREES, st.integers(1, 5), st.sampled_from(["path", "size", "modified"]), st.booleans(), st.booleans())
def test_pages_put_together_are_all_rows_in_order(metadata, one, two, limit, sort, descending, with_gone):
    """None twice, none left out, whatever the order, the size of a page and where it begins."""
    check_pages(metadata, one, two, limit, sort, descending, with_gone)


FOLDER_TREES = TREES.map(lambda rows: [row for row in rows if not is_below_a_file(row, rows)])


def is_below_a_file(row, rows):
    """Tell whether something lies in what is a file: no store has that."""
    return any(other[2] == "file" and not other[3] and row[0].startswith(f"{other[0]}/") for other in rows)


@settings(max_examples=60)
@given(FOLDER_TREES, st.integers(1, 3))
def test_a_folder_has_what_lies_right_in_it(metadata, one, limit):
    """Also where `a-b` comes between `a` and what lies in it; folders that are only the beginning of paths count."""
    check_folders(metadata, one, limit)


def test_both_hold_in_postgresql(postgres_tables_url):
    """With paths longer than its index has of them."""
    long = "z" * 600
    one = [
        ("a", None, "folder", False, None),
        ("a-b", 1, "file", False, 1),
        ("a/a/ä", 5, "file", False, None),
        ("a/x%y", None, "file", True, 3),
        (f"{long}/a", 2**40, "file", False, 2),
        (f"{long}/b/c", 0, "file", False, 2),
        ("B", 3, "file", False, -1),
    ]
    with closing(Metadata.open(postgres_tables_url)) as metadata:
        for sort in ("path", "size", "modified"):
            for descending in (False, True):
                check_pages(metadata, one, one[2:5], 2, sort, descending, with_gone=True)
        check_folders(metadata, one, 2)


def test_what_is_asked_for_is_found(metadata):
    """By name, pattern, path, kind, folder, size; what no database can decide has no numbers."""
    rows = [
        ("a/b/Plan.dwg", 5, "file", False, 1),
        ("a/plan.txt", 50, "file", False, 2),
        ("c/x", None, "folder", False, None),
    ]
    fill(metadata, rows)

    def names(**query):
        return [row["path"] for row in metadata.browse.page([1], BrowseQuery(**query), limit=10)]

    assert names(what=FileQuery(text="PLAN")) == ["a/b/Plan.dwg", "a/plan.txt"]
    assert names(what=FileQuery(text="*.dwg")) == ["a/b/Plan.dwg"]
    assert names(what=FileQuery(path=PathFilter("**/*.txt"))) == ["a/plan.txt"]
    assert names(kinds=("folder",)) == ["c/x"]
    assert names(folder="a", is_direct=True) == ["a/plan.txt"]
    assert names(folder="a") == ["a/b/Plan.dwg", "a/plan.txt"]
    assert names(what=FileQuery(min_size=6)) == ["a/plan.txt"]
    assert BrowseQuery(what=FileQuery(text="plan")).is_exact
    assert not BrowseQuery(what=FileQuery(text="*.dwg")).is_exact
