"""What tests of replication share."""

from collections.abc import Iterator

import duckdb
import pytest

from filesync_dagster.storage.snapshots import connect


@pytest.fixture
def con(tmp_path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database to plan in."""
    with connect("500MB", tmp_path, 2) as connection:
        yield connection
