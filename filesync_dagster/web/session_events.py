"""Generations as server-sent events: the facts of polling, as they change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import anyio
from anyio.to_thread import run_sync

from filesync_dagster.storage.database.sessions import UnknownSession
from filesync_dagster.web.generation_messages import SessionOut
from filesync_dagster.web.generations import session_facts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from filesync_dagster.web.site import Site

POLL_SECONDS: Final = 0.3
HEARTBEAT_SECONDS: Final = 15.0
HEARTBEAT: Final = ": still there\n\n"


async def session_events(site: Site, session_id: str, after: int) -> AsyncIterator[str]:
    """Yield events of a session until it ends, or the server does. Raises UnknownSession, at once.

    `after`: the last revision that whoever listens knows. The first event comes at once.
    """
    before: SessionOut | None = None
    spoke_at = 0.0
    while True:
        try:
            found = await run_sync(_session, site, session_id)
        except UnknownSession:
            if before is None:
                raise
            return  # somebody deleted it
        is_news = found.revision > (before.revision if before else after)
        if is_news or (before is None and found.status != "processing"):
            yield _event(before, found)
            spoke_at = time.monotonic()
        elif time.monotonic() - spoke_at > HEARTBEAT_SECONDS:
            yield HEARTBEAT
            spoke_at = time.monotonic()
        if found.status != "processing" or site.stopping.is_set():
            return
        before = found
        await anyio.sleep(POLL_SECONDS)


def _session(site: Site, session_id: str) -> SessionOut:
    with site.current.acquire() as filesync:
        return SessionOut(**session_facts(filesync.runtime.metadata.sessions.get(session_id)))


def _event(before: SessionOut | None, found: SessionOut) -> str:
    """Return one event: what kind of news it is, and all that is told of the session."""
    kind = "progress"
    if found.status != "processing":
        kind = "done"
    elif before is None or before.state != found.state:
        kind = "stage"
    elif len(before.warnings) != len(found.warnings):
        kind = "warning"
    return f"id: {found.revision}\nevent: {kind}\ndata: {found.model_dump_json()}\n\n"
