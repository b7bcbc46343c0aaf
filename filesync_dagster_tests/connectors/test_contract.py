"""Our own stores, held to the public suite."""

import pytest

from filesync_dagster.testing import ChangeSuite, FaultSuite, ListingSuite, PartSuite
from filesync_dagster_tests.connectors.conftest import FAULTY, PLACES, SIMULATED


class TestListing(ListingSuite):
    """Every store, and every way of running it that changes its capabilities."""

    @pytest.fixture(params=list(PLACES))
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        return PLACES[request.param](request)


class TestChanges(ChangeSuite):
    """Those that tell what changed."""

    @pytest.fixture(params=list(SIMULATED))
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        return SIMULATED[request.param](request)


class TestFaults(FaultSuite):
    """Those where things go wrong on demand."""

    @pytest.fixture(params=FAULTY)
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        return SIMULATED[request.param](request)


class TestParts(PartSuite):
    """Those of which one part can fail."""

    @pytest.fixture(params=list(SIMULATED))
    def place(self, request):
        """Return an empty place of each kind, one after the other."""
        return SIMULATED[request.param](request)
