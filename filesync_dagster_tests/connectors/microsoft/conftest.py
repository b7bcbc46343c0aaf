"""Places of Microsoft Graph, and sources of them that are closed afterwards."""

import pytest

from filesync_dagster.core.model import Meter
from filesync_dagster_tests.connectors.microsoft.place import (
    LibraryPlace,
    MicrosoftFolderPlace,
    OneDrivePlace,
    SitePlace,
)
from filesync_dagster_tests.connectors.microsoft.recorded import RecordedGraph


@pytest.fixture
def mine():
    """Return a OneDrive."""
    return OneDrivePlace()


@pytest.fixture
def folder():
    """Return a folder of a OneDrive."""
    return MicrosoftFolderPlace()


@pytest.fixture
def library():
    """Return the library "Documents" of a site that has another one."""
    return LibraryPlace()


@pytest.fixture
def site():
    """Return a site with two libraries."""
    return SitePlace()


@pytest.fixture
def opened():
    """Return what opens a source of a place, over a wire that remembers and alters, and closes it after the test."""
    sources = []

    def open_source(place, *, alter=None, page_size=10, without=(), **details):
        place.wire = RecordedGraph(place.simulator, alter)
        kept = {name: value for name, value in place.details.items() if name not in without}
        sources.append(place.opened(Meter(), page_size=page_size, **{**kept, **details}))
        return sources[-1]

    yield open_source
    for source in sources:
        source.close()
