"""demo: the whole product on generated data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.configuring import pass_invocation
from filesync_dagster.cli.serving import HOST, PORT

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command(short_help="Show the whole product on generated files.")
@click.option("--once", is_flag=True, help="End instead of serving the UI; exit 0 only if the inventory is true.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo lives. Each start begins anew.",
)
@click.option("--keep", is_flag=True, help="Go on with the files and the history of the last demo.")
@PORT
@HOST
@pass_invocation
def demo(invocation: Invocation, home: Path, port: int, host: str, *, once: bool, keep: bool) -> None:
    """Show the product on generated files: a real S3 server, a local folder, Dagster; no credentials.

    Syncs both, changes things, syncs again, shows what changed, compares the inventory with an independent look at
    the stores, materializes the assets in Dagster and serves its UI.
    """
    from filesync_dagster.demo import run_demo

    true = run_demo(invocation.environment(), home, host, port, once=once, keep=keep)
    raise click.exceptions.Exit(0 if true else 1)
