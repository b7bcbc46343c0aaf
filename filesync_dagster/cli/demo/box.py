"""Box as an enterprise uses it: files, and a link to a page."""

from posixpath import split

from filesync_dagster.cli.demo.record import Record, remember_call
from filesync_dagster.cli.demo.simulated_stores import Control, SimulatedStore
from filesync_dagster.cli.demo.stores import Listing


class Box(SimulatedStore):
    """Paths begin below All Files."""

    target = "folder_id"

    def __init__(self, control: Control, record: Record) -> None:
        super().__init__(control, record, {"": None})

    @remember_call
    def link(self, path: str, url: str) -> None:
        """Put a web link beside the files."""
        folder, name = split(path)
        parent = self.folder(folder)
        self.ids[path] = self.control.act("create", name=name, parent=parent, kind="web_link", url=url)

    def listing(self) -> Listing:
        """Return every file and web link that is not in the trash."""
        return list(self.control.listing().items())
