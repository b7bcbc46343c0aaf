"""The state of the simulated Autodesk and its invariants: what lies where, what shows, when anything below changed."""

import threading
from collections.abc import Iterator

from filesync_dagster.simulators.autodesk.entries import (
    AutodeskFolder,
    AutodeskItem,
    Hub,
    HubProject,
    Person,
    Version,
    VersionKind,
)
from filesync_dagster.simulators.autodesk.ids import Mint
from filesync_dagster.simulators.autodesk.refusals import conflict, not_found
from filesync_dagster.simulators.kit.clock import Clock

PEOPLE = (
    Person("BW9RM76WZBGL", "Ada Brandt"),
    Person("X9WYLGPNCHVK", "John Smith"),
    Person("QRT6Z2AVNN4F", "Mei Tanaka"),
)


class Tree:
    """Hubs, projects, folders and items. Whoever changes or reads several things at once holds `lock`.

    `unrolled` names the kinds of action ("move", "hide", "rename", "permission") that leave `lastModifiedTimeRollup`
    of the folders above, and the entry's own times, as they were: Autodesk does not promise that they change.
    """

    def __init__(self, seed: int = 0) -> None:
        self.clock = Clock()
        self.mint = Mint(seed)
        self.lock = threading.RLock()
        self.hubs: dict[str, Hub] = {}
        self.projects: dict[str, HubProject] = {}
        self.folders: dict[str, AutodeskFolder] = {}
        self.items: dict[str, AutodeskItem] = {}
        self.unrolled: set[str] = set()
        self._denied: dict[str, bool] = {}
        self._shown: dict[str, list[str]] = {}

    def entry(self, entry: str) -> AutodeskFolder | AutodeskItem:
        """Return a folder or an item."""
        found = self.folders.get(entry) or self.items.get(entry)
        if found is None:
            raise not_found(f"The entry {entry}")
        return found

    def item_at(self, item: str) -> AutodeskItem:
        """Return an item."""
        if item not in self.items:
            raise not_found(f"The item {item}")
        return self.items[item]

    def folder_at(self, place: str) -> AutodeskFolder:
        """Return a folder; a project stands for its root folder."""
        place = self.projects[place].root if place in self.projects else place
        if place not in self.folders:
            raise not_found(f"The folder {place}")
        return self.folders[place]

    def region_of(self, project: str) -> str:
        """Return where a project is stored."""
        return self.hubs[self.projects[project].hub].region

    def above(self, folder: str) -> Iterator[AutodeskFolder]:
        """Yield a folder and those above it."""
        at: str | None = folder
        while at is not None:
            yield (found := self.folders[at])
            at = found.parent

    def below(self, entry: str) -> Iterator[str]:
        """Yield an entry and all below it, folders before what is in them."""
        waiting = [entry]
        while waiting:
            yield (at := waiting.pop())
            if at in self.folders:
                waiting.extend(self.folders[at].children)

    def visible_children(self, folder: str) -> list[str]:
        """Return what a folder shows: not what is deleted, nor what is kept from this account's eyes."""
        known = self._shown.get(folder)
        if known is None:
            children = self.folders[folder].children
            known = [child for child in children if not self.entry(child).hidden and self._denied.get(child, True)]
            self._shown[folder] = known
        return known

    def is_denied(self, entry: str) -> bool:
        """Return whether this account may not see a hub, project, folder or item."""
        if not self._denied:
            return False
        if entry in self._denied:
            return True
        if entry in self.projects:
            return self.projects[entry].hub in self._denied
        if entry in self.hubs:
            return False
        known = self.entry(entry)
        folder = known.id if isinstance(known, AutodeskFolder) else known.parent
        return self.is_denied(known.project) or any(above.id in self._denied for above in self.above(folder))

    def is_gone(self, folder: str) -> bool:
        """Return whether a folder is deleted, itself or with one above it."""
        return any(above.hidden for above in self.above(folder))

    def listing(self, project: str | None = None) -> dict[str, int | None]:
        """Return the sizes of all files that a person sees, by path; with several projects their names come first."""
        with self.lock:
            if project is None:
                return {
                    f"{known.name}/{path}": size
                    for known in self.projects.values()
                    if known.active
                    for path, size in self.listing(known.id).items()
                }
            found: dict[str, int | None] = {}
            waiting = [("", self.projects[project].root)]
            while waiting:
                prefix, at = waiting.pop()
                for child in map(self.entry, self.folders[at].children):
                    if child.hidden:
                        continue
                    if isinstance(child, AutodeskFolder):
                        waiting.append((f"{prefix}{child.name}/", child.id))
                    else:
                        found[f"{prefix}{child.name}"] = child.tip.size
            return found

    def path_of(self, entry: str) -> str:
        """Return where in its project an entry lies, without a leading slash."""
        names: list[str] = []
        known: AutodeskFolder | AutodeskItem = self.entry(entry)
        while known.parent is not None:
            names.append(known.name)
            known = self.folders[known.parent]
        return "/".join(reversed(names))

    def _person(self) -> Person:
        return PEOPLE[self.clock.now % len(PEOPLE)]

    def _free(self, folder: AutodeskFolder, name: str, entry: AutodeskFolder | AutodeskItem | None, kind: type) -> None:
        """Refuse a name that another folder, or another file, of this folder has."""
        for child in map(self.entry, folder.children):
            if child is not entry and isinstance(child, kind) and not child.hidden and child.name == name:
                raise conflict(f"{name!r} already exists in the folder.")

    def _put(self, entry: str, folder: AutodeskFolder) -> None:
        folder.children[entry] = None
        self._shown.pop(folder.id, None)

    def _take(self, entry: str, folder: AutodeskFolder) -> None:
        del folder.children[entry]
        self._shown.pop(folder.id, None)

    def _roll_up(self, folder: str | None, moment: int) -> None:
        for above in self.above(folder) if folder else ():
            above.rollup = moment

    def _touch(self, entry: AutodeskFolder | AutodeskItem, action: str) -> int | None:
        """Something happened to an entry: set its times and return the moment, None if no time changes."""
        if action in self.unrolled:
            return None
        moment = self.clock.tick()
        entry.modified, entry.by = moment, self._person()
        if isinstance(entry, AutodeskItem):
            entry.tip.modified, entry.tip.by = moment, entry.by
            self._roll_up(entry.parent, moment)
        else:
            self._roll_up(entry.id, moment)
        return moment

    def _add_version(
        self, item: AutodeskItem, name: str, kind: VersionKind, size: int | None, storage: str | None
    ) -> Version:
        """Append a version, as new as the clock says, without telling the folders above."""
        number = item.tip.number + 1 if item.versions else 1
        now, by = self.clock.now, self._person()
        version = Version(number, name, kind, size, now, now, by, by, storage)
        item.versions.append(version)
        item.modified, item.by = now, by
        return version
