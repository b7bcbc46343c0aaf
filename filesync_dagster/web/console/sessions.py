"""Signing in at the console: a cookie that no script can read, bound to the token of the API, and one-time links.

A cookie has 256 random bits; the database has their digest. What a page must send with everything that is not a GET
is derived from them, so that no other site can know it.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, get_args
from urllib.parse import urlsplit

from filesync_dagster.core.errors import FilesyncError

if TYPE_CHECKING:
    from starlette.requests import Request

    from filesync_dagster.storage.database.console_sessions import ConsoleSessionRepository

Role = Literal["viewer", "operator", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""Each may what those before it may."""

IDLE_LIFETIME = timedelta(hours=12)
LIFETIME = timedelta(days=7)
CODE_LIFETIME = timedelta(minutes=2)

ATTEMPTS_MAX_COUNT = 5
"""Wrong tries of one address a minute."""

ATTEMPT_PERIOD_SECONDS = 60.0

ADDRESSES_MAX_COUNT = 10_000
"""Of whom wrong tries are remembered: whoever has more addresses than that is not stopped by counting them."""

CSRF_HEADER = "x-filesync-csrf"
USER_AGENT_MAX_LETTERS = 300


class TooManyAttempts(FilesyncError):
    """Somebody tries tokens."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__("Too many wrong tries.", hint=f"Try again in {wait_seconds} seconds.")
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Principal:
    """Who asks: what they may, and what proves it."""

    role: Role
    via: Literal["token", "session", "nobody"]
    cookie: str | None = field(default=None, repr=False)

    def may(self, role: Role) -> bool:
        """Whether they may what somebody in a role may."""
        return ROLES.index(self.role) >= ROLES.index(role)


def digest_of(secret: str) -> str:
    """Return what is stored of a random secret."""
    return sha256(secret.encode()).hexdigest()


def csrf_of(cookie: str) -> str:
    """Return what a page with this cookie sends along with what changes something."""
    return hmac.new(cookie.encode(), b"filesync csrf", sha256).hexdigest()


def binding_of(cookie: str, token: str | None) -> str:
    """Return what ties a session to the token of the API: with another one it is over."""
    return hmac.new(cookie.encode(), b"filesync token " + (token or "").encode(), sha256).hexdigest()


def begin_session(sessions: ConsoleSessionRepository, token: str | None, role: str, user_agent: str) -> str:
    """Note that somebody signed in; return what their cookie has. It is new each time: no session is fixed before."""
    sessions.prune(idle=IDLE_LIFETIME, lifetime=LIFETIME)
    cookie = secrets.token_urlsafe(32)
    sessions.begin(digest_of(cookie), binding_of(cookie, token), role, user_agent[:USER_AGENT_MAX_LETTERS])
    return cookie


def find_session(sessions: ConsoleSessionRepository, token: str | None, cookie: str) -> Principal | None:
    """Return who a cookie says is there; None when it is unknown, too old, or of another token."""
    found = sessions.find(digest_of(cookie), idle=IDLE_LIFETIME, lifetime=LIFETIME)
    if found is None or not hmac.compare_digest(found.binding, binding_of(cookie, token)):
        return None
    return next((Principal(role, "session", cookie) for role in ROLES if role == found.role), None)


def offer_code(sessions: ConsoleSessionRepository, role: Role = "admin") -> str:
    """Return a code that signs somebody in, once, within two minutes."""
    code = secrets.token_urlsafe(32)
    sessions.offer(digest_of(code), role, CODE_LIFETIME)
    return code


def cookie_name(*, is_secure: bool) -> str:
    """Return the name of the cookie: with the prefix that binds it to this host where browsers let it have one."""
    return "__Host-filesync" if is_secure else "filesync_session"


def cookie_of(request: Request) -> str | None:
    """Return what the cookie of a request has."""
    return request.cookies.get(cookie_name(is_secure=request.url.scheme == "https"))


def is_same_origin(request: Request) -> bool:
    """Whether a page of ours asks: by what only a browser can say, or by where the page comes from."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


class Attempts:
    """Wrong tries to sign in, by address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: defaultdict[str, deque[float]] = defaultdict(deque)

    def check(self, address: str) -> None:
        """Raise TooManyAttempts when an address tried too often."""
        now = time.monotonic()
        with self._lock:
            tries = self._fresh(address, now)
            if len(tries) >= ATTEMPTS_MAX_COUNT:
                raise TooManyAttempts(int(tries[0] + ATTEMPT_PERIOD_SECONDS - now) + 1)

    def fail(self, address: str) -> None:
        """Note a wrong try."""
        now = time.monotonic()
        with self._lock:
            if len(self._failed) >= ADDRESSES_MAX_COUNT:
                self._failed.clear()
            self._fresh(address, now)
            self._failed[address].append(now)

    def _fresh(self, address: str, now: float) -> deque[float]:
        tries = self._failed.get(address, deque())
        while tries and tries[0] < now - ATTEMPT_PERIOD_SECONDS:
            tries.popleft()
        return tries
