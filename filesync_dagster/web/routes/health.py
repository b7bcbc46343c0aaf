"""What monitoring asks for: health, readiness, metrics, and the description of everything."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from filesync_dagster.web.messages import Document, Health, Readiness

router = APIRouter()

TEXT = {"schema": {"type": "string"}}


@router.get(
    "/health",
    summary="How everything is doing",
    description="Database, snapshots, Dagster (when it is known where) and the last look at every endpoint. 503 when a "
    "part that everything needs is failing; an endpoint that fails only degrades it.",
    response_description="Done.",
    responses={503: {"model": Health, "description": "The database or Dagster is not to be had."}},
)
def health(request: Request, response: Response) -> Health:
    """Answer 503 when a part that everything needs is failing."""
    found: Health = request.app.state.health.health()
    response.status_code = 503 if found.status == "failing" else 200
    return found


@router.get(
    "/ready",
    summary="Whether requests can be answered",
    description="The configuration can be read and the database answers.",
    response_description="Done.",
    responses={503: {"model": Readiness, "description": "The database or Dagster is not to be had."}},
)
def ready(request: Request, response: Response) -> Readiness:
    """Answer 503 when requests cannot be answered."""
    found: Readiness = request.app.state.health.readiness()
    response.status_code = 200 if found.ready else 503
    return found


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    description="In the text format of Prometheus, or as OpenMetrics when that is preferred.",
    response_class=PlainTextResponse,
    responses={
        200: {"description": "Done.", "content": {"text/plain": TEXT, "application/openmetrics-text": TEXT}},
    },
)
def metrics(request: Request) -> Response:
    """Answer in the format that is preferred."""
    text, kind = request.app.state.exposition.render(request.headers.get("accept", ""))
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
