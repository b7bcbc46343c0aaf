"""sync: bring the inventory up to date."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.interruption import interruptible
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.results import exit_code
from filesync_dagster.cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Generator

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.interruption import Watch
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.core.model import SyncResult


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--full", is_flag=True, help="List everything anew: no unfinished listing is resumed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@pass_invocation
def sync(invocation: Invocation, names: tuple[str, ...], *, full: bool, as_json: bool) -> None:
    """Bring the inventory of endpoints (all active ones without NAME) up to date.

    A store that failed again and again is left alone for a while, and its endpoint skipped, unless it is named.

    Exits with 0 when every sync was committed, 3 when one was held and none failed, 1 when one failed or was skipped.
    """
    from filesync_dagster.cli.progress import display

    with invocation.open() as filesync:
        chosen = [filesync.config.endpoint(name).name for name in dict.fromkeys(names)] or None
        total = len(chosen or filesync.config.active) + (0 if chosen else len(filesync.config.broken))
        if not total:
            click.echo("There is no active endpoint to sync.", err=True)
        statuses = []
        with (
            interruptible() as check,
            display(total, lambda: _expected(filesync), as_json=as_json) as shown,
            closing(_started(filesync, chosen, full, check(shown.progress))) as results,
        ):
            for result in results:
                shown.result(result)
                statuses.append(result.status.value)
        told = filesync.alert() if filesync.config.alerts.urls else None
    for channel, why in told.failures.items() if told else ():
        click.echo(printable(f"Warning: the channel {channel} could not be told: {why}"), err=True)
    raise click.exceptions.Exit(exit_code(statuses))


def _expected(filesync: Filesync) -> dict[str, int]:
    """Return how many entries the last full listing of each endpoint had."""
    listed = {one.name: one.last_full for one in filesync.status()}
    return {name: last.files_processed for name, last in listed.items() if last is not None}


def _started(
    filesync: Filesync, names: list[str] | None, full: bool, watch: Watch
) -> Generator[SyncResult, None, None]:
    # A generator of our own, so that it can be closed: that waits for the threads before the database is closed.
    yield from filesync.sync_many(names, full=full, on_progress=watch)
