"""up: the Dagster UI and daemon for a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import HOST, PORT, pass_invocation
from filesync_dagster.cli.reload import tell
from filesync_dagster.cli.text import announce

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@PORT
@HOST
@pass_invocation
def up(invocation: Invocation, port: int, host: str) -> None:
    """Run the Dagster UI and daemon for this configuration, with the API and the console, until Ctrl-C."""
    from filesync_dagster.cli.console_server import serve_console
    from filesync_dagster.config import running_config
    from filesync_dagster.orchestration.processes import logs, require_free, serve, stop_on_signal

    environment = invocation.environment()
    for problem in running_config(environment).problems:
        announce(f"Warning: {problem}", err=True)
    require_free(host, port)
    with stop_on_signal() as stop:

        def tell_where(url: str) -> None:
            console = serve_console(environment, host, stop)
            # At once: whoever waits for the address may not read on.
            announce(f"Dagster is at {url} (logs in {logs(environment)}). Ctrl-C stops it.\n{console}")

        serve(
            environment,
            host,
            port,
            stop,
            on_ready=tell_where,
            tell=tell,
            on_stage=announce,
        )
    announce("Stopped.")
