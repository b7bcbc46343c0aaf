"""Server-sent events: what open pages of the console are told when something changed.

An event names subjects and says nothing of them: whoever is told asks, as ever, and is answered what they may see.
Its id has the marks of all subjects, so that whoever comes back, even to a server that was started anew, is told just
what changed meanwhile.
"""

from __future__ import annotations

import json
import threading
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync
from starlette.responses import StreamingResponse

from filesync_dagster.core.errors import FilesyncError, ServiceError
from filesync_dagster.web.health import CachedAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from filesync_dagster.web.site import Site

LOOK_INTERVAL_SECONDS = 2.0
"""Seconds between two looks at the database, one for all who listen."""

HEARTBEAT_SECONDS = 15.0
"""After which something is sent, so that neither a proxy nor a browser takes the silence for an end."""

STREAM_MAX_SECONDS = 600.0
"""After which a page has to ask again: whoever signed out meanwhile is told nothing more."""

LISTENERS_MAX_COUNT = 50

STOP_CHECK_SECONDS = 0.5

SEPARATOR = "."

LANE = anyio.CapacityLimiter(2)
"""Threads that look: while the database hangs, listeners keep no thread from what people ask."""


class TooManyListeners(ServiceError):
    """More pages are open than are told at once."""

    def __init__(self) -> None:
        super().__init__(
            f"{LISTENERS_MAX_COUNT} pages are told what changed already.",
            hint="Ask from time to time instead, as the console does by itself.",
        )


class ChangeStreams:
    """Tells open pages what changed, until `stop` is set."""

    def __init__(self, site: Site, stop: threading.Event | None = None) -> None:
        self._site = site
        self._stop = stop or threading.Event()
        self._marks = CachedAnswer(self._read, LOOK_INTERVAL_SECONDS)
        self.listeners = 0

    def _read(self) -> dict[str, str]:
        with self._site.current.acquire() as filesync:
            found = filesync.runtime.metadata.change_marks.read()
        found["endpoints"] += f" {self._site.current.mark}"
        return {subject: sha256(mark.encode()).hexdigest()[:8] for subject, mark in found.items()}

    async def open(self, last_id: str | None) -> ChangeStreamResponse:
        """Return what tells somebody. Raises TooManyListeners, StorageError, ConfigError before anything is sent."""
        if self.listeners >= LISTENERS_MAX_COUNT:
            raise TooManyListeners
        return ChangeStreamResponse(self, await run_sync(self._marks, limiter=LANE), last_id)

    async def events(self, marks: dict[str, str], last_id: str | None) -> AsyncIterator[str]:
        """Yield events, the first one at once: what changed since the id that somebody had last."""
        until = time.monotonic() + STREAM_MAX_SECONDS
        yield _event("hello", marks, [] if last_id is None else _differing(last_id, marks))
        looked = last_told = time.monotonic()
        while not self._stop.is_set() and looked < until:
            await anyio.sleep(STOP_CHECK_SECONDS)
            now = time.monotonic()
            if now - looked < LOOK_INTERVAL_SECONDS:
                continue
            looked = now
            found = await self._look(marks)
            changed = [subject for subject in found if found[subject] != marks.get(subject)]
            if changed or now - last_told >= HEARTBEAT_SECONDS:
                yield _event("changed", found, changed) if changed else ": still here\n\n"
                last_told = now
            marks = found

    async def _look(self, before: dict[str, str]) -> dict[str, str]:
        try:
            return await run_sync(self._marks, limiter=LANE)
        except FilesyncError:  # whoever asks is told so; here it may be over with the next look
            return before


class ChangeStreamResponse(StreamingResponse):
    """Events for one listener, who counts as one for as long as it is sent."""

    def __init__(self, streams: ChangeStreams, marks: dict[str, str], last_id: str | None) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}  # nginx would wait for more
        super().__init__(streams.events(marks, last_id), headers=headers, media_type="text/event-stream")
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until somebody has enough of them."""
        self._streams.listeners += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.listeners -= 1


def _differing(last_id: str, marks: dict[str, str]) -> list[str]:
    known = last_id.split(SEPARATOR)
    if len(known) != len(marks):  # of another version: then nothing is known
        return list(marks)
    return [subject for subject, mark in zip(marks, known, strict=True) if marks[subject] != mark]


def _event(kind: str, marks: dict[str, str], changed: list[str]) -> str:
    """Return an event as it is sent."""
    return f"id: {SEPARATOR.join(marks.values())}\nevent: {kind}\ndata: {json.dumps({'changed': changed})}\n\n"
