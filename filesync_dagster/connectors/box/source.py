"""Box as a source."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import httpx

from filesync_dagster.connectors.box.api import BoxApi, id_of, kind_and_number
from filesync_dagster.connectors.box.changes import ENTERPRISE, BoxCursor, Hints, read_events, start_of_events
from filesync_dagster.connectors.box.content import open_file
from filesync_dagster.connectors.box.credentials import speaks_for_enterprise
from filesync_dagster.connectors.box.details import BoxDetails
from filesync_dagster.connectors.box.errors import CHECK_ID, GRANT_EVENTS, INVITE
from filesync_dagster.connectors.box.rows import ROOT, permissions_of, rows_of
from filesync_dagster.connectors.rest.answers import Answer
from filesync_dagster.connectors.rest.crawl import Branch, FolderPage, FolderTree, Stopped, crawl_tree
from filesync_dagster.connectors.rest.errors import PART_FAILURES, Forbidden
from filesync_dagster.connectors.rest.fields import gap_without
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import AccessDenied, CursorLost, NotFound, SourceError
from filesync_dagster.core.model import Capabilities, ConnectionReport, Delta, ListingGap, Meter, Page

FULL_SYNC = "A full sync follows."


class BoxSource:
    """Lists the folders of an account or the tree below one folder, and tells what changed there."""

    def __init__(
        self,
        details: BoxDetails,
        meter: Meter,
        *,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._details = details
        self._api = BoxApi(details, meter, policy, wire)
        self._top = details.folder_id
        self._scope = f"folder:{details.folder_id}"

    @property
    def capabilities(self) -> Capabilities:
        """Names in a folder differ by more than case."""
        return Capabilities(
            stable_ids=True,
            derives_paths=True,
            hashes=True,
            permissions=self._details.include_permissions,
            case_sensitive=False,
        )

    def check(self) -> ConnectionReport:
        """Ask who asks, for the folder and its first items, for events and, if wanted, for permissions."""
        started = time.monotonic()
        account = str(self._api.account().get("login") or "an account that does not tell its name")
        latency = (time.monotonic() - started) * 1000
        top = self._require_top()
        items = self._readable(self._api.children(self._top, None))
        permissions, problems = ["list files"], list[str]()
        cursor = self._start()
        whose = "the enterprise's" if cursor.stream == ENTERPRISE else "the account's own"
        permissions.append(f"read {whose} events")
        warnings = () if cursor.stream == ENTERPRISE or not speaks_for_enterprise(self._details) else (GRANT_EVENTS,)
        if self._details.include_permissions:
            if any(told is None for told in permissions_of(self._api, _shared_among(items))):
                problems.append(f"Not all permissions can be read. {INVITE}")
            else:
                permissions.append("read permissions")
        if not items:
            problems += [why] if (why := self._why_empty(account)) and self._top == ROOT else []
        named = "everything that it was invited to or owns" if self._top == ROOT else f"the folder {top.get('name')}"
        return ConnectionReport(latency, f"{named}, as {account}", tuple(permissions), tuple(problems), warnings)

    def explain_emptiness(self) -> str | None:
        """Tell an account that was invited to nothing, and a folder that is empty."""
        if self._api.entries(self._api.children(self._top, None)):
            return None
        return self._why_empty(str(self._api.account().get("login") or "the account"))

    def scopes(self) -> tuple[str, ...]:
        """One: the folder."""
        return (self._scope,)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Crawl. A checkpoint holds the folders that are left, with markers; one that is refused begins its folder."""
        yield from self._crawl(self._top, checkpoint)

    def cursor(self) -> str:
        """Return where the events stand."""
        return self._start().as_text()

    def changes(self, cursor: str) -> Iterator[Delta]:
        """Read the events and look up what they name. An item that cannot be looked up is a gap: it is told again."""
        known = BoxCursor.parse(cursor)
        if known.permissions != self._details.include_permissions:
            raise CursorLost("Permissions are recorded from now on, or no longer.", hint=FULL_SYNC)
        if self._top != ROOT:
            self._require_top()  # events tell of a folder above it that went, and not of it
        hints = read_events(self._api, known)
        ids, size = sorted(hints.sequences), self._details.page_size
        following, reached = hints.cursor.as_text(), True
        for start in range(0, len(ids), size):
            delta = self._delta(ids[start : start + size], hints)
            reached = reached and not delta.gaps
            yield replace(delta, cursor=following if reached else cursor)
        if not ids:
            yield Delta(self._scope, rows_of([], self._scope, self._top), following)

    def below(self, folder_id: str, scope: str) -> Iterator[Page]:
        """Crawl. Below a folder that is gone there is nothing."""
        yield from self._crawl(kind_and_number(folder_id)[1], None)

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Ask for each."""
        size = self._details.page_size
        for start in range(0, len(ids), size):
            found = self._api.each(self._api.item, ids[start : start + size])
            yield self._page([item for item in found if item is not None])

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Download the version that was listed."""
        return open_file(self._api, entry, offset, length)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _crawl(self, begin: str, checkpoint: str | None) -> Generator[Page]:
        details = self._details
        tree = FolderTree(self._api.where, self._scope, self._top, self._read, self._exists, id_of)
        pages = crawl_tree(
            tree, begin, checkpoint, workers=details.list_workers, page_size=details.page_size, name="box-folder"
        )
        with closing(pages):
            for page in pages:
                found = self._page(page.entries, page.folders)
                yield Page(found.batch, page.checkpoint, page.gaps)

    def _read(self, branch: Branch, stopped: Stopped) -> FolderPage[Answer]:
        answer = self._api.children(branch.folder, branch.token, stopped=stopped)
        children = self._readable(answer)
        odd = [entry for entry in self._api.entries(answer) if id_of(entry) is None]
        gaps = tuple(gap_without("a type and an id", entry, scope=self._scope, path=branch.path) for entry in odd)
        folders = [(child["id"], str(child.get("name"))) for child in children if child["type"] == "folder"]
        return FolderPage(children, folders, self._api.next_marker(answer), gaps)

    def _readable(self, answer: Answer) -> Sequence[Answer]:
        return [entry for entry in self._api.entries(answer) if id_of(entry) is not None]

    def _exists(self, number: str) -> bool:
        if self._api.item(f"folder_{number}") is not None:
            return True
        self._require_top()  # where nothing is there any more, it is not this folder that went
        return False

    def _page(self, items: Sequence[Answer], folders: Sequence[str] | None = None) -> Page:
        told = permissions_of(self._api, items) if self._details.include_permissions else None
        return Page(rows_of(items, self._scope, self._top, folders=folders, permissions=told))

    def _delta(self, ids: Sequence[str], hints: Hints) -> Delta:
        """Return what some items are now."""
        answers = self._api.each(lambda one: self._look_up(one, hints.sequences[one]), ids)
        found, removed, gaps = [], dict[str, int](), []
        for external_id, answer in zip(ids, answers, strict=True):
            if isinstance(answer, SourceError):
                gaps.append(ListingGap(self._scope, "", f"{external_id} cannot be looked up. {answer}"))
            elif external_id == f"folder_{self._top}":
                self._require_there(answer)
            elif answer is None:
                removed[external_id] = 0
            else:
                found.append(answer)
        return Delta(self._scope, self._page(found).batch, "", removed=removed, gaps=tuple(gaps))

    def _look_up(self, external_id: str, least: int) -> Answer | SourceError | None:
        try:
            return self._api.item(external_id, least)
        except PART_FAILURES as error:
            if isinstance(error, AccessDenied) and not isinstance(error, Forbidden):
                raise
            return error

    def _start(self) -> BoxCursor:
        return start_of_events(
            self._api,
            for_enterprise=speaks_for_enterprise(self._details),
            permissions=self._details.include_permissions,
        )

    def _require_top(self) -> Answer:
        return self._require_there(self._api.item(f"folder_{self._top}"))

    def _require_there(self, top: Answer | None) -> Answer:
        if top is None:
            raise NotFound(f"{self._api.where} is not there, or in the trash.", hint=CHECK_ID)
        return top

    def _why_empty(self, account: str) -> str:
        if self._top != ROOT:
            return f"{self._api.where} is empty for {account}. Is what it is to list in another folder?"
        return f"{account} owns nothing and was invited to nothing: invite it to a folder as a viewer."


def _shared_among(items: Sequence[Answer]) -> Sequence[Answer]:
    return [item for item in items if item.get("has_collaborations")][:1]
