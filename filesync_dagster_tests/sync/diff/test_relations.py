import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.sync.diff import dedupe, totals
from filesync_dagster_tests.sync.diff.trees import load, row, table


def stage(con, ids, **hashes):
    """Make `staged` of rows that arrived in this order; the size of each says when."""
    staged = table([row(i, size=n) for n, i in enumerate(ids)], **hashes)
    load(con, "staged", staged.append_column("seq", pa.array(range(len(ids)), pa.int64())))


@settings(max_examples=30, deadline=None)
@given(ids=st.lists(st.sampled_from("abcde")), collide=st.booleans())
def test_of_each_id_the_row_that_came_last_stays(con, ids, collide):
    """Whether ids repeat or not, and when all of them share a hash."""
    stage(con, ids, **({"id_hash": [1] * len(ids)} if collide else {}))
    dedupe(con, "staged", "listed")
    found = con.execute("SELECT external_id, size FROM listed ORDER BY ALL").fetchall()
    assert found == sorted({i: n for n, i in enumerate(ids)}.items())


def test_totals_are_of_live_files(con):
    """Folders, the trash and unknown sizes add no bytes; a sum beyond what databases store is capped."""
    big = 2**62
    load(
        con,
        "a",
        table(
            [
                row("a", size=big),
                row("b", size=big),
                row("c", size=big),
                row("d", size=None),
                row("e", size=5, trashed=True),
                row("f", kind="folder", size=None),
            ]
        ),
    )
    files, size, version = totals(con, "a")
    assert (files, size) == (4, 2**63 - 1)
    con.execute("CREATE OR REPLACE TABLE b AS FROM a ORDER BY external_id DESC")
    assert totals(con, "b")[2] == version
    con.execute("DELETE FROM b WHERE kind = 'folder'")
    assert totals(con, "b")[2] != version


def test_nothing_has_totals_too(con: duckdb.DuckDBPyConnection):
    """An empty snapshot is a snapshot."""
    load(con, "a", table([]))
    assert totals(con, "a") == (0, 0, "0-0000000000000000")
