"""What all tests of reading have in common."""

import pytest

from filesync_dagster.tables.reading import ReadLimits
from filesync_dagster.tables.reading.database import shared_database


@pytest.fixture(autouse=True, scope="module")
def database(tmp_path_factory):
    """Let the files of a module share a database, as those do that one process reads: to open one takes longest."""
    with shared_database(ReadLimits(), tmp_path_factory.mktemp("database")):
        yield
