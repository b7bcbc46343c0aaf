"""Dropbox as a person uses it. What is deleted is gone: Dropbox has no trash that anybody sees."""

from filesync_dagster.cli.demo.record import Record
from filesync_dagster.cli.demo.simulated_stores import Control, SimulatedStore
from filesync_dagster.cli.demo.stores import Listing


class Dropbox(SimulatedStore):
    """Paths begin at the root."""

    removal = "deleted"
    target = "folder_id"
    remove = "delete"

    def __init__(self, control: Control, record: Record) -> None:
        super().__init__(control, record, {"": None})

    def listing(self) -> Listing:
        """Return every file."""
        return list(self.control.listing().items())
