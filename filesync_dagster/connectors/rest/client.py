"""The border to httpx, and the pooled client that every connector over HTTP uses.

What httpx raises becomes our error tree here and nowhere else. No message holds a secret: only the address.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import httpx

from filesync_dagster.connectors.rest.errors import ASK_LATER, CHECK_ADDRESS
from filesync_dagster.core.errors import ProtocolViolation, SourceError, TemporarilyDown, Unreachable
from filesync_dagster.core.http import AnswerTooLarge, AnswerTooSlow, BoundedClient, trusted_certificates

HTTPX: Final[Mapping[type[Exception], type[SourceError]]] = {
    httpx.ConnectError: Unreachable,
    httpx.ConnectTimeout: Unreachable,
    httpx.ProxyError: Unreachable,
    httpx.UnsupportedProtocol: Unreachable,
    httpx.ReadTimeout: TemporarilyDown,
    httpx.WriteTimeout: TemporarilyDown,
    httpx.PoolTimeout: TemporarilyDown,
    httpx.TimeoutException: TemporarilyDown,
    httpx.ReadError: TemporarilyDown,
    httpx.WriteError: TemporarilyDown,
    httpx.CloseError: TemporarilyDown,
    httpx.NetworkError: TemporarilyDown,
    httpx.RemoteProtocolError: TemporarilyDown,  # most often a connection that broke in the middle
    httpx.LocalProtocolError: ProtocolViolation,
    httpx.ProtocolError: ProtocolViolation,
    httpx.DecodingError: ProtocolViolation,
    httpx.TooManyRedirects: ProtocolViolation,
    httpx.TransportError: TemporarilyDown,
    httpx.RequestError: TemporarilyDown,
    httpx.HTTPStatusError: ProtocolViolation,
    httpx.HTTPError: ProtocolViolation,
    httpx.InvalidURL: Unreachable,
    httpx.CookieConflict: ProtocolViolation,
    httpx.StreamError: ProtocolViolation,
    httpx.StreamConsumed: ProtocolViolation,
    httpx.StreamClosed: ProtocolViolation,
    httpx.ResponseNotRead: ProtocolViolation,
    httpx.RequestNotRead: ProtocolViolation,
}
"""Every exception of httpx; a test fails when it grows another."""


LOWER_PAGE_SIZE = "No page is that large. If its entries are, lower page_size."


@contextmanager
def httpx_border(where: str) -> Iterator[None]:
    """Turn what httpx raises into our errors; `where` names what was asked, for the message."""
    try:
        yield
    except AnswerTooLarge as exc:
        raise ProtocolViolation(f"{where} sent an answer without end: {exc}.", hint=LOWER_PAGE_SIZE) from exc
    except AnswerTooSlow as exc:
        raise TemporarilyDown(f"{where} answers too slowly: {exc}.", hint=ASK_LATER) from exc
    except tuple(HTTPX) as exc:
        kind = next(HTTPX[c] for c in type(exc).__mro__ if c in HTTPX)
        verb = "could not be reached" if kind is Unreachable else "broke off the answer"
        hint = CHECK_ADDRESS if kind is Unreachable else ASK_LATER
        raise kind(f"{where} {verb}: {exc or type(exc).__name__}.", hint=hint) from exc


class ConnectionDetails(Protocol):
    """What the details of every store over HTTP say of its connections."""

    @property
    def connect_timeout(self) -> float:
        """Seconds to wait for a connection."""
        ...

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for data of an answer."""
        ...

    @property
    def verify_tls(self) -> bool:
        """Whether certificates are checked."""
        ...

    @property
    def ca_bundle(self) -> str | None:
        """A file of certificate authorities to trust, in place of the usual ones."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionDefaults:
    """Connections of which nobody said anything."""

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    verify_tls: bool = True
    ca_bundle: str | None = None


def pooled_client(
    details: ConnectionDetails | None = None, *, connections: int, wire: httpx.BaseTransport | None = None
) -> BoundedClient:
    """Return a thread-safe client with at most so many connections; a thread that finds none free waits.

    `wire` replaces the network. Redirects are not followed. Answers are bounded. Certificates are checked whatever the
    address of the API is: tokens and contents may come from another one.
    """
    details = details or ConnectionDefaults()
    return BoundedClient(
        transport=wire,
        timeout=httpx.Timeout(details.read_timeout, connect=details.connect_timeout, pool=None),
        limits=httpx.Limits(max_connections=connections),
        verify=wire is None and _trust(details.verify_tls, details.ca_bundle),
    )


@cache
def _trust(verify: bool, ca_bundle: str | None) -> ssl.SSLContext | bool:
    """Return what httpx verifies certificates with, made once for all clients: loading certificates is slow."""
    if not verify:
        return False
    return trusted_certificates(ca_bundle)
