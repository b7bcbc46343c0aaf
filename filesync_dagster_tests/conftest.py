"""Fixtures that more than one part of the tests shares."""

import pytest

from filesync_dagster.connectors import tenants
from filesync_dagster_tests.servers import moto_s3, postgres_server, postgres_url, s3_server  # noqa: F401 - fixtures


def pytest_collection_modifyitems(items):
    """Begin with the slow tests: side by side, the others fill the time that they take."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def strangers_to_every_store():
    """No test waits because the store of another one asked to slow down."""
    tenants.forget()
