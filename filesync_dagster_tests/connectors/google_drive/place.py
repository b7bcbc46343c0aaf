"""A simulated Google Drive as a place of the contract suite."""

import json

from filesync_dagster.connectors.google_drive import CONNECTOR, GoogleDriveDetails, open_google_drive
from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.google_drive.downloads import MEDIA
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.tree_place import TrashTreePlace

NAMES = (
    " leading and trailing ",
    "-dash",
    "quote\"'`$(x)",
    "back\\slash",
    "\\x41 looks escaped",
    "per%cent+plus&amp<tag>",
    "per%25cent%2Bplus",
    "question?#hash;semi=colon",
    "ünïcödé/日本語/😀.txt",
    "o'folder/it's inside",
    "nfc-é",
    "nfc-e\u0301",
    "case",
    "CASE",
    "...",
    "tab\there",
    "line\nbreak",
    "control\x01\x7f",
    "null",
    "a" * 1000,
)


class DrivePlace(TrashTreePlace):
    """My Drive, or another part of a Drive, of an account of its own."""

    connector = CONNECTOR
    hostile_names = NAMES
    faults = frozenset(Fault) - {Fault.SHORT_ANSWER, Fault.MUTATE, Fault.LOSE_CHANGE}
    content_operation = MEDIA
    top = ""

    _simulate = DriveSimulator

    def _top(self):
        return self.store.root_id

    def open_missing(self, meter):
        return self.opened(meter, folder_id="1missing")

    def opened(self, meter, **details):
        given = {"base_url": self.base_url, **self.credentials(), **details}
        wire = InProcess(self.simulator)
        return open_google_drive(GoogleDriveDetails(**given), meter, wire=self.wire or wire, policy=IMPATIENT)

    def credentials(self):
        """Return those of a person: reading the key of a service account takes 50 ms."""
        found = self.simulator.user_credentials(self.base_url)
        return {name: found[name] for name in ("client_id", "client_secret", "refresh_token", "token_uri")}

    def key(self):
        """Return the key of a service account."""
        return {"service_account_json": json.dumps(self.simulator.credentials(self.base_url))}

    def field_of(self, column, path):
        fields = {"external_id": "/id", "size": "/size", "modified_at": "/modifiedTime"}
        return self.id_of(path), fields[column]


class FolderPlace(DrivePlace):
    """What is below one folder; there is more beside it."""

    def prepare(self):
        other = self.store.create("other", kind="folder")
        self.store.create("not here", other, content=b"x")
        self.parent = self.store.create("watched", self.store.create("above", kind="folder"), kind="folder")
        self.details["folder_id"] = self.parent


class SharedDrivePlace(DrivePlace):
    """One shared drive; there is a My Drive beside it."""

    def prepare(self):
        self.store.create("not here", content=b"x")
        self.parent = self.details["drive_id"] = self.store.shared_drive("Engineering")

    def open_missing(self, meter):
        return self.opened(meter, drive_id="0Amissing")


class FolderInSharedDrivePlace(SharedDrivePlace):
    """A folder of a shared drive."""

    def prepare(self):
        super().prepare()
        self.parent = self.store.create("watched", self.details.pop("drive_id"), kind="folder")
        self.details["folder_id"] = self.parent


class EverythingPlace(DrivePlace):
    """My Drive and every shared drive; what the tests write lies in My Drive."""

    top = "My Drive"

    def prepare(self):
        self.details["include_shared"] = True
        self.store.shared_drive("Engineering")

    def add_scope(self):
        drive = next(iter(self.store.drives))
        self.store.create("theirs.pdf", drive)
        return drive
