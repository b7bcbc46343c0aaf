"""A file manager as a place of the destination suite: its files are looked at on its disk."""

from filesync_dagster.connectors.file_manager import FileManagerDetails, open_file_manager
from filesync_dagster.simulators.file_manager import FileManagerSimulator
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster_tests.connectors.file_manager.conftest import IMPATIENT
from filesync_dagster_tests.connectors.local.place import LocalPlace

READ_TIMEOUT_SECONDS = 5.0


class LosingPlan(FaultPlan):
    """A plan whose broken connections break after the work is done, as the suite means it."""

    def add(self, fault, operation="*", **how):
        """Plan one more thing to go wrong, soon over."""
        if fault is Fault.DISCONNECT:
            fault = Fault.LOSE_ANSWER
        if fault is Fault.THROTTLE:
            how = {"seconds": 0, **how}
        return super().add(fault, operation, **how)


class FileManagerPlace:
    """A server that stores."""

    kind = "file_manager"
    faults = frozenset({Fault.THROTTLE, Fault.SERVER_ERROR, Fault.DISCONNECT, Fault.ERROR_IN_BODY, Fault.DENY})
    odd_names = tuple(name for name in LocalPlace.hostile_names if name != "\\xff")

    def __init__(self, root, serve):
        self.root = root
        self.plan = LosingPlan()
        self.simulator = FileManagerSimulator(root, plan=self.plan)
        self.details = {"base_url": serve(self.simulator), "read_timeout": READ_TIMEOUT_SECONDS}

    def open(self, meter):
        return open_file_manager(FileManagerDetails(**self.details), meter, policy=IMPATIENT)

    def open_missing(self, meter):
        elsewhere = {"base_url": f"{self.details['base_url']}/elsewhere"}
        return open_file_manager(FileManagerDetails(**elsewhere), meter, policy=IMPATIENT)

    def read(self, path):
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def paths(self):
        found = {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()}
        return {path for path in found if not path.startswith(".file_manager/")}

    def put(self, path, content):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def remove(self, path):
        (self.root / path).unlink()
