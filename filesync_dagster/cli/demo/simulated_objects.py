"""Buckets and containers behind simulators: what people do in them is played through the simulators' own controls."""

from filesync_dagster.cli.demo.record import Record, RecordedStore, remember_call
from filesync_dagster.cli.demo.simulated_stores import Control
from filesync_dagster.cli.demo.stores import Listing


class SimulatedObjects(RecordedStore):
    """Objects by their names; there are no folders, and no trash."""

    removal = "deleted"

    def __init__(self, control: Control, record: Record) -> None:
        super().__init__(record)
        self.control = control

    @remember_call
    def put(self, path: str, content: str) -> None:
        """Write an object, new or not."""
        self.control.act("write", name=path, content=content)

    @remember_call
    def move(self, old: str, new: str) -> None:
        """Copy an object to another name, and delete it."""
        self.control.act("rename", old=old, new=new)

    def move_folder(self, old: str, new: str) -> None:
        """Give another name to each object whose name begins so."""
        for path, _ in self.listing():
            if path.startswith(f"{old}/"):
                self.move(path, f"{new}{path.removeprefix(old)}")

    @remember_call
    def delete(self, path: str) -> None:
        """Delete an object."""
        self.control.act("delete", name=path)

    def listing(self) -> Listing:
        """Return every object."""
        return list(self.control.listing().items())
