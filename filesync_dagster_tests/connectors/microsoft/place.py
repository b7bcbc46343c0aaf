"""A simulated Microsoft Graph as a place of the contract suite."""

from filesync_dagster.connectors.microsoft.onedrive import CONNECTOR as ONEDRIVE
from filesync_dagster.connectors.microsoft.sharepoint import CONNECTOR as SHAREPOINT
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.simulators.microsoft import MicrosoftSimulator
from filesync_dagster.simulators.microsoft.items import quick_xor_hash
from filesync_dagster.simulators.microsoft.operations import DOWNLOAD
from filesync_dagster.simulators.microsoft.refusals import FAULTS
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.tree_place import TrashTreePlace

NAMES = (
    "-dash",
    "~$lock.docx",
    "quote'`$(x)",
    "per%cent+plus&amp;",
    "per%25cent%2Bplus",
    "hash#;semi=colon",
    "ünïcödé/日本語/😀.txt",
    "nfc-é",
    "nfc-e\u0301",
    "CASE",
    "...",
    "tab\there",
    "control\x01\x7f",
    "null",
    "a" * 400,
)


class MicrosoftPlace(TrashTreePlace):
    """A drive, or part of one, of a tenant of its own."""

    hostile_names = NAMES
    faults = FAULTS - {Fault.SHORT_ANSWER, Fault.MUTATE, Fault.LOSE_CHANGE}
    content_operation = DOWNLOAD
    top = ""
    digest = staticmethod(quick_xor_hash)

    _simulate = MicrosoftSimulator

    def _top(self):
        self.drive = self.choose_drive()
        return self.store.drives[self.drive].root.id

    def open_missing(self, meter):
        details = {name: value for name, value in self.details.items() if name not in {"user", "drive", "folder_path"}}
        return self.opened(meter, **{**details, "drive_id": "b!missing"})

    def opened(self, meter, **details):
        given = {**self.simulator.credentials(self.base_url), **details}
        wire = self.wire or InProcess(self.simulator)
        model = self.connector.details(**given)
        return self.connector.open(model, meter, wire=wire, policy=IMPATIENT)

    def field_of(self, column, path):
        fields = {"external_id": "/id", "size": "/size", "modified_at": "/fileSystemInfo/lastModifiedDateTime"}
        return self.id_of(path), fields[column]


class OneDrivePlace(MicrosoftPlace):
    """The OneDrive of a user."""

    connector = ONEDRIVE

    def choose_drive(self):
        self.details["user"] = self.store.account
        return self.store.one_drive_id


class MicrosoftFolderPlace(OneDrivePlace):
    """What is below one folder of a OneDrive; there is more beside it."""

    def prepare(self):
        other = self.store.create("other", self.parent, kind="folder")
        self.store.create("not here", other, content=b"x")
        self.parent = self.store.create(
            "Wa tched", self.store.create("above", self.parent, kind="folder"), kind="folder"
        )
        self.details["folder_path"] = "/above/Wa tched/"


class LibraryPlace(MicrosoftPlace):
    """One library of a site; there is another one beside it."""

    connector = SHAREPOINT

    def choose_drive(self):
        site = self.store.sites[self.store.site_id]
        self.details["site_url"] = f"https://{site.host}/{site.path}"
        self.details["drive"] = "Documents"
        other = self.store.library("Drawings")
        self.store.create("not here", self.store.drives[other].root.id)
        return self.store.library_id


class SitePlace(MicrosoftPlace):
    """All libraries of a site; what the tests write lies in one of them."""

    connector = SHAREPOINT
    top = "A Plans"

    def choose_drive(self):
        self.details["site_id"] = self.store.site_id
        drives = [self.store.library("A Plans"), self.store.library_id]
        first = min(drives)
        other = next(one for one in drives if one != first)
        self.store.rename_library(first, "First")
        self.store.rename_library(other, "Documents")
        self.store.rename_library(first, self.top)
        return first

    def add_scope(self):
        other = next(one for one in self.store.sites[self.store.site_id].drives if one != self.drive)
        self.store.create("theirs.pdf", self.store.drives[other].root.id)
        return other
