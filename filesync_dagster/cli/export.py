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
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), help="csv: values as they are, formulas too.")
@click.option(
    "--safe-csv",
    is_flag=True,
    help="csv for spreadsheets: a cell that begins like a formula (=, +, -, @, tab, CR) gets an apostrophe before it.",
)
@click.option(
    "--columns",
    type=click.Choice(["all", "state"]),
    default="all",
    show_default=True,
    help="state: the columns of a state file, which `filesync diff` compares; NAME may be a replication.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where to.")
@AS_OF
@pass_invocation
def export(  # the options, in their order
    invocation: Invocation,
    name: str,
    form: str | None,
    output: Path,
    as_of: When | None,
    *,
    columns: str,
    safe_csv: bool,
) -> None:
    """Write an endpoint's snapshot, with every column, to a file.

    What a name begins with is part of it, so raw csv has it, too: a spreadsheet that opens it may run `=…` as a
    formula. --safe-csv is for people who do that.
    """
    if form is None and not safe_csv:
        raise click.UsageError("Missing option '--format': csv or parquet; or --safe-csv.")
    if safe_csv and form == "parquet":
        raise click.UsageError("--safe-csv and --format parquet do not go together.")
    if columns == "state":
        if form != "csv" or safe_csv or as_of is not None:
            raise click.UsageError("--columns state goes with --format csv, of now.")
        _export_state(invocation, name, output)
        return
    with invocation.open() as filesync:
        at = None if as_of is None else end_of(as_of, filesync.config.settings.partitions.zone, datetime.now(UTC))
        rows = filesync.export(name, output, format="parquet" if form == "parquet" else "csv", as_of=at, safe=safe_csv)
    click.echo(f"{output}: {plural(rows, 'row')} written.", err=True)


def _export_state(invocation: Invocation, name: str, output: Path) -> None:
    from filesync_dagster.replication.state_files import write_inventory_state

    with invocation.open() as filesync:
        if name in filesync.replications.names():
            rows = filesync.replications.export_state(name, output)
        else:
            rows = write_inventory_state(filesync.runtime, filesync.config.endpoint(name), output)
    click.echo(f"{output}: {plural(rows, 'file')} written.", err=True)
