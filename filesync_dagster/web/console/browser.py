"""What a browser is protected from: pages that frame ours, scripts that are not ours, names that are not ours."""

from __future__ import annotations

import ipaddress
import socket
from functools import cache
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'self'",
    "frame-ancestors": "'none'",
}

FEATURES: Final = ("accelerometer", "camera", "geolocation", "gyroscope", "magnetometer", "microphone", "usb")
"""Of browsers, none of which the console uses."""

EVERYWHERE: Final = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}

ON_PAGES: Final = {
    "content-security-policy": "; ".join(f"{what} {where}" for what, where in POLICY.items()),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": ", ".join(f"{feature}=()" for feature in FEATURES),
    "x-frame-options": "DENY",
}


def is_console(path: str) -> bool:
    """Whether a path is the console's."""
    return path == "/console" or path.startswith("/console/")


class BrowserHeaders:
    """Adds to every answer what keeps browsers from doing with it what it is not for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = {**EVERYWHERE, **(ON_PAGES if is_console(scope["path"]) else {})}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in wanted.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def is_known_host(headers: Headers, hosts: Iterable[str]) -> bool:
    """Whether the name that a browser was given for this server can be ours.

    A page of somebody else can have its own name lead to this machine, and would then read what we answer as if it
    were ours. It cannot have an address, a name without a dot, or one below localhost lead anywhere.
    """
    name = _name_of(headers.get("host", ""))
    if not name or "." not in name or name.endswith(".localhost") or _is_address(name):
        return True
    return name in {host.lower().rstrip(".") for host in hosts} or name == _own_name()


def _name_of(host: str) -> str:
    """Return a host without its port.

    >>> _name_of("Filesync.Example.com:8080"), _name_of("[::1]:80")
    ('filesync.example.com', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].lower().rstrip(".") if host.count(":") == 1 else host.lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@cache
def _own_name() -> str:
    return socket.gethostname().lower()
