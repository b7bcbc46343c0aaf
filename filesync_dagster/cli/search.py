"""search: files by what is known of them, in the inventories of all endpoints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.moments import Moment, When, end_of, start_of
from filesync_dagster.cli.options import FORMAT, SIZE, pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation

TABLE_ROWS = 100
"""Files of a table, unless more are asked for."""


@click.command(short_help="Find files over all endpoints: by name, owner, hash, size, date.")
@click.argument("pattern", required=False)
@click.option("--endpoint", "names", metavar="NAME", multiple=True, help="Only in this one; may be repeated.")
@click.option(
    "--path", metavar="FOLDER|PATTERN", help="Only below a folder, or where a pattern such as `**/*.dwg` fits."
)
@click.option("--owner", metavar="TEXT", help="A part of the owner, in any case.")
@click.option("--hash", "content_hash", metavar="HASH", help="The hash of its contents: `md5:…`, or the digits alone.")
@click.option("--min-size", type=SIZE, help="At least so large: 10MiB, 5GB, or bytes.")
@click.option("--max-size", type=SIZE, help="At most so large.")
@click.option("--modified-after", type=Moment(), help="Later: 2026-11-21 (its start), 2026-11-21T09:30, 2h or 3d ago.")
@click.option("--modified-before", type=Moment(), help="Earlier: 2026-11-21 (its end), 2026-11-21T09:30, 2h or 3d ago.")
@FORMAT
@click.option(
    "--limit", type=click.IntRange(1), help=f"At most so many files.  [default: {TABLE_ROWS} of a table, else all]"
)
@pass_invocation
def search(
    invocation: Invocation,
    *,
    pattern: str | None,
    names: tuple[str, ...],
    path: str | None,
    owner: str | None,
    content_hash: str | None,
    min_size: int | None,
    max_size: int | None,
    modified_after: When | None,
    modified_before: When | None,
    form: str,
    limit: int | None,
) -> None:
    """Find live files in the inventories of all endpoints; no store is asked.

    PATTERN is a part of the name in any case (`contract`), of the path when it has a slash (`tower a/a-1`), or a
    pattern as in endpoints.yaml (`*.dwg`, `drawings/**/A-*.pdf`). All that is said must hold.

    Exits with 1 when nothing is found.
    """
    from filesync_dagster.cli.rows import write_found

    said = (pattern, path, owner, content_hash, min_size, max_size, modified_after, modified_before)
    if all(one is None for one in said):
        raise click.UsageError("Say what to find: a PATTERN, --owner, --hash, a size, a date or a --path.")
    with invocation.open() as filesync:
        partitions, now = filesync.config.settings.partitions, datetime.now(UTC)
        shown = TABLE_ROWS if limit is None and form == "table" else limit
        try:
            batches = filesync.search(
                pattern,
                endpoints=names,
                path=path,
                owner=owner,
                content_hash=content_hash,
                min_size=min_size,
                max_size=max_size,
                modified_after=None if modified_after is None else start_of(modified_after, partitions.zone, now),
                modified_before=None if modified_before is None else end_of(modified_before, partitions.zone, now),
                limit=shown + 1 if limit is None and shown else shown,  # one more tells whether there is more
            )
        except ValueError as error:
            raise click.UsageError(f"{error}.") from None
        found = write_found(batches, form, partitions, shown)
    if not found:
        click.echo("Nothing is found.", err=True)
        raise click.exceptions.Exit(1)
    if limit is None and shown and found > shown:
        click.echo(f"There are more than {shown}: say more, or --limit.", err=True)
