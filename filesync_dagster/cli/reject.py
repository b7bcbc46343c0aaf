"""reject: throw away the sync, or the plan of a replication, that the guard held."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.held import describe_held
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.source_reads import reject_read, source_named
from filesync_dagster.core.errors import HeldSyncOutdated, StorageError

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.argument("name")
@pass_invocation
def reject(invocation: Invocation, name: str) -> None:
    """Throw away the sync that the guard held; the inventory stays as it is.

    Of a replication: its held plan; the destination stays as it is. Of a source of tables: its held read.
    """
    with invocation.open() as filesync:
        if (source := source_named(filesync, name)) is not None:
            reject_read(filesync, source)
            return
        if name in filesync.replications.names():
            plan_id = filesync.replications.reject(name)
            click.echo(f"{name}: the held plan {plan_id} is thrown away; the destination is as it was before it.")
            return
        with suppress(HeldSyncOutdated, StorageError):  # what cannot be read any more can still be thrown away
            click.echo(f"Rejecting {describe_held(filesync, filesync.held(name))}")
        sync_id = filesync.reject(name)
    click.echo(f"{name}: the held sync {sync_id} is thrown away; the inventory is as it was before it.")
