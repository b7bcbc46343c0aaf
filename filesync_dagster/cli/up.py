"""up, daemon: Dagster for a configuration, with its UI or without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.reload import tell
from filesync_dagster.cli.validate import pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation

PORT = click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Of the Dagster UI.")
HOST = click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: reachable from elsewhere.")


@click.command(short_help="Run the Dagster UI and daemon for this configuration.")
@PORT
@HOST
@pass_invocation
def up(invocation: Invocation, port: int, host: str) -> None:
    """Run the Dagster UI and daemon for this configuration, until Ctrl-C."""
    from filesync_dagster.config import running_config
    from filesync_dagster.orchestration.processes import logs, require_free, serve, stop_on_signal

    environment = invocation.environment()
    for problem in running_config(environment).problems:
        click.echo(f"Warning: {problem}", err=True)
    require_free(host, port)
    click.echo("Starting Dagster ...")
    with stop_on_signal() as told:
        serve(
            environment,
            host,
            port,
            told,
            on_ready=lambda url: click.echo(f"Dagster is at {url} (logs in {logs(environment)}). Ctrl-C stops it."),
            tell=tell,
        )
    click.echo("Stopped.")


@click.command(short_help="Run the schedules, sensors and runs without the UI.")
@pass_invocation
def daemon(invocation: Invocation) -> None:
    """Run Dagster's daemon and the code for this configuration, without the UI, until Ctrl-C.

    Schedules, sensors and the queue of runs work as with `filesync up`. A UI may run elsewhere, over the same storage.
    """
    from filesync_dagster.config import running_config
    from filesync_dagster.orchestration.processes import logs, serve, stop_on_signal

    environment = invocation.environment()
    for problem in running_config(environment).problems:
        click.echo(f"Warning: {problem}", err=True)
    click.echo("Starting Dagster ...")
    with stop_on_signal() as told:
        serve(
            environment,
            None,
            0,
            told,
            on_ready=lambda _: click.echo(f"Dagster's daemon runs (logs in {logs(environment)}). Ctrl-C stops it."),
            tell=tell,
        )
    click.echo("Stopped.")
