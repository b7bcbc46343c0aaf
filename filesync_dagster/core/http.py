"""An HTTP client whose answers are bounded, in time and in size: foreign hosts send what they like, for as long.

An answer has `read` seconds of the client's timeout, and more only as it comes: BYTES_PER_SECOND is the least rate.
So a byte a second is no answer, be it of the headers or of the body, while a large one over a slow line is. Nothing
more than ANSWER_MAX_BYTES of it is read, or unpacked. What goes through `stream` is the caller's to bound.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import httpcore
import httpx

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.interruption import check_stop
from filesync_dagster.core.proxies import is_in_excepted_range, proxies_of_environment

ANSWER_MAX_BYTES = 64_000_000
"""Of one answer, packed or unpacked. The largest pages that stores send are a tenth of it."""

BYTES_PER_SECOND = 32_000
"""The least rate at which an answer must come after the first seconds: that of a bad mobile line."""

WRITE_BYTES = 65_536
"""Of what is sent, that are given to a connection at once."""

POLL_SECONDS = 0.5
"""How soon a thread that waits for an answer notices that the process is to stop."""

ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Unpacked piece by piece, so that a bound can be kept; and one of them only, not one in the other."""

Options: TypeAlias = Any


class AnswerTooLarge(httpx.DecodingError):
    """An answer has more bytes than any that is meant."""


class AnswerTooSlow(httpx.ReadTimeout):
    """An answer comes so slowly that it would never end."""


class AnswerBounds:
    """What is left to one answer: seconds and bytes. `max_bytes` None: who reads it bounds its length.

    While it is paused, whoever reads takes the time, and not the host.
    """

    def __init__(self, seconds: float | None, max_bytes: int | None = ANSWER_MAX_BYTES) -> None:
        self.seconds = seconds
        self._max_bytes = max_bytes
        self._began = time.monotonic()
        self._paused_at: float | None = None
        self._sent = 0
        self._sending_seconds = 0.0
        self.bytes = 0

    def pause(self) -> None:
        """Let no time pass for the host."""
        self._paused_at = time.monotonic()

    def resume(self) -> None:
        """Let time pass again."""
        if self._paused_at is not None:
            self._began += time.monotonic() - self._paused_at
            self._paused_at = None

    def seconds_left(self) -> float | None:
        """Return the seconds that are left; None: all that there are."""
        if self.seconds is None:
            return None
        return self._began + self.seconds + self.bytes / BYTES_PER_SECOND - time.monotonic()

    def note_sent(self, sent: int, seconds: float) -> None:
        """Let the time of the answer begin when all is sent. Raises AnswerTooSlow when a host takes next to nothing."""
        self._sent += sent
        self._sending_seconds += seconds
        if self.seconds is not None and self._sending_seconds > self.seconds + self._sent / BYTES_PER_SECOND:
            raise AnswerTooSlow(f"it took {self._sent:,} bytes in {self._sending_seconds:,.0f} seconds")
        self._began = time.monotonic()

    def note(self, received: int) -> None:
        """Count what came. Raises AnswerTooLarge."""
        self.bytes += received
        if self._max_bytes is not None and self.bytes > self._max_bytes:
            raise too_large()


def too_large() -> AnswerTooLarge:
    """Return the error for an answer that is larger than any that is meant."""
    return AnswerTooLarge(f"it has more than {ANSWER_MAX_BYTES // 1_000_000} MB")


_answers = threading.local()
"""The answer that each thread reads: a request is sent and its answer read in one thread."""


@contextmanager
def bounded_by(bounds: AnswerBounds) -> Iterator[None]:
    """Hold what this thread reads meanwhile to the bounds of an answer."""
    # Another answer may be read while a request is sent: of the source of what is sent.
    others: AnswerBounds | None = getattr(_answers, "bounds", None)
    bounds.resume()
    _answers.bounds = bounds
    try:
        yield
    finally:
        _answers.bounds = others
        bounds.pause()


class _BoundedStream(httpcore.NetworkStream):
    """A connection that keeps to the bounds of the answer that is being read."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes next. Raises httpcore.ReadTimeout, AnswerTooSlow, AnswerTooLarge, KeyboardInterrupt."""
        bounds: AnswerBounds | None = getattr(_answers, "bounds", None)
        if bounds is None:
            return self._stream.read(max_bytes, timeout)
        silent_since = time.monotonic()
        while True:
            left = bounds.seconds_left()
            if left is not None and left <= 0:
                raise AnswerTooSlow(f"{bounds.bytes:,} bytes came, then next to nothing")
            waited = time.monotonic() - silent_since
            if timeout is not None and waited >= timeout:
                raise httpcore.ReadTimeout("it does not answer")
            limits = (POLL_SECONDS, left, None if timeout is None else timeout - waited)
            try:
                received = self._stream.read(max_bytes, min(limit for limit in limits if limit is not None))
            except httpcore.ReadTimeout:
                check_stop()
                continue
            bounds.note(len(received))
            return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send something; a host that does not take it has as long as for its answer, whose time begins anew then."""
        bounds: AnswerBounds | None = getattr(_answers, "bounds", None)
        view = memoryview(buffer)
        for start in range(0, max(len(view), 1), WRITE_BYTES):
            check_stop()
            piece = bytes(view[start : start + WRITE_BYTES])
            # Not what is left of them: what is sent may take long to come by, and that is not the host's fault.
            limits = [limit for limit in (timeout, bounds.seconds if bounds else None) if limit is not None]
            began = time.monotonic()
            self._stream.write(piece, min(limits) if limits else None)
            if bounds is not None:
                bounds.note_sent(len(piece), time.monotonic() - began)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return the same with TLS. OpenSSL's handshake has one deadline, not one for each byte."""
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows of itself."""
        return self._stream.get_extra_info(info)


class _BoundedBackend(httpcore.NetworkBackend):
    """Opens such connections."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Options] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to a host."""
        check_stop()
        return _BoundedStream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Options] | None = None
    ) -> httpcore.NetworkStream:
        """Return a connection to a socket of this machine."""
        return _BoundedStream(self._backend.connect_unix_socket(path, timeout, socket_options))

    def sleep(self, seconds: float) -> None:
        """Rest before connecting once more."""
        self._backend.sleep(seconds)


def trusted_certificates(ca_bundle: str | None = None) -> ssl.SSLContext:
    """Return what certificates are verified with: a file of them, or what SSL_CERT_FILE or httpx names.

    Raises ConfigError when they cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=ca_bundle) if ca_bundle else httpx.create_ssl_context()
    except OSError as error:  # what OpenSSL raises is one, too
        raise ConfigError(
            [f"The certificates in {ca_bundle or 'SSL_CERT_FILE'} cannot be read: {error.strerror or error}."],
            hint="ca_bundle, AWS_CA_BUNDLE and SSL_CERT_FILE name a file of certificates in PEM.",
        ) from error


def _mounts(options: Options) -> dict[str, httpx.HTTPTransport | None]:
    """Return the transports of a client to the proxies of the environment."""
    alike = {name: options[name] for name in ("verify", "limits") if name in options}
    return {
        pattern: None if proxy is None else httpx.HTTPTransport(proxy=proxy, **alike)
        for pattern, proxy in proxies_of_environment().items()
    }


class BoundedClient(httpx.Client):
    """httpx's client with bounded answers. Thread-safe."""

    def __init__(self, **options: Any) -> None:
        """Take httpx's options. Raises ConfigError when the environment names a proxy that cannot be one."""
        options.setdefault("verify", True)
        if options["verify"] is True:
            options["verify"] = trusted_certificates()
        self.verify: ssl.SSLContext | bool = options["verify"]
        if options.get("transport") is None:
            options["mounts"] = _mounts(options)
        super().__init__(**options, trust_env=False)
        self.headers["accept-encoding"] = "gzip, deflate"
        # httpx has no public way to bring a backend, and a transport of one's own would lose the proxies of the
        # environment.
        for transport in (self._transport, *self._mounts.values()):
            pool = getattr(transport, "_pool", None)
            if pool is not None:
                pool._network_backend = _BoundedBackend(pool._network_backend)  # noqa: SLF001 - see above

    def _transport_for_url(self, url: httpx.URL) -> httpx.BaseTransport:
        return self._transport if is_in_excepted_range(url.host) else super()._transport_for_url(url)

    def is_direct(self, url: str) -> bool:
        """Whether a request for an address goes to its host over a connection of its own: through no proxy."""
        transport = self._transport_for_url(httpx.URL(url))
        return type(getattr(transport, "_pool", None)) is httpcore.ConnectionPool

    def send_streamed(self, request: httpx.Request, bounds: AnswerBounds) -> httpx.Response:
        """Return an answer whose body is yet to be read, with the same bounds in force. Raises httpx's errors."""
        check_stop()
        with bounded_by(bounds):
            return super().send(request, stream=True)

    def send(self, request: httpx.Request, *, stream: bool = False, **others: Any) -> httpx.Response:
        """Return the answer, all of it unless it is streamed. Raises httpx's errors, and KeyboardInterrupt."""
        if stream:
            return super().send(request, stream=True, **others)
        check_stop()
        with bounded_by(AnswerBounds(request.extensions.get("timeout", {}).get("read"))):
            answer = super().send(request, stream=True, **others)
            try:
                return _read(answer)
            finally:
                answer.close()
                # httpx ties an answer to itself by its stream: what was sent would stay until garbage is collected.
                answer.stream = httpx.ByteStream(b"")


def _read(answer: httpx.Response) -> httpx.Response:
    """Return an answer with its body, unpacked."""
    if answer.headers.get("content-encoding", "").strip().lower() not in ENCODINGS:
        raise httpx.DecodingError(
            f"it is packed as {answer.headers['content-encoding'][:80]!r}, which nobody asked for"
        )
    pieces, size = [], 0
    for piece in answer.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > ANSWER_MAX_BYTES:
            raise too_large()
    # To HEAD, the length is that of the body that GET would bring.
    changed = {"content-encoding", "content-length", "transfer-encoding"}
    changed -= {"content-length"} if answer.request.method == "HEAD" else set()
    headers = [(name, value) for name, value in answer.headers.multi_items() if name not in changed]
    return httpx.Response(
        answer.status_code,
        headers=headers,
        content=b"".join(pieces),
        request=answer.request,
        extensions=answer.extensions,
    )
