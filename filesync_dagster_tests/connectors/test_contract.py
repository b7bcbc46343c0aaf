"""Our own stores, held to the public suite."""

import pytest

from filesync_dagster.testing import ChangeSuite, ContentSuite, FaultSuite, ListingSuite, PartSuite
from filesync_dagster_tests.connectors.conftest import PLACES, READABLE, SIMULATED, ways
from filesync_dagster_tests.connectors.s3.place import faulty_place


class TestListing(ListingSuite):
    """Every store, and every way of running it that changes its capabilities."""

    @pytest.fixture(params=ways(PLACES))
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        return PLACES[request.param](request)


class TestChanges(ChangeSuite):
    """Those that tell what changed."""

    @pytest.fixture(params=ways(SIMULATED))
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        return SIMULATED[request.param](request)


class TestContents(ContentSuite):
    """Those whose files can be read."""

    @pytest.fixture(params=[*ways(READABLE), "s3_faulty"])
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        if request.param != "s3_faulty":
            yield PLACES[request.param](request)
            return
        with faulty_place(request.getfixturevalue("s3_server")) as place:
            yield place


class TestFaults(FaultSuite):
    """Those where things go wrong on demand."""

    @pytest.fixture(params=ways(SIMULATED))
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        return SIMULATED[request.param](request)


class TestParts(PartSuite):
    """Those of which one part can fail."""

    @pytest.fixture(params=ways(SIMULATED))
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        return SIMULATED[request.param](request)
