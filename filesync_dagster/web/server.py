"""uvicorn around the application, until somebody says that it is enough."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from filesync_dagster.core.errors import ServiceError
from filesync_dagster.orchestration.client import CONSOLE_ANNOUNCEMENT, announce_url
from filesync_dagster.web.app import application

if TYPE_CHECKING:
    from collections.abc import Callable

    from filesync_dagster.web.site import Site

SHUTDOWN_GRACE_SECONDS = 10
"""Seconds that requests have to finish once the server is stop to stop."""


def serve_http(site: Site, host: str, port: int, stop: threading.Event, *, on_ready: Callable[[str], None]) -> None:
    """Serve until `stop` is set. `on_ready` gets the address once requests are answered.

    Raises ServiceError when the port cannot be listened on.
    """
    import uvicorn

    from filesync_dagster.web.connections import BoundedProtocol

    listener = _listener(host, port)
    server = uvicorn.Server(
        uvicorn.Config(
            application(site, stop),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            http=BoundedProtocol,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_SECONDS,
        )
    )
    site.stopping.clear()
    dispatcher = site.new_dispatcher()
    thread = threading.Thread(target=server.run, args=([listener],), name="http", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise ServiceError(f"Nothing can be served at {host}:{port}.")
            time.sleep(0.01)
        dispatcher.start()
        site.resume_reads()
        shown = f"[{host}]" if ":" in host else host
        number = listener.getsockname()[1]
        with announce_url(site.home, f"http://{_reachable(shown)}:{number}/console", CONSOLE_ANNOUNCEMENT):
            on_ready(f"http://{shown}:{number}")
            while not stop.wait(1.0):
                if not thread.is_alive():
                    raise ServiceError(f"The server at {host}:{port} ended by itself.")
    finally:
        site.stopping.set()
        server.should_exit = True
        dispatcher.stop()
        thread.join(SHUTDOWN_GRACE_SECONDS + 5)
        listener.close()
        site.close()


def _reachable(shown: str) -> str:
    """Return by which address this machine reaches a server that listens on all of them."""
    return {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(shown, shown)  # noqa: S104 - it is what was listened on


def _listener(host: str, port: int) -> socket.socket:
    """Listen here, where the reason is known if it cannot be."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as exc:
        raise ServiceError(
            f"{host}:{port} cannot be listened on: {(exc.strerror or str(exc)).lower()}.",
            hint="Choose another with --port or --host.",
        ) from exc
