"""reload: a Dagster that something else runs reads endpoints.yaml again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from filesync_dagster.cli.invocation import Invocation


def tell(sentence: str) -> None:
    """Print what became of an edit; what is wrong with it is a warning."""
    click.echo(printable(sentence), err=sentence.startswith("Warning"))


@click.command()
@click.option("--watch", is_flag=True, help="After each edit, and when its code server died, until Ctrl-C.")
@click.option("--code-server", metavar="HOST:PORT", help="Ask this code server (`unix:PATH` for a socket).")
@click.option(
    "--dagster-url", help="Ask this web server of Dagster.  [default: FILESYNC_DAGSTER_URL, or that of `filesync up`]"
)
@click.option("--location", help="The code location, for the web server.  [default: filesync, or the only one]")
@pass_invocation
def reload(
    invocation: Invocation, *, watch: bool, code_server: str | None, dagster_url: str | None, location: str | None
) -> None:
    """Make a running Dagster read endpoints.yaml again. Running syncs go on.

    `filesync up` does so by itself. This is for deployments, and for a Dagster project of your own.
    """
    from filesync_dagster.config import remember, running_config
    from filesync_dagster.orchestration.client import dagster_url as default_url
    from filesync_dagster.orchestration.instance.ping import works
    from filesync_dagster.orchestration.processes import stop_on_signal
    from filesync_dagster.orchestration.processes.code_server import reload_code
    from filesync_dagster.orchestration.processes.reload import ConfigWatch
    from filesync_dagster.orchestration.processes.watchdog import CodeServerWatch

    environment = invocation.environment()
    invocation.configure_logging()
    for problem in running_config(environment).problems:
        tell(f"Warning: {problem}")
    url = dagster_url or default_url(environment)
    ask = partial(reload_code, code_server) if code_server else partial(_ask, url, location)
    answers = partial(works, code_server) if code_server else partial(_is_reached, url, location)
    if not watch:
        ask()
        remember(environment)
        click.echo(f"Dagster has read {printable(str(environment.config_path))} again.")
        return
    edits = ConfigWatch(environment, ask, tell)
    with stop_on_signal() as told:
        _at_once(ask, told)
        CodeServerWatch(answers, ask, tell).start(told)
        click.echo(f"Watching {printable(str(environment.config_path))}. Ctrl-C stops it.")
        edits.run(told)


def _at_once(ask: Callable[[], None], told: Event) -> None:
    """Have Dagster read what was edited while nobody watched; wait for it if it is not there yet."""
    from filesync_dagster.core.errors import ServiceError
    from filesync_dagster.orchestration.processes.reload import RETRY_INTERVAL_SECONDS

    while not told.is_set():
        try:
            return ask()
        except ServiceError as error:
            tell(f"Warning: {error}")
            told.wait(RETRY_INTERVAL_SECONDS)
    return None


def _ask(url: str, location: str | None) -> None:
    from filesync_dagster.orchestration.client import DagsterClient
    from filesync_dagster.orchestration.processes.code_server import RELOAD_TIMEOUT_SECONDS

    with DagsterClient(url, timeout=RELOAD_TIMEOUT_SECONDS) as dagster:
        dagster.reload(location)


def _is_reached(url: str, location: str | None) -> bool:
    from filesync_dagster.core.errors import FilesyncError
    from filesync_dagster.orchestration.client import DagsterClient

    with DagsterClient(url) as dagster:
        try:
            return dagster.reaches(location)
        except FilesyncError:  # the web server is away: it cannot be asked to start anything
            return True
