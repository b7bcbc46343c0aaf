"""Who asks, as limits and the audit log call them: there are a token and sessions of browsers, no names of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filesync_dagster.web.console.sessions import digest_of
from filesync_dagster.web.requests import principal_of_route

if TYPE_CHECKING:
    from starlette.requests import Request

    from filesync_dagster.web.rate_limits import RateLimiter

DIGEST_LETTERS = 12


def user_of(request: Request) -> str:
    """Return what the audit log and limits call whoever asks: the token, a session by its digest, or an address."""
    principal = principal_of_route(request)
    if principal.cookie is not None:
        return f"session {digest_of(principal.cookie)[:DIGEST_LETTERS]}"
    return principal.via if principal.via != "nobody" else f"nobody at {address_of(request) or 'this machine'}"


def address_of(request: Request) -> str | None:
    """Return where a request came from, as far as that is known."""
    return request.client.host if request.client is not None else None


def limiter_of(request: Request) -> RateLimiter:
    """Return the limiter that all requests share."""
    limiter: RateLimiter = request.app.state.limiter
    return limiter
