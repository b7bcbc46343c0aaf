"""Google Drive as a source."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import httpx

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.changes import (
    DriveCursor,
    LogPage,
    cursor_from,
    first_page,
    read_log,
    start_of_log,
)
from filesync_dagster.connectors.google_drive.content import open_entry
from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails
from filesync_dagster.connectors.google_drive.errors import SHARE, concerns_account
from filesync_dagster.connectors.google_drive.layout import (
    MY_DRIVE,
    Layout,
    Parents,
    Scope,
    layout_of,
    name_of,
    only_scope,
)
from filesync_dagster.connectors.google_drive.listing import DrivePage, list_scope, tree_of
from filesync_dagster.connectors.google_drive.rows import has_id, permissions_of, rows_of
from filesync_dagster.connectors.rest.crawl import crawl_tree
from filesync_dagster.connectors.rest.errors import PART_FAILURES
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import NotFound, SourceError
from filesync_dagster.core.model import OUTSIDE, Capabilities, ConnectionReport, Delta, ListingGap, Meter, Page

Entry = Mapping[str, Any]

NOTHING_SHARED = (
    "Nothing is shared with this service account, and its own My Drive is empty: share a folder or a shared drive with "
    "the address in its key (client_email) and list it with folder_id, drive_id or include_shared, or name a user with "
    "subject. As it is, the inventory will be empty."
)


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
        permissions, problems = ["list files", "read the change log"], [*self._check_scopes(layout)]
        if self._details.include_permissions:
            if permissions_of(self._drive, [{"id": layout.scopes[0].top, "driveId": None}]) == [None]:
                problems.append(f"The permissions cannot be read. {SHARE}")
            else:
                permissions.append("read permissions")
        sees = f"{self._sees(layout)}, as {account or 'an account that does not tell its name'}"
        return ConnectionReport(latency, sees, tuple(permissions), tuple(problems))

    def explain_emptiness(self) -> str | None:
        """Tell an account to which nothing is shared, and a folder that is empty."""
        layout = self._layout()
        for scope in layout.scopes:
            which: dict[str, Any] = {"q": f"'{scope.top}' in parents"} if scope.is_folder else {}
            if self._drive.files(None, **scope.corpora, **which).get("files"):
                return None
        account = self._drive.account() or "the account"
        return f"In {self._sees(layout)} {account} sees no file. Is what it is to list shared with {account}?"

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
        """Return where the log of every scope stands. One that does not tell is unread until the next full listing."""
        cursor, scopes = DriveCursor({}, self._details.include_permissions), self._layout().scopes
        tokens = self._drive.each(lambda scope: start_of_log(self._drive, scope), scopes)
        _raise_if_all_failed(tokens)
        for scope, token in zip(scopes, tokens, strict=True):
            cursor = cursor.unread(scope) if isinstance(token, SourceError) else cursor.at(scope, token)
        return cursor.as_text()

    def changes(self, cursor: str) -> Iterator[Delta]:
        """Read the log of every scope, one delta a page. The first pages are asked for side by side.

        A log that cannot be read is a gap, and its part of the cursor stays.
        """
        layout = self._layout()
        at = cursor_from(cursor, layout, permissions=self._details.include_permissions)
        first = self._drive.each(lambda scope: first_page(self._drive, scope, at), layout.scopes)
        _raise_if_all_failed(first)
        for scope, answer in zip(layout.scopes, first, strict=True):
            if isinstance(answer, SourceError):
                yield self._unread_log(layout, scope, at, answer)
                continue
            log = read_log(self._drive, layout, scope, at, answer)
            at = yield from self._deltas(log, layout, scope, at)

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
            asked = layout.former(scope)
            entries = Parents(self._drive, layout).settle([entry for entry in found if entry], asked)
            yield Page(rows_of(entries, layout, asked, permissions=self._permissions(entries, layout)))

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Download a file, or export a document. Its revision is asked for before; after it where no hash proves it."""
        return open_entry(self._drive, entry, offset=offset, length=length, export=export)

    def close(self) -> None:
        """Close the connections."""
        self._drive.close()

    def _pages(self, found: Generator[DrivePage], layout: Layout, asked: Scope) -> Generator[Page]:
        parents = Parents(self._drive, layout)
        with closing(found):
            for some in found:
                yield self._page(some, layout, asked, parents)

    def _page(self, some: DrivePage, layout: Layout, asked: Scope, parents: Parents) -> Page:
        entries = parents.complete(some.entries, asked)
        folders = some.folders and [*some.folders, *[None] * (len(entries) - len(some.folders))]
        batch = rows_of(entries, layout, asked, folders=folders, permissions=self._permissions(entries, layout))
        return Page(batch, some.checkpoint, some.gaps)

    def _deltas(
        self, log: Generator[LogPage, None, DriveCursor], layout: Layout, scope: Scope, cursor: DriveCursor
    ) -> Generator[Delta, None, DriveCursor]:
        parents = Parents(self._drive, layout)
        while True:
            try:
                page = next(log)
            except StopIteration as end:
                after: DriveCursor = end.value
                return after
            except PART_FAILURES as error:
                if len(layout.scopes) == 1 or concerns_account(error):
                    raise
                yield self._unread_log(layout, scope, cursor, error)
                return cursor
            entries = parents.complete(page.entries, scope)
            order = (*page.order, *[page.moment] * (len(entries) - len(page.order)))
            batch = rows_of(entries, layout, scope, permissions=self._permissions(entries, layout), told=True)
            cursor = page.following
            yield Delta(scope.name, batch, cursor.as_text(), order, page.removed)

    def _unread_log(self, layout: Layout, scope: Scope, cursor: DriveCursor, error: SourceError) -> Delta:
        gap = ListingGap(scope.name, "", f"Its change log cannot be read. {error}")
        return Delta(scope.name, rows_of([], layout, scope), cursor.as_text(), gaps=(gap,))

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

    def _check_scopes(self, layout: Layout) -> tuple[str, ...]:
        """Return what of an endpoint cannot be listed or followed. Raises SourceError when nothing can."""
        failures = self._drive.each(lambda scope: _failure_of(self._drive, scope), layout.scopes)
        found = [failure for failure in failures if failure is not None]
        if len(found) == len(failures):
            raise found[0]
        if not found and self._sees_nothing(layout):
            return (NOTHING_SHARED,)
        return tuple(f"{scope.name}: {one}" for scope, one in zip(layout.scopes, failures, strict=True) if one)

    def _sees_nothing(self, layout: Layout) -> bool:
        """Whether a service account that acts for nobody sees nothing: its own My Drive is empty by nature."""
        is_robot = bool(self._details.service_account_file or self._details.service_account_json)
        if not is_robot or self._details.subject or layout.scopes[0].name != MY_DRIVE or len(layout.scopes) > 1:
            return False
        [scope] = layout.scopes
        answer = self._drive.files(None, **scope.corpora)
        seen = [entry for entry in self._drive.entries(answer, "files") if has_id(entry)]
        inside = [entry for entry in seen if layout.place(entry, scope)[1] != OUTSIDE]
        return not inside and self._drive.next_token(answer) is None

    def _sees(self, layout: Layout) -> str:
        if self._details.include_shared:
            shared = [scope.corpus["name"] for scope in layout.scopes if scope.corpus and scope.drive_id]
            drives = f" and {len(shared)} shared drives ({', '.join(shared)})" if shared else ""
            return f"My Drive{drives}; of other shared drives only what Drive lists as shared with the account"
        [scope] = layout.scopes
        if scope.name == MY_DRIVE:
            return "My Drive"
        name = self._drive.file(scope.top, "name").get("name", scope.top)
        return f"the folder {name}" if scope.is_folder else f"the shared drive {scope.top}"


def _failure_of(drive: DriveApi, scope: Scope) -> SourceError | None:
    """Return why a scope cannot be listed or followed."""
    try:
        drive.files(None, pageSize=1, **scope.corpora)
        drive.start_token(scope.drive_id)
    except PART_FAILURES as error:
        if concerns_account(error):
            raise
        return error
    return None


def _raise_if_all_failed(found: Sequence[object]) -> None:
    errors = [one for one in found if isinstance(one, SourceError)]
    if errors and len(errors) == len(found):
        raise errors[0]
