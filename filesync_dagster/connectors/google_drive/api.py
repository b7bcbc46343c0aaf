"""Drive's answers. Google's client builds every request, from its own description of the API; we send it.

Google's client would send them one at a time over httplib2 and parse every answer into dicts of its own. Our
transport has httplib2's shape over a pooled client, and answers are parsed once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import httpx
from googleapiclient.discovery import build

from filesync_dagster.connectors.google_drive.credentials import GoogleTokenMint, identity_of, tenant_key
from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails
from filesync_dagster.connectors.google_drive.errors import (
    OUR_FAULT,
    content_refusal,
    drive_border,
    refusal_error,
    status_in,
)
from filesync_dagster.connectors.rest.answers import Answer, ids_in, list_in, parse_object, text_in
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls
from filesync_dagster.connectors.rest.paging import follow_pages, next_token_in
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.downloads import Download, Downloader
from filesync_dagster.core.model import Meter

API = "https://www.googleapis.com/drive/v3/"
QUERIES = "queries"
QUOTAS = {QUERIES: 12_000}
"""Calls a minute that Google lets one user make, unless the project was granted more."""

FILE = (
    "id,name,mimeType,parents,driveId,trashed,explicitlyTrashed,size,md5Checksum,sha1Checksum,sha256Checksum,"
    "createdTime,modifiedTime,version,headRevisionId,ownedByMe,owners(emailAddress),"
    "lastModifyingUser(emailAddress),shared,webViewLink,shortcutDetails(targetId,targetMimeType),resourceKey,exportLinks"
)
PERMISSION = "id,type,role,emailAddress,domain,allowFileDiscovery,permissionDetails(inherited)"
DRIVE = "id,name,createdTime"
ANSWERED = frozenset({200, 206})

Item = TypeVar("Item")
Found = TypeVar("Found")
Stopped = Callable[[], bool]


class DriveApi:
    """Asks Drive. Thread-safe. `where` names the endpoint in messages."""

    def __init__(
        self,
        details: GoogleDriveDetails,
        meter: Meter,
        where: str,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.where = where
        self._page_size = details.page_size
        self._workers = details.list_workers
        self._file = FILE + (f",permissions({PERMISSION})" if details.include_permissions else "")
        self._address = f"{details.base_url}/drive/v3/"
        self._client = pooled_client(details, connections=details.list_workers + 2, wire=wire)
        self._downloads = Downloader(self._client)
        self.calls = AuthorizedCalls(
            meter,
            tenant_of(tenant_key(details), QUOTAS),
            GoogleTokenMint(details, self._client).mint,
            identity_of(details),
            policy=policy,
        )

    def files(self, token: str | None, *, stopped: Stopped = never, **which: Any) -> Answer:
        """Return a page of entries; `which` are parameters of files.list that select them."""
        fields = f"nextPageToken,incompleteSearch,files({self._file})"
        asked = {"pageSize": self._page_size, "fields": fields, **_page_token(token), **which}
        return self._fetch("files", "list", asked, stopped)

    def file(self, file_id: str, fields: str | None = None) -> Answer:
        """Return one entry. Raises NotFound."""
        return self._fetch(
            "files", "get", {"fileId": file_id, "fields": fields or self._file, "supportsAllDrives": True}
        )

    def changes(self, token: str, **log: Any) -> Answer:
        """Return a page of a log of changes."""
        change = f"changeType,fileId,removed,time,driveId,drive({DRIVE}),file({self._file})"
        asked = {
            "pageToken": token,
            "pageSize": self._page_size,
            "includeRemoved": True,
            "includeCorpusRemovals": True,
            "supportsAllDrives": True,
            "fields": f"nextPageToken,newStartPageToken,changes({change})",
            **log,
        }
        return self._fetch("changes", "list", asked)

    def start_token(self, drive_id: str | None) -> str:
        """Return from where the log of a shared drive, or that of the account, will tell what happens from now on."""
        drive = {"driveId": drive_id} if drive_id else {}
        answer = self._fetch(
            "changes", "getStartPageToken", {"supportsAllDrives": True, "fields": "startPageToken", **drive}
        )
        return text_in(answer, "startPageToken", self.where, OUR_FAULT)

    def drives(self) -> list[Answer]:
        """Return the shared drives that the account is a member of."""
        return self._all("drives", {"fields": f"nextPageToken,drives({DRIVE})"})

    def permissions(self, file_id: str) -> list[Answer]:
        """Return the permissions of an entry, or of a shared drive."""
        fields = f"nextPageToken,permissions({PERMISSION})"
        return self._all("permissions", {"fileId": file_id, "supportsAllDrives": True, "fields": fields})

    def account(self) -> str:
        """Return the e-mail address of the account that asks."""
        user = self._fetch("about", "get", {"fields": "user(emailAddress)"}).get("user") or {}
        return str(user.get("emailAddress", ""))

    def each(self, ask: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        """Return the answer for each item, in their order; several are asked for at once."""
        with thread_pool(min(self._workers, len(items)), "drive") as pool:
            return list(pool.map(ask, items))

    def content(self, path: str, headers: Mapping[str, str], where: str) -> Download:
        """Return the answer to one GET of a content when it is 200 or 206. Raises SourceError, and httpx's errors."""
        answer = self._downloads.get(
            f"{self._address}files/{path}", {**headers, "accept-encoding": "identity", **self.calls.headers()}
        )
        if answer.status in ANSWERED:
            return answer
        try:
            raise content_refusal(where, answer.status, answer.refusal(), answer.headers)
        finally:
            answer.close()

    def close(self) -> None:
        """Release the connections."""
        self._downloads.close()
        self._client.close()

    def entries(self, answer: Answer, name: str) -> list[Answer]:
        """Return a list that an answer must have. Raises ProtocolViolation."""
        return list_in(answer, name, self.where, OUR_FAULT)

    def next_token(self, answer: Answer) -> str | None:
        """Return the token of the page after an answer, None at the end. Raises ProtocolViolation."""
        return next_token_in(answer, "nextPageToken", self.where)

    def _all(self, resource: str, parameters: Mapping[str, Any]) -> list[Answer]:
        def ask(token: str | None) -> Answer:
            return self._fetch(resource, "list", {"pageSize": 100, **parameters, **_page_token(token)})

        pages = follow_pages(ask, self.next_token, lambda page: ids_in(self.entries(page, resource)), self.where)
        return [entry for page in pages for entry in self.entries(page, resource)]

    def _fetch(self, resource: str, method: str, parameters: Mapping[str, Any], stopped: Stopped = never) -> Answer:
        request = getattr(_methods()[resource], method)(**parameters)
        request.postproc = _unparsed
        return self.calls(lambda: self._send(request), quota=QUERIES, stopped=stopped)

    def _send(self, request: Any) -> Answer:
        with drive_border(self.where):
            body: bytes = request.execute(http=self)
        answer = parse_object(body, self.where, OUR_FAULT)
        if isinstance(answer.get("error"), dict):  # 200, says the status
            raise refusal_error(self.where, status_in(answer), body, {})
        return answer

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> "tuple[_Head, bytes]":
        """Send a request of Google's client, as httplib2 would."""
        sent = {**(headers or {}), **self.calls.headers()}
        with httpx_border(self.where):
            answer = self._client.request(method, uri.replace(API, self._address, 1), content=body, headers=sent)
            return _Head(answer.status_code, answer.reason_phrase, answer.headers), answer.content


class _Head(dict[str, str]):
    """The head of an answer, in httplib2's shape."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str]) -> None:
        super().__init__(headers)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Unsent:
    """Stands where Google's client wants a transport at once: each request gets its own."""


@cache
def _methods() -> Mapping[str, Any]:
    """Return what builds requests. Made once: it is slow."""
    # The description comes with the package: no network.
    service = build("drive", "v3", http=_Unsent(), static_discovery=True, client_options={"api_endpoint": API})
    return {name: getattr(service, name)() for name in ("about", "changes", "drives", "files", "permissions")}


def _page_token(token: str | None) -> dict[str, str]:
    return {"pageToken": token} if token else {}


def _unparsed(head: Any, body: bytes) -> bytes:
    return body
