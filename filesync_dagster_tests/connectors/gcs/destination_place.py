"""A simulated bucket as a place of the destination suite."""

from filesync_dagster.connectors.gcs import GcsDetails
from filesync_dagster.connectors.gcs.destination import GcsDestination
from filesync_dagster.core.model import from_storable_text, to_storable_text
from filesync_dagster.simulators.gcs import GcsSimulator
from filesync_dagster.simulators.gcs.store import BUCKET
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.s3.place import KEYS


class LosingPlan(FaultPlan):
    """A plan in which a connection that breaks does so after all was done."""

    def add(self, fault, operation="*", **how):
        return super().add(Fault.LOSE_ANSWER if fault is Fault.DISCONNECT else fault, operation, **how)


class GcsDestinationPlace:
    """A bucket, below an optional prefix, served over HTTP."""

    kind = "gcs"
    faults = frozenset(
        {
            Fault.THROTTLE,
            Fault.SERVER_ERROR,
            Fault.TIMEOUT,
            Fault.DISCONNECT,
            Fault.DENY,
            Fault.EXPIRE_TOKEN,
            Fault.REFUSE,
        }
    )

    def __init__(self, serve, prefix=""):
        self.plan = LosingPlan()
        self.simulator = GcsSimulator(self.plan)
        self.store = self.simulator.store
        self.prefix = f"{prefix}/" if prefix else ""
        address = serve(self.simulator)
        self.details = {**self.simulator.credentials(address), "prefix": prefix, "read_timeout": 2}
        room = 1_024 - len(self.prefix.encode())
        names = [name for name in KEYS if len(name.encode()) <= room and "\r" not in name]
        self.odd_names = tuple(to_storable_text(name.encode()) for name in names)

    def open(self, meter):
        return GcsDestination(GcsDetails(**self.details), meter, policy=IMPATIENT)

    def open_missing(self, meter):
        return GcsDestination(GcsDetails(**{**self.details, "bucket": "missing"}), meter, policy=IMPATIENT)

    def read(self, path):
        with self.store.lock:
            found = self.store.buckets[BUCKET].live(self.key(path))
        return None if found is None else found.content

    def paths(self):
        return {to_storable_text(name.removeprefix(self.prefix).encode()) for name in self.store.listing()}

    def put(self, path, content):
        self.store.put(self.key(path), content)

    def remove(self, path):
        self.store.delete(self.key(path))

    def key(self, path):
        return self.prefix + from_storable_text(path).decode()
