"""daemon: the schedules, sensors and runs of a configuration, without the UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.reload import tell
from filesync_dagster.cli.text import announce

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@pass_invocation
def daemon(invocation: Invocation) -> None:
    """Run Dagster's daemon and the code for this configuration, without the UI, until Ctrl-C.

    Schedules, sensors and the queue of runs work as with `filesync up`. A UI may run elsewhere, over the same storage.
    """
    from filesync_dagster.config import running_config
    from filesync_dagster.orchestration.processes import logs, serve, stop_on_signal

    environment = invocation.environment()
    for problem in running_config(environment).problems:
        announce(f"Warning: {problem}", err=True)
    with stop_on_signal() as stop:
        serve(
            environment,
            None,
            0,
            stop,
            on_ready=lambda _: announce(f"Dagster's daemon runs (logs in {logs(environment)}). Ctrl-C stops it."),
            tell=tell,
            on_stage=announce,
        )
    announce("Stopped.")
