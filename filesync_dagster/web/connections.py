"""What one connection may cost: whoever sends no request is let go, and probes have a lane of their own."""

import asyncio
import time
from typing import Any, Final

import anyio
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from filesync_dagster.web.messages import Problem

REQUEST_TIMEOUT_SECONDS = 10.0
"""In which a request must be there, head and body, from its first byte or from the connection on."""

CONNECTIONS_MAX_COUNT = 500
"""Open at once. When there is one more, the one goes that has waited longest for its request."""

REQUESTS_MAX_COUNT = 200
"""Answered at once, probes apart."""

PROBES: Final = frozenset({"/health", "/ready", "/metrics"})

PROBE_LANE = anyio.CapacityLimiter(8)
"""Threads that answer nothing but probes: they wait behind no slow request."""

UPLOADS: Final = (("POST", "/api/upload/file"), ("PATCH", "/api/uploads/"))
"""Requests whose bodies are files: they take as long as they take, so long as something comes."""

BUSY = Problem(error="Too much is asked at once.", hint="Try again later.")


def has_file_body(scope: Scope) -> bool:
    """Tell whether the body of a request is a file, or a piece of one."""
    if scope["type"] != "http":
        return False
    return any(scope["method"] == method and scope["path"].startswith(path) for method, path in UPLOADS)


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # uvicorn chooses it when it is imported
    """uvicorn's protocol, which would wait for a request for ever."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request, but not for long."""
        super().connection_made(transport)
        self._waits_since = time.monotonic()
        self._deadline: asyncio.TimerHandle | None = None
        self._wait()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what comes. That something comes is no request yet."""
        super().data_received(data)
        if self._is_waiting():
            if self._deadline is None:
                self._wait()
        else:
            self._end_wait()
        if self._deadline is not None and self._is_waiting() and self._has_file_body():
            self._deadline.cancel()
            self._wait()  # something came

    def _has_file_body(self) -> bool:
        cycle: Any = self.cycle
        return cycle is not None and has_file_body(cycle.scope)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._end_wait()
        super().connection_lost(exc)

    def _is_waiting(self) -> bool:
        """Whether there is no request, or not all of it."""
        cycle: Any = self.cycle
        return cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started)

    def _wait(self) -> None:
        self._waits_since = time.monotonic()
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT_SECONDS, self._give_up)

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self._is_waiting() and not self.transport.is_closing():
            self.transport.abort()

    def _make_room(self) -> None:
        if len(self.connections) > CONNECTIONS_MAX_COUNT:
            waiting = [one for one in self.connections if one is not self and one._is_waiting()]  # noqa: SLF001 - ours
            if waiting:
                min(waiting, key=lambda one: one._waits_since).transport.abort()  # noqa: SLF001 - ours


class RequestLimit:
    """Refuses what comes while very much is being answered; never a probe."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        if self._running >= REQUESTS_MAX_COUNT:
            await Response(BUSY.model_dump_json(), 503, media_type="application/json")(scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
