"""files/list_folder and what continues it: a listing under a cursor that becomes, at its end, a feed of changes."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from filesync_dagster.simulators.dropbox.refusals import DropboxRefusal, bad_request, not_found, reset
from filesync_dagster.simulators.dropbox.resources import metadata, tombstone
from filesync_dagster.simulators.dropbox.roots import DropboxCall, entry_at, root_of
from filesync_dagster.simulators.dropbox.store import DropboxEntry, DropboxStore
from filesync_dagster.simulators.kit.fault_injection import CallFaults
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.journal import FeedPosition, feed_page
from filesync_dagster.simulators.kit.paging import OrderedListing, PageTokens

LIMIT_MAX = 2000
LIMIT = 500
LONGPOLL_SECONDS_MAX = 480


@dataclass(frozen=True)
class FolderQuestion:
    """What a cursor is about."""

    path: str
    recursive: bool
    mounted: bool
    members: bool
    limit: int
    root: str  # the id of the entry that paths begin at

    def text(self) -> str:
        """Return what tells it from others."""
        return orjson.dumps(self.__dict__).decode()


@dataclass(frozen=True)
class Cursor:
    """Where somebody is with a question: in the listing, while `page` is set, and then in the log."""

    question: FolderQuestion
    page: str | None
    feed: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.question.__dict__, self.page, self.feed])).decode()

    @classmethod
    def parse(cls, text: object) -> "Cursor":
        """Return the cursor of a text. Raises DropboxRefusal."""
        try:
            question, page, feed = orjson.loads(base64.urlsafe_b64decode(str(text).encode()))
            return cls(FolderQuestion(**question), page, feed)
        except (ValueError, TypeError, binascii.Error) as error:
            raise bad_request(
                'Error in call to API function "files/list_folder/continue": Invalid "cursor".'
            ) from error


def list_folder(call: DropboxCall) -> dict[str, Any]:
    """Answer files/list_folder."""
    asked = _question(call)
    return _page(call, Cursor(asked, "", str(call.store.log.end)))


def get_latest_cursor(call: DropboxCall) -> dict[str, Any]:
    """Answer files/list_folder/get_latest_cursor."""
    return {"cursor": str(Cursor(_question(call), None, str(call.store.log.end)))}


def continue_listing(call: DropboxCall) -> dict[str, Any]:
    """Answer files/list_folder/continue."""
    cursor = Cursor.parse(call.payload().get("cursor"))
    if cursor.question.root != root_of(call).id:
        raise reset()
    return _page(call, cursor)


def longpoll(call: DropboxCall) -> dict[str, Any]:
    """Answer files/list_folder/longpoll, at once: a simulator holds its lock while it answers."""
    asked = call.payload()
    seconds = asked.get("timeout", 30)
    if not isinstance(seconds, int) or not 30 <= seconds <= LONGPOLL_SECONDS_MAX:  # noqa: PLR2004 - as described
        raise bad_request("timeout must be between 30 and 480.")
    cursor = Cursor.parse(asked.get("cursor"))
    return {"changes": cursor.page is not None or call.store.log.end > FeedPosition.parse(cursor.feed).position}


def _question(call: DropboxCall) -> FolderQuestion:
    asked = call.payload()
    path, limit = asked.get("path"), asked.get("limit") or LIMIT
    if not isinstance(path, str) or path == "/" or not isinstance(limit, int) or not 1 <= limit <= LIMIT_MAX:
        raise bad_request(
            'Error in call to API function "files/list_folder": path: Specify the root as an empty string.'
        )
    found = FolderQuestion(
        path,
        bool(asked.get("recursive")),
        asked.get("include_mounted_folders", True) is True,
        asked.get("include_has_explicit_shared_members") is True,
        limit,
        root_of(call).id,
    )
    _top(call.store, found)
    return found


def _top(store: DropboxStore, asked: FolderQuestion) -> DropboxEntry:
    """Return the folder that a question is about, as it is now. Raises DropboxRefusal."""
    root = store.entries.get(asked.root)
    found = entry_at(store, asked.path, root) if root is not None and root.seen else None
    if found is None:
        raise not_found()
    if not found.is_folder:
        raise DropboxRefusal(409, "path/not_folder")
    return found


def _page(call: DropboxCall, cursor: Cursor) -> dict[str, Any]:
    if call.faults.rule(Fault.EXPIRE_PAGE if cursor.page else Fault.LOSE_CURSOR):
        raise reset()
    scope = _Scope(call.store, cursor.question, _top(call.store, cursor.question))
    try:
        entries, after, more = (
            scope.changes(cursor, call.faults) if cursor.page is None else scope.listing(cursor, call.faults)
        )
    except ValueError as error:
        raise reset() from error
    return {"entries": entries, "cursor": str(after), "has_more": more}


@dataclass(frozen=True)
class _Scope:
    """What a question covers."""

    store: DropboxStore
    question: FolderQuestion
    top: DropboxEntry

    @property
    def root(self) -> DropboxEntry:
        """Where paths begin."""
        return self.store.entries[self.question.root]

    def listing(self, cursor: Cursor, faults: CallFaults) -> tuple[list[dict[str, Any]], Cursor, bool]:
        tokens = PageTokens(self.store.clock)
        listing = OrderedListing(self.question.text(), self._after, lambda entry: entry.order)
        page = listing.page(cursor.page or "", self.question.limit, tokens, faults)
        found = [self._tell(entry) for entry in page.entries]
        return found, replace(cursor, page=page.next_token), page.next_token is not None

    def changes(self, cursor: Cursor, faults: CallFaults) -> tuple[list[dict[str, Any]], Cursor, bool]:
        page = feed_page(self.store.log, FeedPosition.parse(cursor.feed), self.question.limit, faults)
        found = [self._now_at(entry.id) for entry in page.entries]
        return [one for one in found if one], replace(cursor, feed=str(page.after)), page.more

    def _after(self, order: int) -> Iterator[DropboxEntry]:
        """Yield what is listed behind a place in the order of creation."""
        start = bisect_right(self.store.ordered, order, key=lambda entry: entry.order)
        for index in range(start, len(self.store.ordered)):
            entry = self.store.ordered[index]
            if entry.seen and self._covers(entry):
                yield entry

    def _covers(self, entry: DropboxEntry) -> bool:
        if not self.question.recursive:
            return entry.parent is self.top
        if entry is self.top:
            return entry is not self.root  # a recursive list begins with the folder itself, unless that is the root
        for above in entry.parents[:1]:
            inside = above is self.store.root is self.top or self.top in above.above()
            return inside and not (self._omits_mounted and self._is_in_mounted(entry))
        return False

    @property
    def _omits_mounted(self) -> bool:
        # What lies in other namespaces than that of the root is not listed with it, where the root is a namespace.
        return self.store.omits_namespaces or not self.question.mounted or self.root is not self.store.root

    def _is_in_mounted(self, entry: DropboxEntry) -> bool:
        for above in [*entry.above()][1:]:
            if above is self.top:
                return False
            if above.namespace:
                return True
        return False

    def _now_at(self, path: str) -> dict[str, Any] | None:
        """Return what is at a path that changed, seen from the root; None where the question is not about it."""
        entry = self.store.at(path)
        if entry is not None:
            return self._tell(entry) if self._covers(entry) else None
        above, start = path.rpartition("/")[0], self.top.path_lower
        inside = above == start if not self.question.recursive else f"{above}/".startswith(f"{start}/")
        folder = self.store.at(above)
        if not inside or (folder is not None and self._omits_mounted and self._is_below_mounted(folder)):
            return None
        return tombstone(path[len(self.root.path_lower) :])

    def _is_below_mounted(self, folder: DropboxEntry) -> bool:
        return folder is not self.top and (bool(folder.namespace) or self._is_in_mounted(folder))

    def _tell(self, entry: DropboxEntry) -> dict[str, Any]:
        return metadata(entry, self.root, members=self.question.members)
