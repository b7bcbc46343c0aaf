"""Answers that are read in blocks: the content of files, of any length, with the bounds of `http` on their pace.

httpx takes 2 to 3 times the processor time of `http.client`, for many bytes and for small answers (measured on 1 GiB
and on answers of 4 KiB). So what needs no proxy goes over connections of our own; the rest over httpx.
"""

import http.client
import io
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx

from filesync_dagster.core.http import POLL_SECONDS, AnswerBounds, AnswerTooSlow, BoundedClient, bounded_by
from filesync_dagster.core.interruption import check_stop

BLOCK_BYTES: Final = 1 << 20
REFUSAL_MAX_BYTES: Final = 1 << 16
"""What is read of an answer that refuses."""

IDLE_MAX_SECONDS: Final = 20.0
"""How long a connection is kept for the next request; stores close theirs after 5 to 60."""

IDLE_MAX_CONNECTIONS: Final = 64
VISIBLE: Final = re.compile(r"[!-~]*")
FIELD: Final = re.compile(r"[ -~\t]*")


class Download(Protocol):
    """An answer whose body is read in blocks, or let go of. Reading raises httpx's errors and KeyboardInterrupt."""

    status: int
    headers: Mapping[str, str]  # found whatever the case of their letters

    def blocks(self) -> Generator[bytes]:
        """Yield the body in blocks of up to BLOCK_BYTES. A body that ends early is an error."""
        ...

    def refusal(self) -> bytes:
        """Return the beginning of a body that tells why."""
        ...

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        ...


class Downloader:
    """Asks for bodies, over the network that a client uses. Thread-safe. It does not close the client."""

    def __init__(self, client: BoundedClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []  # the last used at the end
        self._direct: dict[str, bool] = {}
        self._closed = False

    def get(self, url: str, headers: Mapping[str, str]) -> Download:
        """Return the answer to a GET. The address is sent as it is, dots and all. Raises httpx's errors."""
        origin = _origin_of(url)
        direct = self._direct.get(origin.text)
        if direct is None:
            direct = self._direct[origin.text] = self._client.is_direct(f"{origin.text}/")
        target = url[len(origin.text) :] or "/"
        if not (VISIBLE.fullmatch(target) and all(FIELD.fullmatch(value) for value in headers.values())):
            raise httpx.LocalProtocolError("a request has characters that no request may have")
        bounds = AnswerBounds(self._client.timeout.read, None)
        if not direct:
            return self._through_httpx(url, target, headers, bounds)
        lines = [f"GET {target} HTTP/1.1", f"host: {origin.host_field}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return self._ask(origin, "\r\n".join([*lines, "", ""]).encode("ascii"), bounds)

    def close(self) -> None:
        """Close the connections that nobody uses; those in use are closed when they are let go of."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, origin: "_Origin", request: bytes, bounds: AnswerBounds) -> "_DirectDownload":
        check_stop()
        connection = self._take(origin)
        if connection is not None:
            try:
                return _DirectDownload(self, connection, request, bounds)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                if bounds.bytes:  # else the host had closed it while nobody used it
                    raise
        connection = _Connection(origin, self._connected(origin))
        return _DirectDownload(self, connection, request, bounds)

    def _through_httpx(
        self, url: str, target: str, headers: Mapping[str, str], bounds: AnswerBounds
    ) -> "_HttpxDownload":
        extensions = {"target": target.encode("ascii")}
        request = self._client.build_request("GET", url, headers=dict(headers), extensions=extensions)
        return _HttpxDownload(self._client.send_streamed(request, bounds), bounds)

    def _connected(self, origin: "_Origin") -> socket.socket:
        seconds = self._client.timeout.connect
        try:
            sock = socket.create_connection((origin.host, origin.port), seconds)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if origin.tls:
                return _tls_context(self._client.verify).wrap_socket(sock, server_hostname=origin.host)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpx.ConnectError(str(exc)) from exc
        return sock

    def _take(self, origin: "_Origin") -> "_Connection | None":
        """Return a connection to a host that is still open, as far as can be seen."""
        now = time.monotonic()
        with self._lock:
            stale = [kept for kept in self._idle if kept.idle_since < now - IDLE_MAX_SECONDS]
            self._idle = [kept for kept in self._idle if kept not in stale]
            found = next((kept for kept in reversed(self._idle) if kept.origin is origin), None)
            if found is not None:
                self._idle.remove(found)
        for connection in stale:
            connection.close()
        if found is None or found.is_open:
            return found
        found.close()
        return None

    def give_back(self, connection: "_Connection") -> None:
        """Keep a connection for the next request."""
        connection.idle_since = time.monotonic()
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MAX_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    @property
    def client(self) -> BoundedClient:
        """Whose timeouts and certificates these are."""
        return self._client


@dataclass(frozen=True, slots=True, eq=False)
class _Origin:
    """Where requests go: scheme, host and port."""

    text: str
    tls: bool
    host: str
    port: int
    host_field: str


@lru_cache(maxsize=256)
def _parsed_origin(text: str) -> _Origin:
    try:
        parts, parsed = urlsplit(text), httpx.URL(text)
        host, port = parsed.raw_host.decode("ascii").strip("[]"), parts.port
    except (ValueError, httpx.InvalidURL) as exc:
        raise httpx.UnsupportedProtocol(f"{text} is no address") from exc
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise httpx.UnsupportedProtocol(f"{parts.scheme}://{parts.hostname} is no address of a store")
    tls = parts.scheme == "https"
    return _Origin(text, tls, host, port or (443 if tls else 80), parsed.netloc.decode("ascii"))


def _origin_of(url: str) -> _Origin:
    begin = url.find("://") + 3
    ends = (end for end in (url.find("/", begin), url.find("?", begin)) if end >= 0)
    return _parsed_origin(url[: min(ends, default=len(url))])


@lru_cache(maxsize=16)
def _tls_context(verify: ssl.SSLContext | bool) -> ssl.SSLContext:
    return verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify=verify)


class _Connection:
    """A connection to a host."""

    def __init__(self, origin: _Origin, sock: socket.socket) -> None:
        self.origin = origin
        self.sock = sock
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it seems to be: a host that says something unasked says that it closes."""
        with suppress(OSError, ValueError):
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            return not poll.poll(0)
        return False

    def close(self) -> None:
        with suppress(OSError):
            self.sock.close()


class _Incoming(io.RawIOBase):
    """What comes over a connection, within the bounds of an answer; in the shape in which http.client reads."""

    def __init__(self, sock: socket.socket, bounds: AnswerBounds, silence_seconds: float | None) -> None:
        super().__init__()
        self._sock = sock
        self._bounds = bounds
        self._silence_seconds = silence_seconds

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what http.client asks a socket for."""
        return io.BufferedReader(self, 1 << 16)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        silent_since = time.monotonic()
        while True:
            try:
                received = self._sock.recv_into(buffer)
            except TimeoutError:  # POLL_SECONDS
                check_stop()
                left = self._bounds.seconds_left()
                if left is not None and left <= 0:
                    raise AnswerTooSlow(f"{self._bounds.bytes:,} bytes came, then next to nothing") from None
                waited = time.monotonic() - silent_since
                if self._silence_seconds is not None and waited >= self._silence_seconds:
                    raise httpx.ReadTimeout("it does not answer") from None
                continue
            self._bounds.note(received)
            left = self._bounds.seconds_left()
            if left is not None and left <= 0 and received:
                raise AnswerTooSlow(f"{self._bounds.bytes:,} bytes came, then next to nothing")
            return received


class _DirectDownload:
    """An answer over a connection of our own."""

    def __init__(self, owner: Downloader, connection: _Connection, request: bytes, bounds: AnswerBounds) -> None:
        self._owner = owner
        self._connection: _Connection | None = connection
        self._bounds = bounds
        timeout = owner.client.timeout
        incoming: Any = _Incoming(connection.sock, bounds, timeout.read)
        self._answer = http.client.HTTPResponse(incoming, method="GET")
        try:
            with _httpx_errors():
                connection.sock.settimeout(timeout.write)
                connection.sock.sendall(request)
                connection.sock.settimeout(min(POLL_SECONDS, timeout.read or POLL_SECONDS))
                self._answer.begin()
        except BaseException:
            self.close()
            raise
        bounds.pause()
        self.status = self._answer.status
        self.headers: Mapping[str, str] = self._answer.headers  # type: ignore[assignment]  # it has what is asked of it

    def blocks(self) -> Generator[bytes]:
        while block := self._read(BLOCK_BYTES):
            yield block

    def refusal(self) -> bytes:
        return self._read(REFUSAL_MAX_BYTES)

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._answer.close()
            connection.close()

    def _read(self, count: int) -> bytes:
        if self._connection is None:
            return b""
        self._bounds.resume()
        try:
            with _httpx_errors():
                block = self._answer.read(count)
                _require_end(block, self._answer.length)
        except BaseException:
            self.close()
            raise
        self._bounds.pause()
        if self._answer.isclosed():
            self._let_go()
        return block

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._answer.will_close:
                connection.close()
            else:
                self._owner.give_back(connection)


def _require_end(block: bytes, bytes_left: int | None) -> None:
    """Raise when a body ends although the answer has announced more."""
    if not block and bytes_left:
        raise httpx.RemoteProtocolError(f"the answer ended {bytes_left:,} bytes early")


class _httpx_errors:  # noqa: N801 - used as a function; a class costs a third of what contextlib makes of one
    """Raises httpx's errors for those of sockets and of http.client."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, httpx.HTTPError):
            return
        if isinstance(error, http.client.HTTPException):
            raise httpx.RemoteProtocolError(str(error) or type(error).__name__) from error
        if isinstance(error, TimeoutError):
            raise httpx.WriteTimeout("it does not take the request") from error
        if isinstance(error, OSError):
            raise httpx.ReadError(str(error)) from error


class _HttpxDownload:
    """An answer over httpx: through a proxy, or from what stands in place of a network."""

    def __init__(self, answer: httpx.Response, bounds: AnswerBounds) -> None:
        self._answer = answer
        self._bounds = bounds
        self.status = answer.status_code
        self.headers: Mapping[str, str] = answer.headers

    def blocks(self) -> Generator[bytes]:
        read = self._answer.is_stream_consumed  # already, by what stands in place of a network
        pieces = iter((self._answer.content,)) if read else self._answer.iter_raw()
        held = bytearray()
        while True:
            with bounded_by(self._bounds):
                while len(held) < BLOCK_BYTES and (piece := next(pieces, None)) is not None:
                    held += piece
            if not held:
                return
            yield bytes(held[:BLOCK_BYTES])
            del held[:BLOCK_BYTES]

    def refusal(self) -> bytes:
        return next(self.blocks(), b"")[:REFUSAL_MAX_BYTES]

    def close(self) -> None:
        self._answer.close()
