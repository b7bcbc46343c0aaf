"""What lies in no folder, on both databases: right, and found in an index where the store has folders."""

import pytest
from sqlalchemy import create_engine

from filesync_dagster_tests.databases import recorded_statements
from filesync_dagster_tests.storage.database.builders import batch, commit, entry

FILES = [
    entry("folder", scope="team", kind="folder"),
    entry("inside", scope="team", parent_id="folder", path="folder/inside"),
    entry("file", scope="team"),
    entry("other", scope="mine"),
    entry("object"),
]


@pytest.mark.parametrize(
    ("scopes", "found"),
    [
        ({"team"}, {"folder", "file"}),
        ({"team", "mine"}, {"folder", "file", "other"}),
        ({""}, {"object"}),
        ({"", "mine"}, {"object", "other"}),
        (set(), set()),
    ],
)
def test_tops_are_those_of_the_scopes(metadata, endpoint, scopes, found):
    """Of each scope that is asked for, and of no other; where stores have no scopes, too."""
    commit(metadata, endpoint, "first", imported=[batch(*FILES)])
    ids = [one for rows in metadata.files.tops(endpoint, scopes) for one in rows.column("external_id").to_pylist()]
    assert (set(ids), len(ids)) == (found, len(found))


def test_tops_are_found_in_an_index(metadata, endpoint, kind, url):
    """A change at the top of a store of a million files costs what lies there, not what the store has."""
    commit(metadata, endpoint, "first", imported=[batch(*FILES)])
    with recorded_statements() as asked:
        list(metadata.files.tops(endpoint, {"team"}))
    [query] = [one for one in asked if "FROM files" in one]
    assert "scope <> ''" in query
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as connection:
        if kind == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if kind == "sqlite" else "EXPLAIN "
        plain = "SELECT id FROM files WHERE endpoint_id = 1 AND parent_id IS NULL AND scope <> '' AND scope IN ('team')"
        plan = str(connection.exec_driver_sql(explain + plain).all())
    engine.dispose()
    assert "ix_files_tops" in plan
