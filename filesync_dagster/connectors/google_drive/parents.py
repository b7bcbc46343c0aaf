"""Where entries lie whose parents do not tell it plainly: in doubt the folders are looked up."""

from collections.abc import Mapping, Sequence
from typing import Any

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.layout import Layout, Scope, parents_of
from filesync_dagster.connectors.rest.errors import Forbidden
from filesync_dagster.core.errors import NotFound

Entry = Mapping[str, Any]


class Parents:
    """Looks up folders of one listing, each once.

    Below a folder that the user named, an entry with several parents lies in the first of them that is inside: a crawl
    and a log would else place it differently. What was shared out of a shared drive that the account is no member of
    lies in its folder if the account sees that too, and else at the top.
    """

    def __init__(self, drive: DriveApi, layout: Layout) -> None:
        self._drive = drive
        self._layout = layout
        self._folders: dict[str, Entry | None] = {}
        self._inside: dict[str, bool] = {}
        self._listed: set[str] = set()

    def settle(self, entries: Sequence[Entry], asked: Scope) -> list[Entry]:
        """Return entries with the parents that count."""
        return [self._settled(entry, asked) for entry in entries]

    def complete(self, entries: Sequence[Entry], asked: Scope) -> list[Entry]:
        """Return the same, and behind them the folders that lead to them and that nothing else lists."""
        found = self.settle(entries, asked)
        for entry in found:  # grows while it is looked at
            if self._layout.foreign(entry) is not None:
                self._listed.add(entry["id"])
                found += self._unlisted(entry)
        return found

    def _settled(self, entry: Entry, asked: Scope) -> Entry:
        parents = parents_of(entry)
        if self._layout.foreign(entry) is not None:
            return {**entry, "parents": [one for one in parents if self._folder(one) is not None][:1]}
        if asked.is_folder and len(parents) > 1:
            inside = next((one for one in parents if self._is_inside(one, asked.top)), None)
            return entry if inside is None else {**entry, "parents": [inside]}
        return entry

    def _unlisted(self, entry: Entry) -> list[Entry]:
        """Return the folder of an entry unless it was listed: Drive lists what was shared, not all that is above."""
        folders = [self._folder(one) for one in parents_of(entry) if one not in self._listed]
        return [self._settled(folder, self._layout.scopes[0]) for folder in folders if folder is not None]

    def _is_inside(self, folder: str, top: str) -> bool:
        """Whether a folder lies below another one, or is it."""
        if folder == top:
            return True
        if folder not in self._inside:
            self._inside[folder] = False  # parents may go round in a circle
            found = self._folder(folder)
            self._inside[folder] = any(self._is_inside(one, top) for one in parents_of(found or {}))
        return self._inside[folder]

    def _folder(self, folder: str) -> Entry | None:
        """Return a folder, None where the account does not see it."""
        if folder not in self._folders:
            try:
                self._folders[folder] = self._drive.file(folder)
            except (NotFound, Forbidden):
                self._folders[folder] = None
        return self._folders[folder]
