"""A OneDrive, and a site of SharePoint, in which people act: the truth, without the connector's help."""

from collections.abc import Mapping
from typing import Any

from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.microsoft import MicrosoftSimulator
from filesync_dagster.simulators.microsoft.items import GraphDrive, GraphItem
from filesync_dagster.simulators.microsoft.store import is_shown
from filesync_dagster_tests.sync.model.world import COMMON_TROUBLES, Place, Trouble, left_out
from filesync_dagster_tests.sync.projects import Row

ADDRESS = "http://graph.simulated"
DELTA, CHILDREN = "items.delta", "items.children"
TROUBLES: Mapping[str, Trouble] = {
    **COMMON_TROUBLES,
    "503 as a throttle": Trouble(Fault.THROTTLE, how={"status": 503}, times=3),
    "expired link": Trouble(Fault.EXPIRE_PAGE, DELTA),
    "expired page of a folder": Trouble(Fault.EXPIRE_PAGE, CHILDREN),
    "lost link 410": Trouble(Fault.LOSE_CURSOR, DELTA),
    "lost link 410 again": Trouble(Fault.LOSE_CURSOR, DELTA, how={"reason": "resyncChangesUploadDifferences"}),
    "lost link 400": Trouble(Fault.LOSE_CURSOR, DELTA, how={"status": 400}),
    "lost link 403": Trouble(Fault.LOSE_CURSOR, DELTA, how={"status": 403}),
    "lost link 404": Trouble(Fault.LOSE_CURSOR, DELTA, how={"status": 404}),
    "short pages": Trouble(Fault.SHORT_PAGE, DELTA, times=3),
    "short pages of folders": Trouble(Fault.SHORT_PAGE, CHILDREN, times=3),
    "empty page": Trouble(Fault.EMPTY_PAGE, DELTA),
    "empty page of a folder": Trouble(Fault.EMPTY_PAGE, CHILDREN),
    "duplicated changes": Trouble(Fault.DUPLICATE_CHANGE, DELTA, times=-1),
    "reordered changes": Trouble(Fault.REORDER_CHANGES, DELTA, times=-1),
    "short answer": Trouble(Fault.SHORT_ANSWER, DELTA, lossy=True),
    "lost changes": Trouble(Fault.LOSE_CHANGE, DELTA, lossy=True),
    "repeated link": Trouble(Fault.REPEAT_TOKEN, DELTA, harmless=False),
    "denied delta": Trouble(Fault.DENY, DELTA, harmless=False),
    "denied look-up": Trouble(Fault.DENY, "items.get", harmless=False),
}


class MicrosoftWorld:
    """Two drives to begin with, one of a site and one of a person: folders in folders, a notebook, a shortcut."""

    endpoint_type = ""
    kinds = ("file", "file", "folder", "folder", "package", "shortcut")
    actions = frozenset({"trash", "restore", "share", "unshare"})
    troubles = TROUBLES

    def __init__(self) -> None:
        self.simulator = MicrosoftSimulator()
        self.store = self.simulator.store
        for drive in [*self.store.drives.values()]:
            self._furnish(drive.root.id)

    def _furnish(self, root: str) -> None:
        create = self.store.create
        folder = create("projects", root, kind="folder")
        inner = create("a", folder, kind="folder")
        deep = create("b", inner, kind="folder")
        for name, parent, content in (("a", root, b"1"), ("b", folder, b"22"), ("xy.txt", inner, b"333")):
            create(name, parent, content=content)
        create("a", deep, content=b"4444")
        create("page.one", create("notes", inner, kind="package"), content=b"5")
        create("link", folder, kind="shortcut", target=deep)

    def entry(self, place: Place) -> dict[str, Any]:
        """Return an endpoint that watches a place, as endpoints.yaml has it."""
        known = {**self.simulator.credentials(ADDRESS), "page_size": 2, "list_workers": 2}
        return place.entry(self.endpoint_type, {**known, **self.details(place)})

    def details(self, place: Place) -> dict[str, str]:
        """Return what names a place."""
        raise NotImplementedError(place)

    def anything(self, number: int) -> str:
        """Return the id of some entry."""
        entries = [item.id for item in self.store.entries.values() if item.parent is not None]
        return entries[number % len(entries)] if entries else self.store.create("a", self.a_folder(number))

    def a_folder(self, number: int) -> str:
        """Return the id of some folder; tops of drives are folders too, and so are notebooks."""
        folders = [item.id for item in self.store.entries.values() if item.is_folder]
        return folders[number % len(folders)]

    def is_there(self, external_id: str) -> bool:
        """Whether an item exists: what is in the recycle bin Graph does not show."""
        found = self.store.entries.get(external_id)
        return found is not None and is_shown(found)

    def listed(self, place: Place, top: GraphItem, scope: str, above: Row | None = None) -> dict[str, Row]:
        """Return what is below a folder of a drive; `above` is the row of that folder, where it has one."""
        known: dict[str, Row] = {top.id: above} if above else {}
        waiting = [(top, f"{above['path']}/" if above else "")]
        for folder, path in waiting:  # grows while it is looked at
            for item in filter(is_shown, folder.children or ()):
                row = _row(item, scope, f"{path}{item.name}", top.id if above else None, top)
                known[item.id] = row
                if row["kind"] == "folder":
                    waiting.append((item, f"{row['path']}/"))
        return {one: row for one, row in known.items() if not (place.filtered and left_out(row["path"]))}


class OneDriveWorld(MicrosoftWorld):
    """What an endpoint of type onedrive watches: all of it, or a folder."""

    endpoint_type = "onedrive"

    def details(self, place: Place) -> dict[str, str]:
        """Return what names a place."""
        return {"user": self.store.account, **({"folder_path": "projects"} if place.kind == "folder" else {})}

    def truth(self, place: Place) -> dict[str, Row] | None:
        """Return what an endpoint must list, by id; None when it is not there (any more)."""
        drive = self.store.drives[self.store.one_drive_id]
        top = self.store.item_at(drive, "projects") if place.kind == "folder" else drive.root
        if top is None or not top.is_folder or top.kind:
            return None
        return self.listed(place, top, f"user:{self.store.account}")


class SharePointWorld(MicrosoftWorld):
    """What an endpoint of type sharepoint watches: all libraries of a site, or one."""

    endpoint_type = "sharepoint"

    def details(self, place: Place) -> dict[str, str]:
        """Return what names a place."""
        site = {"site_url": "https://contoso.sharepoint.com/sites/engineering"}
        return {**site, **({"drive": "Documents"} if place.kind == "library" else {})}

    def a_library(self, number: int) -> str:
        """Return the id of some library."""
        known = self.store.sites[self.store.site_id].drives
        return known[number % len(known)] if known else self.store.library("New")

    def truth(self, place: Place) -> dict[str, Row] | None:
        """Return what an endpoint must list, by id; None when it is not there (any more)."""
        drives = [self.store.drives[one] for one in self.store.sites[self.store.site_id].drives]
        if place.kind == "library":
            [found, *_] = [*(drive for drive in drives if drive.name == "Documents"), None]
            return self.listed(place, found.root, "library:Documents") if found else None
        known: dict[str, Row] = {}
        for drive in drives:
            known |= self.listed(place, drive.root, f"drive:{drive.id}", _library(drive))
        return known


def _row(item: GraphItem, scope: str, path: str, top: str | None, above: GraphItem) -> Row:
    assert item.parent is not None
    kind = {"package": "document", "shortcut": "shortcut", "": "folder" if item.is_folder else "file"}[item.kind]
    return {
        "external_id": item.id,
        "scope": scope,
        "parent_id": top if item.parent is above else item.parent.id,
        "name": item.name,
        "path": path,
        "kind": kind,
        "size": item.size if item.has_content else None,
        "content_hash": f"quickxor:{item.quick_xor_hash()}" if item.has_content else None,
        "trashed": False,
    }


def _library(drive: GraphDrive) -> Row:
    nothing = dict.fromkeys(("parent_id", "size", "content_hash"))
    row = {"external_id": drive.root.id, "scope": f"drive:{drive.id}", "name": drive.name, "path": drive.name}
    return {**row, "kind": "folder", "trashed": False, **nothing}
