"""The requests to a server, and what its refusals mean."""

import base64
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

import httpx

from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.rest.errors import ASK_LATER, ErrorTable, Forbidden, error_for
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import credential_hash
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.downloads import Download, Downloader
from filesync_dagster.core.errors import (
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    StaleSource,
    TemporarilyDown,
)
from filesync_dagster.core.model import Meter, from_storable_text
from filesync_dagster.core.redaction import note_secret
from filesync_webdav.answers import ASK_FOR, NO_WEBDAV, DavFolder, folder_of
from filesync_webdav.details import WebdavDetails

CHECK_ACCOUNT: Final = (
    "Check username and password, or token; with a second factor, the account needs a password for programs."
)
GRANT_READ: Final = "Let this account read it."
CHECK_PATH: Final = "Check url and path."
NEXT_SYNC: Final = "The next sync tells what it is now."
MULTI_STATUS: Final = 207
CONTENT: Final = frozenset({200, 206})

ERRORS: Final = ErrorTable(
    codes={},
    statuses={
        401: (AuthenticationFailed, CHECK_ACCOUNT),
        403: (Forbidden, GRANT_READ),
        404: (NotFound, CHECK_PATH),
        410: (NotFound, CHECK_PATH),
        405: (ProtocolViolation, NO_WEBDAV),
        423: (TemporarilyDown, ASK_LATER),  # locked
        501: (ProtocolViolation, NO_WEBDAV),
        ("content", 404): (StaleSource, NEXT_SYNC),
        ("content", 410): (StaleSource, NEXT_SYNC),
        ("content", 412): (StaleSource, NEXT_SYNC),
        ("content", 416): (StaleSource, NEXT_SYNC),
    },
    unknown_hint=NO_WEBDAV,
)


class WebdavApi:
    """Asks one server. Thread-safe. Paths are relative to the endpoint's folder, and storable texts."""

    def __init__(
        self, details: WebdavDetails, meter: Meter, wire: httpx.BaseTransport | None, policy: RetryPolicy | None
    ) -> None:
        self._top = details.url + "".join(f"/{quote(name, safe='')}" for name in details.path.split("/") if name)
        self._client = pooled_client(details, connections=details.list_workers + 1, wire=wire)
        self._downloads = Downloader(self._client)
        self._headers = _authorization(details)
        identity = credential_hash(details.url, details.username, *self._headers.values())
        self.calls = Calls(meter, tenant_of(identity), policy)

    def look(self, path: str, depth: int, *, stopped: Callable[[], bool] = never) -> DavFolder:
        """Return what is at a path, and with a depth of 1 what is in it. Raises SourceError."""
        address, where = self.address_of(path, folder=depth > 0), self.where(path)
        headers = {**self._headers, "depth": str(depth), "content-type": "application/xml; charset=utf-8"}

        def ask() -> DavFolder:
            with httpx_border(where):
                answer = self._client.request("PROPFIND", address, headers=headers, content=ASK_FOR)
            if answer.status_code != MULTI_STATUS:
                raise error_for(
                    where, answer.status_code, ERRORS, retry_after=answer.headers.get("retry-after")
                )  # whatever its body: no standard says what that is
            return folder_of(answer.content, address, where, path)

        return self.calls(ask, stopped=stopped)

    def content(self, path: str, headers: Mapping[str, str]) -> Download:
        """Return the answer to one GET of a content. Raises SourceError, and httpx's errors."""
        asked = {**headers, "accept-encoding": "identity", **self._headers}
        answer = self._downloads.get(self.address_of(path), asked)
        if answer.status in CONTENT:
            return answer
        answer.close()
        retry_after = answer.headers.get("retry-after")
        raise error_for(self.where(path), answer.status, ERRORS, call="content", retry_after=retry_after)

    def address_of(self, path: str, *, folder: bool = False) -> str:
        """Return the address of a path; that of a folder ends with a slash, else servers lead to where it does."""
        names = [quote(name, safe="") for name in from_storable_text(path).split(b"/") if name]
        return "/".join([self._top, *names]) + ("/" if folder else "")

    def where(self, path: str) -> str:
        """Return what a path is called in messages."""
        return f"{path} at {self._top}" if path else self._top

    def close(self) -> None:
        """Release the connections."""
        self._downloads.close()
        self._client.close()


def _authorization(details: WebdavDetails) -> dict[str, str]:
    """Return the header that says who asks; none for a server that everybody may read."""
    if details.token is not None:
        return {"authorization": f"Bearer {details.token.get_secret_value()}"}
    if details.username is None or details.password is None:
        return {}
    pair = base64.b64encode(f"{details.username}:{details.password.get_secret_value()}".encode()).decode()
    note_secret(pair)  # as good as the password, to whoever finds it in a log
    return {"authorization": f"Basic {pair}"}
