"""A Box of one account, and sources of it that are closed afterwards."""

import httpx
import pytest

from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster_tests.connectors.box.place import BoxFolderPlace, BoxPlace, SharedBoxPlace


class Recorded(httpx.BaseTransport):
    """Asks a simulator and remembers the requests. `instead(request)` may return an answer of its own."""

    def __init__(self, simulator, instead):
        self.requests = []
        self._instead = instead
        self._below = InProcess(simulator)

    def handle_request(self, request):
        self.requests.append(request)
        return (self._instead and self._instead(request)) or self._below.handle_request(request)

    def asked(self, part):
        """Return the requests whose path has a part."""
        return [request for request in self.requests if part in request.url.path]


@pytest.fixture
def box():
    """Return a Box whose account has everything."""
    return BoxPlace()


@pytest.fixture
def folder():
    """Return a watched folder."""
    return BoxFolderPlace()


@pytest.fixture
def shared():
    """Return a Box whose account was invited to one folder."""
    return SharedBoxPlace()


@pytest.fixture
def opened():
    """Return what opens a source of a place, over a wire that remembers, and closes it after the test."""
    sources = []

    def open_source(place, *, instead=None, page_size=10, **details):
        place.wire = Recorded(place.simulator, instead)
        sources.append(place.opened(Meter(), page_size=page_size, **{**place.details, **details}))
        return sources[-1]

    yield open_source
    for source in sources:
        source.close()
