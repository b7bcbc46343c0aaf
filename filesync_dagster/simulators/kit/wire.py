"""HTTP without a network: a simulator answers requests, and whoever serves it decides where they come from."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

import httpx


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back. `fault` says that the connection breaks instead: "timeout" or "disconnect"."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None


class Simulator(Protocol):
    """A provider. Thread-safe."""

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
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
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)


@contextmanager
def serve_simulator(simulator: Simulator, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve a simulator over HTTP from a thread of this process; yield its address. Raises OSError if it cannot be."""
    import uvicorn

    # Bound here, where the reason is known if it cannot be.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    stopping = threading.Event()
    server = uvicorn.Server(
        uvicorn.Config(asgi(simulator, stopping), log_config=None, access_log=False, lifespan="off")
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
    from starlette.responses import Response as Outgoing

    async def application(scope: dict[str, object], receive: Any, send: Any) -> None:
        incoming = Incoming(scope, receive)
        query = tuple(parse_qsl(incoming.url.query, keep_blank_values=True))
        request = Request(incoming.method, incoming.url.path, query, dict(incoming.headers), await incoming.body())
        answer = await run_in_threadpool(simulator.handle, request)
        if answer.fault == "timeout":
            await _hang(receive, stopping)
            answer = Answer(503)  # somebody stops the server, and nobody is there to read it
        if answer.fault:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
            return  # less than was promised: whatever serves this closes the connection
        await Outgoing(answer.body, answer.status, dict(answer.headers))(scope, receive, send)

    return application


async def _hang(receive: Any, stopping: threading.Event | None) -> None:
    """Wait until the client has had enough."""
    gone = asyncio.ensure_future(receive())
    while not gone.done() and not (stopping and stopping.is_set()):
        await asyncio.wait([gone], timeout=0.05)
    gone.cancel()


def _unintended(record: logging.LogRecord) -> bool:
    """Keep quiet about connections that broke because the plan said so."""
    return "without completing response" not in record.getMessage()
