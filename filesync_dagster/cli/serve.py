"""serve: health, metrics, REST and webhooks over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import HOST, pass_invocation
from filesync_dagster.cli.text import announce

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation

LOOPBACK = ("127.", "::1", "localhost")


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="To listen on; 0: any that is free.",
)
@HOST
@click.option(
    "--dagster-url",
    help="Of Dagster's web server, which launches what is asked for, and which /health asks, too.  "
    "[default: FILESYNC_DAGSTER_URL, or that of `filesync up`]",
)
@pass_invocation
def serve(invocation: Invocation, port: int, host: str, dagster_url: str | None) -> None:
    """Serve health, metrics, REST, webhooks and the console, until Ctrl-C.

    FILESYNC_API_TOKEN is the bearer token of the API; without one, everybody may read and nobody may write. An edit of
    endpoints.yaml is seen at once.
    """
    from filesync_dagster.orchestration.processes import stop_on_signal
    from filesync_dagster.web import serve_http
    from filesync_dagster.web.site import ConfigHolder, Site

    environment = invocation.environment()
    invocation.configure_logging()
    url = dagster_url or environment.dagster_url
    site = Site(ConfigHolder(environment.config_path), environment.home, environment.api_token, url)
    with site.current.acquire() as filesync:  # a file that cannot be used at all is told at once
        for problem in filesync.config.problems:
            announce(f"Warning: {problem}", err=True)
    if environment.api_token is None and not host.startswith(LOOPBACK):
        announce("Warning: FILESYNC_API_TOKEN is not set: whoever reaches this server may read.", err=True)
    with stop_on_signal() as told:
        serve_http(
            site,
            host,
            port,
            told,
            on_ready=lambda url: announce(
                f"filesync answers at {url}. The console is at {url}/console/. Ctrl-C stops it."
            ),
        )
    announce("Stopped.")
