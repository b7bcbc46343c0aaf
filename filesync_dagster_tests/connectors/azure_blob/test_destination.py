"""Tests of writes to a container while somebody else writes there."""

import pytest

from filesync_dagster.connectors.azure_blob import AzureBlobDetails
from filesync_dagster.connectors.azure_blob.destination import AzureBlobDestination
from filesync_dagster.connectors.destination import Deletion, Precondition
from filesync_dagster.core.errors import Foreign
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.azure_blob import AzureBlobSimulator
from filesync_dagster.simulators.azure_blob.store import CONTAINER
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT
from filesync_dagster.testing.destination_place import put

THEIRS = b"theirs"


class CrowdedWire(InProcess):
    """The way to a simulator in which somebody writes a blob right before each request of one method arrives."""

    def __init__(self, simulator, method):
        super().__init__(simulator)
        self.store = simulator.store
        self.method = method

    def handle_request(self, request):
        if request.method == self.method:
            self.store.write("a", THEIRS)
        return super().handle_request(request)


def destination_of(simulator, method):
    """Return a destination in which somebody is always a moment earlier."""
    details = AzureBlobDetails(**simulator.credentials("http://azure-crowded.example"))
    return AzureBlobDestination(details, Meter(), policy=IMPATIENT, wire=CrowdedWire(simulator, method))


@pytest.mark.parametrize("is_there", [False, True])
def test_what_came_meanwhile_is_not_replaced(is_there):
    """Whether there was nothing when it was looked, or another version."""
    simulator = AzureBlobSimulator()
    version = simulator.store.write("a", b"old").strip('"') if is_there else None
    destination = destination_of(simulator, "PUT")

    with pytest.raises(Foreign):
        put(destination, "a", b"new", Precondition(version))
    destination.close()

    assert simulator.store.containers[CONTAINER].blobs["a"].content == THEIRS


def test_what_came_meanwhile_is_not_deleted():
    """It is told as somebody else's."""
    simulator = AzureBlobSimulator()
    version = simulator.store.write("a", b"old").strip('"')
    destination = destination_of(simulator, "DELETE")

    [ended] = destination.delete([Deletion("a", Precondition(version))])
    destination.close()

    assert isinstance(ended, Foreign)
    assert simulator.store.containers[CONTAINER].blobs["a"].content == THEIRS
