"""The application: its routes, what every request passes, and the description of it all."""

from functools import cache, partial
from importlib.metadata import version
from threading import Event
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from filesync_dagster.tables.uploads import UploadError
from filesync_dagster.web.change_stream import ChangeStreams
from filesync_dagster.web.connections import RequestLimit
from filesync_dagster.web.console.browser import BrowserHeaders
from filesync_dagster.web.console.bundle import Bundle
from filesync_dagster.web.console.sessions import Attempts
from filesync_dagster.web.health import CachedAnswer, HealthCheck
from filesync_dagster.web.metrics import Exposition
from filesync_dagster.web.overview import growth as growth_of
from filesync_dagster.web.overview import overview as overview_of
from filesync_dagster.web.overview_messages import Growth
from filesync_dagster.web.rate_limits import RateLimiter
from filesync_dagster.web.requests import BodyLimit, NoStoreResponse, RequestLog, add_error_handlers
from filesync_dagster.web.routes import (
    browse,
    console,
    endpoints,
    generations,
    health,
    overview,
    replications,
    rows,
    sources,
    syncs,
    tables,
    uploads,
    webhooks,
)
from filesync_dagster.web.routes.answers import ADMISSION
from filesync_dagster.web.site import Site

OVERVIEW_SECONDS, GROWTH_SECONDS = 2.0, 60.0
"""For which the answer to an expensive question is good enough."""

ROUTERS = (
    health.router,
    endpoints.reads,
    rows.router,
    replications.reads,
    syncs.reads,
    syncs.writes,
    endpoints.writes,
    replications.writes,
    webhooks.router,
    console.router,
    console.reads,
    console.writes,
    uploads.reads,
    uploads.writes,
    uploads.choices,
    sources.reads,
    sources.writes,
    tables.reads,
    tables.writes,
    generations.reads,
    generations.writes,
    browse.router,
    overview.reads,
    overview.writes,
)


def application(site: Site, stop: Event | None = None) -> ASGIApp:
    """Return the application that serves a site; what it tells without end, it tells until `stop` is set."""
    return RequestLog(BrowserHeaders(RequestLimit(BodyLimit(FilesyncApp(site, stop)))))


class FilesyncApp(FastAPI):
    """Our routes, with errors as sentences; without the limits around it."""

    def __init__(self, site: Site, stop: Event | None = None) -> None:
        super().__init__(
            title="filesync",
            version=version("filesync-dagster"),
            description="Health, metrics, syncs and notifications of a filesync installation.",
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            openapi_url=None,  # it is a route like any other, at the same path
            separate_input_output_schemas=False,
            redirect_slashes=False,
        )
        self.state.site = site
        self.state.health = HealthCheck(site)
        self.state.exposition = Exposition(site, self.state.health)
        self.state.overview = CachedAnswer(partial(overview_of, site), OVERVIEW_SECONDS)
        self.state.growth = CachedAnswer(partial(_growth, site), GROWTH_SECONDS)
        self.state.change_streams = ChangeStreams(site, stop)
        self.state.bundle = Bundle()
        self.state.attempts = Attempts()
        self.state.limiter = RateLimiter()
        add_error_handlers(self)
        self.add_exception_handler(UploadError, uploads.on_upload_error)
        self.router.routes.extend(_routes())

    def openapi(self) -> dict[str, Any]:
        """Return the description. What does not fit its model is answered with 400, and not with FastAPI's 422."""
        if self.openapi_schema is None:
            found = super().openapi()
            for path in found["paths"].values():
                for operation in path.values():
                    _drop_framework_refusal(operation["responses"])
                    if "security" in operation:  # of whoever asks, before the route
                        operation["responses"].update({f"{status}": one for status, one in ADMISSION.items()})
            for unused in ("HTTPValidationError", "ValidationError"):
                found["components"]["schemas"].pop(unused, None)
        assert self.openapi_schema is not None  # FastAPI keeps what it has made
        return self.openapi_schema


def _drop_framework_refusal(responses: dict[str, Any]) -> None:
    """Take away the 422 that FastAPI describes by itself; one of ours stays."""
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]


def _growth(site: Site) -> Growth:
    with site.current.acquire() as filesync:
        return growth_of(filesync)


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Return the routes, which all applications of this process share: FastAPI takes a third of a second for them."""
    made = APIRouter(default_response_class=NoStoreResponse, generate_unique_id_function=_operation_id)
    for router in (*ROUTERS, uploads.protocol, uploads.public):
        made.include_router(router)
    return (*made.routes, *console.FILES)


def _operation_id(route: APIRoute) -> str:
    return route.name
