"""A container of the simulator as a place of the contract suite: things go wrong there on demand."""

import itertools

from filesync_dagster.connectors.azure_blob import CONNECTOR, AzureBlobDetails
from filesync_dagster.connectors.azure_blob.source import AzureBlobSource
from filesync_dagster.simulators.azure_blob import AzureBlobSimulator
from filesync_dagster.simulators.azure_blob.simulator import FAULTS
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.azure_blob.place import BLOB_NAMES

PAGE_FAULTS = {Fault.SHORT_PAGE, Fault.EMPTY_PAGE, Fault.REPEAT_TOKEN, Fault.REPEAT_PAGE, Fault.EXPIRE_PAGE}

_NUMBERS = itertools.count(1)


class SimulatedBlobPlace:
    """A container of an account of its own, below an optional prefix."""

    connector = CONNECTOR
    hostile_names = (*BLOB_NAMES, "control\x01\x1f", "U+FFFE \ufffe", "line\nbreak")
    faults = FAULTS | PAGE_FAULTS | CONTENT_FAULTS
    content_operation = "Get Blob"

    def __init__(self, **details):
        self.simulator = AzureBlobSimulator()
        self.store = self.simulator.store
        self.plan = self.simulator.plan
        self._known = self.simulator.credentials(f"http://azure-{next(_NUMBERS)}.example")
        self._details = details
        self._prefix = details.get("prefix", "")

    def write(self, path, content):
        self.store.write(self._prefix + path, content)

    overwrite = write

    def rename(self, old, new):
        self.store.rename(self._prefix + old, self._prefix + new)

    def delete(self, path):
        self.store.delete(self._prefix + path)

    def open(self, meter, page_size=10):
        return self._opened(meter, page_size=page_size, **self._details)

    def open_missing(self, meter):
        return self._opened(meter, container="missing")

    def _opened(self, meter, **details):
        chosen = AzureBlobDetails(**{**self._known, **details})
        return AzureBlobSource(chosen, meter, policy=IMPATIENT, wire=InProcess(self.simulator))
