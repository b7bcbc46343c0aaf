"""Dropboxes of one account, and sources of them that are closed afterwards."""

import pytest

from filesync_dagster.core.model import Meter
from filesync_dagster_tests.connectors.dropbox.place import DropboxPlace, FolderPlace, NamespacePlace


@pytest.fixture
def place():
    """Return a Dropbox."""
    return DropboxPlace()


@pytest.fixture
def folder():
    """Return a watched folder in a Dropbox."""
    return FolderPlace()


@pytest.fixture
def namespace():
    """Return a watched namespace with another one mounted in it."""
    return NamespacePlace()


@pytest.fixture
def opened():
    """Return what opens a source of a place, with details of its own and a meter, and closes it after the test."""
    sources = []

    def open_source(place, *, meter=None, page_size=10, **details):
        given = {**place.details, **details}
        sources.append(place.opened(meter or Meter(), page_size=page_size, **given))
        return sources[-1]

    yield open_source
    for source in sources:
        source.close()
