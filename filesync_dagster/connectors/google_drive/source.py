"""Google Drive as a source."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import httpx

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.crawl import tree_of
from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails
from filesync_dagster.connectors.google_drive.errors import SHARE
from filesync_dagster.connectors.google_drive.feed import DriveCursor, LogPage, cursor_from, page_of_log, read_log
from filesync_dagster.connectors.google_drive.layout import MY_DRIVE, Layout, Scope
from filesync_dagster.connectors.google_drive.listing import DrivePage, list_scope
from filesync_dagster.connectors.google_drive.permissions import permissions_of
from filesync_dagster.connectors.google_drive.rows import rows_of
from filesync_dagster.connectors.google_drive.scopes import layout_of, name_of, only_scope
from filesync_dagster.connectors.rest.crawl import crawl_tree
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import Capabilities, ConnectionReport, Delta, Meter, Page

Entry = Mapping[str, Any]


class GoogleDriveSource:
    """Lists My Drive, shared drives or the tree below a folder, and tells what changed there."""

    def __init__(
        self,
        details: GoogleDriveDetails,
        meter: Meter,
        *,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._details = details
        self._drive = DriveApi(details, meter, name_of(details), wire, policy)
        self._known: Layout | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Two entries of a folder may have the same name."""
        return Capabilities(
            stable_ids=True,
            derives_paths=True,
            hashes=True,
            permissions=self._details.include_permissions,
            duplicate_names=True,
        )

    def check(self) -> ConnectionReport:
        """Ask who asks, what the endpoint is, for the change log and, if wanted, for permissions."""
        started = time.monotonic()
        account = self._drive.account()
        latency = (time.monotonic() - started) * 1000
        layout = self._layout()
        for scope in layout.scopes:
            self._drive.files(None, pageSize=1, **scope.corpora)
        self.cursor()
        permissions, problems = ["list files", "read the change log"], []
        if self._details.include_permissions:
            if permissions_of(self._drive, [{"id": layout.scopes[0].top, "driveId": None}]) == [None]:
                problems.append(f"The permissions cannot be read. {SHARE}")
            else:
                permissions.append("read permissions")
        sees = f"{self._sees(layout)}, as {account or 'an account that does not tell its name'}"
        return ConnectionReport(latency, sees, tuple(permissions), tuple(problems))

    def scopes(self) -> tuple[str, ...]:
        """My Drive, a shared drive or a folder; with include_shared My Drive and every shared drive."""
        return self._layout().names if self._details.include_shared else (only_scope(self._details),)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """List a drive flat, a folder by crawling. A checkpoint holds the page token, or the folders that are left."""
        layout = self._layout()
        asked = layout.scope(scope)
        if asked.is_folder:
            found = self._crawl(asked, asked.top, checkpoint)
        else:
            found = list_scope(self._drive, asked, checkpoint)
        yield from self._pages(found, layout, asked)

    def cursor(self) -> str:
        """Return where the log of every scope stands."""
        cursor, scopes = DriveCursor({}, self._details.include_permissions), self._layout().scopes
        tokens = self._drive.each(lambda scope: self._drive.start_token(scope.drive_id), scopes)
        for scope, token in zip(scopes, tokens, strict=True):
            cursor = cursor.at(scope, token)
        return cursor.as_text()

    def changes(self, cursor: str) -> Iterator[Delta]:
        """Read the log of every scope, one delta a page. The first pages are asked for side by side."""
        layout = self._layout()
        at = cursor_from(cursor, layout, permissions=self._details.include_permissions)
        first = self._drive.each(lambda scope: page_of_log(self._drive, scope, at.token(scope)), layout.scopes)
        for scope, answer in zip(layout.scopes, first, strict=True):
            log = read_log(self._drive, layout, scope, at, answer)
            at = yield from self._deltas(log, layout, scope)

    def below(self, folder_id: str, scope: str) -> Iterator[Page]:
        """Crawl. Below a folder that is gone there is nothing."""
        layout = self._known or self._layout()
        asked = layout.scope(scope)
        yield from self._pages(self._crawl(asked, folder_id), layout, asked)

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Ask for each."""
        layout = self._known or self._layout()
        size = self._details.page_size
        for start in range(0, len(ids), size):
            found = self._drive.each(lambda one: self._entry(one, layout), ids[start : start + size])
            yield self._page(DrivePage([entry for entry in found if entry], None), layout, layout.former(scope))

    def close(self) -> None:
        """Close the connections."""
        self._drive.close()

    def _pages(self, found: Generator[DrivePage], layout: Layout, asked: Scope) -> Generator[Page]:
        with closing(found):
            for some in found:
                yield self._page(some, layout, asked)

    def _page(self, some: DrivePage, layout: Layout, asked: Scope) -> Page:
        batch = rows_of(
            some.entries, layout, asked, folders=some.folders, permissions=self._permissions(some.entries, layout)
        )
        return Page(batch, some.checkpoint, some.gaps)

    def _deltas(
        self, log: Generator[LogPage, None, DriveCursor], layout: Layout, scope: Scope
    ) -> Generator[Delta, None, DriveCursor]:
        while True:
            try:
                page = next(log)
            except StopIteration as end:
                cursor: DriveCursor = end.value
                return cursor
            batch = rows_of(page.entries, layout, scope, permissions=self._permissions(page.entries, layout))
            yield Delta(scope.name, batch, page.cursor, tuple(page.order), page.removed)

    def _crawl(self, scope: Scope, top: str, checkpoint: str | None = None) -> Generator[DrivePage]:
        workers, size = self._details.list_workers, self._details.page_size
        tree = tree_of(self._drive, scope)
        pages = crawl_tree(tree, top, checkpoint, workers=workers, page_size=size, name="drive-folder")
        with closing(pages):
            for page in pages:
                yield DrivePage(page.entries, page.checkpoint, page.folders, page.gaps)

    def _layout(self) -> Layout:
        self._known = layout_of(self._drive, self._details)
        return self._known

    def _entry(self, file_id: str, layout: Layout) -> Entry | None:
        if file_id in layout.tops:
            return layout.tops[file_id].corpus
        try:
            return self._drive.file(file_id)
        except NotFound:
            return None

    def _permissions(self, entries: Sequence[Entry], layout: Layout) -> Sequence[str | None] | None:
        if not self._details.include_permissions:
            return None
        # My Drive's own row is no answer of files.list, which would tell them.
        asked = [{**entry, "driveId": None} if entry["id"] in layout.tops else entry for entry in entries]
        return permissions_of(self._drive, asked)

    def _sees(self, layout: Layout) -> str:
        if self._details.include_shared:
            shared = [scope.corpus["name"] for scope in layout.scopes if scope.corpus and scope.drive_id]
            return f"My Drive and {len(shared)} shared drives ({', '.join(shared)})" if shared else "My Drive"
        [scope] = layout.scopes
        if scope.name == MY_DRIVE:
            return "My Drive"
        name = self._drive.file(scope.top, "name").get("name", scope.top)
        return f"the folder {name}" if scope.is_folder else f"the shared drive {scope.top}"
