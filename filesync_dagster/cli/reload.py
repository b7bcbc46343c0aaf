"""reload: a Dagster that something else runs reads endpoints.yaml again."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import announce, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.config import Environment
    from filesync_dagster.orchestration.client import DagsterClient


NOTHING_YET = "nothing has run here"
"""The id of an installation that nothing shows."""


def tell(sentence: str) -> None:
    """Print what became of an edit; what is wrong with it is a warning."""
    announce(printable(sentence), err=sentence.startswith("Warning"))


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
    from filesync_dagster.orchestration.instance.ping import works
    from filesync_dagster.orchestration.processes import stop_on_signal
    from filesync_dagster.orchestration.processes.reload import ConfigWatch
    from filesync_dagster.orchestration.processes.watchdog import CodeServerWatch

    environment = invocation.environment()
    invocation.configure_logging()
    for problem in running_config(environment).problems:
        tell(f"Warning: {problem}")
    with closing(WebServer(environment, dagster_url, location)) as server:
        ask = partial(_reload_code, environment, code_server) if code_server else server.reload
        answers = partial(works, code_server) if code_server else server.reaches
        if not watch:
            ask()
            remember(environment)
            click.echo(f"Dagster has read {printable(str(environment.config_path))} again.")
            return
        edits = ConfigWatch(environment, ask, tell)
        with stop_on_signal() as told:
            _at_once(ask, told)
            CodeServerWatch(answers, ask, tell).start(told)
            announce(f"Watching {printable(str(environment.config_path))}. Ctrl-C stops it.")
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


class WebServer:
    """Dagster's web server, looked for anew each time: it may start later than a watch, and elsewhere than before."""

    def __init__(self, environment: Environment, url: str | None, location: str | None) -> None:
        self._environment, self._url, self._location = environment, url, location
        self._clients: dict[tuple[str, str | None], DagsterClient] = {}

    def reload(self) -> None:
        """Make our code location read the file. Raises DagsterUnreachable, DagsterRefused."""
        self._client().reload(self._location)

    def reaches(self) -> bool:
        """Tell whether the code server of our location answers; True also while nobody can tell."""
        from filesync_dagster.core.errors import FilesyncError

        try:
            return self._client().reaches(self._location)
        except FilesyncError:  # the web server is away: it cannot be asked to start anything
            return True

    def close(self) -> None:
        """Give the connections back."""
        for client in self._clients.values():
            client.close()

    def _client(self) -> DagsterClient:
        from filesync_dagster.config import installation_id
        from filesync_dagster.orchestration.client import DagsterClient, dagster_url
        from filesync_dagster.orchestration.processes.code_server import RELOAD_TIMEOUT_SECONDS

        where = self._url or dagster_url(self._environment), installation_id(self._environment)
        if where not in self._clients:
            self._clients[where] = DagsterClient(*where, timeout=RELOAD_TIMEOUT_SECONDS)
        return self._clients[where]


def _reload_code(environment: Environment, address: str) -> None:
    from filesync_dagster.config import installation_id
    from filesync_dagster.orchestration.processes.code_server import reload_code

    reload_code(address, installation_id(environment) or NOTHING_YET)
