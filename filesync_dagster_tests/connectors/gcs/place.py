"""A simulated bucket as a place of the contract suite."""

import itertools

from filesync_dagster.connectors.gcs import CONNECTOR, GcsDetails
from filesync_dagster.connectors.gcs.source import GcsSource
from filesync_dagster.simulators.gcs import GcsSimulator
from filesync_dagster.simulators.gcs.simulator import DOWNLOAD
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.s3.place import KEYS

NAMES = (*KEYS, "line\nfeed", "\ufffe", "\uffff%41", "dot.", "dots..", ".", "..", "a/b./c", "x/rewriteTo/b/y", "ns#1")
_NUMBERS = itertools.count(1)


class GcsPlace:
    """A bucket, below an optional prefix."""

    connector = CONNECTOR
    hostile_names = tuple(dict.fromkeys(NAMES))
    faults = frozenset(
        {
            Fault.TRUNCATE,
            Fault.RESET,
            Fault.FLIP_BIT,
            Fault.THROTTLE,
            Fault.SERVER_ERROR,
            Fault.DENY,
            Fault.EXPIRE_TOKEN,
        }
    )
    content_operation = DOWNLOAD

    def __init__(self, **details):
        self.simulator = GcsSimulator()
        self.store = self.simulator.store
        self.plan = self.simulator.plan
        self.base_url = f"http://gcs-{next(_NUMBERS)}.example"  # a tenant of its own
        self._details = details
        self._prefix = details.get("prefix", "")

    def write(self, path, content):
        self.store.put(self._prefix + path, content)

    overwrite = write

    def rename(self, old, new):
        self.store.rename(self._prefix + old, self._prefix + new)

    def delete(self, path):
        self.store.delete(self._prefix + path)

    def open(self, meter, page_size=10):
        return self.opened(meter, page_size=page_size, **self._details)

    def open_missing(self, meter):
        return self.opened(meter, bucket="missing")

    def opened(self, meter, **details):
        given = {**self.simulator.credentials(self.base_url), **details}
        return GcsSource(GcsDetails(**given), meter, policy=IMPATIENT, wire=InProcess(self.simulator))
