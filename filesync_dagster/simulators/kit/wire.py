"""HTTP without a network: a simulator answers requests, and whoever serves it decides where they come from."""

import asyncio
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from urllib.parse import parse_qsl, unquote

import httpx

BLOCK_BYTES = 65536
WAKE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks. Header names are lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def parameter(self, name: str, default: str = "") -> str:
        """Return the value of a query parameter, the last one if it is repeated."""
        return dict(self.query).get(name, default)

    def names(self, part: str) -> bool:
        """Tell whether the path, a parameter or the body names something, such as an id."""
        return part in unquote(self.path) or any(part in value for _, value in self.query) or part.encode() in self.body


@dataclass(frozen=True, slots=True)
class Drip:
    """How slowly an answer comes: `seconds` between two bytes, of the body or (`headers`) from the first byte on."""

    seconds: float
    headers: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the body of an answer ends before its time: with its connection, or (`reset`) with an error on it."""

    at: int
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back. `fault` says that the connection breaks instead: "timeout" or "disconnect"."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None
    cut: "Cut | None" = None
    drip: Drip | None = None


class Simulator(Protocol):
    """A provider. Thread-safe."""

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        ...


@runtime_checkable
class StreamingSimulator(Protocol):
    """A provider that reads what it is sent as it comes, because that may be large."""

    def asgi(self, stopping: threading.Event | None = None) -> Callable[..., Any]:
        """Return it as an ASGI application; what hangs in it ends when `stopping` is set."""
        ...


class InProcess(httpx.BaseTransport):
    """Lets an httpx client talk to a simulator of this process."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or break as a network does."""
        answer = self._simulator.handle(
            Request(
                request.method,
                request.url.path,
                tuple(parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True)),
                {name.lower(): value for name, value in request.headers.items()},
                request.read(),
            )
        )
        if answer.fault == "timeout":
            raise httpx.ReadTimeout("The simulator does not answer.", request=request)
        if answer.fault:
            raise httpx.RemoteProtocolError("The simulator broke off.", request=request)
        if answer.drip and answer.drip.headers:
            time.sleep(answer.drip.seconds * len(str(answer.headers)))
        if answer.drip or answer.cut or len(answer.body) > BLOCK_BYTES or "content-encoding" in answer.headers:
            headers = {**answer.headers, "content-length": str(len(answer.body))}
            return httpx.Response(answer.status, headers=headers, stream=_SlowBody(answer), request=request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)


class _SlowBody(httpx.SyncByteStream):
    """A body that is read when somebody wants it: a byte at a time if it drips."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        body, drip, cut = self._answer.body, self._answer.drip, self._answer.cut
        end = cut.at if cut else len(body)
        step = 1 if drip else BLOCK_BYTES
        for start in range(0, end, step):
            yield body[start : min(start + step, end)]
            if drip:
                time.sleep(drip.seconds)
        if cut and cut.reset:
            raise httpx.ReadError("The simulator reset the connection.")


@contextmanager
def serve_simulator(
    simulator: "Simulator | StreamingSimulator", host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve a simulator over HTTP from a thread of this process; yield its address. Raises OSError if it cannot be."""
    import uvicorn
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    class Protocol(AutoHTTPProtocol):  # type: ignore[valid-type,misc]  # whichever is installed
        """HTTP whose connections an application can reach: headers that drip are no ASGI message."""

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self.app_state: dict[str, Any] = {**self.app_state, "transport": transport}

    # Bound here, where the reason is known if it cannot be.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    stopping = threading.Event()
    application = simulator.asgi(stopping) if isinstance(simulator, StreamingSimulator) else asgi(simulator, stopping)
    server = uvicorn.Server(
        uvicorn.Config(application, http=Protocol, log_config=None, access_log=False, lifespan="off")
    )
    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(_unintended)
    thread = threading.Thread(target=server.run, args=([listener],), name="simulator", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise OSError(f"Nothing can be served at {host}:{port}.")
            time.sleep(0.005)
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listener.getsockname()[1]}"
    finally:
        stopping.set()
        server.should_exit = True
        thread.join()
        listener.close()
        logger.removeFilter(_unintended)


def asgi(simulator: Simulator, stopping: threading.Event | None = None) -> Callable[..., Any]:
    """Return a simulator as an ASGI application; what hangs in it ends when `stopping` is set."""
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request as Incoming

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        incoming = Incoming(scope, receive)
        # Not of the address, in which a name that has a question mark in it would end there.
        query = tuple(parse_qsl(str(scope["query_string"], "ascii"), keep_blank_values=True))
        request = Request(incoming.method, str(scope["path"]), query, dict(incoming.headers), await incoming.body())
        await send_answer(await run_in_threadpool(simulator.handle, request), scope, receive, send, stopping)

    return application


async def send_answer(answer: Answer, scope: Any, receive: Any, send: Any, stopping: threading.Event | None) -> None:
    """Send an answer over ASGI, with what goes wrong with it."""
    from starlette.responses import Response as Outgoing

    if answer.fault == "timeout":
        await _hang(receive, stopping)
        answer = Answer(503)  # somebody stops the server, and nobody is there to read it
    if answer.fault:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        return  # less than was promised: whatever serves this closes the connection
    if answer.cut:
        headers = [(b"content-length", b"%d" % len(answer.body))]
        headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body[: answer.cut.at], "more_body": True})
        return  # likewise
    if answer.drip:
        await _drip(answer, scope, receive, send, stopping)
        return
    await Outgoing(answer.body, answer.status, dict(answer.headers))(scope, receive, send)


async def _drip(answer: Answer, scope: Any, receive: Any, send: Any, stopping: threading.Event | None) -> None:
    """Send an answer a byte at a time, until the client has had enough."""
    assert answer.drip
    headers = [(b"content-length", b"%d" % len(answer.body))]
    headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    if answer.drip.headers:
        transport = scope["state"]["transport"]
        lines = [b"HTTP/1.1 %d OK" % answer.status, *(name + b": " + value for name, value in headers), b"", b""]
        for byte in b"\r\n".join(lines) + answer.body:
            transport.write(bytes([byte]))
            if await _hang(receive, stopping, answer.drip.seconds):
                break
        transport.abort()
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    for byte in answer.body:
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        if await _hang(receive, stopping, answer.drip.seconds):
            return
    await send({"type": "http.response.body", "body": b""})


async def _hang(receive: Any, stopping: threading.Event | None, seconds: float = math.inf) -> bool:
    """Wait until the client has had enough, or for so long; return whether it has."""
    gone = asyncio.ensure_future(receive())
    end = time.monotonic() + seconds
    while not gone.done() and not (stopping and stopping.is_set()) and time.monotonic() < end:
        await asyncio.wait([gone], timeout=min(WAKE_SECONDS, seconds))
    over = gone.done() or bool(stopping and stopping.is_set())
    gone.cancel()
    return over


def _unintended(record: logging.LogRecord) -> bool:
    """Keep quiet about connections that broke because the plan said so."""
    return not record.getMessage().endswith(("without completing response.", "without starting response."))
