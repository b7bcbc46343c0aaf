"""A simulated project of Autodesk as a place of the contract suite."""

from filesync_dagster.connectors.autodesk import CONNECTOR
from filesync_dagster.core.model import Kind, Meter
from filesync_dagster.simulators.autodesk.downloads import DOWNLOAD
from filesync_dagster.simulators.autodesk.entries import version_id
from filesync_dagster.simulators.autodesk.refusals import FAULTS
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.connectors.autodesk.site import Site

NAMES = (
    " leading and trailing ",
    "-dash",
    "~$lock.dwg",
    "quote\"'`$(x)",
    "back\\slash",
    "\\x41 looks escaped",
    "per%cent+plus&amp<tag>",
    "per%25cent%2Bplus",
    "question?#hash;semi=colon",
    "ünïcödé/日本語/😀.txt",
    "urn:adsk.wipprod:fs.file/page[number]=1",
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


class AutodeskPlace:
    """The top folder "Project Files" of one project; Autodesk has no files above that."""

    connector = CONNECTOR
    hostile_names = NAMES
    faults = FAULTS - {Fault.SHORT_ANSWER, Fault.MUTATE}
    content_operation = DOWNLOAD
    top = "Project Files"
    permitted = frozenset({Kind.FOLDER})  # files have the permissions of their folder

    def __init__(self, **details):
        self.site = Site(**details)
        self.store = self.site.store
        self.plan = self.site.simulator.plan
        self.base_url = self.site.address

    def write(self, path, content):
        folder, name = self.folder_of(path)
        return self.store.upload(folder, name, content=content)

    def overwrite(self, path, content):
        self.store.new_version(self.id_of(path), content=content)

    def rename(self, old, new):
        found = self.id_of(old)
        folder, name = self.folder_of(new)
        if self.store.entry(found).parent.id != folder:
            self.store.move(found, folder)
        if self.store.entry(found).name != name:
            self.store.rename(found, name)

    def delete(self, path):
        self.store.hide(self.id_of(path))

    def open(self, meter, page_size=10):
        return self.opened(meter, page_size=page_size)

    def open_missing(self, meter):
        return self.opened(meter, project_ids=["b.missing"])

    def opened(self, meter, **details):
        self.site.meter = meter
        return self.site.open(**details)

    def reopen(self):
        return self.open(Meter())

    def part_of(self, path):
        return self.id_of(path)

    def add_scope(self):
        return None

    def field_of(self, column, path):
        if column == "external_id":
            return self.id_of(path), "/id"
        fields = {"size": "/attributes/storageSize", "modified_at": "/attributes/lastModifiedTime"}
        return version_id(self.id_of(path), 1), fields[column]

    def id_of(self, path):
        found = self.site.top
        for name in path.split("/"):
            found = self._child(found, name)
            assert found is not None, path
        return found

    def folder_of(self, path):
        """Return the id of the folder that a path lies in, made if need be, and the last name of the path."""
        *folders, name = path.split("/")
        found = self.site.top
        for folder in folders:
            found = self._child(found, folder) or self.store.folder(found, folder)
        return found, name

    def _child(self, folder, name):
        children = self.store.folder_at(folder).children or ()
        return next((child.id for child in children if child.name == name and not child.hidden), None)


class HubPlace(AutodeskPlace):
    """Every project of every hub, of which there is one."""

    top = "Tower/Project Files"

    def add_scope(self):
        project = self.store.project(self.site.hub, "ZZ Bridge")
        [top] = self.store.folder_at(project).children
        self.store.upload(top.id, "theirs.pdf", 1)
        return project

    def opened(self, meter, **details):
        return super().opened(meter, **{"hub_id": None, "project_ids": [], **details})
