"""The console beside a Dagster that this process runs: `filesync up` and `filesync demo` print where it is."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filesync_dagster.config import Environment
    from filesync_dagster.web.site import Site

USUAL_PORT = 8080
START_TIMEOUT_SECONDS = 60.0


def serve_console(environment: Environment, host: str, stop: threading.Event) -> str:
    """Serve the API and the console until told to stop; return where it is, for who started it.

    The link in it signs in once, within two minutes: whoever sees this terminal needs no token. On the usual port, or
    on one that is free.
    """
    from filesync_dagster.core.errors import FilesyncError
    from filesync_dagster.web.console.sessions import offer_code
    from filesync_dagster.web.site import ConfigHolder, Site

    def site() -> Site:
        return Site(
            ConfigHolder(environment.config_path), environment.home, environment.api_token, environment.dagster_url
        )

    try:
        url = _start(site(), host, USUAL_PORT, stop) or _start(site(), host, 0, stop)
        if url is None:
            return "The console is not served: see the log."
        opened = site()
        with opened.current.acquire() as filesync:
            code = offer_code(filesync.runtime.metadata.console_sessions)
        opened.close()
    except FilesyncError as error:
        return f"The console is not served: {error}"
    return f"The console is at {url}/console/ (enter within two minutes: {url}/console/enter?code={code})"


def _start(site: Site, host: str, port: int, stop: threading.Event) -> str | None:
    """Return the address once it answers; None when nothing can be served there."""
    from filesync_dagster.core.errors import FilesyncError
    from filesync_dagster.web import serve_http

    answers: queue.Queue[str | None] = queue.Queue()

    def serve() -> None:
        try:
            serve_http(site, host, port, stop, on_ready=answers.put)
        except FilesyncError:
            answers.put(None)

    threading.Thread(target=serve, name="console", daemon=True).start()
    try:
        url = answers.get(timeout=START_TIMEOUT_SECONDS)
    except queue.Empty:
        return None
    return url and url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
