"""A simulated Dropbox as a place of the contract suite."""

from filesync_dagster.connectors.dropbox import CONNECTOR, DropboxDetails, open_dropbox
from filesync_dagster.simulators.dropbox import DropboxSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.tree_place import TreePlace

NAMES = (
    " leading and trailing ",
    "-dash",
    "quote\"'`$(x)",
    "back\\slash",
    "\\x41 looks escaped",
    "per%cent+plus&amp<tag>",
    "per%25cent%2Bplus",
    "question?#hash;semi=colon",
    "Ünïcödé/日本語/😀.txt",
    "o'folder/it's inside",
    "nfc-É",
    "nfc-e\u0301",
    "Case",
    "İstanbul",
    "...",
    "tab\there",
    "line\nbreak",
    "control\x01\x7f",
    "id:looks like an id",
    "ns:1",
    "null",
    "a" * 255,
)


class DropboxPlace(TreePlace):
    """Everything in the Dropbox of an account of its own."""

    connector = CONNECTOR
    hostile_names = NAMES
    faults = frozenset(Fault) - {Fault.SHORT_ANSWER, Fault.MUTATE, Fault.LOSE_CHANGE, Fault.INCOMPLETE}
    content_operation = "files/download"

    _simulate = DropboxSimulator

    def rename(self, old, new):
        found = self.id_of(old)
        folder, name = self.folder_of(new)
        if self.store.entry(found).name != name:
            self.store.rename(found, name)
        if self.store.entry(found).parent.id != folder:
            self.store.move(found, folder)

    def open_missing(self, meter):
        return self.opened(meter, path="/missing")

    def opened(self, meter, **details):
        given = {**self.simulator.credentials(self.base_url), **details}
        wire = InProcess(self.simulator)
        return open_dropbox(DropboxDetails(**given), meter, wire=self.wire or wire, policy=IMPATIENT)

    def part_of(self, path):
        return self.store.entry(self.id_of(path)).path_lower

    def field_of(self, column, path):
        fields = {"external_id": "/id", "size": "/size", "modified_at": "/server_modified"}
        return self.id_of(path), fields[column]


class FolderPlace(DropboxPlace):
    """What is below one folder; there is more beside it."""

    def prepare(self):
        self.store.create("not here", self.store.create("other", kind="folder"), content=b"x")
        self.parent = self.store.create("Watched", self.store.create("Above", kind="folder"), kind="folder")
        self.details["path"] = "/Above/Watched"


class NamespacePlace(DropboxPlace):
    """A shared folder as the root, with another one mounted in it, in which everything lies."""

    top = "Mounted"

    def prepare(self):
        root = self.store.create("Team", kind="folder")
        self.store.create("not here", content=b"x")
        self.details["namespace_id"] = self.store.share_folder(root)
        self.parent = self.store.create("Mounted", root, kind="folder")
        self.store.share_folder(self.parent)
