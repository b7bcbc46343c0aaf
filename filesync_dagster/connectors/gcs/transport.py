"""Requests about one bucket: with a token, repeated where that helps, over a pool of connections."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import httpx

from filesync_dagster.connectors.gcs.credentials import ACLS, READ, CloudTokenMint, tenant_key
from filesync_dagster.connectors.gcs.details import GcsDetails
from filesync_dagster.connectors.gcs.errors import REPORT, TABLE, refusal_error
from filesync_dagster.connectors.rest.answers import parse_object
from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.rest.errors import ErrorTable
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.downloads import Download, Downloader
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import Meter

ANSWERED: Final = frozenset({200, 206})
Result = TypeVar("Result")


class GcsTransport:
    """Asks one bucket. Thread-safe. `scope`: what tokens are for."""

    def __init__(
        self,
        details: GcsDetails,
        meter: Meter,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
        scope: str = READ,
    ) -> None:
        self._details = details
        self._api = f"{details.base_url}/storage/v1/b/{quote(details.bucket, safe='')}"
        self.upload_url = f"{details.base_url}/upload/storage/v1/b/{quote(details.bucket, safe='')}/o"
        self._client = pooled_client(details, connections=details.list_workers + 2, wire=wire)
        self.downloads = Downloader(self._client)
        scope = ACLS if details.include_permissions else scope
        self.tenant = tenant_key(details)
        tenant = tenant_of(self.tenant)
        self.calls: Calls | AuthorizedCalls
        if details.anonymous:
            self.calls = Calls(meter, tenant, policy)
        else:
            mint = CloudTokenMint(details, self._client, scope).mint
            self.calls = AuthorizedCalls(meter, tenant, mint, f"{self.tenant} {scope}", policy=policy)

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return self._details.bucket

    @property
    def where(self) -> str:
        """The bucket and the address, for messages."""
        return f"Bucket {self._details.bucket} at {self._details.base_url}"

    def read(
        self,
        path: str,
        query: Mapping[str, str],
        parse: Callable[[dict[str, Any]], Result],
        *,
        stopped: Callable[[], bool] = never,
        table: ErrorTable = TABLE,
        where: str | None = None,
    ) -> Result:
        """Return what `parse` makes of the answer to a question about the bucket. Raises SourceError by `table`."""

        def once() -> Result:
            answer = self.send("GET", f"{self._api}{path}", query)
            if answer.status_code not in ANSWERED:
                raise refusal_error(where or self.where, answer.status_code, answer.headers, answer.content, table)
            return parse(parse_object(answer.content, self.where, REPORT))

        return self.calls(once, stopped=stopped)

    def object(
        self,
        key: bytes,
        fields: str,
        *,
        stopped: Callable[[], bool] = never,
        table: ErrorTable = TABLE,
        where: str | None = None,
    ) -> dict[str, Any] | None:
        """Return what the store tells of an object; None when there is none and `table` calls that NotFound."""
        try:
            return self.read(object_path(key), {"fields": fields}, dict, stopped=stopped, table=table, where=where)
        except NotFound:
            return None

    def download(
        self, key: bytes, query: Mapping[str, str], headers: Mapping[str, str], table: ErrorTable, where: str
    ) -> Download:
        """Return the answer to one GET of an object when it is 200 or 206. Raises SourceError, and httpx's errors."""
        url = f"{self._api}{object_path(key)}?{urlencode({'alt': 'media', **query, **self._payer()})}"
        answer = self.downloads.get(url, {**headers, **self._headers()})
        if answer.status in ANSWERED:
            return answer
        try:
            raise refusal_error(where, answer.status, answer.headers, answer.refusal(), table)
        finally:
            answer.close()

    def send(
        self,
        method: str,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        seconds: float | None = None,
    ) -> httpx.Response:
        """Return the answer to one request. Raises SourceError when there is none."""
        asked = urlencode({**query, **self._payer()}, errors="surrogateescape", quote_via=quote)
        address = f"{url}{'&' if '?' in url else '?'}{asked}" if asked else url
        with httpx_border(self.where):
            return self._client.request(
                method,
                address,
                content=body or None,
                headers={**(headers or {}), **self._headers()},
                timeout=httpx.Timeout(
                    seconds or self._details.read_timeout, connect=self._details.connect_timeout, pool=None
                ),
                extensions={"target": address[address.index("/", len("https://")) :].encode("ascii")},
            )

    def url_of(self, key: bytes) -> str:
        """Return the address of what is known of an object."""
        return f"{self._api}{object_path(key)}"

    def close(self) -> None:
        """Release the connections."""
        self.downloads.close()
        self._client.close()

    def _headers(self) -> dict[str, str]:
        return self.calls.headers() if isinstance(self.calls, AuthorizedCalls) else {}

    def _payer(self) -> dict[str, str]:
        return {"userProject": self._details.user_project} if self._details.user_project else {}


def object_path(key: bytes) -> str:
    """Return the path of an object below its bucket."""
    return f"/o/{quote(key, safe='-_~').replace('.', '%2E')}"  # "." and ".." are steps of an address
