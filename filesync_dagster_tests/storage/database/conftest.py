"""An empty database of each kind, and rows to put into it."""

import pytest

from filesync_dagster.storage.database import EndpointRecord, Metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Return the URL of an empty database."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/filesync.db"


@pytest.fixture
def metadata(url):
    """Return an open metadata database."""
    with Metadata.open(url) as opened:
        yield opened


@pytest.fixture
def endpoint(metadata):
    """Return the id of a registered endpoint."""
    return metadata.register(EndpointRecord("drawings", "s3", project_id="p1", user_id="u1"))
