"""Requests for generations over HTTP: taken, judged, waited for, compared, and their files handed out."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.to_thread import run_sync
from fastapi.responses import FileResponse, Response
from pydantic import ValidationError

from filesync_dagster.config.sentences import sentence_of
from filesync_dagster.storage.database.sessions import STARTED
from filesync_dagster.tables.sessions.files import SessionStore
from filesync_dagster.tables.sessions.issues import find_issues
from filesync_dagster.tables.sessions.request import WAIT_MAX_SECONDS, GenerationRequest, unknown_fields
from filesync_dagster.tables.sessions.submit import rerun, submit
from filesync_dagster.tables.synthetic import ENGINE, ENGINE_VERSION
from filesync_dagster.tables.synthetic.peers.mostlyai.install import INSTALL_COMMAND, NAME, VERSION, is_installed
from filesync_dagster.web import generations
from filesync_dagster.web.generation_messages import (
    EngineOut,
    GenerationAnswer,
    GenerationHealth,
    RequestProblem,
    RequestVerdict,
    SessionOut,
)
from filesync_dagster.web.users import user_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from filesync_dagster.api import Filesync
    from filesync_dagster.web.site import Site

POLL_SECONDS: Final = 0.1
PREFERRED_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,5})\"?(?=$|[,;\s])", re.IGNORECASE)
RESPOND_ASYNC: Final = re.compile(r"(?:^|[,;\s])respond-async(?=$|[,;\s])", re.IGNORECASE)


def note(filesync: Filesync, request: Request, what: str, subject: str, **details: Any) -> None:
    """Write down who did what."""
    address = request.client.host if request.client else None
    filesync.runtime.metadata.audit.add(user_of(request), what, subject, address, details)


def submit_request(  # noqa: PLR0917 - a request, and who sent it
    site: Site,
    order: GenerationRequest,
    owner: str,
    address: str | None,
    idempotency_key: str | None,
    sent: dict[str, Any],
) -> str:
    """Let a generation wait; return the id of its session. Raises ImpossibleRequest, LimitReached, SessionConflict."""
    with site.current.acquire() as filesync:
        record = submit(
            filesync.runtime, order, site.session_secrets, owner=owner, idempotency_key=idempotency_key, sent=sent
        )
        details = {"tables": len(order.tables), "sources": len(order.data_sources) + len(order.sources)}
        filesync.runtime.metadata.audit.add(owner, STARTED, record.id, address, details)
    site.wake_dispatcher()
    return record.id


def rerun_request(site: Site, request: Request, session_id: str) -> SessionOut:
    """Let a generation wait once more. Raises UnknownSession, SessionConflict, LimitReached."""
    with site.current.acquire() as filesync:
        before = filesync.runtime.metadata.sessions.get(session_id)
        record = rerun(filesync.runtime, before, site.session_secrets, owner=user_of(request))
        note(filesync, request, STARTED, record.id, again=session_id)
    site.wake_dispatcher()
    return SessionOut(**generations.session_facts(record))


def wait_seconds(told: float | None, prefer: str | None) -> float:
    """Return how long an answer waits: what the body says, else the header `Prefer`, else as long as it may.

    >>> wait_seconds(2.5, "respond-async"), wait_seconds(None, "respond-async"), wait_seconds(None, "wait=5")
    (2.5, 0.0, 5.0)
    """
    if told is not None:
        return told
    if prefer and RESPOND_ASYNC.search(prefer):
        return 0.0
    wait = PREFERRED_WAIT.search(prefer or "")
    return min(float(wait.group(1)), WAIT_MAX_SECONDS) if wait else WAIT_MAX_SECONDS


async def wait_for_end(site: Site, session_id: str, seconds: float) -> None:
    """Wait until a session ends, but not longer than so many seconds, nor when the server ends."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not site.stopping.is_set():
        if await run_sync(_has_ended, site, session_id):
            return
        await anyio.sleep(POLL_SECONDS)


def _has_ended(site: Site, session_id: str) -> bool:
    with site.current.acquire() as filesync:
        record = filesync.runtime.metadata.sessions.find(session_id)
    return record is None or record.is_finished


def answer(site: Site, session_id: str) -> GenerationAnswer:
    """Return a session with what it made. Raises UnknownSession."""
    with site.current.acquire() as filesync:
        return generations.generation_answer(filesync, filesync.runtime.metadata.sessions.get(session_id))


def revision_after(after: int, last_event_id: str | None) -> int:
    """Return the last revision that whoever listens knows; an id of something else is told all, as one without."""
    known = last_event_id or ""
    if not known.isascii() or not known.isdecimal() or len(known) > len(str(2**53)):
        return after
    return int(known)


def download(site: Site, request: Request, session_id: str, name: str) -> Response:
    """Hand out a file of a session. Raises UnknownSession, UnknownSessionFile, SnapshotMissing."""
    with site.current.acquire() as filesync:
        metadata = filesync.runtime.metadata
        metadata.sessions.get(session_id)
        file = metadata.session_files.get(session_id, name)
        path = SessionStore(filesync.runtime).local_path(file)
    headers = {
        "etag": f'"{file.sha256}"',
        "cache-control": "private, no-cache",
        "x-content-type-options": "nosniff",
    }
    if file.sha256 in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=file.media_type, filename=file.name, headers=headers)


def judge(site: Site, order: Any) -> RequestVerdict:
    """Return what is to be said of a request before it is sent."""
    counts = {f"{name}_count": _length(order, name) for name in ("tables", "relationships", "data_sources")}
    problems: list[RequestProblem] = []
    try:
        request = GenerationRequest.model_validate(order)
    except ValidationError as error:
        problems = [
            RequestProblem(path=".".join(map(str, one["loc"])), message=sentence_of(one))
            for one in error.errors(include_url=False, include_input=False)
        ]
    else:
        with site.current.acquire() as filesync:
            issues = find_issues(filesync.runtime, request)
        problems = [RequestProblem(path=one.path, message=one.message) for one in issues]
    ignored = list(unknown_fields(order)) if isinstance(order, dict) else []
    return RequestVerdict(
        valid=not problems,
        message=problems[0].message if problems else "The request can be sent.",
        problems=problems,
        warnings=[f"Nothing looks at the field {name[:200]}." for name in ignored],
        **counts,
    )


def _length(order: Any, name: str) -> int:
    found = order.get(name) if isinstance(order, dict) else None
    return len(found) if isinstance(found, list) else 0


def health(site: Site) -> GenerationHealth:
    """Tell whether data can be made."""
    running, queued = generations.counts(site)
    core = EngineOut(
        name=ENGINE,
        version=ENGINE_VERSION,
        available=True,
        description="Trees, table after table: relations, rules and families are kept. Nothing to install.",
    )
    mostlyai = EngineOut(
        name=NAME,
        version=VERSION,
        available=is_installed(site.home),
        description=f"Neural networks, in a process of their own. Installed by `{INSTALL_COMMAND}`.",
    )
    return GenerationHealth(
        status="healthy" if site.has_dispatcher else "unavailable",
        sdv_available=False,
        engine=ENGINE,
        engines=[core, mostlyai],
        running=running,
        queued=queued,
        message="engine: core" if site.has_dispatcher else "Nothing here works on generations: they wait.",
    )
