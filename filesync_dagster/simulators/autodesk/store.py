"""Hubs, projects, folders and files, and what people do with them: upload, rename, move, hide, share, deny."""

import random
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from filesync_dagster.simulators.autodesk.entries import (
    PEOPLE,
    AutodeskEntry,
    Hub,
    HubProject,
    Person,
    SignedLink,
    Version,
    VersionKind,
    suffix_of,
)
from filesync_dagster.simulators.autodesk.people import VIEW_AND_DOWNLOAD, grant_on_folder, subject_id
from filesync_dagster.simulators.autodesk.refusals import bad_input, conflict, not_found
from filesync_dagster.simulators.kit.bulk import fill
from filesync_dagster.simulators.kit.content import generate_content
from filesync_dagster.simulators.kit.mutations import mutate
from filesync_dagster.simulators.kit.tree import TreeStore, alone

PROJECT_FILES = ("Project Files",)
PLACES = ("hub", "project", "archive", "folder", "bulk", "advance")
ENTRIES = ("upload", "new_version", "rename", "move", "hide", "unhide", "purge", "reserve")
ACTIONS = frozenset((*PLACES, *ENTRIES, "deny", "allow", "share", "unshare"))
"""What may be asked for of a hub that is served over HTTP."""
MUTATIONS = ("create", "create_folder", "edit", "rename", "move", "trash", "restore")


class HubStore(TreeStore[AutodeskEntry]):
    """The state and the actions of people. Thread-safe. Raises Refusal where Autodesk would refuse.

    Every change is seen in `lastModifiedTimeRollup` of all folders above it. `unrolled` names the kinds of action
    ("move", "hide", "rename", "permission") that leave it, and the entry's own times, as they were: Autodesk does not
    promise that they change.
    """

    entry_type = AutodeskEntry

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.hubs: dict[str, Hub] = {}
        self.projects: dict[str, HubProject] = {}
        self.folders: dict[str, AutodeskEntry] = {}  # those of the entries
        self.items: dict[str, AutodeskEntry] = {}  # likewise
        self.unrolled: set[str] = set()
        self.contents: dict[str, bytes] = {}  # of storages; that of others follows from its size and its id
        self.links: dict[str, SignedLink] = {}  # by the secret in them

    # What the state is made of.

    def uuid(self) -> str:
        """Return a random UUID."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def new_urn(self, hub: Hub, *, is_folder: bool) -> str:
        """Return an id for a folder or an item."""
        name = urlsafe_b64encode(self.random.randbytes(16)).rstrip(b"=").decode()
        return f"urn:adsk.{hub.prefix}:{'fs.folder:co.' if is_folder else 'dm.lineage:'}{name}"

    def new_storage(self, hub: Hub, name: str) -> str:
        """Return the id of an object that holds the content of a version."""
        return f"urn:adsk.objects:os.object:{hub.prefix}/{self.uuid()}.{suffix_of(name) or 'bin'}"

    def new_id(self, *, is_folder: bool) -> str:
        """Return no id: one that tells of the region follows with the folder."""
        return ""

    def new_entry(self, name: str, *, is_folder: bool, entry_id: str = "", **fields: Any) -> AutodeskEntry:
        """Return a new entry of now, by somebody."""
        by = self._person()
        more = {"author": by, "by": by, "rollup": self.clock.now, "display_name": name, **fields}
        return super().new_entry(name, is_folder=is_folder, entry_id=entry_id, **more)

    def _person(self) -> Person:
        return PEOPLE[self.clock.now % len(PEOPLE)]

    def adopt(self, entry: AutodeskEntry, folder: AutodeskEntry) -> None:
        """Give a new entry its project, and an id of its region."""
        entry.project = folder.project
        entry.id = self.new_urn(folder.project.hub, is_folder=entry.is_folder)

    def enroll(self, entry: AutodeskEntry) -> None:
        """Make a new entry known."""
        super().enroll(entry)
        (self.folders if entry.is_folder else self.items)[entry.id] = entry

    def attach(self, entry: AutodeskEntry, folder: AutodeskEntry) -> None:
        """Put an entry into a folder, behind what came there before."""
        entry.order, folder.shown = self.next_order(), None
        super().attach(entry, folder)

    def detach(self, entry: AutodeskEntry) -> None:
        """Take an entry out of its folder."""
        for folder in entry.parents:
            folder.shown = None
        super().detach(entry)

    def forget(self, entry: AutodeskEntry) -> set[AutodeskEntry]:
        """Delete an entry for good, with what is below it."""
        lost = super().forget(entry)
        for each in lost:
            del (self.folders if each.is_folder else self.items)[each.id]
        return lost

    def derive(self, entry: AutodeskEntry) -> None:
        """Set what follows from the entries above. People see what this account may not."""
        super().derive(entry)
        entry.barred, entry.seen = entry.barred or entry.project.barred, True
        for folder in entry.parents:
            folder.shown = None

    def entry(self, item_id: str) -> AutodeskEntry:
        """Return a folder or an item."""
        if item_id not in self.entries:
            raise not_found(f"The entry {item_id}")
        return self.entries[item_id]

    def item_at(self, item: str) -> AutodeskEntry:
        """Return an item."""
        if item not in self.items:
            raise not_found(f"The item {item}")
        return self.items[item]

    def folder_at(self, place: str) -> AutodeskEntry:
        """Return a folder; a project stands for its root folder."""
        place = self.projects[place].root if place in self.projects else place
        if place not in self.folders:
            raise not_found(f"The folder {place}")
        return self.folders[place]

    @contextmanager
    def record_change(self, entry: AutodeskEntry, action: str = "") -> Iterator[int]:
        """Change something about an entry; unless such actions are unrolled, all above it before or after tell of it.

        Permissions leave the entry's own times alone.
        """
        above = [*entry.above()]
        yield self.clock.now
        self.refresh(entry)
        if action in self.unrolled:
            return
        moment = self.clock.tick()
        if action != "permission":
            entry.modified, entry.by = moment, self._person()
            for version in entry.versions[-1:]:
                version.modified, version.by = moment, entry.by
        self._roll_up((*above, *entry.above()))

    def _roll_up(self, entries: Iterable[AutodeskEntry]) -> None:
        for entry in entries:
            entry.rollup = self.clock.now

    def _add_version(
        self, item: AutodeskEntry, name: str, kind: VersionKind, size: int | None, storage: str | None = None
    ) -> None:
        """Append a version, as new as the clock says, without telling the folders above."""
        now, by = self.clock.now, self._person()
        item.versions.append(Version(len(item.versions) + 1, name, kind, size, now, now, by, by, storage))
        item.modified, item.by, item.size = now, by, size

    def content_of(self, storage: str) -> bytes | None:
        """Return what a storage holds; None where there is no such storage."""
        if storage in self.contents:
            return self.contents[storage]
        versions = (version for item in self.items.values() for version in item.versions)
        size = next((version.size for version in versions if version.storage == storage), None)
        return None if size is None else generate_content(size, storage)

    def _upload(self, item: AutodeskEntry, name: str, size: int | None, content: bytes | None = None) -> None:
        size = None if item.kind is VersionKind.CLOUD_MODEL else size
        storage = None if size is None else self.new_storage(item.project.hub, name)
        if storage is not None and content:
            self.contents[storage] = content
        item.name = name
        self._add_version(item, name, item.kind, size, storage)

    @staticmethod
    def _refuse_place(folder: AutodeskEntry, name: str, entry: AutodeskEntry | None, *, is_folder: bool) -> None:
        """Refuse a file beside the top folders, and a name that another folder, or another file, of a folder has."""
        if not is_folder and not folder.parents:
            raise bad_input("Files are not allowed beside the top folders of a project.")
        for child in folder.children or ():
            if child.name == name and child is not entry and child.is_folder == is_folder and not child.trashed_at:
                raise conflict(f"{name!r} already exists in the folder.")

    @staticmethod
    def _refuse_hidden(entry: AutodeskEntry) -> None:
        if entry.hidden:
            raise bad_input("What is deleted has to be restored first.")

    # What people do.

    @alone
    def hub(self, name: str, region: str = "US") -> str:
        """Add an account and return its id."""
        hub = Hub(f"b.{self.uuid()}", name, region)
        self.hubs[hub.id] = hub
        return hub.id

    @alone
    def project(self, hub: str, name: str, *, folders: Sequence[str] = PROJECT_FILES, platform: str = "ACC") -> str:
        """Add a project with its top folders and return its id. `platform` is "ACC" or "BIM360"."""
        urn = self.new_urn(self.hubs[hub], is_folder=True)
        project = HubProject(f"b.{self.uuid()}", self.hubs[hub], name, urn, platform)
        self.projects[project.id] = project
        root = self.top(f"{project.id}-root", urn, project=project)
        self.enroll(root)
        self.derive(root)
        for folder in folders:
            self.folder(project.id, folder)
        return project.id

    @alone
    def archive(self, project: str, *, active: bool = False) -> None:
        """Take a project out of the lists of projects, or (`active`) put it back."""
        self.projects[project].active = active

    def add(
        self, name: str, folder: AutodeskEntry, *, is_folder: bool = False, content: bytes = b"", **fields: Any
    ) -> AutodeskEntry:
        """Add a folder, or a file whose content is given or, for lack of it, its `size`."""
        size = fields.pop("size", len(content))
        self._refuse_place(folder, name, None, is_folder=is_folder)
        self.clock.tick()
        entry = self.make(name, folder, is_folder=is_folder, **fields)
        self._roll_up(entry.above())
        if not is_folder:
            self._upload(entry, name, size, content)
        return entry

    @alone
    def folder(self, parent: str, name: str, *, system: bool = False) -> str:
        """Add a folder and return its id. In a project it becomes a top folder.

        `system` folders are the platform's own: `projectFilesOnly` leaves them out.
        """
        return self.add(name, self.folder_at(parent), is_folder=True, system=system).id

    @alone
    def upload(
        self,
        parent: str,
        name: str,
        size: int | None = 0,
        *,
        kind: VersionKind = VersionKind.FILE,
        content: bytes | None = None,
    ) -> str:
        """Add a file and return its id. A C4RModel has no size. Files lie in folders, not in a project itself.

        Its content is made up unless it is given.
        """
        given = {"size": size} if content is None else {"content": content}
        return self.add(name, self.folder_at(parent), kind=VersionKind(kind), **given).id

    @alone
    def bulk(self, count: int, per_folder: int = 100, seed: int = 0, project: str | None = None) -> str:
        """Add many files fast, in a top folder of their own, and return their project: a new one unless it is given."""
        if project is None:
            hub = next(iter(self.hubs), None) or self.hub("Simulated account")
            project = self.project(hub, f"Project {len(self.projects) + 1}", folders=())
        top = self.folders[self.folder(project, f"Files {seed}")]
        fill(self, top, count, per_folder=per_folder, seed=seed)
        for entry in top.below():
            if not entry.is_folder:
                self._upload(entry, entry.name, entry.size)
        self._roll_up((*top.below(), *top.above()))
        return project

    @alone
    def new_version(
        self, item: str, size: int | None = 0, name: str | None = None, content: bytes | None = None
    ) -> int:
        """Upload a file again, perhaps under another name, and return the number of its new version."""
        known = self.item_at(item)
        self._refuse_hidden(known)
        if name is not None:
            self._refuse_place(known.parents[0], name, known, is_folder=False)
        self.clock.tick()
        self._upload(known, name or known.name, size if content is None else len(content), content)
        self._roll_up(known.above())
        return known.tip.number

    def edit(self, item_id: str, content: bytes = b"") -> None:
        """Save new content."""
        self.new_version(item_id, content=content)

    @alone
    def rename(self, entry: str, name: str) -> None:
        """Rename a hub, project, folder or file. A file's `displayName` stays what it was."""
        if entry in self.hubs or entry in self.projects:
            (self.hubs.get(entry) or self.projects[entry]).name = name
            return
        known = self.entry(entry)
        self._refuse_hidden(known)
        for folder in known.parents:
            self._refuse_place(folder, name, known, is_folder=known.is_folder)
        with self.record_change(known, "rename"):
            known.name = name
            for version in known.versions[-1:]:
                version.name = name

    @alone
    def move(self, entry: str, parent: str) -> None:
        """Move a folder or a file to another folder of its project."""
        known, above = self.entry(entry), self.folder_at(parent)
        self._refuse_hidden(known)
        if not known.parents or known.project is not above.project:
            raise bad_input("Entries cannot be moved between projects.")
        if known in above.above():
            raise bad_input("A folder cannot be moved into itself.")
        self._refuse_place(above, known.name, known, is_folder=known.is_folder)
        with self.record_change(known, "move"):
            self.detach(known)
            self.attach(known, above)

    @alone
    def hide(self, entry: str) -> None:
        """Delete a folder or a file as ACC does. A file gets one more version, the mark of its deletion."""
        known = self.entry(entry)
        if known.hidden or not known.parents:
            return
        with self.record_change(known, "hide") as now:
            known.trashed_at = now
            if not known.is_folder:
                self._add_version(known, self.uuid(), VersionKind.DELETED, None)

    trash = hide  # type: ignore[assignment]  # nobody passes what it is about by name

    @alone
    def unhide(self, entry: str, name: str | None = None) -> None:
        """Restore what was deleted. A file gets a copy of its last version before the deletion as a new version."""
        known = self.entry(entry)
        if not known.hidden:
            return
        name = name or known.name
        self._refuse_place(known.parents[0], name, known, is_folder=known.is_folder)
        with self.record_change(known, "hide"):
            known.trashed_at, known.name = 0, name
            if not known.is_folder:
                last = next(v for v in reversed(known.versions) if v.kind is not VersionKind.DELETED)
                self._add_version(known, name, last.kind, last.size, last.storage)

    restore = unhide  # type: ignore[assignment]  # nobody passes what it is about by name

    @alone
    def purge(self, entry: str) -> None:
        """Make a folder or a file, with what is below it, unknown to everybody: 404 from now on."""
        known = self.entry(entry)
        if not known.parents:
            raise bad_input("The root folder of a project cannot be purged.")
        above = [*known.above()]
        self.forget(known)
        self.clock.tick()
        self._roll_up(above)

    delete = purge  # type: ignore[assignment]  # nobody passes what it is about by name

    @alone
    def reserve(self, item: str, *, locked: bool = True) -> None:
        """Lock a file, or unlock it."""
        known = self.item_at(item)
        with self.record_change(known, "reserve") as now:
            known.reserved = (now, self._person()) if locked else None

    @alone
    def deny(self, entry: str, *, listed: bool = True) -> None:
        """Take this account the right to see a hub, project or folder and all in it: 403.

        Unless `listed`, the folder above does not even mention it.
        """
        self._set_access(entry, lost=True, listed=listed)

    @alone
    def allow(self, entry: str) -> None:
        """Give the right back."""
        self._set_access(entry, lost=False, listed=True)

    def _set_access(self, entry: str, *, lost: bool, listed: bool) -> None:
        if entry in self.entries:
            known = self.entries[entry]
            with self.record_change(known, "permission"):
                known.lost, known.listed = lost, listed
        elif entry in self.hubs:
            self.hubs[entry].barred = lost
        elif entry in self.projects:
            self.projects[entry].lost = lost
        for project in self.projects.values():
            if entry in {project.id, project.hub.id}:
                self.refresh(self.folders[project.root])

    @alone
    def share(self, folder: str, who: str, kind: str = "USER", actions: Sequence[str] = VIEW_AND_DOWNLOAD) -> str:
        """Give a person (an address), or a COMPANY or a ROLE (a name), permissions on a folder and all below it.

        They replace those that were given on this folder before. Returns the id of who it is.
        """
        subject, known = subject_id(who, kind), self.folder_at(folder)
        self._refuse_hidden(known)
        if not known.parents:
            raise bad_input("The root folder of a project cannot be shared.")
        grant = grant_on_folder(who, kind, actions)
        with self.record_change(known, "permission"):
            known.grants = {**(known.grants or {}), subject: grant}
        return subject

    @alone
    def unshare(self, folder: str, who: str, kind: str = "USER") -> None:
        """Take away what was given on this very folder; what comes from a folder above stays."""
        known, gone = self.folder_at(folder), subject_id(who, kind)
        if gone not in (known.grants or {}):
            raise not_found(f"The permission of {who}")
        with self.record_change(known, "permission"):
            known.grants = {one: grant for one, grant in (known.grants or {}).items() if one != gone}

    def mutate(self, dice: random.Random) -> str:
        """Do one thing to a file, or add something, at random; return what."""
        folders = [folder for folder in self.folders.values() if folder.parents and not folder.hidden]
        return mutate(self, dice, folders, [*self.items.values()], MUTATIONS) if folders else "nothing"

    @alone
    def listing(self, project: str | None = None) -> dict[str, int | None]:
        """Return the sizes of all files that a person sees, by path; with several projects their names come first."""
        if project is not None:
            return super().listing(self.projects[project].root)
        return {
            f"{known.name}/{path}": size
            for known in self.projects.values()
            if known.active
            for path, size in self.listing(known.id).items()
        }
