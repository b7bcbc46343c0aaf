"""GET requests to Autodesk Platform Services: held back, counted, repeated, with a token that is good."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx

from filesync_dagster.connectors.autodesk.answers import REPORT, document, objects, refused
from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.autodesk.tokens import Tokens
from filesync_dagster.connectors.rest.calls import Calls, tenant_of
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.errors import AuthenticationFailed, ProtocolViolation
from filesync_dagster.core.model import Meter

TOKENS_PER_MINUTE = 500
QUOTAS = {"folders": "entries", "items": "entries"}  # kinds of call that share a quota
EMPTY_MAX = 200  # pages in a row; deleted entries may leave some
SIXTH = 6  # what Autodesk allows for hubs and projects, of what it allows for folders
FOLDER_CALLS = ("topFolders", "contents", "entries", "permissions")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Found:
    """A good answer."""

    document: dict[str, Any]
    at: datetime  # when it was given, by Autodesk's clock where it tells

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The resources of `data`: a list of objects with an id, whatever else the answer holds."""
        data = self.document.get("data")
        if not isinstance(data, list) or not all(isinstance(e, dict) and isinstance(e.get("id"), str) for e in data):
            raise ProtocolViolation(
                "Autodesk sent a list without `data`, or with entries that have no id.", hint=REPORT
            )
        return data


class Trail:
    """The way through the pages of one list, which may lead neither back nor into nothing for ever."""

    def __init__(self, url: str, where: str) -> None:
        self.url = url
        """Where the next page is."""
        self._where = where
        self._visited = {url}
        self._empty = 0

    def leads_on(self, found: Found) -> bool:
        """Go to the page after this one, at Autodesk only; False after the last. Raises ProtocolViolation."""
        link: object = found.document.get("links") or {}
        for name in ("next", "href"):
            link = link.get(name) if isinstance(link, Mapping) else link
        if not link:
            return False
        following = _beside(self.url, link) if isinstance(link, str) else None
        if following is None:
            raise self._violation("leads away from Autodesk for its next page")
        if following in self._visited:
            raise self._violation("repeats itself: a page leads back to one before")
        self._empty = 0 if found.entries else self._empty + 1
        if self._empty > EMPTY_MAX:
            raise self._violation(f"sent {self._empty} empty pages and no end of them")
        self._visited.add(following)
        self.url = following
        return True

    def _violation(self, what: str) -> ProtocolViolation:
        return ProtocolViolation(f"{self._where} {what}.", hint=REPORT)


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
        self._client = pooled_client(
            details.base_url.startswith("http://"),
            connections=details.list_workers + 1,
            read_timeout=details.read_timeout,
            connect_timeout=details.connect_timeout,
            wire=wire,
            verify_tls=details.verify_tls,
            ca_bundle=details.ca_bundle,
        )
        key = hashlib.sha256(f"{details.base_url}\x00{details.client_id}".encode()).hexdigest()
        rate = details.requests_per_minute
        seldom = dict.fromkeys(("hubs", "projects"), rate // SIXTH)
        shared = tenant_of(key, {"token": TOKENS_PER_MINUTE, **seldom, **dict.fromkeys(FOLDER_CALLS, rate)})
        self._tokens = Tokens(details, self._client, Calls(meter, shared, policy))
        self._calls = Calls(meter, shared, policy, self._tokens.renew)

    def get(self, asked: str, url: str, where: str, *, stopped: Callable[[], bool] = never) -> Found:
        """Return the answer to a GET of a `url`. `asked` is the kind of call: its quota and what errors mean."""
        return self._asked(asked, url, where, _found, stopped)

    def objects(self, asked: str, url: str, where: str, *, stopped: Callable[[], bool] = never) -> list[dict[str, Any]]:
        """Return the answer to a GET of one of the services that send a bare list."""
        return self._asked(asked, url, where, objects, stopped)

    def all(self, asked: str, url: str, where: str, *, stopped: Callable[[], bool] = never) -> Iterator[Found]:
        """Yield an answer and those that its `next` links lead to."""
        trail = Trail(url, where)
        more = True
        while more:
            found = self.get(asked, trail.url, where, stopped=stopped)
            more = trail.leads_on(found)
            yield found

    def url(self, *segments: str, **query: str | int) -> str:
        """Return an address; segments are escaped, and of the names in the query `page__limit` is `page[limit]`."""
        path = "/".join(quote(segment, safe="") for segment in segments)
        asked = {_bracketed(name): str(value) for name, value in query.items()}
        return f"{self._base}/{path}" + (f"?{urlencode(asked)}" if asked else "")

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _asked(
        self,
        asked: str,
        url: str,
        where: str,
        read: Callable[[httpx.Response, str], Answer],
        stopped: Callable[[], bool],
    ) -> Answer:
        self._tokens.bearer(stopped)
        quota = QUOTAS.get(asked, asked)
        try:
            return self._calls(lambda: read(self._once(asked, url, where), where), quota=quota, stopped=stopped)
        except AuthenticationFailed:
            self._tokens.drop()
            raise

    def _once(self, asked: str, url: str, where: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._tokens.current}", **self._headers}
        with httpx_border(where):
            answer = self._client.get(url, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise refused(where, asked, answer)
        return answer


def _found(answer: httpx.Response, where: str) -> Found:
    return Found(document(answer, where), _moment(answer.headers.get("date")))


def _bracketed(name: str) -> str:
    outer, _, inner = name.partition("__")
    return f"{outer}[{inner}]" if inner else outer


def _beside(url: str, link: str) -> str | None:
    """Return the address that a link in the answer of a `url` leads to; None if it is at another host."""
    try:
        following = urljoin(url, link)
        [there, here] = [(parts.scheme, parts.hostname, parts.port) for parts in map(urlsplit, (following, url))]
    except ValueError:
        return None
    return following if there == here else None


def _moment(date: str | None) -> datetime:
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
