"""The world that a simulated Microsoft Graph is about: sites with libraries, people with a OneDrive, and what they do.

Deleted items lie in a recycle bin, where Graph does not show them; restored ones have their old id. What is moved to
another drive is another item there.
"""

import base64
import random
from collections.abc import Sequence
from typing import Any

from filesync_dagster.simulators.kit.bulk import fill
from filesync_dagster.simulators.kit.journal import ChangeLog
from filesync_dagster.simulators.kit.mutations import mutate
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.tree import TreeStore, alone, insert_in_order
from filesync_dagster.simulators.microsoft.items import GraphDrive, GraphItem, GraphSite, guid_of

ACCOUNT = "ada@contoso.com"
HOST = "contoso.sharepoint.com"
LOG_DISTANCE = 1_000_000_000
FORBIDDEN_CHARACTERS = frozenset('"*:<>?/\\|')
TREE_ACTIONS = ("edit", "rename", "move", "trash", "restore", "delete", "share", "unshare", "revoke", "path_of")
OWN_ACTIONS = ("create", "site", "library", "rename_library", "remove_library", "one_drive", "lock_drive", "bulk")
ACTIONS = frozenset((*TREE_ACTIONS, *OWN_ACTIONS))
"""What may be asked for of a store that is served over HTTP."""


class GraphStore(TreeStore[GraphItem]):
    """Sites, drives and items, with a method for each thing that people do."""

    entry_type = GraphItem

    def __init__(self, seed: int = 0, account: str = ACCOUNT) -> None:
        super().__init__(seed, account)
        self.sites: dict[str, GraphSite] = {}
        self.drives: dict[str, GraphDrive] = {}
        self.people: dict[str, str] = {}  # the drive of each, by address
        self.links: dict[str, tuple[str, float]] = {}  # addresses of contents: the item, and until when
        self.delta_tells_ctags = True
        self._logs = 0  # logs made: none shares positions with another
        self.site_id = self.site("Engineering", "sites/engineering")
        self.library_id = self.library("Documents", self.site_id)
        self.one_drive_id = self.one_drive(account)

    def new_id(self, *, is_folder: bool) -> str:
        """Return an id that looks like one of SharePoint's items."""
        return "01" + base64.b32encode(self.random.randbytes(20)).decode().rstrip("=")

    def new_entry(self, name: str, *, is_folder: bool, entry_id: str = "", **fields: Any) -> GraphItem:
        """Return a new item, that lies nowhere yet."""
        entry = super().new_entry(name, is_folder=is_folder, entry_id=entry_id, **fields)
        entry.guid = guid_of(entry.id)
        return entry

    def logs_of(self, entry: GraphItem) -> Sequence[ChangeLog]:
        """Return the log of the drive of an item."""
        return (self.drives[entry.drive].log,) if entry.drive in self.drives else ()

    def adopt(self, entry: GraphItem, folder: GraphItem) -> None:
        """Give a new item its drive and owner."""
        entry.drive = folder.drive
        entry.owner = entry.owner or folder.owner or self.account

    def enroll(self, entry: GraphItem) -> None:
        """Make a new item known."""
        super().enroll(entry)
        insert_in_order(self.drives[entry.drive].items, entry)

    def forget(self, entry: GraphItem) -> set[GraphItem]:
        """Delete an item for good, with what is below it."""
        lost = super().forget(entry)
        drive = self.drives[entry.drive]
        drive.items = [item for item in drive.items if item not in lost]
        return lost

    def entry(self, item_id: str) -> GraphItem:
        """Return an item; a drive stands for its root."""
        drive = self.drives.get(item_id)
        return drive.root if drive else self.entries[item_id]

    @alone
    def site(self, name: str, path: str) -> str:
        """Create a site and return its id."""
        site_id = ",".join((HOST, guid_of(f"site {path}"), guid_of(f"web {path}")))
        self.sites[site_id] = GraphSite(site_id, HOST, path, name)
        return site_id

    @alone
    def library(self, name: str, site: str | None = None) -> str:
        """Create a document library of a site and return its id."""
        home = self.sites[site or self.site_id]
        if any(_same(self.drives[one].name, name) for one in home.drives):
            raise Refusal(409, "nameAlreadyExists", "A list of this title already exists.")
        folder = "Shared Documents" if name == "Documents" else name
        drive = self._new_drive(name, f"https://{home.host}/{home.path}/{folder}", site=home.id)
        home.drives.append(drive.id)
        return drive.id

    @alone
    def one_drive(self, person: str) -> str:
        """Create the OneDrive of a person, unless there is one, and return its id."""
        if person not in self.people:
            personal = person.replace("@", "_").replace(".", "_")
            url = f"https://{HOST.replace('.', '-my.', 1)}/personal/{personal}/Documents"
            self.people[person] = self._new_drive("OneDrive", url, owner=person).id
        return self.people[person]

    @alone
    def rename_library(self, drive_id: str, name: str) -> None:
        """Give a library another title: no delta tells of that, and no address changes."""
        site = self.sites[self.drives[drive_id].site]
        if any(one != drive_id and _same(self.drives[one].name, name) for one in site.drives):
            raise Refusal(409, "nameAlreadyExists", "A list of this title already exists.")
        self.drives[drive_id].name = name

    @alone
    def remove_library(self, drive_id: str) -> None:
        """Delete a library with all that is in it."""
        drive = self.drives[drive_id]
        self.forget(drive.root)
        self.sites[drive.site].drives.remove(drive_id)
        del self.drives[drive_id]

    @alone
    def lock_drive(self, drive_id: str, *, locked: bool = True) -> None:
        """Lock a drive, or unlock it: nobody gets anything of a locked one."""
        self.drives[drive_id].locked = locked

    @alone
    def create(
        self, name: str, parent: str | None = None, *, kind: str = "file", content: bytes = b"", target: str = ""
    ) -> str:
        """Create a file, folder, package or shortcut (`kind`) and return its id; without `parent` in the library."""
        folder = self.entry(parent) if parent else self.drives[self.library_id].root
        fields: dict[str, Any] = {"kind": kind} if kind in {"package", "shortcut"} else {}
        if target:
            fields["target"] = self.entry(target)
        return self.add(name, folder, is_folder=kind in {"folder", "package"}, content=content, **fields).id

    def add(
        self, name: str, folder: GraphItem, *, is_folder: bool = False, content: bytes = b"", **fields: Any
    ) -> GraphItem:
        """Add an item, whose name no other in the folder may have, in whatever case."""
        self._require_shown(folder)
        self._require_free(name, folder)
        return super().add(name, folder, is_folder=is_folder, content=content, **fields)

    @alone
    def edit(self, item_id: str, content: bytes = b"") -> None:
        """Save new content."""
        self._require_shown(self.entry(item_id))
        super().edit(item_id, content)

    @alone
    def rename(self, item_id: str, name: str) -> None:
        """Give an item another name."""
        item = self.entry(item_id)
        self._require_shown(item)
        assert item.parent is not None
        self._require_free(name, item.parent, item)
        super().rename(item_id, name)

    @alone
    def move(self, item_id: str, folder_id: str) -> None:
        """Put an item into another folder. In another drive it is another item from then on."""
        item, folder = self.entry(item_id), self.entry(folder_id)
        self._require_shown(item)
        self._require_shown(folder)
        self._require_free(item.name, folder, item)
        if item.drive == folder.drive:
            super().move(item_id, folder_id)
            return
        self._copy(item, folder)
        self.delete(item_id)

    @alone
    def restore(self, item_id: str) -> None:
        """Take an item out of the recycle bin, unless its name was taken meanwhile."""
        item = self.entry(item_id)
        assert item.parent is not None
        self._require_free(item.name, item.parent, item)
        super().restore(item_id)

    @alone
    def bulk(self, count: int, per_folder: int = 100, seed: int = 0, parent: str | None = None) -> None:
        """Add many files in nested folders, fast; no log tells of them. Without `parent` in library and OneDrive."""
        for top in (
            [parent] if parent else [self.drives[self.library_id].root.id, self.drives[self.one_drive_id].root.id]
        ):
            fill(self, self.entry(top), count, per_folder=per_folder, seed=seed)

    def mutate(self, dice: random.Random) -> None:
        """Do one thing to an item of some drive, at random."""
        drive = dice.choice([*self.drives.values()])
        mutate(self, dice, [drive.root], drive.items)

    @alone
    def listing(self, top: str = "") -> dict[str, int | None]:
        """Return what a person sees in a drive or a folder: the size of each path; the library if none is named."""
        drive = self.drives.get(top or self.library_id)
        return super().listing(drive.root.id if drive else top)

    def item_at(self, drive: GraphDrive, path: str) -> GraphItem | None:
        """Return the item at a path of a drive, in whatever case; None if there is none."""
        found: GraphItem | None = drive.root
        for name in path.split("/"):
            children = (found.children or ()) if found else ()
            found = next((child for child in children if is_shown(child) and _same(child.name, name)), None)
        return found

    def _new_drive(self, name: str, url: str, *, site: str = "", owner: str = "") -> GraphDrive:
        drive_id = "b!" + base64.urlsafe_b64encode(self.random.randbytes(48)).decode()
        root = self.top("root", drive=drive_id, owner=owner or self.account)
        self._logs += 1
        drive = GraphDrive(drive_id, name, root, ChangeLog(LOG_DISTANCE * self._logs), url, site, owner)
        self.drives[drive_id] = drive
        return drive

    def _require_shown(self, item: GraphItem) -> None:
        if not is_shown(item):
            raise Refusal(404, "itemNotFound", "The resource could not be found.")

    def _require_free(self, name: str, folder: GraphItem, item: GraphItem | None = None) -> None:
        if not name or name != name.strip(" ") or FORBIDDEN_CHARACTERS & set(name):
            raise Refusal(400, "invalidRequest", "The provided name cannot contain any of the following characters.")
        for other in folder.children or ():
            if other is not item and is_shown(other) and _same(other.name, name):
                raise Refusal(409, "nameAlreadyExists", "An item with the same name already exists under the parent.")

    def _copy(self, item: GraphItem, folder: GraphItem) -> None:
        copy = super().add(
            item.name, folder, is_folder=item.is_folder, content=item.content, kind=item.kind, target=item.target
        )
        copy.size = item.size
        for child in item.children or ():
            if is_shown(child):
                self._copy(child, copy)


def is_shown(item: GraphItem) -> bool:
    """Whether Graph shows an item: it is not in the recycle bin, and the application may see it."""
    return item.seen and not item.trashed


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
