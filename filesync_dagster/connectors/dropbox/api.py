"""Dropbox's answers: calls with a JSON argument, tokens by a refresh token, and the headers that name a root."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import orjson

from filesync_dagster.connectors.dropbox.details import DropboxDetails
from filesync_dagster.connectors.dropbox.errors import (
    CHECK_CREDENTIALS,
    CONTENT_TABLE,
    TABLE,
    NothingThere,
    read_refusal,
)
from filesync_dagster.connectors.rest.answers import Answer, list_in, text_in
from filesync_dagster.connectors.rest.client import pooled_client
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.rest.errors import error_for
from filesync_dagster.connectors.rest.json_api import JsonApi, fetch_token
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AccessToken, AuthorizedCalls, credential_hash
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.downloads import Download, Downloader
from filesync_dagster.core.errors import AuthenticationFailed, ProtocolViolation
from filesync_dagster.core.model import Meter

GIVEN_LIFETIME_SECONDS = 14_400.0  # of an access token that somebody made
ANSWERED: Final = frozenset({200, 206})
WHERE = "Dropbox"

Item = TypeVar("Item")
Found = TypeVar("Found")


class DropboxApi:
    """Asks Dropbox. Thread-safe. `where` names the endpoint in messages."""

    def __init__(
        self,
        details: DropboxDetails,
        meter: Meter,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.where = f"{WHERE} {details.path}" if details.path else WHERE
        self._details = details
        self._client = pooled_client(details, connections=details.list_workers + 2, wire=wire)
        self._downloads = Downloader(self._client)
        secrets = [one.get_secret_value() for one in (details.refresh_token, details.access_token) if one is not None]
        member = details.select_user or details.select_admin
        self.calls = AuthorizedCalls(
            meter,
            tenant_of(credential_hash(details.base_url, *secrets, member)),
            self._mint,
            credential_hash(self._token_url, details.app_key, *secrets),
            policy=policy,
        )
        self._api = JsonApi(self._client, self.calls, TABLE, read_refusal)
        self._headers = _root_headers(details)

    def ask(self, route: str, argument: Mapping[str, Any] | None, where: str = "") -> Answer:
        """Return the answer to a call. Raises SourceError."""
        url = f"{self._details.base_url}/2/{route}"
        return self._api.post(url, where or self.where, argument, call=route, headers=self._headers)

    def metadata(self, path: str) -> Answer | None:
        """Return what is at a path, or has an id; None where nothing is."""
        try:
            return self.ask("files/get_metadata", {"path": path, **self._told}, f"{WHERE} {path}")
        except NothingThere:
            return None

    def list_folder(self, path: str, *, recursive: bool = True, limit: int | None = None) -> Answer:
        """Return the first page of a folder."""
        return self.ask("files/list_folder", self._question(path, recursive=recursive, limit=limit))

    def latest_cursor(self, path: str) -> str:
        """Return from where it will be told what changes below a folder from now on."""
        found = self.ask("files/list_folder/get_latest_cursor", self._question(path, recursive=True))
        return text_in(found, "cursor", self.where)

    def continue_from(self, cursor: str) -> Answer:
        """Return what follows a cursor: the next page of a list, or of changes."""
        return self.ask("files/list_folder/continue", {"cursor": cursor})

    def account(self) -> Answer:
        """Return who asks."""
        return self.ask("users/get_current_account", None)

    def entries(self, answer: Answer) -> list[Answer]:
        """Return the entries of a page. Raises ProtocolViolation."""
        return list_in(answer, "entries", self.where)

    def each(self, ask: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        """Return the answer for each item, in their order; several are asked for at once."""
        with thread_pool(max(1, min(self._details.list_workers, len(items))), "dropbox") as pool:
            return list(pool.map(ask, items))

    def content(self, route: str, argument: Mapping[str, str], headers: Mapping[str, str], where: str) -> Download:
        """Return the answer to one request for a content when it is 200 or 206. Raises SourceError, httpx's errors."""
        address = f"{self._details.content_url}/2/{route}?arg={quote(json.dumps(argument), safe='')}"
        sent = {**headers, **self._headers, "accept-encoding": "identity", **self.calls.headers()}
        answer = self._downloads.get(address, sent)
        if answer.status in ANSWERED:
            return answer
        try:
            raise _content_refusal(where, answer)
        finally:
            answer.close()

    def close(self) -> None:
        """Release the connections."""
        self._downloads.close()
        self._client.close()

    @property
    def _told(self) -> dict[str, Any]:
        return {"include_has_explicit_shared_members": self._details.include_permissions}

    @property
    def _token_url(self) -> str:
        return self._details.token_url or f"{self._details.base_url}/oauth2/token"

    def _question(self, path: str, *, recursive: bool, limit: int | None = None) -> dict[str, Any]:
        return {
            "path": path,
            "recursive": recursive,
            "include_mounted_folders": True,
            "include_non_downloadable_files": True,
            "limit": limit or self._details.page_size,
            **self._told,
        }

    def _mint(self) -> AccessToken:
        details = self._details
        if details.access_token is not None:
            return AccessToken(details.access_token.get_secret_value(), GIVEN_LIFETIME_SECONDS)
        if details.refresh_token is None:
            raise AuthenticationFailed(f"{self.where} needs credentials.", hint=CHECK_CREDENTIALS)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": details.refresh_token.get_secret_value(),
            "client_id": details.app_key or "",
        }
        if details.app_secret is not None:
            form["client_secret"] = details.app_secret.get_secret_value()
        return fetch_token(
            self._client, self._token_url, form, "Dropbox's token service", errors=TABLE, read_refusal=read_refusal
        )


def _root_headers(details: DropboxDetails) -> dict[str, str]:
    headers = {}
    if details.namespace_id:
        root = {".tag": "namespace_id", "namespace_id": details.namespace_id}
        headers["dropbox-api-path-root"] = json.dumps(root)
    if details.select_user:
        headers["dropbox-api-select-user"] = details.select_user
    if details.select_admin:
        headers["dropbox-api-select-admin"] = details.select_admin
    return headers


def _content_refusal(where: str, answer: Download) -> Exception:
    code, message, wait = "", "", answer.headers.get("retry-after")
    try:
        body = orjson.loads(answer.refusal())
        code, message = read_refusal(body)
        wait = wait or str(body["error"]["retry_after"])
    except (ValueError, TypeError, KeyError, AttributeError):
        pass  # whatever it is, it tells no more
    return error_for(where, answer.status, CONTENT_TABLE, code=code, message=message, retry_after=wait)


def cursor_in(answer: Answer, where: str) -> tuple[str, bool]:
    """Return the cursor of a page, and whether more follows. Raises ProtocolViolation."""
    more = answer.get("has_more")
    if not isinstance(more, bool):
        raise ProtocolViolation(f"{where} sent a page without saying whether there are more.")
    return text_in(answer, "cursor", where), more
