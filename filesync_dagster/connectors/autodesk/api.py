"""GET requests to Autodesk Platform Services: held back, counted, repeated, with a token that is good.

Tokens are minted with the app's secret or a service account's key.
"""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx

from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.autodesk.errors import CHECK_KEY, REPORT, document, objects, refusal_error
from filesync_dagster.connectors.rest.answers import ids_in
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.rest.fields import instant_of
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AccessToken, AuthorizedCalls, access_token_in, credential_hash
from filesync_dagster.connectors.rest.paging import PageChain, same_host_link
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.downloads import Downloader
from filesync_dagster.core.errors import AuthenticationFailed, ProtocolViolation
from filesync_dagster.core.model import Meter

SCOPE = "data:read"
PATH = "/authentication/v2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_SECONDS = 240  # Autodesk takes assertions of up to five minutes
TOKENS_PER_MINUTE = 500
QUOTAS = {"folders": "entries", "items": "entries"}  # kinds of call that share a quota
HUB_CALLS_DIVISOR = 6  # what Autodesk allows for hubs and projects is a sixth of what it allows for folders
FOLDER_CALLS = ("topFolders", "contents", "entries", "permissions")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class ApsAnswer:
    """A good answer."""

    document: dict[str, Any]
    at: datetime  # when it was given, by Autodesk's clock where it tells

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The resources of `data`: a list of objects with an id, whatever else the answer holds."""
        if self.odd:
            raise ProtocolViolation("Autodesk sent a list with entries that have no id.", hint=REPORT)
        return self.readable

    @property
    def readable(self) -> list[dict[str, Any]]:
        """Those of `data` that have an id."""
        return [each for each in self._data if _has_id(each)]

    @property
    def odd(self) -> list[object]:
        """Those that have none."""
        return [each for each in self._data if not _has_id(each)]

    @property
    def _data(self) -> list[Any]:
        data = self.document.get("data")
        if not isinstance(data, list):
            raise ProtocolViolation("Autodesk sent a list without `data`.", hint=REPORT)
        return data


class Trail:
    """The way through the pages of one list, at Autodesk only."""

    def __init__(self, url: str, where: str) -> None:
        self.url = url
        """Where the next page is."""
        self._where = where
        self._chain = PageChain(where, url, hint=REPORT)

    def advance(self, found: ApsAnswer) -> bool:
        """Go to the page after this one; False after the last. Raises ProtocolViolation."""
        link: object = found.document.get("links") or {}
        for name in ("next", "href"):
            link = link.get(name) if isinstance(link, Mapping) else link
        if not link:
            return False
        following = same_host_link(self.url, link)
        if following is None:
            raise ProtocolViolation(f"{self._where} leads away from Autodesk for its next page.", hint=REPORT)
        self.url = self._chain.advance(following, ids_in(found.readable)) or ""
        return True


class Api:
    """Asks Autodesk with the credentials of one endpoint. Thread-safe."""

    def __init__(
        self,
        details: AutodeskDetails,
        meter: Meter,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        self._base = details.base_url
        self._headers = {"x-ads-region": details.region} if details.region else {}
        self._client = pooled_client(details, connections=details.list_workers + 1, wire=wire)
        key = credential_hash(details.base_url, details.client_id)
        rate = details.requests_per_minute
        fewer = dict.fromkeys(("hubs", "projects"), rate // HUB_CALLS_DIVISOR)
        shared = tenant_of(key, {"token": TOKENS_PER_MINUTE, **fewer, **dict.fromkeys(FOLDER_CALLS, rate)})
        mint = AutodeskTokenMint(details, self._client).mint
        self.downloads = Downloader(self._client)
        self.calls = AuthorizedCalls(meter, shared, mint, identity_of(details), policy=policy, quota="token")

    def get(self, asked: str, url: str, where: str, *, stopped: Callable[[], bool] = never) -> ApsAnswer:
        """Return the answer to a GET of a `url`. `asked` is the kind of call: its quota and what errors mean."""
        return self._fetch(asked, url, where, _read_document, stopped)

    def objects(self, asked: str, url: str, where: str, *, stopped: Callable[[], bool] = never) -> list[dict[str, Any]]:
        """Return the answer to a GET of one of the services that send a bare list."""
        return self._fetch(asked, url, where, objects, stopped)

    def all(self, asked: str, url: str, where: str, *, stopped: Callable[[], bool] = never) -> Iterator[ApsAnswer]:
        """Yield an answer and those that its `next` links lead to."""
        trail = Trail(url, where)
        more = True
        while more:
            found = self.get(asked, trail.url, where, stopped=stopped)
            more = trail.advance(found)
            yield found

    def url(self, *segments: str, **query: str | int) -> str:
        """Return an address; segments are escaped, and of the names in the query `page__limit` is `page[limit]`."""
        path = "/".join(quote(segment, safe="") for segment in segments)
        asked = {_bracket_name(name): str(value) for name, value in query.items()}
        return f"{self._base}/{path}" + (f"?{urlencode(asked)}" if asked else "")

    def close(self) -> None:
        """Release the connections."""
        self.downloads.close()
        self._client.close()

    def _fetch(
        self,
        asked: str,
        url: str,
        where: str,
        read: Callable[[httpx.Response, str], Answer],
        stopped: Callable[[], bool],
    ) -> Answer:
        quota = QUOTAS.get(asked, asked)
        return self.calls(lambda: read(self._send(asked, url, where), where), quota=quota, stopped=stopped)

    def _send(self, asked: str, url: str, where: str) -> httpx.Response:
        headers = {**self.calls.headers(), **self._headers}
        with httpx_border(where):
            answer = self._client.get(url, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise refusal_error(where, asked, answer)
        return answer


def _read_document(answer: httpx.Response, where: str) -> ApsAnswer:
    return ApsAnswer(document(answer, where), instant_of(answer.headers.get("date")) or datetime.now(UTC))


def _bracket_name(name: str) -> str:
    outer, _, inner = name.partition("__")
    return f"{outer}[{inner}]" if inner else outer


def _has_id(resource: object) -> bool:
    found = resource.get("id") if isinstance(resource, dict) else None
    return isinstance(found, str) and bool(found)


class AutodeskTokenMint:
    """Asks for tokens of one app or service account."""

    def __init__(self, details: AutodeskDetails, client: httpx.Client) -> None:
        self._details = details
        self._client = client

    def mint(self) -> AccessToken:
        """Return a new token. Raises SourceError."""
        return access_token_in(self._ask(), self._where)

    def _ask(self) -> dict[str, Any]:
        details = self._details
        call, form = "token", {"grant_type": "client_credentials", "scope": SCOPE}
        if details.service_account_id is not None:
            call, form = "assertion", {"grant_type": JWT_BEARER, "assertion": self._assertion(), "scope": SCOPE}
        pair = f"{details.client_id}:{details.client_secret.get_secret_value()}"
        headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "accept": "application/json"}
        with httpx_border(self._where):
            answer = self._client.post(f"{details.base_url}{PATH}", data=form, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise refusal_error(self._where, call, answer)
        return document(answer, self._where)

    def _assertion(self) -> str:
        """Return what a service account proves itself with: claims signed with its key."""
        from google.auth import crypt, jwt

        details = self._details
        assert details.private_key is not None
        try:
            signer = crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]  # google-auth has types in part only
                details.private_key.get_secret_value().replace("\\n", "\n"), details.key_id
            )
        except ValueError as exc:
            raise AuthenticationFailed(
                f"The private_key of service account {details.service_account_id} is no RSA key in PEM form.",
                hint=CHECK_KEY,
            ) from exc
        now = int(time.time())
        claims = {
            "iss": details.client_id,
            "sub": details.service_account_id,
            "aud": f"{details.base_url}{PATH}",
            "iat": now,
            "exp": now + JWT_SECONDS,
            "scope": [SCOPE],
        }
        signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]  # likewise
        return signed.decode("ascii")

    @property
    def _where(self) -> str:
        return f"Autodesk, asked for a token of {self._details.client_id},"


def identity_of(details: AutodeskDetails) -> str:
    """Return what stands for an identity: a hash, so that no secret lingers in it."""
    parts = [details.base_url, details.client_id, details.client_secret.get_secret_value()]
    if details.private_key is not None:
        parts += [str(details.service_account_id), str(details.key_id), details.private_key.get_secret_value()]
    return credential_hash(*parts)
