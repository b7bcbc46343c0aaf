"""files: what the inventory of an endpoint has, now or in the past."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.moments import When, end_of
from filesync_dagster.cli.options import AS_OF, FORMAT, pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.argument("name")
@AS_OF
@FORMAT
@click.option("--all", "everything", is_flag=True, help="Also what was removed, trashed or left the scope.")
@click.option("--path", metavar="FOLDER|PATTERN", help="Only a folder, or where a pattern such as `**/*.dwg` fits.")
@click.option("--limit", type=click.IntRange(1), help="At most so many rows.")
@pass_invocation
def files(
    invocation: Invocation,
    name: str,
    *,
    as_of: When | None,
    form: str,
    path: str | None,
    limit: int | None,
    everything: bool,
) -> None:
    """List the files of an endpoint, by path: what is live now, or was at a time."""
    from filesync_dagster.cli.rows import shown_fields, write_files

    if everything and as_of is not None:
        raise click.UsageError("--all and --as-of do not go together: what is gone is known as of now.")
    with invocation.open() as filesync:
        at = None if as_of is None else end_of(as_of, filesync.config.settings.partitions.zone, datetime.now(UTC))
        try:
            columns = shown_fields(form, gone=everything)
            batches = filesync.files(name, as_of=at, gone=everything, path=path, columns=columns, limit=limit)
        except ValueError as error:
            raise click.UsageError(f"{error}.") from None
        write_files(batches, form, filesync.config.settings.partitions, gone=everything)
