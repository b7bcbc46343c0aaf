"""The ASGI application: who may, what is asked, and errors as sentences."""

from __future__ import annotations

import logging
import time
import traceback
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from filesync_dagster.core.errors import (
    ConfigError,
    FilesyncError,
    ServiceError,
    SourceError,
    StorageError,
    SyncError,
    UnknownEndpoint,
)
from filesync_dagster.core.logging import event
from filesync_dagster.web import rest, webhooks
from filesync_dagster.web.health import HealthCheck
from filesync_dagster.web.messages import Hint, Problem, SyncOrder
from filesync_dagster.web.metrics import Exposition
from filesync_dagster.web.operations import JSON, LARGEST_BODY, OPERATIONS, document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from filesync_dagster.config import Endpoint
    from filesync_dagster.web.operations import Operation
    from filesync_dagster.web.site import Site

STATUSES: tuple[tuple[type[FilesyncError], int], ...] = (
    (UnknownEndpoint, 404),
    (ConfigError, 409),
    (SyncError, 409),
    (ServiceError, 503),
    (StorageError, 503),
    (SourceError, 503),
)
"""The first that fits."""

MOST_RUNS = 100


class Refused(Exception):
    """A request that is not answered, and why."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.error)
        self.status = status
        self.problem = problem


def application(site: Site) -> ASGIApp:
    """Return the application that serves a site."""
    handlers = Handlers(site)
    routes = [Route(o.path, _endpoint(handlers, o), methods=[o.method], include_in_schema=False) for o in OPERATIONS]
    return Logged(Starlette(routes=routes, exception_handlers={HTTPException: _as_json}))


def _endpoint(handlers: Handlers, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    handle: Callable[[Request], Awaitable[Response]] = getattr(handlers, operation.name)

    async def answer(request: Request) -> Response:
        try:
            handlers.admit(request, operation)
            return await handle(request)
        except Refused as refused:
            return _problem(refused.status, refused.problem)
        except FilesyncError as error:
            status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
            message = "\n".join(error.problems) if isinstance(error, ConfigError) else error.message
            return _problem(status, Problem(error=message, hint=error.hint))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception as error:  # noqa: BLE001 - whatever it is, the next request is answered
            event(
                "http.crashed", level=logging.ERROR, path=request.url.path, error=repr(error),
                traceback=traceback.format_exc(),
            )  # fmt: skip
            return _problem(500, UNEXPECTED)

    return answer


class Handlers:
    """One method for each operation, by its name. What may take a while runs in a thread."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._health = HealthCheck(site)
        self._exposition = Exposition(site, self._health)
        self._document = document()

    def admit(self, request: Request, operation: Operation) -> None:
        """Raise Refused when who asks has not the token that this needs. Without one, everybody may read."""
        if operation.access in {"", "notify"}:
            return
        if self._site.token is None:
            if operation.access == "read":
                return
            raise Refused(403, NO_TOKEN)
        if not self._site.knows(webhooks.bearer(request.headers)):
            raise Refused(401, WRONG_TOKEN)

    async def health(self, request: Request) -> Response:
        """Answer 503 when a part that everything needs is failing."""
        found = await run_in_threadpool(self._health.health)
        return _json(found, 503 if found.status == "failing" else 200)

    async def ready(self, request: Request) -> Response:
        """Answer 503 when requests cannot be answered."""
        found = await run_in_threadpool(self._health.readiness)
        return _json(found, 200 if found.ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Answer in the format that is preferred."""
        text, kind = await run_in_threadpool(self._exposition.written, request.headers.get("accept", ""))
        return Response(text, media_type=kind)

    async def openapi(self, request: Request) -> Response:
        """Describe everything."""
        return JSONResponse(self._document)

    async def endpoints(self, request: Request) -> Response:
        """Tell of every endpoint."""
        return _json(await run_in_threadpool(rest.endpoints, self._site))

    async def sync_status(self, request: Request) -> Response:
        """Tell of syncs, and of runs."""
        query = request.query_params
        unknown = sorted(set(query) - {"endpoint", "run_id"})
        if unknown:  # a slip of the pen must not mean "all of them"
            hint = "There are `endpoint` and `run_id`; both may be repeated."
            raise Refused(400, Problem(error=f"Unknown in the query: {', '.join(unknown)}.", hint=hint))
        names, runs = query.getlist("endpoint"), query.getlist("run_id")
        if not all(names) or not all(runs) or len(runs) > MOST_RUNS:
            raise Refused(400, Problem(error="A name or an id is empty, or there are too many."))
        return _json(await run_in_threadpool(rest.sync_status, self._site, names, runs))

    async def sync_initial(self, request: Request) -> Response:
        """Launch full syncs."""
        return await self._launch(request, full=True)

    async def sync_incremental(self, request: Request) -> Response:
        """Launch syncs."""
        return await self._launch(request, full=False)

    async def _launch(self, request: Request, *, full: bool) -> Response:
        order = await _order(request)
        launched = await run_in_threadpool(rest.launch, self._site, order.endpoints, full=full)
        event("rest.launched", run_ids=launched.run_ids, endpoints=len(launched.endpoints), full=full)
        return _json(launched, 202)

    async def approve(self, request: Request) -> Response:
        """Commit what is held."""
        return _json(await run_in_threadpool(rest.approve, self._site, request.path_params["name"]))

    async def reject(self, request: Request) -> Response:
        """Forget what is held."""
        return _json(await run_in_threadpool(rest.reject, self._site, request.path_params["name"]))

    async def webhook(self, request: Request) -> Response:
        """Take a notification."""
        notification = webhooks.Notification(request.headers, await _body(request))
        hint = await run_in_threadpool(self._take, request.path_params["name"], notification)
        return _json(hint, 202 if hint.queued else 200)

    def _take(self, name: str, notification: webhooks.Notification) -> Hint:
        """Ask for a sync if who notifies may, and something changed."""
        endpoint = rest.endpoint_of(self._site, name)
        if not self._site.knows(webhooks.bearer(notification.headers)):
            self._recognise(endpoint, notification)
        if endpoint is None:
            raise UnknownEndpoint(f"There is no endpoint {name!r}.", hint="Look at /endpoints.")
        try:
            full, hint = webhooks.meaning(notification, endpoint)
        except webhooks.Unreadable as error:
            raise Refused(400, Problem(error=str(error))) from error
        if hint.queued and not rest.hint(self._site, name, webhooks.SOURCE, full=full):
            return Hint(queued=True, reason="A sync is asked for already.")
        return hint

    def _recognise(self, endpoint: Endpoint | None, notification: webhooks.Notification) -> None:
        """Raise Refused when who notifies does not know the secret of the endpoint; ServiceError when nobody can tell.

        A name that does not exist is refused in the same way: strangers learn no names.
        """
        secret = self._site.current.webhook_secret(endpoint) if endpoint else None
        if secret is None and self._site.token is None:
            raise Refused(403, NO_SECRET)
        if endpoint and secret and not notification.is_from_who_knows(secret):
            secret = self._site.current.webhook_secret(endpoint, doubted=True)
        if not secret or not notification.is_from_who_knows(secret):
            raise Refused(401, WRONG_SECRET)


UNEXPECTED = Problem(error="Something unexpected happened.", hint="The log of the server says more.")
NO_TOKEN = Problem(error="Nobody may do this.", hint="Set FILESYNC_API_TOKEN where `filesync serve` runs.")
WRONG_TOKEN = Problem(error="The token is missing or wrong.", hint="Send it as `Authorization: Bearer …`.")
NO_SECRET = Problem(
    error="Nobody may notify this endpoint.", hint="Set webhook.secret in endpoints.yaml, or FILESYNC_API_TOKEN."
)
WRONG_SECRET = Problem(error="The secret of the endpoint, or the signature by it, is missing or wrong.")


async def _body(request: Request) -> bytes:
    """Return the body. Raises Refused when it is too large, before all of it is there."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Refused(413, Problem(error=f"The body has more than {LARGEST_BODY:,} bytes."))
    return bytes(body)


async def _order(request: Request) -> SyncOrder:
    body = await _body(request)
    if not body:
        return SyncOrder()
    if request.headers.get("content-type", JSON).partition(";")[0].strip().lower() != JSON:
        raise Refused(415, Problem(error=f"The body is not {JSON}."))
    try:
        return SyncOrder.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(400, Problem(error=f"{where}: {first['msg']}." if where else f"{first['msg']}.")) from error


def _json(message: BaseModel, status: int = 200) -> Response:
    return Response(message.model_dump_json(), status, media_type=JSON, headers={"cache-control": "no-store"})


def _problem(status: int, problem: Problem) -> Response:
    response = _json(problem, status)
    if status == 401:  # noqa: PLR2004 - RFC 9110 asks for the header
        response.headers["www-authenticate"] = 'Bearer realm="filesync"'
    return response


def _as_json(request: Request, error: Exception) -> Response:
    """Answer what Starlette refuses by itself: an unknown path, another method."""
    assert isinstance(error, HTTPException)
    response = _problem(error.status_code, Problem(error=f"{error.detail}."))
    response.headers.update(error.headers or {})
    return response


class Logged:
    """Logs each request: method, path, status, seconds. Never a query, a header or a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, said = time.monotonic(), {"status": 0}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                said["status"] = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            level = logging.DEBUG if scope["method"] == "GET" else logging.INFO
            fields: dict[str, Any] = {"method": scope["method"], "path": scope["path"], **said}
            event("http.answered", level=level, seconds=round(time.monotonic() - began, 3), **fields)
