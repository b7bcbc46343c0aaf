"""Who asks, and whether they may: a program with the token, a person with a cookie, or whoever where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anyio.to_thread import run_sync

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.web.console.browser import is_known_host
from filesync_dagster.web.console.sessions import (
    CSRF_HEADER,
    Principal,
    cookie_of,
    csrf_of,
    find_session,
    is_same_origin,
)
from filesync_dagster.web.site import same
from filesync_dagster.web.webhooks import bearer

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

    from filesync_dagster.web.console.sessions import Role
    from filesync_dagster.web.site import Site

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class NotSignedIn(FilesyncError):
    """Nobody that is known asks."""


class NotAllowed(FilesyncError):
    """Somebody asks who may not."""


class StrangeHost(FilesyncError):
    """A browser was led here by a name that is not ours."""


class WrongMediaType(FilesyncError):
    """A body of a kind that a form of another site could send, too."""


async def principal_of(request: Request) -> Principal | None:
    """Return who asks; None for whoever has a wrong token, or none where there is one.

    Raises StrangeHost for a browser, and StorageError when nobody can tell. Cookies count for nothing beside a token.
    """
    site: Site = request.app.state.site
    token = bearer(request.headers)
    if token is not None or "authorization" in request.headers:
        return Principal("admin", "token") if site.knows(token) else _whoever(site)
    cookie = cookie_of(request)
    if cookie is None and is_known_host(request.headers, ()):
        return _whoever(site)
    return await run_sync(_from_browser, site, request, cookie)


def _whoever(site: Site) -> Principal | None:
    """Return who is there where no token is needed to read."""
    return Principal("viewer", "nobody") if site.token is None else None


def _from_browser(site: Site, request: Request, cookie: str | None) -> Principal | None:
    with site.current.acquire() as filesync:
        require_known_host(request, filesync.config.settings.serve.hosts)
        if cookie is not None:
            found = find_session(filesync.runtime.metadata.console_sessions, site.token, cookie)
            if found is not None:
                return found
    return _whoever(site)


def require_known_host(request: Request, hosts: Collection[str]) -> None:
    """Raise StrangeHost for a browser that was led here by a name that is not ours."""
    if not is_known_host(request.headers, hosts):
        raise StrangeHost(
            "This server does not answer browsers under this name.",
            hint="Add the name to settings.serve.hosts in endpoints.yaml.",
        )


def require_own_page(request: Request, principal: Principal, media_types: Collection[str]) -> None:
    """Raise NotAllowed unless a page of ours asks, where a cookie says who asks; WrongMediaType for another body.

    What only reads is asked as one likes: nothing is changed by a GET.
    """
    if principal.via != "session" or request.method in SAFE_METHODS:
        return
    assert principal.cookie is not None
    given = request.headers.get(CSRF_HEADER, "")
    if not is_same_origin(request) or not same(given, csrf_of(principal.cookie)):
        raise NotAllowed("This did not come from a page of the console.", hint="Load the page again.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind not in media_types:
        raise WrongMediaType(f"The body is not {' or '.join(sorted(media_types))}.")


def require_role(principal: Principal, role: Role) -> None:
    """Raise NotAllowed for somebody whose role may not do this."""
    if not principal.may(role):
        raise NotAllowed(f"Only who has the role {role!r} may do this; you are {principal.role!r}.")
