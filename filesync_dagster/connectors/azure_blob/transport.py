"""Requests to one container: signed, repeated where that helps, over a pool of connections."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from filesync_dagster.connectors.azure_blob.answers import TABLE, refusal_error
from filesync_dagster.connectors.azure_blob.credentials import Credential, mint_token, tenant_key
from filesync_dagster.connectors.azure_blob.details import AzureBlobDetails
from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.rest.errors import ErrorTable
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.downloads import Download, Downloader
from filesync_dagster.core.errors import AccessDenied, AuthenticationFailed, NotFound
from filesync_dagster.core.model import Meter

VERSION: Final = "2021-12-02"
"""Of the protocol: the first that all clouds and emulators know, and that writes each name so that it can be read."""

SAFE: Final = "-_.~"
ANSWERED: Final = frozenset({200, 206})
Result = TypeVar("Result")


class BlobTransport:
    """Asks one container. Thread-safe."""

    def __init__(
        self,
        details: AzureBlobDetails,
        meter: Meter,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        self._details = details
        self._credential: Credential | None = None
        address = urlsplit(details.blob_url)
        self._origin = f"{address.scheme}://{address.netloc}"
        self._path = f"{address.path.rstrip('/')}/{quote(details.container, safe='$' + SAFE)}"
        self._client = pooled_client(details, connections=details.list_workers + 2, wire=wire)
        self.downloads = Downloader(self._client)
        self.tenant = tenant_key(details, details.blob_url)
        tenant = tenant_of(self.tenant)
        self.calls: Calls | AuthorizedCalls
        if details.client_secret is None:
            self.calls = Calls(meter, tenant, policy)
        else:
            mint = lambda: mint_token(details, self._client)  # noqa: E731 - a name of its own would say no more
            self.calls = AuthorizedCalls(meter, tenant, mint, self.tenant, policy=policy)

    @property
    def container(self) -> str:
        """The name of the container."""
        return self._details.container

    @property
    def where(self) -> str:
        """The container and the address, for messages."""
        return f"Container {self._details.container} at {self._details.blob_url}"

    def read(
        self,
        query: Mapping[str, str],
        parse: Callable[[bytes], Result],
        *,
        version: str = VERSION,
        stopped: Callable[[], bool] = never,
    ) -> Result:
        """Return what `parse` makes of the answer to a question about the container. Raises SourceError."""

        def once() -> Result:
            answer = self.send("GET", None, query, {"x-ms-version": version})
            if not answer.is_success:
                raise refusal_error(self.where, answer.status_code, answer.headers, answer.content)
            return parse(answer.content)

        return self.calls(once, stopped=stopped)

    def head(
        self, key: bytes, query: Mapping[str, str], table: ErrorTable, where: str, stopped: Callable[[], bool] = never
    ) -> Mapping[str, str]:
        """Return what the service tells of a blob. Repeats what can be repeated; raises SourceError by `table`."""

        def once() -> Mapping[str, str]:
            answer = self.send("HEAD", key, query, {})
            if not answer.is_success:
                raise refusal_error(where, answer.status_code, answer.headers, b"", table)
            return answer.headers

        return self.calls(once, stopped=stopped)

    def has(self, key: bytes, *, stopped: Callable[[], bool] = never) -> bool | None:
        """Say whether there is a blob, asked for it by itself; None where that is refused."""
        if any(part in {b".", b".."} for part in key.split(b"/")):
            return None  # addresses know these steps: the request would be for another blob
        try:
            self.head(key, {}, TABLE, self.where, stopped)
        except NotFound:
            return False
        except (AccessDenied, AuthenticationFailed):
            return None
        return True

    def download(
        self, key: bytes, query: Mapping[str, str], headers: Mapping[str, str], table: ErrorTable, where: str
    ) -> Download:
        """Return the answer to one GET of a blob when it is 200 or 206. Raises SourceError, and httpx's errors."""
        url, signed = self._signed("GET", key, query, headers)
        answer = self.downloads.get(url, signed)
        if answer.status in ANSWERED:
            return answer
        try:
            raise refusal_error(where, answer.status, answer.headers, answer.refusal(), table)
        finally:
            answer.close()

    def send(
        self,
        method: str,
        key: bytes | None,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        seconds: float | None = None,
    ) -> httpx.Response:
        """Return the answer to one signed request about a blob; about the container for None.

        `seconds`: how long the answer is waited for, when not as long as for any other. Raises SourceError when there
        is none.
        """
        given = {**headers, "content-length": str(len(body))} if method in {"PUT", "POST"} else dict(headers)
        url, signed = self._signed(method, key, query, given)
        with httpx_border(self.where):
            return self._client.request(
                method,
                url,
                content=body or None,
                headers=signed,
                timeout=httpx.Timeout(
                    seconds or self._details.read_timeout, connect=self._details.connect_timeout, pool=None
                ),
                extensions={"target": url[len(self._origin) :].encode("ascii")},
            )

    def url_of(self, key: bytes) -> str:
        """Return the address of a blob, without what proves who asks."""
        return f"{self._origin}{self._target(key)}"

    def address_of(self, key: bytes) -> str:
        """Return the address of a blob as the service itself can read it: with the signature that is the credential."""
        credential = self._credential or Credential.of(self._details)
        return f"{self._origin}{credential.address(self._target(key))}"

    def close(self) -> None:
        """Release the connections."""
        self.downloads.close()
        self._client.close()

    def _target(self, key: bytes | None) -> str:
        return self._path if key is None else f"{self._path}/{quote(key, safe=SAFE + '/')}"

    def _signed(
        self, method: str, key: bytes | None, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Return the address and the headers of a request."""
        # The query is escaped here, completely, so that what is sent is what was signed.
        asked = "&".join(f"{name}={quote(value, safe=SAFE, errors='surrogateescape')}" for name, value in query.items())
        if key is None:
            asked = f"restype=container&{asked}" if asked else "restype=container"
        target = f"{self._target(key)}?{asked}" if asked else self._target(key)
        given = {"x-ms-version": VERSION, **headers}
        if isinstance(self.calls, AuthorizedCalls):
            return f"{self._origin}{target}", {**given, **self.calls.headers()}
        credential = self._credential or Credential.of(self._details)
        self._credential = credential
        return f"{self._origin}{credential.address(target)}", credential.headers(method, target, given)
