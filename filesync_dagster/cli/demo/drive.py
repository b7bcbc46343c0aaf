"""Google Drive as a person uses it: My Drive and a shared drive, documents, shortcuts, two files of one name."""

from posixpath import split

from filesync_dagster.cli.demo.record import Record, remember_call
from filesync_dagster.cli.demo.sample import MY_DRIVE, SHARED_DRIVE
from filesync_dagster.cli.demo.simulated_stores import Control, SimulatedStore
from filesync_dagster.cli.demo.stores import Listing


class Drive(SimulatedStore):
    """Paths begin with `My Drive` or with the name of the shared drive."""

    def __init__(self, control: Control, record: Record) -> None:
        shared_drive: str = control.act("shared_drive", name=SHARED_DRIVE)
        self._tops: dict[str, str | None] = {MY_DRIVE: None, SHARED_DRIVE: shared_drive}
        self._twins: dict[str, str] = {}  # files that share their path with another, and the drive that they lie in
        super().__init__(control, record, self._tops)

    @remember_call
    def put_beside(self, path: str, content: str) -> None:
        """Upload a file although one of its name is there: Drive keeps both."""
        folder, name = split(path)
        drive, _, _ = path.partition("/")
        self._twins |= {str(self.ids[path]): drive, self._create(self.folder(folder), name, content): drive}

    @remember_call
    def write(self, path: str) -> None:
        """Begin a Google Doc."""
        folder, name = split(path)
        self.ids[path] = self.control.act("create", name=name, parent=self.folder(folder), kind="document")

    @remember_call
    def point(self, path: str, target: str) -> None:
        """Make a shortcut to a file."""
        folder, name = split(path)
        self.ids[path] = self.control.act(
            "create", name=name, parent=self.folder(folder), kind="shortcut", target=self.ids[target]
        )

    @remember_call
    def share(self, path: str, whom: str, role: str) -> None:
        """Give somebody access: an address, or "anyone" who has the link."""
        self.control.act("share", item_id=self.ids[path], email=whom, role=role)

    def be_busy(self) -> None:
        """Let the next question what changed be answered with 429: come back in a second."""
        self.control.act("fault", fault="throttle", operation="changes.list", status=429, seconds=1)

    def listing(self) -> Listing:
        """Return every file, document and shortcut that is not in the trash."""
        found = {
            f"{drive}/{path}": size
            for drive, top in self._tops.items()
            for path, size in self.control.listing(top=top or "root").items()
        }
        # The simulator's listing has each path once, so those of one path are asked for by their ids.
        twins = [
            (f"{drive}/{self.control.act('path_of', item_id=twin)}", size)
            for twin, drive in self._twins.items()
            for size in self.control.listing(top=twin).values()
        ]
        several = {path for path, _ in twins}
        return [*((path, size) for path, size in found.items() if path not in several), *twins]
