"""changes: the journal of an endpoint, and what a held sync would add to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.moments import Moment, When, start_of
from filesync_dagster.cli.options import FORMAT, pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.argument("name")
@click.option("--since", type=Moment(), help="Only later ones: 2026-11-21 (its start), 2026-11-21T09:30, 2h or 3d ago.")
@click.option("--held", is_flag=True, help="What the held sync would change, by path; nothing of it is committed.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; of --held as a table, 20 when left out.")
@FORMAT
@pass_invocation
def changes(  # the options, in their order
    invocation: Invocation, name: str, since: When | None, limit: int | None, form: str, *, held: bool
) -> None:
    """List what happened to the files of an endpoint, oldest first; or what a held sync would change."""
    from filesync_dagster.cli.rows import write_changes

    if held and since is not None:
        raise click.UsageError("--held and --since do not go together: a held sync is one moment.")
    with invocation.open() as filesync:
        if held:
            _write_held(filesync, name, limit, form)
            return
        partitions = filesync.config.settings.partitions
        start = None if since is None else start_of(since, partitions.zone, datetime.now(UTC))
        write_changes(filesync.changes(name, since=start), form, partitions, limit)


def _write_held(filesync: Filesync, name: str, limit: int | None, form: str) -> None:
    """Write what waits: with what a person needs to decide, or rows for a program and the digest beside them."""
    from filesync_dagster.cli.held import SHOWN_ROWS, describe_held, how_to_decide, print_summary
    from filesync_dagster.cli.rows import write_changes
    from filesync_dagster.cli.text import printable

    partitions, held = filesync.config.settings.partitions, filesync.held(name)
    if form != "table":
        write_changes(filesync.held_changes(name, limit=limit), form, partitions)
        click.echo(how_to_decide(held), err=True)
        return
    shown = limit or SHOWN_ROWS
    click.echo(f"This is {describe_held(filesync, held)}")
    print_summary(filesync, held)
    write_changes(filesync.held_changes(name, limit=shown), form, partitions)
    if held.total > shown:
        click.echo(f"and {held.total - shown:,} more: --limit, or --format csv")
    click.echo()
    click.echo(printable(how_to_decide(held)))
