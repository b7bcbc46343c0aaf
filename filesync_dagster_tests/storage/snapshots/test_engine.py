import os
import time
from contextlib import suppress

import duckdb
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import OutOfSpace
from filesync_dagster.storage.snapshots import Engines, connect, disk_errors, stream

BIG = "CREATE OR REPLACE TABLE big AS SELECT i, md5(i::VARCHAR) AS a, md5((i + 1)::VARCHAR) AS b FROM range({}) t(i)"


def test_work_beyond_the_memory_limit_goes_to_disk_and_leaves_nothing(tmp_path):
    """Tables larger than the limit work; the folder they spilled to goes with the connection."""
    con = connect("60MB", tmp_path / "tmp", 1)
    con.execute(BIG.format(1_500_000))
    assert list((tmp_path / "tmp").iterdir())
    con.close()
    assert not list((tmp_path / "tmp").iterdir())


def test_a_full_disk_for_temporary_files_is_said_to_be_full(small_disk):
    """DuckDB's own error is translated where its work is wrapped."""
    con = connect("60MB", small_disk, 1)
    with pytest.raises(OutOfSpace, match="No room was left on the device while comparing"), disk_errors("comparing"):
        con.execute(BIG.format(1_500_000))
    con.close()


def test_what_a_killed_process_left_is_removed_a_day_later(tmp_path):
    """Folders of living processes and young ones stay."""
    gone, young, alive = "duckdb-999999999-a", "duckdb-999999999-b", f"duckdb-{os.getpid()}-c"
    for name in (gone, young, alive):
        (tmp_path / name).mkdir()
        if name != young:
            os.utime(tmp_path / name, (time.time() - 90_000,) * 2)
    connect("60MB", tmp_path, 1).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([young, alive])


@pytest.fixture
def engines(tmp_path, own_engines):
    """Lend databases that remember it when they are lent again."""
    engines = Engines("60MB", tmp_path / "tmp", 1)
    yield engines
    engines.close()


MAKE = (
    "CREATE TABLE t AS SELECT 1 AS x",
    "CREATE TEMP TABLE tt AS SELECT 1",
    "CREATE VIEW v AS FROM t",
    "CREATE MACRO m() AS 1",
    "SET GLOBAL default_null_order = 'nulls_first'",  # a mark: nobody else sets it
)
MARK = "SELECT current_setting('default_null_order')"


def marked(con):
    """Tell whether somebody else had this database before."""
    return "first" in con.execute(MARK).fetchall()[0][0].lower()


def test_a_database_is_lent_again_emptied(engines):
    """Making one takes longer than most of what is done in it. Nothing of the last one to work in it is left."""
    with engines.lend() as con:
        con.register("arrow", pa.table({"x": [1]}))
        for statement in MAKE:
            con.execute(statement)
    with engines.lend() as con:
        assert marked(con)
        for name in ("t", "tt", "v", "arrow", "m()"):
            with pytest.raises(duckdb.CatalogException):
                con.execute(f"FROM {name}")


def test_each_has_a_database_of_its_own(engines):
    """Whoever compares at the same time."""
    with engines.lend() as one, engines.lend() as other:
        for con in (one, other):
            for statement in MAKE:
                con.execute(statement)
    with engines.lend() as one, engines.lend() as other, engines.lend() as third:
        assert [marked(con) for con in (one, other, third)] == [True, True, False]


def test_a_database_that_failed_or_worked_on_disk_is_not_lent_again(engines, tmp_path):
    """What is on disk goes at once; what failed may be in any state."""
    with suppress(ZeroDivisionError), engines.lend() as con:
        con.execute(MAKE[-1])
        raise ZeroDivisionError
    with engines.lend() as con:
        assert not marked(con)
        con.execute(MAKE[-1])
        con.execute(BIG.format(1_500_000))
        assert list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "tmp").iterdir())
    with engines.lend() as con:
        assert not marked(con)


def test_a_stream_sees_what_was_made_and_may_be_left_unread(engines):
    """Its connection is another, in the same database, with the same zone."""
    for _ in range(2):
        with engines.lend() as con:
            con.execute("CREATE TABLE t AS SELECT range AS x, make_timestamptz(0) AS y FROM range(100_000)")
            batches = stream(con, "FROM t", rows=1000)
            first = next(batches)
            assert first.schema.field("y").type == pa.timestamp("us", "UTC")
    assert first.num_rows


def test_times_are_utc_and_extensions_are_not_fetched(tmp_path):
    """Nothing depends on where the machine stands, and nothing reaches for the network."""
    con = connect("60MB", tmp_path, 1)
    assert con.execute("SELECT make_timestamptz(0)::VARCHAR").fetchall() == [("1970-01-01 00:00:00+00",)]
    with pytest.raises(duckdb.Error, match=r"httpfs|extension"):
        con.execute("SELECT * FROM 's3://bucket/x.parquet'").fetchall()
    con.close()
