"""Fixtures that more than one part of the tests shares."""

import pytest

from filesync_dagster.connectors.rest.limits import forget_tenants
from filesync_dagster_tests.servers import moto_s3, postgres_server, postgres_url, s3_server  # noqa: F401 - fixtures


def pytest_collection_modifyitems(items):
    """Begin with the slow tests: side by side, the others fill the time that they take."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def instance(tmp_path):
    """Return a Dagster instance like that of one machine: SQLite, a file for each run."""
    import dagster as dg  # a second, which most tests need not spend

    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


@pytest.fixture(autouse=True)
def strangers_to_every_store():
    """No test waits because the store of another one asked to slow down."""
    forget_tenants()
