"""changes: the journal of an endpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.moments import Moment, When, start_of
from filesync_dagster.cli.options import FORMAT, pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.argument("name")
@click.option("--since", type=Moment(), help="Only later ones: 2026-11-21 (its start), 2026-11-21T09:30, 2h or 3d ago.")
@FORMAT
@pass_invocation
def changes(invocation: Invocation, name: str, since: When | None, form: str) -> None:
    """List what happened to the files of an endpoint, oldest first."""
    from filesync_dagster.cli.rows import write_changes

    with invocation.open() as filesync:
        partitions = filesync.config.settings.partitions
        start = None if since is None else start_of(since, partitions.zone, datetime.now(UTC))
        write_changes(filesync.changes(name, since=start), form, partitions)
