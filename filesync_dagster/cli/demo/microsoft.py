"""Microsoft 365 as people use it: a site of SharePoint with two libraries, and the OneDrive of one of them."""

from filesync_dagster.cli.demo.record import Record
from filesync_dagster.cli.demo.sample import DOCUMENTS, TENDERS
from filesync_dagster.cli.demo.simulated_stores import Control, SimulatedStore
from filesync_dagster.cli.demo.stores import Listing

PERSON = "ada@contoso.com"


class MicrosoftStore(SimulatedStore):
    """Paths in one or several drives, each below what is named here; None is the library that each site has."""

    target = "folder_id"

    def __init__(self, control: Control, record: Record, drives: dict[str, str | None]) -> None:
        super().__init__(control, record, drives)
        self._drives = drives

    def listing(self) -> Listing:
        """Return every file that is not in a recycle bin."""
        return [
            (f"{name}/{path}".lstrip("/"), size)
            for name, drive in self._drives.items()
            for path, size in self.control.listing(top=drive or "").items()
        ]


class SharePointSite(MicrosoftStore):
    """Paths begin with the name of a library."""

    def __init__(self, control: Control, record: Record) -> None:
        super().__init__(control, record, {DOCUMENTS: None, TENDERS: control.act("library", name=TENDERS)})


class OneDrive(MicrosoftStore):
    """The files of one person."""

    def __init__(self, control: Control, record: Record) -> None:
        super().__init__(control, record, {"": control.act("one_drive", person=PERSON)})
