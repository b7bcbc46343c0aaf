"""What changed, as Dropbox tells it: paths, in an order that counts, where something is or nothing is any more.

A file is in place of what was at its path, and of all below it; a folder keeps what is below it; what is deleted takes
all below it along. A file or folder that moved is deleted in one place and is in another, with the same id. What a
folder holds is read again where it came: it may have lost something on the way.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from filesync_dagster.connectors.dropbox.api import DropboxApi, cursor_in
from filesync_dagster.connectors.dropbox.places import Folders, above, folders_above
from filesync_dagster.connectors.dropbox.rows import DELETED, FOLDER, Entry, has_id, path_of
from filesync_dagster.connectors.rest.answers import Answer, ids_in
from filesync_dagster.connectors.rest.errors import BadRequest
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core.errors import CursorLost, SourceError
from filesync_dagster.core.model import canonical_json

PATHS_MAX = 100_000
"""Past so many changed paths a listing costs less, and proves more."""

FULL_SYNC = "A full sync follows."


@dataclass(frozen=True)
class DropboxCursor:
    """Where the feed goes on: that of the whole scope, and those of mounted folders of which it does not tell, by path.

    `permissions`: whether the rows that are known have them. No feed tells those of what did not change.
    """

    scope: str
    cursors: Mapping[str, str]  # by the path of a folder; empty: the top
    permissions: bool = False

    def as_text(self) -> str:
        """Return the cursor as the sync keeps it."""
        return canonical_json({"scope": self.scope, "cursors": self.cursors, "permissions": self.permissions})


def cursor_from(text: str, scope: str, *, permissions: bool) -> DropboxCursor:
    """Return a stored cursor. Raises CursorLost when it is not one of this scope and of rows like these."""
    try:
        told = json.loads(text)
        found = DropboxCursor(told["scope"], told["cursors"], told["permissions"])
        ours = "" in found.cursors and all(isinstance(one, str) and one for one in found.cursors.values())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CursorLost("The stored cursor is none of Dropbox.", hint=FULL_SYNC) from None
    if not ours or found.scope != scope:
        raise CursorLost("The stored cursor is of another folder or namespace.", hint=FULL_SYNC)
    if found.permissions != permissions:
        raise CursorLost(f"Permissions are {'' if permissions else 'not '}recorded from now on.", hint=FULL_SYNC)
    return found


@dataclass(slots=True)
class ChangedPaths:
    """What was told, in its order."""

    _told: dict[str, tuple[int, Entry]] = field(default_factory=dict)
    _cut: dict[str, int] = field(default_factory=dict)  # when all below a path was gone
    _deleted: dict[str, None] = field(default_factory=dict)
    _count: int = 0

    def __bool__(self) -> bool:
        return bool(self._told or self._deleted)

    def take(self, entries: Iterable[Entry]) -> None:
        """Take the entries of a page. Raises CursorLost when there are too many, or one cannot be understood."""
        for entry in entries:
            path = path_of(entry)
            if path is None or not (entry.get(".tag") == DELETED or has_id(entry)):
                raise CursorLost("Dropbox told a change without saying of what.", hint=FULL_SYNC)
            self._count += 1
            if entry.get(".tag") != FOLDER:
                self._cut[path] = self._count
            if entry.get(".tag") == DELETED:
                self._told.pop(path, None)
                self._deleted[path] = None
            else:
                self._deleted.pop(path, None)
                self._told[path] = self._count, entry
        if len(self._told) + len(self._deleted) > PATHS_MAX:
            raise CursorLost(f"More than {PATHS_MAX:,} paths changed.", hint=FULL_SYNC)

    @property
    def deleted(self) -> list[str]:
        """The paths where nothing is any more."""
        return list(self._deleted)

    def outermost(self) -> list[Entry]:
        """Return the entries that are there, without those in folders among them, which are read as a whole."""
        live = {path: entry for path, (at, entry) in self._told.items() if not self._is_cut(path, at)}
        folders = {path for path, entry in live.items() if entry.get(".tag") == FOLDER}
        return [entry for path, entry in live.items() if folders.isdisjoint(folders_above(path))]

    def _is_cut(self, path: str, at: int) -> bool:
        return any(self._cut.get(folder, 0) > at for folder in folders_above(path))


def read_feed(api: DropboxApi, cursor: DropboxCursor) -> tuple[ChangedPaths, DropboxCursor]:
    """Return what changed since a cursor, and where to go on. Raises CursorLost."""
    changed, following = ChangedPaths(), dict(cursor.cursors)
    for folder, start in cursor.cursors.items():
        try:
            for page in _pages(api, start):
                changed.take(api.entries(page))
                following[folder], _ = cursor_in(page, api.where)
        except BadRequest as error:
            raise CursorLost(f"The feed of changes cannot go on: {error.message}", hint=FULL_SYNC) from error
        except SourceError as error:
            if not folder:
                raise
            raise CursorLost(f"The changes in {folder} cannot be told: {error.message}", hint=FULL_SYNC) from error
    return changed, DropboxCursor(cursor.scope, following, cursor.permissions)


def _pages(api: DropboxApi, start: str) -> Iterator[Answer]:
    chain, cursor = PageChain(api.where, start), start
    while True:
        answer = api.continue_from(cursor)
        yield answer
        following, more = cursor_in(answer, api.where)
        if not more:
            return
        told = ids_in(api.entries(answer), "id", ".tag", "path_lower", "rev")
        cursor = chain.advance(following, told) or following


def spots_of(entries: Iterable[Entry], deleted: Iterable[str], folders: Folders) -> Iterator[tuple[str, str]]:
    """Yield the folders and names of all that was told: who was known there is replaced or gone.

    A folder that is not there any more went with what it held, or is told, and read, where it is now.
    """
    paths = [*(path for path in map(path_of, entries) if path is not None), *deleted]
    paths = [path for path in paths if folders.top.has(path)]
    folders.ask_for(map(above, paths))
    for path in paths:
        folder = folders.id_of(above(path))
        if isinstance(folder, str):
            yield folder, path.rpartition("/")[2]
        elif isinstance(folder, SourceError):
            raise folder
