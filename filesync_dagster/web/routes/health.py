"""What monitoring asks for: health, readiness, metrics, and the description of everything."""

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.web.admission import principal_of
from filesync_dagster.web.connections import PROBE_LANE
from filesync_dagster.web.messages import Document, Health, Readiness

router = APIRouter()


async def _is_known(request: Request) -> bool:
    """Whether who asks may know why: what a store or a library says of an error is nothing for strangers."""
    try:
        principal = await principal_of(request)
    except FilesyncError:  # nobody can tell now: a probe is answered all the same
        return False
    return principal is not None and principal.via != "nobody"


TEXT = {"schema": {"type": "string"}}


@router.get(
    "/health",
    summary="How everything is doing",
    description="Database, snapshots, Dagster (when it is known where) and the last look at every endpoint. 503 when a "
    "part that everything needs is failing; an endpoint that fails only degrades it. Sentences on what is wrong are "
    "for whoever has the token of the API.",
    response_description="Done.",
    responses={503: {"model": Health, "description": "The database or Dagster is not to be had."}},
)
async def health(request: Request, response: Response) -> Health:
    """Answer 503 when a part that everything needs is failing."""
    found: Health = await run_sync(request.app.state.health.health, limiter=PROBE_LANE)
    response.status_code = 503 if found.status == "failing" else 200
    return found if await _is_known(request) else found.without_texts()


@router.get(
    "/ready",
    summary="Whether requests can be answered",
    description="The configuration can be read and the database answers.",
    response_description="Done.",
    responses={503: {"model": Readiness, "description": "The database or Dagster is not to be had."}},
)
async def ready(request: Request, response: Response) -> Readiness:
    """Answer 503 when requests cannot be answered."""
    found: Readiness = await run_sync(request.app.state.health.readiness, limiter=PROBE_LANE)
    response.status_code = 200 if found.ready else 503
    return found if await _is_known(request) else Readiness(ready=found.ready)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    description="In the text format of Prometheus, or as OpenMetrics when that is preferred.",
    response_class=PlainTextResponse,
    responses={
        200: {"description": "Done.", "content": {"text/plain": TEXT, "application/openmetrics-text": TEXT}},
    },
)
async def metrics(request: Request) -> Response:
    """Answer in the format that is preferred."""
    accepted = request.headers.get("accept", "")
    text, kind = await run_sync(request.app.state.exposition.render, accepted, limiter=PROBE_LANE)
    return Response(text, media_type=kind)


@router.get(
    "/openapi.json",
    summary="This description",
    description="OpenAPI 3.1.",
    response_description="Done.",
    response_model=Document,
)
def openapi(request: Request) -> Response:
    """Describe everything."""
    return JSONResponse(request.app.openapi())
