"""Drives of one account, and sources of them that are closed afterwards."""

import pytest

from filesync_dagster.core.model import Meter
from filesync_dagster_tests.connectors.google_drive.place import (
    DrivePlace,
    EverythingPlace,
    FolderPlace,
    SharedDrivePlace,
)
from filesync_dagster_tests.connectors.google_drive.recorded import Recorded


@pytest.fixture
def mine():
    """Return a My Drive."""
    return DrivePlace()


@pytest.fixture
def folder():
    """Return a watched folder in a My Drive."""
    return FolderPlace()


@pytest.fixture
def shared():
    """Return a shared drive."""
    return SharedDrivePlace()


@pytest.fixture
def everything():
    """Return a My Drive and a shared drive "Engineering"."""
    return EverythingPlace()


@pytest.fixture
def opened():
    """Return what opens a source of a place, over a wire that remembers, and closes it after the test."""
    sources = []

    def open_source(place, *, alter=None, between=None, page_size=10, **details):
        place.wire = Recorded(place.simulator, alter, between)
        sources.append(place.opened(Meter(), page_size=page_size, **{**place.details, **details}))
        return sources[-1]

    yield open_source
    for source in sources:
        source.close()
