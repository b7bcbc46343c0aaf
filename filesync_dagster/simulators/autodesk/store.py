"""What people do with the simulated Autodesk."""

from collections.abc import Sequence

from filesync_dagster.simulators.autodesk.bulk import fill
from filesync_dagster.simulators.autodesk.entries import AutodeskFolder, AutodeskItem, Hub, HubProject, VersionKind
from filesync_dagster.simulators.autodesk.permissions import VIEW_AND_DOWNLOAD, actions_of, subject_of
from filesync_dagster.simulators.autodesk.refusals import bad_input, not_found
from filesync_dagster.simulators.autodesk.tree import Tree

PROJECT_FILES = ("Project Files",)
ACTIONS = frozenset(
    (
        *("hub", "project", "archive", "folder", "upload", "new_version", "rename", "move", "hide", "unhide", "purge"),
        *("reserve", "deny", "advance", "allow", "share", "unshare", "bulk"),
    )
)
"""What may be asked for of a hub that is served over HTTP."""


class HubStore(Tree):
    """The state and the actions of people. Thread-safe. Raises Refusal where Autodesk would refuse.

    Every change is seen in `lastModifiedTimeRollup` of all folders above it, except as `unrolled` says.
    """

    def hub(self, name: str, region: str = "US") -> str:
        """Add an account and return its id."""
        with self.lock:
            hub = Hub(self.mint.account(), name, region)
            self.hubs[hub.id] = hub
            return hub.id

    def project(self, hub: str, name: str, *, folders: tuple[str, ...] = PROJECT_FILES, platform: str = "ACC") -> str:
        """Add a project with its top folders and return its id. `platform` is "ACC" or "BIM360"."""
        with self.lock:
            root = self.mint.folder(self.hubs[hub].region)
            project = HubProject(self.mint.account(), hub, name, root, platform)
            self.projects[project.id] = project
            now, by = self.clock.tick(), self._person()
            self.folders[root] = AutodeskFolder(root, project.id, None, f"{project.id}-root", now, now, now, by, by)
            for folder in folders:
                self.folder(project.id, folder)
            return project.id

    def archive(self, project: str, *, active: bool = False) -> None:
        """Take a project out of the lists of projects, or (`active`) put it back."""
        with self.lock:
            self.projects[project].active = active

    def folder(self, parent: str, name: str, *, system: bool = False) -> str:
        """Add a folder and return its id. In a project it becomes a top folder.

        `system` folders are the platform's own: `projectFilesOnly` leaves them out.
        """
        with self.lock:
            above = self.folder_at(parent)
            self._free(above, name, None, AutodeskFolder)
            now, minted = self.clock.tick(), self.mint.folder(self.region_of(above.project))
            by = self._person()
            folder = AutodeskFolder(minted, above.project, above.id, name, now, now, now, by, by, system=system)
            self.folders[folder.id] = folder
            self._put(folder.id, above)
            self._roll_up(above.id, now)
            return folder.id

    def upload(self, parent: str, name: str, size: int | None = 0, *, kind: VersionKind = VersionKind.FILE) -> str:
        """Add a file and return its id. A C4RModel has no size. Files lie in folders, not in a project itself."""
        with self.lock:
            above = self.folder_at(parent)
            self._refuse_beside_top_folders(above)
            self._free(above, name, None, AutodeskItem)
            region, now, by = self.region_of(above.project), self.clock.tick(), self._person()
            kind = VersionKind(kind)
            item = AutodeskItem(self.mint.item(region), above.project, above.id, name, now, now, by, by, kind)
            self.items[item.id] = item
            self._put(item.id, above)
            self._content(item, name, size)
            return item.id

    def bulk(self, count: int, per_folder: int = 100, seed: int = 0, project: str | None = None) -> str:
        """Add many files fast, in a top folder of their own, and return their project: a new one unless it is given."""
        with self.lock:
            if project is None:
                hub = next(iter(self.hubs), None) or self.hub("Simulated account")
                project = self.project(hub, f"Project {len(self.projects) + 1}", folders=())
            top = self.folder(project, f"Files {seed}")
            fill(self, self.folders[top], count, per_folder, seed)
            self._shown.pop(top, None)
            self._roll_up(top, self.clock.now)
            return project

    def new_version(self, item: str, size: int | None = 0, name: str | None = None) -> int:
        """Upload a file again, perhaps under another name, and return the number of its new version."""
        with self.lock:
            known = self.item_at(item)
            self._refuse_hidden(known)
            if name is not None:
                self._free(self.folders[known.parent], name, known, AutodeskItem)
            self.clock.tick()
            return self._content(known, name or known.name, size)

    def rename(self, entry: str, name: str) -> None:
        """Rename a hub, project, folder or file. A file's `displayName` stays what it was."""
        with self.lock:
            if entry in self.hubs or entry in self.projects:
                (self.hubs.get(entry) or self.projects[entry]).name = name
                return
            known = self.entry(entry)
            self._refuse_hidden(known)
            if known.parent is not None:
                self._free(self.folders[known.parent], name, known, type(known))
            if isinstance(known, AutodeskFolder):
                known.name = name
            else:
                known.tip.name = name
            self._touch(known, "rename")

    def move(self, entry: str, parent: str) -> None:
        """Move a folder or a file to another folder of its project."""
        with self.lock:
            known, above, old = self.entry(entry), self.folder_at(parent), self.entry(entry).parent
            self._refuse_hidden(known)
            if old is None or known.project != above.project:
                raise bad_input("Entries cannot be moved between projects.")
            if isinstance(known, AutodeskItem):
                self._refuse_beside_top_folders(above)
            elif known in self.above(above.id):
                raise bad_input("A folder cannot be moved into itself.")
            self._free(above, known.name, known, type(known))
            self._take(known.id, self.folders[old])
            known.parent = above.id
            self._put(known.id, above)
            moment = self._touch(known, "move")
            if moment is not None:
                self._roll_up(old, moment)

    def hide(self, entry: str) -> None:
        """Delete a folder or a file as ACC does. A file gets one more version, the mark of its deletion."""
        with self.lock:
            known = self.entry(entry)
            if known.hidden or known.parent is None:
                return
            if isinstance(known, AutodeskItem):
                self._add_version(known, self.mint.uuid(), VersionKind.DELETED, None, None)
            self._set_hidden(known, hidden=True)

    def unhide(self, entry: str, name: str | None = None) -> None:
        """Restore what was deleted. A file gets a copy of its last version before the deletion as a new version."""
        with self.lock:
            known = self.entry(entry)
            if not known.hidden or known.parent is None:
                return
            name = name or known.name
            self._free(self.folders[known.parent], name, known, type(known))
            if isinstance(known, AutodeskFolder):
                known.name = name
            else:
                last = next(v for v in reversed(known.versions) if v.kind is not VersionKind.DELETED)
                self._add_version(known, name, last.kind, last.size, last.storage)
            self._set_hidden(known, hidden=False)

    def purge(self, entry: str) -> None:
        """Make a folder or a file, with what is below it, unknown to everybody: 404 from now on."""
        with self.lock:
            known = self.entry(entry)
            if known.parent is None:
                raise bad_input("The root folder of a project cannot be purged.")
            self._take(known.id, self.folders[known.parent])
            for gone in list(self.below(entry)):
                self.folders.pop(gone, None)
                self.items.pop(gone, None)
            self._roll_up(known.parent, self.clock.tick())

    def reserve(self, item: str, *, locked: bool = True) -> None:
        """Lock a file, or unlock it."""
        with self.lock:
            known = self.item_at(item)
            known.reserved = (self.clock.now, self._person()) if locked else None
            self._touch(known, "reserve")

    def deny(self, entry: str, *, listed: bool = True) -> None:
        """Take this account the right to see a hub, project or folder and all in it: 403.

        Unless `listed`, the folder above does not even mention it.
        """
        with self.lock:
            self._denied[entry] = listed
            self._permission_changed(entry)

    def allow(self, entry: str) -> None:
        """Give the right back."""
        with self.lock:
            self._denied.pop(entry, None)
            self._permission_changed(entry)

    def share(self, folder: str, who: str, kind: str = "USER", actions: Sequence[str] = VIEW_AND_DOWNLOAD) -> str:
        """Give a person (an address), or a COMPANY or a ROLE (a name), permissions on a folder and all below it.

        They replace those that were given on this folder before. Returns the id of who it is.
        """
        with self.lock:
            subject, known = subject_of(who, kind), self.folder_at(folder)
            self._refuse_hidden(known)
            if known.parent is None:
                raise bad_input("The root folder of a project cannot be shared.")
            known.grants[subject] = actions_of(actions)
            self._permission_changed(folder)
            return subject.id

    def unshare(self, folder: str, who: str, kind: str = "USER") -> None:
        """Take away what was given on this very folder; what comes from a folder above stays."""
        with self.lock:
            if self.folder_at(folder).grants.pop(subject_of(who, kind), None) is None:
                raise not_found(f"The permission of {who}")
            self._permission_changed(folder)

    def advance(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        with self.lock:
            self.clock.advance(seconds)

    def _content(self, item: AutodeskItem, name: str, size: int | None) -> int:
        size = None if item.kind is VersionKind.CLOUD_MODEL else size
        storage = None if size is None else self.mint.storage(self.region_of(item.project), name)
        version = self._add_version(item, name, item.kind, size, storage)
        self._roll_up(item.parent, version.modified)
        return version.number

    def _set_hidden(self, entry: AutodeskFolder | AutodeskItem, *, hidden: bool) -> None:
        entry.hidden = hidden
        self._touch(entry, "hide")
        self._shown.pop(entry.parent or "", None)

    def _permission_changed(self, entry: str) -> None:
        if entry in self.folders:
            self._shown.pop(self.folders[entry].parent or "", None)
            if "permission" not in self.unrolled:
                self._roll_up(entry, self.clock.tick())

    @staticmethod
    def _refuse_hidden(entry: AutodeskFolder | AutodeskItem) -> None:
        if entry.hidden:
            raise bad_input("What is deleted has to be restored first.")

    @staticmethod
    def _refuse_beside_top_folders(above: AutodeskFolder) -> None:
        if above.parent is None:
            raise bad_input("Files are not allowed beside the top folders of a project.")
