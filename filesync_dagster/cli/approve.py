"""approve: commit the sync that the guard held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.held import describe_held
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.results import complaints, exit_code, summary
from filesync_dagster.cli.text import printable

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.argument("name")
@pass_invocation
def approve(invocation: Invocation, name: str) -> None:
    """Commit the sync that the guard held."""
    with invocation.open() as filesync:
        click.echo(f"Approving {describe_held(filesync, name)}")
        result = filesync.approve(name)
    click.echo(printable(summary(result)))
    for line in complaints(result):
        click.echo(line, err=True)
    raise click.exceptions.Exit(exit_code([result.status.value]))
