"""A simulated Google Drive as a place of the contract suite."""

import itertools
import json

from filesync_dagster.connectors.google_drive import CONNECTOR, GoogleDriveDetails, open_google_drive
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT

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

_NUMBERS = itertools.count(1)


class DrivePlace:
    """My Drive, or another part of a Drive, of an account of its own."""

    connector = CONNECTOR
    hostile_names = NAMES
    faults = frozenset(Fault) - {Fault.SHORT_ANSWER, Fault.MUTATE, Fault.LOSE_CHANGE}
    top = ""
    wire = None  # replaces the simulator, which it may ask

    def __init__(self, **details):
        self.simulator = DriveSimulator()
        self.store = self.simulator.store
        self.plan = self.simulator.plan
        self.base_url = f"http://drive-{next(_NUMBERS)}.example"  # a tenant of its own
        self.details = details
        self.parent = self.store.root_id
        self.prepare()

    def prepare(self):
        """Make what the endpoint needs besides an account."""

    def write(self, path, content):
        folder, name = self.folder_of(path)
        return self.store.create(name, folder, content=content)

    def overwrite(self, path, content):
        self.store.edit(self.id_of(path), content)

    def rename(self, old, new):
        found = self.id_of(old)
        folder, name = self.folder_of(new)
        if self.store.item(found).parent.id != folder:
            self.store.move(found, folder)
        if self.store.item(found).name != name:
            self.store.rename(found, name)

    def delete(self, path):
        self.store.delete(self.id_of(path))

    def trash(self, path):
        self.store.trash(self.id_of(path))

    def restore(self, path):
        self.store.restore(self.id_of(path, trashed=True))

    def open(self, meter, page_size=10):
        return self.opened(meter, page_size=page_size, **self.details)

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

    def reopen(self):
        return self.open(Meter())

    def part_of(self, path):
        return self.id_of(path)

    def add_scope(self):
        return None

    def field_of(self, column, path):
        fields = {"external_id": "/id", "size": "/size", "modified_at": "/modifiedTime"}
        return self.id_of(path), fields[column]

    def id_of(self, path, *, trashed=False):
        found = self.parent
        for name in path.split("/"):
            found = self._child(found, name, trashed=trashed)
            assert found is not None, path
        return found

    def folder_of(self, path):
        """Return the id of the folder that a path lies in, made if need be, and the last name of the path."""
        *folders, name = path.split("/")
        found = self.parent
        for folder in folders:
            found = self._child(found, folder) or self.store.create(folder, found, kind="folder")
        return found, name

    def _child(self, folder, name, *, trashed=False):
        children = self.store.item(folder).children or ()
        return next((c.id for c in children if c.name == name and (trashed or not c.trashed)), None)


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
