"""What `fs.files` and `fs.changes` return: batches for who streams, one table for who wants them all."""

import importlib.util
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import MissingExtra, NothingKnown
from filesync_dagster_tests.sync.projects import Project


@pytest.fixture
def filesync(tmp_path):
    """Return what is open of a folder that was synced, changed and synced again."""
    share = tmp_path / "share"
    share.mkdir()
    project = Project(tmp_path / "project", {"name": "docs", "type": "local", "endpoint_details": {"path": str(share)}})
    with project.open() as opened:
        for names in ("ab", "c"):
            for name in names:
                (share / name).write_text(name * 3)
            opened.sync("docs")
        yield opened


def test_files_are_a_frame(filesync):
    """As pandas and as Arrow, with the rows that streaming gives, in its order."""
    streamed = [row["path"] for batch in filesync.files("docs") for row in batch.to_pylist()]
    frame, table = filesync.files("docs").to_pandas(), filesync.files("docs").to_arrow()

    assert isinstance(frame, pd.DataFrame)
    assert isinstance(table, pa.Table)
    assert streamed == frame["path"].tolist() == table["path"].to_pylist() == ["a", "b", "c"]
    assert frame["size"].tolist() == [3, 3, 3]


def test_changes_are_a_frame(filesync):
    """The first import is in no journal."""
    assert filesync.changes("docs").to_pandas()[["change", "path"]].to_numpy().tolist() == [["added", "c"]]


def test_without_rows_the_columns_are_there(filesync):
    """Nothing changed later: a frame all the same."""
    later = filesync.changes("docs", since=datetime.now(UTC)).to_pandas()

    assert len(later) == 0
    assert {"seq", "change", "path"} <= set(later.columns)


def test_the_past_has_the_same_frame(filesync):
    """`as_of` reads a snapshot, and raises where there is none."""
    now = filesync.files("docs", as_of=datetime.now(UTC)).to_arrow()

    assert now["path"].to_pylist() == ["a", "b", "c"]
    with pytest.raises(NothingKnown):
        filesync.files("docs", as_of=datetime(2020, 1, 1, tzinfo=UTC)).to_pandas()


def test_closing_stops_reading(filesync):
    """What is not read on is released."""
    batches = filesync.files("docs")
    next(batches)
    batches.close()

    assert list(batches) == []


@pytest.mark.skipif(importlib.util.find_spec("polars") is not None, reason="polars is installed")
def test_polars_is_asked_for_by_name(filesync):
    """It is nobody's dependency."""
    with pytest.raises(MissingExtra, match="pip install polars"):
        filesync.files("docs").to_polars()
