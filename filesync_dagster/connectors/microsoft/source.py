"""Drives of Microsoft Graph as a source."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import httpx
import pyarrow as pa

from filesync_dagster.connectors.microsoft.api import GraphApi
from filesync_dagster.connectors.microsoft.changes import (
    UNREAD,
    DeltaPage,
    GraphCursor,
    cursor_from,
    first_page,
    read_delta,
)
from filesync_dagster.connectors.microsoft.content import open_item
from filesync_dagster.connectors.microsoft.details import GraphDetails
from filesync_dagster.connectors.microsoft.errors import GRANT, concerns_account
from filesync_dagster.connectors.microsoft.layout import (
    DriveScope,
    Entry,
    GraphLayout,
    Roots,
    layout_of,
    name_of,
    only_scope,
)
from filesync_dagster.connectors.microsoft.listing import ItemPage, list_drive, tree_of
from filesync_dagster.connectors.microsoft.permissions import permissions_of
from filesync_dagster.connectors.microsoft.rows import rows_of
from filesync_dagster.connectors.rest.crawl import crawl_tree
from filesync_dagster.connectors.rest.errors import PART_FAILURES
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import NotFound, SourceError
from filesync_dagster.core.model import Capabilities, ConnectionReport, Delta, ListingGap, Meter, Page

CRAWL_PAGE_ROWS = 200


class GraphSource:
    """Lists libraries of a site, a OneDrive, or a folder of one, and tells what changed there."""

    def __init__(
        self,
        details: GraphDetails,
        meter: Meter,
        *,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._details = details
        self._api = GraphApi(details, meter, name_of(details), wire, policy)
        self._roots = Roots(self._api)
        self._known: GraphLayout | None = None

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
        """Ask for the drives, for the delta of each, and for permissions where they are wanted."""
        layout = self._layout()
        started = time.monotonic()
        failures = self._api.each(self._failure_of, layout.scopes)
        latency = (time.monotonic() - started) * 1000
        found = [failure for failure in failures if failure is not None]
        if found and len(found) == len(failures):
            raise found[0]
        permissions = ["list files", "read changes"]
        problems = [f"{_title(scope)}: {one}" for scope, one in zip(layout.scopes, failures, strict=True) if one]
        if self._details.include_permissions and layout.scopes:
            scope = next(scope for scope, failure in zip(layout.scopes, failures, strict=True) if failure is None)
            root = {"id": self._roots.of(scope.drive_id)}
            if permissions_of(self._api, scope.name, scope.drive_id, [root])[0] == [None]:
                problems.append(f"The permissions cannot be read. {GRANT}")
            else:
                permissions.append("read permissions")
        return ConnectionReport(latency, self._sees(layout), tuple(permissions), tuple(problems))

    def explain_emptiness(self) -> str | None:
        """Tell a site that shows no library, and drives that are empty."""
        layout = self._layout()
        if not all(self._is_empty(scope) for scope in layout.scopes):
            return None
        if not layout.scopes:
            return f"{self._api.where} shows no library to this app. {GRANT}"
        return f"{self._sees(layout)}: there is nothing in it. Is it what was meant?"

    def scopes(self) -> tuple[str, ...]:
        """The drive; without one every library of the site."""
        only = only_scope(self._details)
        return self._layout().names if only is None else (only,)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Read the delta of a drive from its beginning; crawl a folder."""
        asked = (self._known or self._layout()).scope(scope)
        if asked.folder is not None:
            yield from self._pages(self._crawl(asked, asked.folder, checkpoint), asked)
        else:
            yield from self._pages(list_drive(self._api, asked, self._roots, checkpoint), asked)

    def cursor(self) -> str:
        """Return the delta link of each drive. One that does not tell is unread until the next full listing."""
        cursor, scopes = GraphCursor({}, self._details.include_permissions), self._layout().scopes
        links = self._api.each(self._latest, scopes)
        _raise_if_all_failed(links)
        for scope, link in zip(scopes, links, strict=True):
            cursor = cursor.at(scope, UNREAD if isinstance(link, SourceError) else link)
        return cursor.as_text()

    def changes(self, cursor: str) -> Iterator[Delta]:
        """Read the delta of every drive. The first pages are asked for side by side.

        One that cannot be read is a gap, and its part of the cursor stays.
        """
        layout = self._layout()
        at = cursor_from(cursor, layout, permissions=self._details.include_permissions)
        first = self._api.each(lambda scope: first_page(self._api, scope, at), layout.scopes)
        _raise_if_all_failed(first)
        for scope, answer in zip(layout.scopes, first, strict=True):
            if isinstance(answer, SourceError):
                yield self._unread(scope, at, answer)
            else:
                told = read_delta(self._api, scope, self._roots, at, answer)
                at = yield from self._deltas(told, scope, at, alone=len(layout.scopes) == 1)

    def below(self, folder_id: str, scope: str) -> Iterator[Page]:
        """Crawl. Below a folder that is gone there is nothing."""
        asked = (self._known or self._layout()).scope(scope)
        yield from self._pages(self._crawl(asked, folder_id), asked)

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Ask for each."""
        asked = (self._known or self._layout()).former(scope)
        for start in range(0, len(ids), CRAWL_PAGE_ROWS):
            found = self._api.each(lambda one: self._item(asked, one), ids[start : start + CRAWL_PAGE_ROWS])
            yield self._page(ItemPage([entry for entry in found if entry], None), asked)

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Download a file. Its version is asked for before and after. A notebook is not exported."""
        drive_id = (self._known or self._layout()).former(entry.scope).drive_id
        return open_item(self._api, drive_id, entry, offset, length)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _pages(self, found: Generator[ItemPage], asked: DriveScope) -> Generator[Page]:
        with closing(found):
            for some in found:
                yield self._page(some, asked)

    def _page(self, some: ItemPage, asked: DriveScope) -> Page:
        batch, gaps = self._batch(some.entries, asked)
        return Page(batch, some.checkpoint, (*some.gaps, *gaps))

    def _deltas(
        self, told: Generator[DeltaPage, None, GraphCursor], scope: DriveScope, cursor: GraphCursor, *, alone: bool
    ) -> Generator[Delta, None, GraphCursor]:
        while True:
            try:
                page = next(told)
                batch, gaps = self._batch(page.entries, scope, told=True)
            except StopIteration as end:
                after: GraphCursor = end.value
                return after
            except PART_FAILURES as error:
                if alone or concerns_account(error):
                    raise
                yield self._unread(scope, cursor, error)
                return cursor
            cursor = page.following
            yield Delta(scope.name, batch, cursor.as_text(), tuple(page.order), page.removed, gaps=gaps)

    def _unread(self, scope: DriveScope, cursor: GraphCursor, error: SourceError) -> Delta:
        gap = ListingGap(scope.name, "", f"Its changes cannot be read. {error}")
        return Delta(scope.name, rows_of([], scope, self._roots), cursor.as_text(), gaps=(gap,))

    def _crawl(self, scope: DriveScope, begin: str, checkpoint: str | None = None) -> Generator[ItemPage]:
        details = self._details
        tree = tree_of(self._api, scope, self._roots.top(scope))
        size = details.page_size or CRAWL_PAGE_ROWS
        pages = crawl_tree(tree, begin, checkpoint, workers=details.list_workers, page_size=size, name="graph-folder")
        with closing(pages):
            for page in pages:
                yield ItemPage(page.entries, page.checkpoint, page.gaps)

    def _layout(self) -> GraphLayout:
        self._known = layout_of(self._api, self._details)
        return self._known

    def _latest(self, scope: DriveScope) -> str | SourceError:
        try:
            return self._api.latest(scope.drive_id)
        except PART_FAILURES as error:
            if concerns_account(error):
                raise
            return error

    def _is_empty(self, scope: DriveScope) -> bool:
        """Whether there is nothing in a drive; of one that cannot be read nobody knows."""
        try:
            return not self._api.children(scope.drive_id, self._roots.top(scope), None).entries
        except PART_FAILURES:
            return False

    def _failure_of(self, scope: DriveScope) -> SourceError | None:
        found = self._latest(scope)
        return found if isinstance(found, SourceError) else None

    def _item(self, scope: DriveScope, item_id: str) -> Entry | None:
        try:
            return self._api.item(scope.drive_id, item_id)
        except NotFound:
            return None

    def _batch(
        self, entries: Sequence[Entry], scope: DriveScope, *, told: bool = False
    ) -> tuple[pa.RecordBatch, tuple[ListingGap, ...]]:
        permissions, gaps = None, tuple[ListingGap, ...]()
        if told and scope.folder is not None and scope.drive_id in self._roots.without_ctags:
            # The folder was crawled, where cTags are told.
            entries = self._api.each(lambda entry: self._item(scope, str(entry["id"])) or entry, entries)
        if self._details.include_permissions:
            permissions, gaps = permissions_of(self._api, scope.name, scope.drive_id, entries)
        return rows_of(entries, scope, self._roots, permissions=permissions, told=told), gaps

    def _sees(self, layout: GraphLayout) -> str:
        if only_scope(self._details) is None:
            names = ", ".join(sorted(map(_title, layout.scopes))) or "none"
            return f"{self._api.where}, libraries: {names}"
        folder = f", folder {self._details.folder_path}" if self._details.folder_path else ""
        return f"{self._api.where}{folder}"


def _title(scope: DriveScope) -> str:
    library: Mapping[str, Any] = scope.library or {}
    return str(library.get("name") or scope.name)


def _raise_if_all_failed(found: Sequence[object]) -> None:
    errors = [one for one in found if isinstance(one, SourceError)]
    if errors and len(errors) == len(found):
        raise errors[0]
