"""Connections of HTTP that go to checked addresses only, whatever asks over them: an httpx transport with a guard.

The name stays what certificates are verified for and what the Host header says; only the connection goes to the
address that was checked. No proxy is asked, since it would resolve names itself; redirects are never followed.
"""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import httpcore
import httpx

from filesync_dagster.core.http import AnswerTooLarge, BoundedClient, trusted_certificates
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.refusals import refusal

CONNECTIONS_MAX_COUNT: Final = 16
CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0


@cache
def usual_certificates() -> ssl.SSLContext:
    """Return what certificates are verified with, made once: loading them is slow."""
    return trusted_certificates()


class GuardedTransport(httpx.HTTPTransport):
    """A transport whose connections a guard allows. `field`: the setting that names the host, for errors."""

    def __init__(self, guard: AddressGuard, *, field: str, verify: ssl.SSLContext | None = None) -> None:
        context = verify or usual_certificates()
        super().__init__(verify=context, trust_env=False)
        # httpx has no public way to bring a backend. The pool is of a class of its own, so that nobody takes it for a
        # network that may be gone around.
        self._pool = _GuardedPool(
            ssl_context=context,
            max_connections=CONNECTIONS_MAX_COUNT,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(guard, field),
        )


class _GuardedPool(httpcore.ConnectionPool):
    """See `GuardedTransport`."""


class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses that a guard has checked."""

    def __init__(self, guard: AddressGuard, field: str) -> None:
        self._guard = guard
        self._field = field
        self._sync = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to the first address that takes it. Raises SourceRefused for a forbidden host."""
        deadline = SourceDeadline(timeout or CONNECT_SECONDS)
        checked = self._guard.check(host, port, deadline, field=self._field)
        error: Exception | None = None
        for address in checked.addresses:
            try:
                return self._sync.connect_tcp(address, port, deadline.left or 0.001, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                error = exc
        assert error is not None
        raise error

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Refuse: no source is behind a socket of this machine."""
        raise httpcore.ConnectError("sockets of this machine are not asked")


@contextmanager
def guarded_client(
    guard: AddressGuard, field: str, deadline: SourceDeadline, what: str, *, seconds: float = READ_SECONDS
) -> Iterator[BoundedClient]:
    """Lend a client whose answers are bounded and whose connections a guard allows; it follows no redirect.

    What httpx raises becomes a refusal that names the field.
    """
    timeout = httpx.Timeout(max(deadline.at_most(seconds), 0.1), connect=max(deadline.at_most(CONNECT_SECONDS), 0.1))
    transport = GuardedTransport(guard, field=field)
    with BoundedClient(
        transport=transport, timeout=timeout, verify=usual_certificates(), follow_redirects=False
    ) as client:
        try:
            yield client
        except httpx.HTTPError as error:
            raise refusal(_code_of(error), what, field=field, cause=error) from None
        except httpx.InvalidURL as error:
            raise refusal("bad_config", what, field=field, cause=error) from None


def _code_of(error: httpx.HTTPError) -> str:
    if isinstance(error, AnswerTooLarge | httpx.DecodingError | httpx.ProtocolError):
        return "broken_off" if isinstance(error, httpx.RemoteProtocolError) else "protocol"
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    words = f"{error} {error.__cause__}".lower()
    return "tls" if "certificate" in words or "ssl" in words else "unreachable"
