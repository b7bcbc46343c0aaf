"""Dropbox as a source."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

import httpx

from filesync_dagster.connectors.dropbox.api import DropboxApi
from filesync_dagster.connectors.dropbox.changes import FULL_SYNC, DropboxCursor, cursor_from, read_feed, spots_of
from filesync_dagster.connectors.dropbox.content import open_entry
from filesync_dagster.connectors.dropbox.details import DropboxDetails
from filesync_dagster.connectors.dropbox.errors import SCOPES
from filesync_dagster.connectors.dropbox.listing import TreeListing, mounted_folders
from filesync_dagster.connectors.dropbox.members import Members
from filesync_dagster.connectors.dropbox.places import Folders, PlacedEntries, Top, top_of
from filesync_dagster.connectors.dropbox.rows import FOLDER, Entry, path_of, rows_of, shared_folder_of
from filesync_dagster.connectors.rest.errors import PART_FAILURES
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import AccessDenied, CursorLost, NotFound
from filesync_dagster.core.model import Capabilities, ConnectionReport, Delta, ListingGap, Meter, Page

PAGES_TO_EXPLAIN = 5
"""So many are looked at for a file, before it is said that there is none."""


class DropboxSource:
    """Lists a Dropbox, what is below a folder of it, or a namespace, and tells what changed there."""

    def __init__(
        self,
        details: DropboxDetails,
        meter: Meter,
        *,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._details = details
        self._api = DropboxApi(details, meter, wire, policy)
        self._members = Members(self._api) if details.include_permissions else None
        self._mounted: Sequence[str] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Names that differ in case only are one name."""
        return Capabilities(
            stable_ids=True,
            derives_paths=True,
            hashes=True,
            permissions=self._details.include_permissions,
            case_sensitive=False,
        )

    def check(self) -> ConnectionReport:
        """Ask who asks, for the folder, for its feed and, if wanted, for permissions."""
        started = time.monotonic()
        account = self._api.account()
        latency = (time.monotonic() - started) * 1000
        top = top_of(self._api, self._details.path)
        self._api.list_folder(top.path, limit=1)
        self._api.latest_cursor(top.path)
        permissions, problems = ["list files", "read the change feed"], []
        if self._details.include_permissions:
            try:
                self._api.ask("sharing/list_folders", {"limit": 1})
                permissions.append("read permissions")
            except AccessDenied:
                problems.append(f"The members of shared folders cannot be read. {SCOPES}")
        root = (account.get("root_info") or {}).get("root_namespace_id")
        where = self._details.path or "everything"
        sees = f"{where} in namespace {self._details.namespace_id or root}, as {account.get('email')}"
        return ConnectionReport(latency, sees, tuple(permissions), tuple(problems))

    def explain_emptiness(self) -> str | None:
        """Tell a folder that is empty, and an app that has but a folder of its own."""
        for page in islice(self.list(self._details.scope), PAGES_TO_EXPLAIN):
            if set(page.batch.column("kind").to_pylist()) - {FOLDER}:
                return None
        where, email = self._details.path or "its Dropbox", self._api.account().get("email")
        return f"In {where} {email} sees no file. May the app see more than its own folder?"

    def scopes(self) -> tuple[str, ...]:
        """One: the folder or namespace."""
        return (self._details.scope,)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """List the tree. A checkpoint holds cursors, which Dropbox accepts for long."""
        top = top_of(self._api, self._details.path)
        yield from self._tree(Folders(self._api, top, scope), self._details.path, checkpoint)

    def cursor(self) -> str:
        """Return where the feed stands, and those of mounted folders that it leaves out."""
        top = top_of(self._api, self._details.path)
        folders = ["", *self._left_out(top)]
        found = self._api.each(lambda path: self._api.latest_cursor(path or top.path), folders)
        return self._cursor(dict(zip(folders, found, strict=True))).as_text()

    def changes(self, cursor: str) -> Iterator[Delta]:
        """Read the feed to its end. Something that cannot be looked up is a gap, and the cursor stays."""
        before = cursor_from(cursor, self._details.scope, permissions=self._details.include_permissions)
        changed, after = read_feed(self._api, before)
        if not changed:
            yield self._delta(PlacedEntries(), after.as_text())
            return
        top = top_of(self._api, self._details.path)
        folders = Folders(self._api, top, self._details.scope)
        told = changed.outermost()
        if any(entry["id"] == top.id or path_of(entry) == top.path for entry in told):
            raise CursorLost("The folder that is listed was made anew, moved back or shared.", hint=FULL_SYNC)
        self._require_followed(told, before, top)
        folders.learn(told)
        placed = folders.place(told)
        yield self._delta(placed, cursor)
        gaps = deque(placed.gaps)
        for entry in placed.entries:
            if entry.get(".tag") == FOLDER:
                yield from self._inside(entry, folders, cursor, gaps)
        try:
            spots = tuple(spots_of(told, changed.deleted, folders))
        except PART_FAILURES as error:
            gaps.append(ListingGap(self._details.scope, "", error.message))
            spots = ()
        removed = dict.fromkeys(placed.gone, 0)
        batch = rows_of([], [], self._details.scope)
        end = cursor if gaps else after.as_text()
        yield Delta(self._details.scope, batch, end, removed=removed, gaps=tuple(gaps), spots=spots)

    def below(self, folder_id: str, scope: str) -> Iterator[Page]:
        """List the tree below a folder; what is gone holds nothing."""
        folder = self._api.metadata(folder_id)
        if folder is not None:
            top = top_of(self._api, self._details.path)
            yield from self._below(folder, Folders(self._api, top, scope))

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Ask for entries one by one, several at once."""
        if not ids:
            return
        top, size = top_of(self._api, self._details.path), self._details.page_size
        folders = Folders(self._api, top, scope)
        for start in range(0, len(ids), size):
            found = self._api.each(self._api.metadata, ids[start : start + size])
            yield self._page(folders.place([entry for entry in found if entry is not None]))

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Download a file, or export a document."""
        return open_entry(self._api, entry, offset=offset, length=length, export=export)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _tree(self, folders: Folders, begin: str, checkpoint: str | None = None) -> Iterator[Page]:
        listing = TreeListing(self._api, folders.top, self._details.scope, self._is_followed)
        for page in listing.pages(begin, checkpoint):
            folders.learn(page.entries)
            placed = folders.place(page.entries)
            yield self._page(placed, page.checkpoint, page.gaps)

    def _below(self, folder: Entry, folders: Folders) -> Iterator[Page]:
        """Yield what is below a folder; of the folder itself Dropbox tells there, too."""
        folders.learn([folder])
        listing = TreeListing(self._api, folders.top, self._details.scope, self._is_followed)
        for page in listing.pages(str(folder["id"])):
            entries = [entry for entry in page.entries if entry["id"] != folder["id"]]
            folders.learn(entries)
            yield self._page(folders.place(entries), None, page.gaps)

    def _inside(self, folder: Entry, folders: Folders, cursor: str, gaps: deque[ListingGap]) -> Iterator[Delta]:
        """Yield what is in a folder that was told, which is all that is in it now."""
        read = [str(folder["id"])]
        try:
            for page in self._below(folder, folders):
                gaps += page.gaps
                kinds, ids = page.batch.column("kind").to_pylist(), page.batch.column("external_id").to_pylist()
                read += [str(one) for one, kind in zip(ids, kinds, strict=True) if kind == FOLDER]
                yield Delta(self._details.scope, page.batch, cursor)
        except PART_FAILURES as error:
            if isinstance(error, NotFound) and self._api.metadata(read[0]) is None:
                return  # it is gone again, which the feed tells next
            gaps.append(ListingGap(self._details.scope, str(path_of(folder) or "").lstrip("/"), error.message))
            return
        yield Delta(self._details.scope, rows_of([], [], self._details.scope), cursor, read=tuple(read))

    def _require_followed(self, told: Sequence[Entry], before: DropboxCursor, top: Top) -> None:
        """Raise CursorLost where a shared folder was mounted, or moved, whose changes would not be told."""
        for entry in told:
            moved = shared_folder_of(entry) is not None and path_of(entry) not in before.cursors
            if self._details.namespace_id and moved:
                raise CursorLost("A shared folder was mounted since the cursor was made.", hint=FULL_SYNC)

    def _left_out(self, top: Top) -> Sequence[str]:
        """Return the mounted folders that the feed leaves out: those in a namespace that paths begin at."""
        if not self._details.namespace_id:
            return []
        if self._mounted is None:
            self._mounted = mounted_folders(self._api, top)
        return self._mounted

    def _is_followed(self, path: str) -> bool:
        return path in self._left_out(top_of(self._api, self._details.path))

    def _cursor(self, cursors: dict[str, str]) -> DropboxCursor:
        return DropboxCursor(self._details.scope, cursors, self._details.include_permissions)

    def _page(self, placed: PlacedEntries, checkpoint: str | None = None, gaps: tuple[ListingGap, ...] = ()) -> Page:
        permissions = self._members.of(placed.entries) if self._members is not None else None
        batch = rows_of(placed.entries, placed.parents, self._details.scope, permissions)
        return Page(batch, checkpoint, (*gaps, *placed.gaps))

    def _delta(self, placed: PlacedEntries, cursor: str) -> Delta:
        return Delta(self._details.scope, self._page(placed).batch, cursor)
