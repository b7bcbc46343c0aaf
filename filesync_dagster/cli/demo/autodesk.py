"""Autodesk Construction Cloud as a person uses it: one project of one account."""

from filesync_dagster.cli.demo.record import Record
from filesync_dagster.cli.demo.simulated_stores import Control, SimulatedStore
from filesync_dagster.cli.demo.stores import Listing

ACCOUNT, PROJECT = "Nordlicht Construction", "Clinic Süd"

BYTES_A_LETTER = 613
"""The simulator keeps sizes, not contents: so they may as well be those of plans and models."""


class Project(SimulatedStore):
    """Paths begin with a top folder of the project."""

    removal = "hidden"
    entry, remove, bring_back = "entry", "hide", "unhide"

    def __init__(self, control: Control, record: Record) -> None:
        hub = control.act("hub", name=ACCOUNT)
        self.project_id: str = control.act("project", hub=hub, name=PROJECT, folders=[])
        super().__init__(control, record, {"": self.project_id})

    def listing(self) -> Listing:
        """Return every file that is not hidden."""
        return list(self.control.listing(project=self.project_id).items())

    def _create(self, folder: str | None, name: str, content: str) -> str:
        return str(self.control.act("upload", parent=folder, name=name, size=len(content) * BYTES_A_LETTER))

    def _create_folder(self, folder: str | None, name: str) -> str:
        return str(self.control.act("folder", parent=folder, name=name))

    def _edit(self, entry: str | None, content: str) -> None:
        self.control.act("new_version", item=entry, size=len(content) * BYTES_A_LETTER)
