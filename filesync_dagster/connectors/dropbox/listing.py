"""Everything below a folder, in one recursive list; what lies in shared folders that the list leaves out, by itself.

Where paths begin at a namespace, Dropbox's recursive lists do not enter the namespaces that are mounted in it. So a
shared folder of which nothing was listed is listed by itself.
"""

import json
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass, field

from filesync_dagster.connectors.dropbox.api import DropboxApi, cursor_in
from filesync_dagster.connectors.dropbox.places import Top, folders_above
from filesync_dagster.connectors.dropbox.rows import has_id, holding_folder_of, path_of, shared_folder_of
from filesync_dagster.connectors.rest.answers import Answer, ids_in, list_in
from filesync_dagster.connectors.rest.crawl import RESTARTS_MAX
from filesync_dagster.connectors.rest.errors import PART_FAILURES, BadRequest
from filesync_dagster.connectors.rest.fields import gap_without
from filesync_dagster.connectors.rest.paging import PageChain, follow_pages, next_token_in
from filesync_dagster.core.errors import AccessDenied, NotFound
from filesync_dagster.core.model import ListingGap, canonical_json

UNFOLLOWED = (
    "Dropbox lists what is in this shared folder by itself only, and does not tell what changes there: sign in with "
    "sharing.read and give its namespace_id, or an endpoint of its own."
)


@dataclass(slots=True)
class TreePage:
    """Entries, the checkpoint that covers them and all before, and what could not be read."""

    entries: list[Answer]
    checkpoint: str
    gaps: tuple[ListingGap, ...] = ()


@dataclass(slots=True)
class ListedRoot:
    """A folder that is listed as a whole: from where on, and the mounted folders of which nothing came yet.

    `read`: the ids of shared folders of which something came, be it before the folder itself.
    """

    path: str
    cursor: str | None = None
    mounted: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)

    def begin_again(self) -> None:
        """Forget what came."""
        self.cursor, self.mounted, self.read = None, set(), set()


class TreeListing:
    """Lists all that is below a folder, by its path or its id. `is_followed`: whether a feed tells of a mounted one."""

    def __init__(self, api: DropboxApi, top: Top, scope: str, is_followed: Callable[[str], bool]) -> None:
        self._api = api
        self._top = top
        self._scope = scope
        self._is_followed = is_followed
        self._left: list[ListedRoot] = []
        self._first = ""

    def pages(self, begin: str, checkpoint: str | None = None) -> Iterator[TreePage]:
        """Yield the pages, or raise SourceError. Resumes after `checkpoint` if it can."""
        self._first = begin
        resumed = _roots_from(checkpoint, self._scope)
        self._left = [ListedRoot(begin)] if resumed is None else resumed
        while self._left:
            root = self._left.pop()
            try:
                yield from self._pages_of(root)
            except PART_FAILURES as error:
                if root.path == begin or (isinstance(error, NotFound) and self._api.metadata(root.path) is None):
                    if root.path == begin:
                        raise
                    continue
                yield TreePage([], self._checkpoint(None), (self._gap(root.path, error.message),))

    def _pages_of(self, root: ListedRoot) -> Generator[TreePage]:
        chain, restarts, more = PageChain(self._api.where, root.cursor), 0, True
        while more:
            try:
                answer = self._api.continue_from(root.cursor) if root.cursor else self._api.list_folder(root.path)
            except BadRequest:
                restarts += 1
                if root.cursor is None or restarts > RESTARTS_MAX:
                    raise
                root.begin_again()
                chain = PageChain(self._api.where)
                continue
            entries = self._api.entries(answer)
            cursor, more = cursor_in(answer, self._api.where)
            root.cursor = chain.advance(cursor, ids_in(entries, "id", "rev", "path_lower")) if more else cursor
            yield self._page(root, entries, more=more)

    def _page(self, root: ListedRoot, entries: list[Answer], *, more: bool) -> TreePage:
        """Return a page; what is left to do after it is noted."""
        gaps = [gap_without("an id", entry, scope=self._scope) for entry in entries if not has_id(entry)]
        found = [entry for entry in entries if has_id(entry) and entry["id"] != self._top.id]
        if root.path != self._first:
            found = [entry for entry in found if path_of(entry) != root.path]
            if found and not self._is_followed(root.path):
                gaps.append(self._gap(root.path, UNFOLLOWED))
        _note_mounted(root, found)
        if not more:
            self._left += [ListedRoot(path) for path in sorted(root.mounted)]
        return TreePage(found, self._checkpoint(root if more else None), tuple(gaps))

    def _gap(self, path: str, reason: str) -> ListingGap:
        return ListingGap(self._scope, path.removeprefix(self._top.path).lstrip("/"), reason)

    def _checkpoint(self, root: ListedRoot | None) -> str:
        left = [*self._left, *([root] if root is not None else [])]
        return canonical_json(
            {
                "scope": self._scope,
                "left": [[one.path, one.cursor, sorted(one.mounted), sorted(one.read)] for one in left],
            }
        )


def _note_mounted(root: ListedRoot, entries: Collection[Answer]) -> None:
    """Note the shared folders that were listed, and forget those of which something was."""
    root.read.update(filter(None, map(holding_folder_of, entries)))
    for entry in entries:
        path, shared = path_of(entry), shared_folder_of(entry)
        if path is not None and shared is not None and shared not in root.read:
            root.mounted.add(path)
    if root.mounted:
        for entry in entries:
            root.mounted.difference_update(folders_above(path_of(entry) or ""))


def _roots_from(checkpoint: str | None, scope: str) -> list[ListedRoot] | None:
    """Return what an earlier listing left to do, None if this is no checkpoint of this scope."""
    try:
        state = json.loads(checkpoint or "{}")
        if state["scope"] != scope:
            return None
        return [
            ListedRoot(str(path), cursor, set(map(str, mounted)), set(map(str, read)))
            for path, cursor, mounted, read in state["left"]
        ]
    except (ValueError, KeyError, TypeError):
        return None


def mounted_folders(api: DropboxApi, top: Top) -> list[str]:
    """Return the paths of the shared folders that are mounted below the top; none where the app may not ask."""

    def ask(cursor: str | None) -> Answer:
        if cursor is None:
            return api.ask("sharing/list_folders", {"limit": 1000})
        return api.ask("sharing/list_folders/continue", {"cursor": cursor})

    def folders(page: Answer) -> list[Answer]:
        return list_in(page, "entries", api.where)

    try:
        pages = list(
            follow_pages(
                ask,
                lambda page: next_token_in(page, "cursor", api.where),
                lambda page: ids_in(folders(page), "shared_folder_id"),
                api.where,
            )
        )
    except AccessDenied:
        return []
    paths = [path_of(folder) for page in pages for folder in folders(page)]
    return sorted(path for path in paths if path is not None and top.has(path))
