"""Drive's answers. Google's client builds every request, from its own description of the API; we send it.

Google's client would send them one at a time over httplib2 and parse every answer into dicts of its own. Our
transport has httplib2's shape over a pooled client, and answers are parsed once.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import httpx
import orjson
from googleapiclient.discovery import build

from filesync_dagster.connectors.google_drive.credentials import Identity, tenant_key
from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails
from filesync_dagster.connectors.google_drive.errors import OUR_FAULT, drive_border
from filesync_dagster.connectors.rest.calls import Calls, RetryPolicy, never, tenant_of
from filesync_dagster.connectors.rest.client import ASK_LATER, httpx_border, pooled_client
from filesync_dagster.core.errors import ProtocolViolation, TemporarilyDown
from filesync_dagster.core.logging import inherit_log_context
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

EMPTY_PAGES = 200
"""So many in a row are believed, though each says that there is more: Drive filters what it has looked through."""

Item = TypeVar("Item")
Found = TypeVar("Found")
Answer = dict[str, Any]
Stopped = Callable[[], bool]


class Drive:
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
        self._client = pooled_client(
            wire is not None,  # else some of it is https: tokens, if not the API
            connections=details.list_workers + 2,
            read_timeout=details.read_timeout,
            connect_timeout=details.connect_timeout,
            wire=wire,
            verify_tls=details.verify_tls,
            ca_bundle=details.ca_bundle,
        )
        self._identity = Identity(details, self._client)
        self._calls = Calls(meter, tenant_of(tenant_key(details), QUOTAS), policy, self._renew)

    def files(self, token: str | None, *, stopped: Stopped = never, **which: Any) -> Answer:
        """Return a page of entries; `which` are parameters of files.list that select them."""
        fields = f"nextPageToken,incompleteSearch,files({self._file})"
        asked = {"pageSize": self._page_size, "fields": fields, **_paged(token), **which}
        return self._asked("files", "list", asked, stopped)

    def file(self, file_id: str, fields: str | None = None) -> Answer:
        """Return one entry. Raises NotFound."""
        return self._asked(
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
        return self._asked("changes", "list", asked)

    def start_token(self, drive_id: str | None) -> str:
        """Return from where the log of a shared drive, or that of the account, will tell what happens from now on."""
        drive = {"driveId": drive_id} if drive_id else {}
        answer = self._asked(
            "changes", "getStartPageToken", {"supportsAllDrives": True, "fields": "startPageToken", **drive}
        )
        return text_in(answer, "startPageToken", self.where)

    def drives(self, token: str | None) -> Answer:
        """Return a page of the shared drives that the account is a member of."""
        return self._asked(
            "drives", "list", {"pageSize": 100, "fields": f"nextPageToken,drives({DRIVE})", **_paged(token)}
        )

    def permissions(self, file_id: str, token: str | None) -> Answer:
        """Return a page of the permissions of an entry, or of a shared drive."""
        asked = {
            "fileId": file_id,
            "pageSize": 100,
            "supportsAllDrives": True,
            "fields": f"nextPageToken,permissions({PERMISSION})",
            **_paged(token),
        }
        return self._asked("permissions", "list", asked)

    def account(self) -> str:
        """Return the e-mail address of the account that asks."""
        user = self._asked("about", "get", {"fields": "user(emailAddress)"}).get("user") or {}
        return str(user.get("emailAddress", ""))

    def each(self, ask: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        """Return the answer for each item, in their order; several are asked for at once."""
        if len(items) < 2:  # noqa: PLR2004 - one needs no threads
            return [ask(item) for item in items]
        with ThreadPoolExecutor(min(self._workers, len(items)), "drive", initializer=inherit_log_context()) as pool:
            return list(pool.map(ask, items))

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _renew(self) -> None:
        # Through the calls as well: the token service may be as busy as any other.
        self._calls(self._identity.renew)

    def _asked(self, resource: str, method: str, parameters: Mapping[str, Any], stopped: Stopped = never) -> Answer:
        request = getattr(_methods()[resource], method)(**parameters)
        request.postproc = _as_it_came
        return self._calls(lambda: self._once(request), quota=QUERIES, stopped=stopped)

    def _once(self, request: Any) -> Answer:
        with drive_border(self.where):
            body: bytes = request.execute(http=self)
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise TemporarilyDown(f"{self.where} sent an answer that cannot be read ({exc}).", hint=ASK_LATER) from exc
        if not isinstance(answer, dict):
            raise ProtocolViolation(f"{self.where} sent an answer of another kind than was asked for.", hint=OUR_FAULT)
        return answer

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> "tuple[_Head, bytes]":
        """Send a request of Google's client, as httplib2 would."""
        said = {**(headers or {}), **self._identity.headers()}
        with httpx_border(self.where):
            answer = self._client.request(method, uri.replace(API, self._address, 1), content=body, headers=said)
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


def list_in(answer: Answer, name: str, where: str) -> list[Answer]:
    """Return a list that an answer must have. Raises ProtocolViolation."""
    found = answer.get(name)
    # Absent is not empty: something else may have answered.
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ProtocolViolation(f"{where} sent an answer without {name}.", hint=OUR_FAULT)
    return found


def text_in(answer: Answer, name: str, where: str) -> str:
    """Return a text that an answer must have. Raises ProtocolViolation."""
    found = answer.get(name)
    if not isinstance(found, str) or not found:
        raise ProtocolViolation(f"{where} sent an answer without {name}.", hint=OUR_FAULT)
    return found


class Chain:
    """Pages that follow each other. Looks after that they lead to an end."""

    def __init__(self, where: str, first: str | None = None) -> None:
        self._where = where
        self._seen = {first}
        self._empty = 0  # pages in a row

    def following(self, answer: Answer, found: Sequence[object]) -> str | None:
        """Return the token of the page after an answer in which so much was found, None at the end.

        Raises ProtocolViolation for one that was there before, and when there are only empty pages any more.
        """
        token = answer.get("nextPageToken")
        if token is None:
            return None
        self._empty = 0 if found else self._empty + 1
        if not isinstance(token, str) or not token or token in self._seen or self._empty > EMPTY_PAGES:
            raise ProtocolViolation(f"{self._where} repeats itself: its pages lead to no end.", hint=ASK_LATER)
        self._seen.add(token)
        return token


def _paged(token: str | None) -> dict[str, str]:
    return {"pageToken": token} if token else {}


def _as_it_came(head: Any, body: bytes) -> bytes:
    return body
