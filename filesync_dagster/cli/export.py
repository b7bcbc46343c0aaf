"""export: a snapshot as a CSV or Parquet file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.moments import When, end_of
from filesync_dagster.cli.options import AS_OF, pass_invocation
from filesync_dagster.cli.text import plural

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.argument("name")
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), required=True, help="What to write.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where to.")
@AS_OF
@pass_invocation
def export(invocation: Invocation, name: str, form: str, output: Path, as_of: When | None) -> None:
    """Write an endpoint's snapshot, with every column, to a file."""
    with invocation.open() as filesync:
        at = None if as_of is None else end_of(as_of, filesync.config.settings.partitions.zone, datetime.now(UTC))
        rows = filesync.export(name, output, format="parquet" if form == "parquet" else "csv", as_of=at)
    click.echo(f"{output}: {plural(rows, 'row')} written.", err=True)
