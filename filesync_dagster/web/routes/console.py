"""The console: signing in and out, and the files of the web app."""

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Depends, Path, Request, Response, Security
from starlette.responses import RedirectResponse
from starlette.routing import Route

from filesync_dagster.config import without_credentials
from filesync_dagster.core.logging import event
from filesync_dagster.web.admission import (
    NotAllowed,
    principal_of,
    require_known_host,
)
from filesync_dagster.web.console.sessions import (
    CODE_LIFETIME,
    IDLE_LIFETIME,
    LIFETIME,
    Attempts,
    Principal,
    begin_session,
    cookie_name,
    csrf_of,
    digest_of,
    is_same_origin,
    offer_code,
)
from filesync_dagster.web.messages import Problem
from filesync_dagster.web.requests import (
    TOKEN,
    AdminRoute,
    NoStoreResponse,
    ReadRoute,
    principal_of_route,
    site_of,
)
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.session_messages import (
    About,
    ConsoleSession,
    LinkFor,
    Me,
    SignedIn,
    SignedInList,
    SignedOut,
    SignIn,
    SignInLink,
)
from filesync_dagster.web.site import Site

if TYPE_CHECKING:
    from filesync_dagster.web.console.bundle import Bundle

router = APIRouter()
reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=AdminRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
SESSION_ID_LETTERS = 16
"""Of the digest, in lists: enough to tell sessions apart."""

SessionId = Annotated[str, Path(description="Of a session, as it is listed.", pattern=r"^[0-9a-f]{16}$")]
ONE_YEAR_SECONDS = 31_536_000
NO_FILE = Problem(error="The console has no such file.", hint="Load the page again: it may be a newer version.")


def _session(site: Site, principal: Principal | None) -> ConsoleSession:
    url = site.known_dagster
    cookie = principal.cookie if principal else None
    return ConsoleSession(
        signed_in=principal is not None and principal.via != "nobody",
        role=principal.role if principal else None,
        may_decide=principal is not None and principal.via != "nobody" and principal.may("operator"),
        needs_token=site.token is not None,
        csrf=csrf_of(cookie) if cookie else None,
        version=version("filesync-dagster"),
        dagster_url=without_credentials(url).rstrip("/") if url and principal else None,
    )


@router.get(
    "/console/session",
    summary="Who is signed in",
    description="For a page of the console: its role, and what it has to send with what changes something.",
    response_description="Done.",
    responses=problems(421, 503),
)
async def session(request: Request, site: Site = SITE) -> ConsoleSession:
    """Tell who is there."""
    return _session(site, await principal_of(request))


@router.post(
    "/console/session",
    summary="Sign in",
    description="With the token of the API, or the code of a one-time link; gives a cookie that no script can read. "
    "For pages of the console: programs send the token.",
    response_description="Done.",
    responses=problems(400, 403, 413, 415, 421, 429, 503),
)
async def sign_in(
    request: Request, response: Response, given: Annotated[SignIn, Body()], site: Site = SITE
) -> ConsoleSession:
    """Begin a session."""
    if not is_same_origin(request):
        raise NotAllowed("Only the console signs people in.", hint="Programs send `Authorization: Bearer …`.")
    attempts: Attempts = request.app.state.attempts
    address = request.client.host if request.client else ""
    attempts.check(address)
    agent = request.headers.get("user-agent", "")
    principal = await run_sync(_begin, site, request, given, agent)
    if principal is None:
        attempts.fail(address)
        event("console.sign_in_refused", address=address)
        raise NotAllowed(
            "The token is wrong." if given.token else "The link was used already, or is older than two minutes."
        )
    assert principal.cookie is not None
    is_secure = request.url.scheme == "https"
    response.set_cookie(
        cookie_name(is_secure=is_secure),
        principal.cookie,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )
    event("console.signed_in", address=address, role=principal.role)
    return _session(site, principal)


def _begin(site: Site, request: Request, given: SignIn, agent: str) -> Principal | None:
    with site.current.acquire() as filesync:
        require_known_host(request, filesync.config.settings.serve.hosts)
        sessions = filesync.runtime.metadata.console_sessions
        if given.code is not None:
            role = sessions.redeem(digest_of(given.code))
        else:
            role = "admin" if site.knows(given.token) else None
        if role not in {"viewer", "operator", "admin"}:
            return None
        cookie = begin_session(sessions, site.token, role, agent)
    return Principal(role, "session", cookie)  # type: ignore[arg-type]  # one of the three


@reads.delete(
    "/console/session",
    summary="Sign out",
    description="Ends the session of the cookie.",
    response_description="Done.",
    responses=problems(401, 403, 503),
)
def sign_out(request: Request, response: Response, site: Site = SITE) -> SignedOut:
    """End this session."""
    cookie = principal_of_route(request).cookie
    if cookie is None:
        return SignedOut(sessions=0)
    with site.current.acquire() as filesync:
        filesync.runtime.metadata.console_sessions.end(digest_of(cookie))
    response.delete_cookie(cookie_name(is_secure=request.url.scheme == "https"), path="/")
    return SignedOut(sessions=1)


@writes.delete(
    "/console/sessions",
    summary="Sign everybody out",
    description="Ends every session of the console, and lets no link sign anybody in that was not used yet.",
    response_description="Done.",
    responses=problems(401, 403, 503),
)
def sign_out_everybody(site: Site = SITE) -> SignedOut:
    """End all sessions."""
    with site.current.acquire() as filesync:
        ended = filesync.runtime.metadata.console_sessions.end_all()
    event("console.signed_out_everybody", sessions=ended)
    return SignedOut(sessions=ended)


@writes.get(
    "/console/sessions",
    summary="Who is signed in",
    description="Sessions of the console: which browser, as what, since when, and when it was last there.",
    response_description="Done.",
    responses=problems(401, 403, 503),
)
def signed_in(request: Request, site: Site = SITE) -> SignedInList:
    """List sessions."""
    cookie = principal_of_route(request).cookie
    own = digest_of(cookie) if cookie else None
    with site.current.acquire() as filesync:
        found = filesync.runtime.metadata.console_sessions.current(idle=IDLE_LIFETIME, lifetime=LIFETIME)
    return SignedInList(
        items=[
            SignedIn(
                id=one.digest[:SESSION_ID_LETTERS],
                role=one.role,  # type: ignore[arg-type]  # one of the three
                user_agent=one.user_agent,
                created_at=one.created_at,
                used_at=one.used_at,
                is_this=one.digest == own,
            )
            for one in found
        ]
    )


@writes.delete(
    "/console/sessions/{session_id}",
    summary="Sign somebody out",
    description="Ends one session of the console.",
    response_description="Done.",
    responses=problems(400, 401, 403, 503),
)
def sign_out_somebody(session_id: SessionId, site: Site = SITE) -> SignedOut:
    """End a session."""
    with site.current.acquire() as filesync:
        ended = filesync.runtime.metadata.console_sessions.end_like(session_id)
    event("console.signed_out_somebody", sessions=ended)
    return SignedOut(sessions=ended)


@writes.post(
    "/console/links",
    summary="A link that signs in",
    description="A code for `/console/enter?code=…`, which signs whoever opens it in, once, within two minutes.",
    response_description="Done.",
    responses=problems(400, 401, 403, 413, 415, 503),
)
def link(given: Annotated[LinkFor, Body()], site: Site = SITE) -> SignInLink:
    """Offer a link."""
    with site.current.acquire() as filesync:
        code = offer_code(filesync.runtime.metadata.console_sessions, given.role)
        expires = filesync.runtime.metadata.now() + CODE_LIFETIME
    event("console.link_offered", role=given.role)
    return SignInLink(code=code, role=given.role, expires_at=expires)


@reads.get(
    "/api/about",
    summary="What runs here",
    description="Versions, the kind of database, the time zone of its days.",
    response_description="Done.",
    responses=problems(401, 503),
)
def about(site: Site = SITE) -> About:
    """Tell what runs here."""
    with site.current.acquire() as filesync:
        is_sqlite = filesync.runtime.metadata.is_sqlite
        zone = str(filesync.config.settings.partitions.zone)
    return About(
        version=version("filesync-dagster"),
        python=platform.python_version(),
        database="sqlite" if is_sqlite else "postgresql",
        time_zone=zone,
    )


@reads.get(
    "/api/me",
    summary="Who asks",
    description="The role of whoever asks, and what proves it.",
    response_description="Done.",
    responses=problems(401),
)
def me(request: Request) -> Me:
    """Tell who asks."""
    principal = principal_of_route(request)
    return Me(role=principal.role, via=principal.via)


async def asset(request: Request) -> Response:
    """Send a built file: its name has its digest, so it may be kept for ever."""
    bundle: Bundle = request.app.state.bundle
    found = bundle.file(request.path_params["name"], request.headers.get("accept-encoding", ""))
    if found is None:
        return NoStoreResponse(NO_FILE.model_dump(mode="json"), 404)
    headers = {
        "cache-control": f"public, max-age={ONE_YEAR_SECONDS}, immutable",
        "etag": found.etag,
        "vary": "accept-encoding",
        **({"content-encoding": found.encoding} if found.encoding else {}),
    }
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.content, headers=headers, media_type=found.media_type)


async def page(request: Request) -> Response:
    """Send the page that is every page of the console."""
    bundle: Bundle = request.app.state.bundle
    prefix = request.headers.get("x-forwarded-prefix", "").rstrip("/") or request.scope.get("root_path", "")
    content = bundle.index(prefix, request.cookies.get("filesync_theme"))
    headers = {"cache-control": "no-cache", "vary": "cookie, x-forwarded-prefix"}
    return Response(content, headers=headers, media_type="text/html; charset=utf-8")


async def door(request: Request) -> Response:
    """Lead to the console, wherever a proxy has it."""
    return RedirectResponse("console/", 307)


FILES = [
    Route("/console/assets/{name:path}", asset, methods=["GET", "HEAD"], include_in_schema=False),
    Route("/console", door, methods=["GET", "HEAD"], include_in_schema=False),
    Route("/console/{path:path}", page, methods=["GET", "HEAD"], include_in_schema=False),
]
"""What is no API: behind every route that is."""
