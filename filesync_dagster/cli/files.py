"""files, changes, export: what the inventory says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.moments import Moment, When, beginning, end
from filesync_dagster.cli.text import plural
from filesync_dagster.cli.validate import pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation

FORMATS = click.Choice(["table", "csv", "json"])
FORMAT = click.option("--format", "form", type=FORMATS, default="table", show_default=True, help="json: one a line.")
AS_OF = click.option(
    "--as-of", type=Moment(), help="The state at a time: 2026-11-21 (its end), 2026-11-21T09:30, 2h or 3d ago."
)


@click.command(short_help="List the files of an endpoint, now or in the past.")
@click.argument("name")
@AS_OF
@FORMAT
@click.option("--all", "everything", is_flag=True, help="Also what was removed, trashed or left the scope.")
@pass_invocation
def files(invocation: Invocation, name: str, as_of: When | None, form: str, *, everything: bool) -> None:
    """List the files of an endpoint: what is live now, or was at a time."""
    from filesync_dagster.cli.rows import write_files

    if everything and as_of is not None:
        raise click.UsageError("--all and --as-of do not go together: what is gone is known as of now.")
    with invocation.open() as filesync:
        batches = filesync.files(name, as_of=_moment(filesync, as_of), gone=everything)
        write_files(batches, form, filesync.config.settings.partitions, gone=everything)


@click.command(short_help="List what happened to the files of an endpoint.")
@click.argument("name")
@click.option("--since", type=Moment(), help="Only later ones: 2026-11-21 (its start), 2026-11-21T09:30, 2h or 3d ago.")
@FORMAT
@pass_invocation
def changes(invocation: Invocation, name: str, since: When | None, form: str) -> None:
    """List what happened to the files of an endpoint, oldest first."""
    from filesync_dagster.cli.rows import write_changes

    with invocation.open() as filesync:
        partitions = filesync.config.settings.partitions
        start = None if since is None else beginning(since, partitions.zone, datetime.now(UTC))
        write_changes(filesync.changes(name, since=start), form, partitions)


@click.command(short_help="Write a snapshot to a CSV or Parquet file.")
@click.argument("name")
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), required=True, help="What to write.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where to.")
@AS_OF
@pass_invocation
def export(invocation: Invocation, name: str, form: str, output: Path, as_of: When | None) -> None:
    """Write an endpoint's snapshot, with every column, to a file."""
    with invocation.open() as filesync:
        rows = filesync.export(
            name, output, format="parquet" if form == "parquet" else "csv", as_of=_moment(filesync, as_of)
        )
    click.echo(f"{output}: {plural(rows, 'row')} written.", err=True)


def _moment(filesync: Filesync, when: When | None) -> datetime | None:
    if when is None:
        return None
    return end(when, filesync.config.settings.partitions.zone, datetime.now(UTC))
