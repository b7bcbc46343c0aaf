import os
import time

import duckdb
import pytest

from filesync_dagster.errors import OutOfSpace
from filesync_dagster.snapshots import connect, disk_errors

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


def test_times_are_utc_and_extensions_are_not_fetched(tmp_path):
    """Nothing depends on where the machine stands, and nothing reaches for the network."""
    con = connect("60MB", tmp_path, 1)
    assert con.execute("SELECT make_timestamptz(0)::VARCHAR").fetchall() == [("1970-01-01 00:00:00+00",)]
    with pytest.raises(duckdb.Error, match=r"httpfs|extension"):
        con.execute("SELECT * FROM 's3://bucket/x.parquet'").fetchall()
    con.close()
