"""Synthetic data over HTTP: generations that are asked for, watched, cancelled, exported, taken away and forgotten."""

from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response, Security
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse

from filesync_dagster.tables.sessions.request import GenerationRequest
from filesync_dagster.web import generation_requests, generations, validations
from filesync_dagster.web.generation_messages import (
    ExportOrder,
    GenerationAnswer,
    GenerationHealth,
    PendingComparison,
    PinOrder,
    RequestVerdict,
    SessionAnswer,
    SessionEventsQuery,
    SessionExport,
    SessionFiles,
    SessionList,
    SessionOut,
    SessionReport,
    SessionRows,
    SessionRowsQuery,
    SessionsQuery,
    StatusChoice,
    ValidationAnswer,
)
from filesync_dagster.web.requests import TOKEN, ReadRoute, WriteRoute, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.session_events import session_events
from filesync_dagster.web.site import Site
from filesync_dagster.web.users import address_of, user_of

reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=WriteRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
SESSIONS = "/api/sdv/sessions"
ONE = SESSIONS + "/{session_id}"
Id = Annotated[str, Path(max_length=100, description="The `session_id` of a generation.")]
ExportId = Annotated[str, Path(max_length=100, description="The `export_id` of an export of the session.")]
FileName = Annotated[str, Path(max_length=300, description="Of a file of the session.")]
FOUND = problems(400, 401, 404, 503)
SHOWN = problems(400, 401, 404, 409, 422, 503)
CHANGED = problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
ASKED = problems(400, 401, 403, 409, 413, 415, 422, 429, 503)
BINARY = {"schema": {"type": "string", "format": "binary"}}
WAITS: dict[int | str, dict[str, Any]] = {202: {"model": GenerationAnswer, "description": "It waits, or is worked on."}}


@writes.post(
    "/api/sdv/generate",
    summary="Generate synthetic data",
    description="With sources: data that resemble theirs. Without: data that fit the description of the tables. 200 "
    "when the generation ended within `wait_s` seconds (30 when left out), else 202: ask /api/sdv/status. "
    "`Prefer: wait=5` and `Prefer: respond-async` say the same. Whatever goes wrong later is in `error`.",
    response_description="It has ended: `completed`, or `error`.",
    responses={**WAITS, **ASKED},
)
async def generate(  # noqa: PLR0917 - what FastAPI hands in
    request: Request,
    response: Response,
    order: GenerationRequest,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
    prefer: Annotated[str | None, Header(max_length=200)] = None,
    site: Site = SITE,
) -> GenerationAnswer:
    """Let a generation wait, and wait for it."""
    sent: dict[str, Any] = await request.json()
    owner, address = user_of(request), address_of(request)
    session_id = await run_sync(generation_requests.submit_request, site, order, owner, address, idempotency_key, sent)
    wait = generation_requests.wait_seconds(order.wait_s if "wait_s" in sent else None, prefer)
    await generation_requests.wait_for_end(site, session_id, wait)
    found = await run_sync(generation_requests.answer, site, session_id)
    response.status_code = 202 if found.status == "processing" else 200
    return found


@reads.get(
    "/api/sdv/status/{session_id}",
    summary="How a generation is doing",
    description="Its state, its progress and, once it is completed, what it made.",
    response_description="Done.",
    responses=FOUND,
)
def generation_status(session_id: Id, query: Annotated[StatusChoice, Query()], site: Site = SITE) -> SessionAnswer:
    """Tell of a generation."""
    with site.current.acquire() as filesync:
        return generations.session_answer(filesync, session_id, with_rows=query.include == "data")


@reads.get(
    SESSIONS,
    summary="Every generation",
    description="The newest first, whatever became of it.",
    response_description="Done.",
    responses=problems(400, 401, 503),
)
def generation_sessions(query: Annotated[SessionsQuery, Query()], site: Site = SITE) -> SessionList:
    """List generations."""
    with site.current.acquire() as filesync:
        return generations.session_list(filesync, query)


@writes.delete(
    ONE,
    status_code=204,
    summary="Forget a generation",
    description="And its files. 409 while it is worked on: cancel it first.",
    response_description="Forgotten.",
    responses=problems(400, 401, 403, 404, 409, 503),
)
def delete_session(request: Request, session_id: Id, site: Site = SITE) -> Response:
    """Forget a generation."""
    with site.current.acquire() as filesync:
        generations.remove(filesync, session_id, site.session_secrets)
        generation_requests.note(filesync, request, "session.deleted", session_id)
    return Response(status_code=204)


@writes.post(
    ONE + "/cancel",
    summary="Cancel a generation",
    description="One that waits ends at once, one that is worked on within five seconds; nothing half-written stays.",
    response_description="It was asked to end, or has ended already.",
    responses=problems(400, 401, 403, 404, 503),
)
def cancel_session(request: Request, session_id: Id, site: Site = SITE) -> SessionOut:
    """Cancel a generation."""
    with site.current.acquire() as filesync:
        found = generations.cancel(filesync, session_id, site.session_secrets)
        generation_requests.note(filesync, request, "session.cancelled", session_id)
        return found


@writes.post(
    ONE + "/rerun",
    status_code=202,
    summary="Run a generation again",
    description="A new session of the same request and seed: the same sources give the same data.",
    response_description="It waits.",
    responses=problems(400, 401, 403, 404, 409, 429, 503),
)
def rerun_session(request: Request, session_id: Id, site: Site = SITE) -> SessionOut:
    """Run a generation again."""
    return generation_requests.rerun_request(site, request, session_id)


@writes.post(
    ONE + "/pin",
    summary="Keep a generation",
    description="Beyond the days of `settings.tables.session_days`, or no longer so.",
    response_description="Done.",
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
def pin_session(session_id: Id, order: PinOrder, site: Site = SITE) -> SessionOut:
    """Keep a generation."""
    with site.current.acquire() as filesync:
        return generations.pin(filesync, session_id, pinned=order.pinned)


@writes.post(
    ONE + "/export",
    status_code=202,
    summary="Export a generation",
    description="Into another format, or with other options: the files are in the list of files once it is completed. "
    "`format` `database` writes the rows into PostgreSQL, with keys, into a schema that is new or empty: all of them, "
    "or none. The database is a saved source or comes with the order; the same hosts are allowed as for sources.",
    response_description="It waits.",
    responses=CHANGED,
)
def export_session(request: Request, session_id: Id, order: ExportOrder, site: Site = SITE) -> SessionExport:
    """Export a generation."""
    with site.current.acquire() as filesync:
        found = generations.start_export(filesync, session_id, order, user_of(request), site.session_secrets)
        facts = {"format": found.format, "export": found.export_id, "target": found.target}
        generation_requests.note(filesync, request, "session.exported", session_id, **facts)
    site.wake_dispatcher()
    return found


@reads.get(
    ONE + "/exports/{export_id}",
    summary="How an export is doing",
    description="Its state and, once it is completed, its files or what was written.",
    response_description="Done.",
    responses=FOUND,
)
def show_export(session_id: Id, export_id: ExportId, site: Site = SITE) -> SessionExport:
    """Tell of an export."""
    with site.current.acquire() as filesync:
        return generations.session_export(filesync, session_id, export_id)


@writes.post(
    ONE + "/exports/{export_id}/cancel",
    summary="Cancel an export",
    description="One that waits ends at once, one that is worked on within five seconds; nothing of it stays, neither "
    "files nor rows in a database. One that has ended, or whose rows are just becoming final, is answered as it is.",
    response_description="It was asked to end, or cannot be any more.",
    responses=problems(400, 401, 403, 404, 503),
)
def cancel_export(request: Request, session_id: Id, export_id: ExportId, site: Site = SITE) -> SessionExport:
    """Cancel an export."""
    with site.current.acquire() as filesync:
        found = generations.cancel_export(filesync, session_id, export_id, site.session_secrets)
        generation_requests.note(filesync, request, "session.export_cancelled", session_id, export=export_id)
        return found


@reads.get(
    ONE + "/files",
    summary="Files of a generation",
    description="What it made, and what it was exported to since.",
    response_description="Done.",
    responses=FOUND,
)
def list_session_files(session_id: Id, site: Site = SITE) -> SessionFiles:
    """List files."""
    with site.current.acquire() as filesync:
        return generations.session_files(filesync, session_id)


@reads.get(
    ONE + "/files/{name}",
    summary="A file of a generation",
    description="All of it or, as `Range` says, a part: a download that was cut goes on where it was. `ETag` is of its "
    "contents.",
    response_description="The file.",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/octet-stream": BINARY}},
        206: {"description": "A part of it.", "content": {"application/octet-stream": BINARY}},
        304: {"description": "It is as `If-None-Match` has it."},
        416: {"description": "It has no such part.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **FOUND,
    },
)
def download_session_file(request: Request, session_id: Id, name: FileName, site: Site = SITE) -> Response:
    """Hand out a file."""
    return generation_requests.download(site, request, session_id, name)


@reads.get(
    ONE + "/rows",
    summary="Rows that a generation made",
    description="Of one table, page by page.",
    response_description="Done.",
    responses=SHOWN,
)
def list_session_rows(session_id: Id, query: Annotated[SessionRowsQuery, Query()], site: Site = SITE) -> SessionRows:
    """List rows."""
    with site.current.acquire() as filesync:
        return generations.session_rows(filesync, session_id, query)


@reads.get(
    ONE + "/report",
    summary="The report of a generation",
    description="How alike the data are, how private, and what holds in every row.",
    response_description="Done.",
    responses=SHOWN,
)
def show_session_report(session_id: Id, site: Site = SITE) -> SessionReport:
    """Tell what was measured."""
    with site.current.acquire() as filesync:
        return generations.session_report(filesync, session_id)


@reads.get(
    ONE + "/events",
    summary="Watch a generation",
    description="Server-sent events: `stage`, `progress`, `warning` and, at the end, `done`; `data` is the session as "
    "/api/sdv/status tells it without rows. `id` is its `revision`: `Last-Event-ID` leaves out what was told. A "
    "comment comes every 15 seconds.",
    response_description="Events, until the generation ends.",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **FOUND},
)
async def watch_session(
    session_id: Id,
    query: Annotated[SessionEventsQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    site: Site = SITE,
) -> StreamingResponse:
    """Tell what becomes of a generation."""
    events = session_events(site, session_id, generation_requests.revision_after(query.after, last_event_id))
    first = await anext(events)  # what is not there is told before anything is sent
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_chain(first, events), media_type="text/event-stream", headers=headers)


async def _chain(first: str, rest: Any) -> Any:
    try:
        yield first
        async for event in rest:
            yield event
    finally:
        with anyio.CancelScope(shield=True):
            await rest.aclose()


@writes.post(
    "/api/sdv/validate",
    summary="How alike synthetic data are",
    description='Of a generation: `{"session_id": "…"}`, or the request that it was asked for with. Of two data sets: '
    "`real` and `synthetic`, each with `data_sources` and `sources` as a generation has them, or with the `session_id` "
    "of a generation; these wait as generations do, and the answer waits for them as long as `wait_s` says. Every "
    "number is computed; 422 `not_comparable` where there is nothing to compare.",
    response_description="Done.",
    response_model=ValidationAnswer,
    responses={202: {"model": PendingComparison, "description": "It waits, or is worked on."}, **CHANGED},
)
async def validate_synthetic_data(
    request: Request,
    order: Annotated[dict[str, Any], Body()],
    prefer: Annotated[str | None, Header(max_length=200)] = None,
    site: Site = SITE,
) -> ValidationAnswer | JSONResponse:
    """Compare."""
    if "real" in order or "synthetic" in order:
        session_id = await run_sync(validations.submit_comparison_request, site, request, order)
        wait = generation_requests.wait_seconds(order.get("wait_s"), prefer)
        await generation_requests.wait_for_end(site, session_id, wait)
        order = {"session_id": session_id}
    found = await run_sync(validations.validate, site, order)
    if isinstance(found, ValidationAnswer):
        return found
    return JSONResponse(found.model_dump(mode="json"), status_code=202)


@writes.post(
    "/api/sdv/validate-request",
    summary="What is wrong with a request",
    description="Of a generation, before it is sent. No source is asked.",
    response_description="Done, whatever was found.",
    responses=problems(400, 401, 403, 413, 415, 503),
)
def validate_generation_request(order: Annotated[Any, Body()], site: Site = SITE) -> RequestVerdict:
    """Judge a request."""
    return generation_requests.judge(site, order)


@reads.get(
    "/api/sdv/health",
    summary="Whether data can be made",
    description="With which engines, and how many generations there are.",
    response_description="Done.",
    responses=problems(401, 503),
)
def generation_health(site: Site = SITE) -> GenerationHealth:
    """Tell whether data can be made."""
    return generation_requests.health(site)
