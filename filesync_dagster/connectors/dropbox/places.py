"""Which folder has which id. Dropbox tells of an entry its path, and not the id of its folder."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from filesync_dagster.connectors.dropbox.api import DropboxApi
from filesync_dagster.connectors.dropbox.errors import CHECK_PATH
from filesync_dagster.connectors.dropbox.rows import FOLDER, has_id, path_of
from filesync_dagster.connectors.rest.answers import Answer
from filesync_dagster.connectors.rest.errors import PART_FAILURES
from filesync_dagster.core.errors import NotFound, SourceError
from filesync_dagster.core.model import OUTSIDE, ListingGap

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Top:
    """The folder that an endpoint is: its path as Dropbox knows it, empty for the root, which has no id."""

    path: str
    id: str | None = None

    def has(self, path: str) -> bool:
        """Whether something lies below it, itself left out."""
        return path.startswith(f"{self.path}/")


def top_of(api: DropboxApi, path: str) -> Top:
    """Return the folder at a path. Raises NotFound."""
    if not path:
        return Top("")
    found = api.metadata(path)
    lower = path_of(found) if found else None
    if found is None or lower is None or found.get(".tag") != FOLDER:
        raise NotFound(f"{api.where} {'is no folder' if found else 'is not there'}.", hint=CHECK_PATH)
    return Top(lower, str(found.get("id")))


@dataclass(slots=True)
class PlacedEntries:
    """Entries with the id of the folder of each; None is the top."""

    entries: list[Entry] = field(default_factory=list)
    parents: list[str | None] = field(default_factory=list)
    gaps: list[ListingGap] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # ids of what was told and is not there any more

    def add(self, entry: Entry, parent: str | None) -> None:
        """Take an entry."""
        self.entries.append(entry)
        self.parents.append(parent)


class Folders:
    """The ids of folders by path, as they were told, or asked for once. Not thread-safe."""

    def __init__(self, api: DropboxApi, top: Top, scope: str) -> None:
        self._api = api
        self.top = top
        self._scope = scope
        self._ids: dict[str, str | SourceError | None] = {}  # None: there is no folder

    def learn(self, entries: Iterable[Entry]) -> None:
        """Take note of the folders among entries."""
        for entry in entries:
            path = path_of(entry)
            if path is not None and entry.get(".tag") == FOLDER and has_id(entry):
                self._ids[path] = str(entry["id"])

    def ask_for(self, paths: Iterable[str]) -> None:
        """Ask for the folders that are not known yet, several at once."""
        unknown = sorted({path for path in paths if path != self.top.path and path not in self._ids})
        for path, found in zip(unknown, self._api.each(self._attempt, unknown), strict=True):
            self._ids[path] = found

    def id_of(self, path: str) -> str | SourceError | None:
        """Return the id of a folder that was asked for: OUTSIDE for the top, None where there is no folder."""
        return OUTSIDE if path == self.top.path else self._ids.get(path)

    def place(self, entries: Sequence[Entry]) -> PlacedEntries:
        """Return entries with their folders. Where a folder is not there (any more), the entry is asked for anew."""
        placed, strays = PlacedEntries(), list[Entry]()
        self.ask_for(above(path) for path in map(path_of, entries) if path is not None and self.top.has(path))
        for entry in entries:
            self._place(entry, placed, strays)
        now = self._api.each(lambda entry: self._attempt_entry(str(entry["id"])), strays)
        self.ask_for(above(path) for path in (path_of(one) for one in now if isinstance(one, dict)) if path)
        for entry, found in zip(strays, now, strict=True):
            if isinstance(found, SourceError):
                placed.gaps.append(self._gap(path_of(entry) or "", found))
            elif found is None:
                placed.gone.append(str(entry["id"]))
            else:
                self._place(found, placed, None)
        return placed

    def _place(self, entry: Entry, placed: PlacedEntries, strays: list[Entry] | None) -> None:
        path = path_of(entry)
        if path is None or not self.top.has(path):
            placed.add(entry, OUTSIDE)
            return
        folder = self.id_of(above(path))
        if isinstance(folder, SourceError):
            placed.gaps.append(self._gap(path, folder))
        elif folder is not None:
            placed.add(entry, folder or None)
        elif strays is None:
            placed.add(entry, OUTSIDE)  # it moves about while it is asked for: what follows tells where it is
        else:
            strays.append(entry)

    def _gap(self, path: str, error: SourceError) -> ListingGap:
        return ListingGap(self._scope, path.removeprefix(self.top.path).lstrip("/"), error.message)

    def _attempt(self, path: str) -> str | SourceError | None:
        found = self._attempt_entry(path)
        if not isinstance(found, dict):
            return found
        return str(found["id"]) if found.get(".tag") == FOLDER and has_id(found) else None

    def _attempt_entry(self, path: str) -> Answer | SourceError | None:
        try:
            return self._api.metadata(path)
        except PART_FAILURES as error:
            return error


def above(path: str) -> str:
    """Return the path of the folder that something lies in."""
    return path.rpartition("/")[0]


def folders_above(path: str) -> list[str]:
    """Return the paths of all folders that something lies in, the nearest first.

    >>> folders_above("/a/b/c")
    ['/a/b', '/a']
    """
    found = []
    while path := above(path):
        found.append(path)
    return found
