"""A simulated Box as a place of the contract suite."""

from filesync_dagster.connectors.box import CONNECTOR, BoxDetails, open_box
from filesync_dagster.core.model import Kind
from filesync_dagster.simulators.box import BoxSimulator
from filesync_dagster.simulators.box.downloads import DOWNLOAD
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.tree_place import TrashTreePlace

NAMES = (
    "-dash",
    "quote\"'`$(x)",
    "per%cent+plus&amp<tag>",
    "per%25cent%2Bplus",
    "question?#hash;semi=colon",
    "ünïcödé/日本語/😀.txt",
    "o'folder/it's inside",
    "nfc-é",
    "nfc-e\u0301",
    "\ufffe",
    "null",
    "a" * 255,
)
"""Box takes neither slashes in names nor space around them, and no two that differ by case alone."""


class BoxPlace(TrashTreePlace):
    """All that an account sees, or a part of it."""

    connector = CONNECTOR
    hostile_names = NAMES
    faults = frozenset(Fault) - {Fault.SHORT_ANSWER, Fault.MUTATE, Fault.LOSE_CHANGE, Fault.INCOMPLETE}
    content_operation = DOWNLOAD
    permitted = frozenset({Kind.FILE, Kind.FOLDER})

    _simulate = BoxSimulator

    def open_missing(self, meter):
        return self.opened(meter, folder_id="12345")

    def opened(self, meter, **details):
        given = {**self.simulator.credentials(self.base_url), **details}
        if "box_user_id" in details:
            del given["enterprise_id"]
        return open_box(BoxDetails(**given), meter, wire=self.wire or InProcess(self.simulator), policy=IMPATIENT)

    def part_of(self, path):
        return f"/folders/{self.id_of(path).removeprefix('folder_')}"

    def field_of(self, column, path):
        fields = {"external_id": "/id", "size": "/size", "modified_at": "/modified_at"}
        return path, fields[column]


class BoxFolderPlace(BoxPlace):
    """What is below one folder; there is more beside it."""

    def prepare(self):
        other = self.store.create("other", kind="folder")
        self.store.create("not here", other, content=b"x")
        self.parent = self.store.create("watched", self.store.create("above", kind="folder"), kind="folder")
        self.details["folder_id"] = self.parent.removeprefix("folder_")


class BoxUserPlace(BoxPlace):
    """What a user sees, whose own events are followed."""

    def prepare(self):
        self.details["box_user_id"] = self.simulator.application.user_id


class SharedBoxPlace(BoxPlace):
    """What a service account was invited to: it owns nothing, and sees a folder of somebody else at its top."""

    top = "shared"

    def prepare(self):
        self.parent = self.store.create("shared", kind="folder", owner="zoe@example.com")
        self.store.create("not shared", owner="zoe@example.com", content=b"x")
        self.store.share(self.parent, self.store.account)
