"""What every request passes: who may, how large its body may be, how it is logged, and errors as sentences."""

import logging
import secrets
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, Final

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filesync_dagster.config.sentences import sentence_of
from filesync_dagster.core.errors import (
    ConfigError,
    FilesyncError,
    ServiceError,
    SourceError,
    StorageError,
    SyncError,
    TableError,
    UnknownEndpoint,
)
from filesync_dagster.core.logging import event
from filesync_dagster.storage.database.session_files import UnknownExport, UnknownSessionFile
from filesync_dagster.storage.database.session_limits import TooManySessions
from filesync_dagster.storage.database.sessions import SessionConflict, UnknownSession
from filesync_dagster.tables.sessions.submit import ImpossibleRequest
from filesync_dagster.web.admission import (
    NotAllowed,
    NotSignedIn,
    StrangeHost,
    WrongMediaType,
    principal_of,
    require_own_page,
    require_role,
)
from filesync_dagster.web.connections import has_file_body
from filesync_dagster.web.console.sessions import Principal, Role, TooManyAttempts
from filesync_dagster.web.cursors import InvalidQuery
from filesync_dagster.web.messages import Problem
from filesync_dagster.web.rate_limits import TooManyRequests
from filesync_dagster.web.site import Site

JSON = "application/json"

MAX_BODY_BYTES = 4_000_000
"""Providers send a few kilobytes at most, and a thousand names are forty."""

STATUSES: tuple[tuple[type[FilesyncError], int], ...] = (
    (InvalidQuery, 400),
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (WrongMediaType, 415),
    (StrangeHost, 421),
    (TooManyAttempts, 429),
    (TooManyRequests, 429),
    (TooManySessions, 429),
    (UnknownSession, 404),
    (UnknownSessionFile, 404),
    (UnknownExport, 404),
    (SessionConflict, 409),
    (ImpossibleRequest, 422),
    (UnknownEndpoint, 404),
    (ConfigError, 409),
    (SyncError, 409),
    (ServiceError, 503),
    (StorageError, 503),
    (SourceError, 503),
    (TableError, 422),
)
"""The first that fits."""

TABLE_STATUSES: Final[Mapping[str, int]] = {
    "bad_config": 400,
    "bad_value": 400,
    "unknown_column": 400,
    "forbidden_reference": 403,
    "masked": 403,
    "secrets_needed": 403,
    "not_found": 404,
    "exists": 409,
    "ambiguous": 409,
    "read_only": 409,
    "running": 409,
    "busy": 409,
    "not_held": 409,
    "in_use": 409,
    "gone": 410,
    "revision": 412,
}
"""Of errors of tables, by their code: 422 where what was asked is right and a source or a file does not give it."""

UNEXPECTED = Problem(error="Something unexpected happened.", hint="The log of the server says more.")
NO_TOKEN = Problem(error="Nobody may do this.", hint="Set FILESYNC_API_TOKEN where `filesync serve` runs.")
WRONG_TOKEN = Problem(error="The token is missing or wrong.", hint="Send it as `Authorization: Bearer …`.")

TOKEN = HTTPBearer(scheme_name="token", description="FILESYNC_API_TOKEN.", auto_error=False)
AUTODESK_SIGNATURE = APIKeyHeader(
    name="x-adsk-signature",
    scheme_name="autodesk",
    description="HMAC-SHA1 of the body with the secret of the endpoint.",
    auto_error=False,
)
BOX_SIGNATURE = APIKeyHeader(
    name="box-signature-primary",
    scheme_name="box",
    description="HMAC-SHA256 of the body and box-delivery-timestamp with the secret of the endpoint, in base64.",
    auto_error=False,
)
DROPBOX_SIGNATURE = APIKeyHeader(
    name="x-dropbox-signature",
    scheme_name="dropbox",
    description="HMAC-SHA256 of the body with the secret of the endpoint, that of the app.",
    auto_error=False,
)
DRIVE_TOKEN = APIKeyHeader(
    name="x-goog-channel-token",
    scheme_name="drive",
    description="The secret of the endpoint, with x-goog-channel-id.",
    auto_error=False,
)
"""For the description: what is sent is judged by `admit`, before a body is read, and by the webhook."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RequestRefusal(Exception):
    """A request that is not answered, and why."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.error)
        self.status = status
        self.problem = problem


def site_of(request: Request) -> Site:
    """Return what all requests share."""
    site: Site = request.app.state.site
    return site


class ReadRoute(APIRoute):
    """A route that whoever has the token may ask, or is signed in; everybody where there is none."""

    needs_token: ClassVar[bool] = False
    role: ClassVar[Role] = "viewer"
    media_types: ClassVar[frozenset[str]] = frozenset({JSON})
    """Of bodies that a page of the console may send."""

    def get_route_handler(self) -> Handler:
        """Return the handler behind the check of who asks: a stranger's body is not even read."""
        handle = super().get_route_handler()

        async def admit(request: Request) -> Response:
            principal = await principal_of(request)
            if principal is None:
                raise RequestRefusal(401, WRONG_TOKEN)
            if principal.via == "nobody" and self.needs_token:
                raise RequestRefusal(403, NO_TOKEN)
            require_own_page(request, principal, self.media_types)
            require_role(principal, self.role)
            request.state.principal = principal
            return await handle(request)

        return admit


class WriteRoute(ReadRoute):
    """A route that only whoever has the token may ask, or is signed in as somebody who may decide."""

    needs_token = True
    role: ClassVar[Role] = "operator"


class AdminRoute(WriteRoute):
    """A route of secrets and of who may what."""

    role: ClassVar[Role] = "admin"


def principal_of_route(request: Request) -> Principal:
    """Return who asks a route that only they may."""
    found: Principal = request.state.principal
    return found


class NoStoreResponse(JSONResponse):
    """JSON that nobody may keep: it is true of this moment."""

    def __init__(
        self,
        content: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(content, status_code, {"cache-control": "no-store", **(headers or {})}, media_type, background)


def _problem(status: int, problem: Problem) -> Response:
    headers = {"www-authenticate": 'Bearer realm="filesync"'} if status == 401 else None  # noqa: PLR2004 - RFC 9110 asks for it
    return NoStoreResponse(problem.model_dump(mode="json"), status, headers)


async def _on_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefusal)
    return _problem(error.status, error.problem)


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FilesyncError)
    kind, status = next(((kind, status) for kind, status in STATUSES if isinstance(error, kind)), (FilesyncError, 500))
    message = "\n".join(error.problems) if isinstance(error, ConfigError) else error.message
    code, field = getattr(error, "code", None), getattr(error, "field", None)
    if isinstance(error, TableError) and kind is TableError:
        status = TABLE_STATUSES.get(error.code, status)
    response = _problem(status, Problem(error=message, hint=error.hint, code=code, field=field))
    wait_seconds = getattr(error, "wait_seconds", None)
    if wait_seconds is not None:
        response.headers["retry-after"] = str(wait_seconds)
    return response


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: an unknown path, another method, a body that cannot be parsed."""
    assert isinstance(error, StarletteHTTPException)
    response = _problem(error.status_code, Problem(error=f"{str(error.detail).rstrip('.')}."))
    response.headers.update(error.headers or {})
    return response


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Answer a body or a query that does not fit its model: 415 where the body says that it is something else."""
    assert isinstance(error, RequestValidationError)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    problems = error.errors()
    if kind not in {"", JSON} and any(problem["loc"][:1] == ("body",) for problem in problems):
        return _problem(415, Problem(error=f"The body is not {JSON}."))
    first = problems[0]
    if first["type"] == "json_invalid":
        return _problem(400, Problem(error="The body is not JSON."))
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _problem(400, Problem(error=f"{where}: {sentence_of(first)}."))


async def _on_disconnect(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error with a sentence."""
    app.add_exception_handler(RequestRefusal, _on_refused)
    app.add_exception_handler(FilesyncError, _on_error)
    app.add_exception_handler(StarletteHTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)


class BodyLimit:
    """Refuses a body that is too large, before all of it is there; FastAPI's own limit answers in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        received_bytes = 0
        is_upload = has_file_body(scope)  # which has a limit of its own

        async def receive_bounded() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > MAX_BODY_BYTES and not is_upload:
                raise HTTPException(413, f"The body has more than {MAX_BODY_BYTES:,} bytes")
            return message

        await self._app(scope, receive_bounded, send)


class RequestLog:
    """Logs each request: method, path, status, seconds. Never a query, a header or a body.

    Whatever a handler raises that no other place expects is logged too and answered, so that the next request is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = time.monotonic(), {"status": 0}
        request_id = secrets.token_hex(8)

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next request is answered
            fields = {
                "request": request_id,
                "path": scope["path"],
                "error": repr(error),
                "traceback": traceback.format_exc(),
            }
            event("http.crashed", level=logging.ERROR, **fields)
            if not answered["status"]:
                await _problem(500, UNEXPECTED)(scope, receive, send_and_note)
        finally:
            level = logging.DEBUG if scope["method"] == "GET" else logging.INFO
            fields = {"request": request_id, "method": scope["method"], "path": scope["path"], **answered}
            event("http.answered", level=level, seconds=round(time.monotonic() - began, 3), **fields)
