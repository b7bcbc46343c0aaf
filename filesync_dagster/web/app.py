"""The application: its routes, what every request passes, and the description of it all."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from filesync_dagster.web.connections import RequestLimit
from filesync_dagster.web.health import HealthCheck
from filesync_dagster.web.metrics import Exposition
from filesync_dagster.web.requests import BodyLimit, NoStoreResponse, RequestLog, add_error_handlers
from filesync_dagster.web.routes import endpoints, health, rows, syncs, webhooks
from filesync_dagster.web.site import Site

ROUTERS = (health.router, endpoints.reads, rows.router, syncs.reads, syncs.writes, endpoints.writes, webhooks.router)


def application(site: Site) -> ASGIApp:
    """Return the application that serves a site."""
    return RequestLog(RequestLimit(BodyLimit(FilesyncApp(site))))


class FilesyncApp(FastAPI):
    """Our routes, with errors as sentences; without the limits around it."""

    def __init__(self, site: Site) -> None:
        super().__init__(
            title="filesync",
            version=version("filesync-dagster"),
            description="Health, metrics, syncs and notifications of a filesync installation.",
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            openapi_url=None,  # it is a route like any other, at the same path
            default_response_class=NoStoreResponse,
            generate_unique_id_function=_operation_id,
            separate_input_output_schemas=False,
            redirect_slashes=False,
        )
        self.state.site = site
        self.state.health = HealthCheck(site)
        self.state.exposition = Exposition(site, self.state.health)
        add_error_handlers(self)
        for router in ROUTERS:
            self.include_router(router)

    def openapi(self) -> dict[str, Any]:
        """Return the description. What does not fit its model is answered with 400, so there is no 422."""
        if self.openapi_schema is None:
            found = super().openapi()
            for path in found["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            for unused in ("HTTPValidationError", "ValidationError"):
                found["components"]["schemas"].pop(unused, None)
        assert self.openapi_schema is not None  # FastAPI keeps what it has made
        return self.openapi_schema


def _operation_id(route: APIRoute) -> str:
    return route.name
