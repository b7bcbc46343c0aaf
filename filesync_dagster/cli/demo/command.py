"""demo: the whole product on generated data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import HOST, PORT, pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.option("--once", is_flag=True, help="End instead of serving the UI; exit 0 only if the inventory is true.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo lives. Each start begins anew.",
)
@click.option(
    "--keep",
    is_flag=True,
    help="Go on where the last demo ended: what people did in the simulators is done again.",
)
@click.option(
    "--days", type=click.IntRange(0, 90), default=10, show_default=True, help="Of history that is played before today."
)
@PORT
@HOST
@pass_invocation
def demo(invocation: Invocation, home: Path, days: int, port: int, host: str, *, once: bool, keep: bool) -> None:
    """Show the product on generated files; no credentials.

    Starts a real S3 server and simulators of the other stores. Plays some days in which people work in these and a
    folder, lets them work today, syncs while Drive throttles, shows what changed, asks all stores one question,
    materializes each day in Dagster, compares the inventory with an independent look at the stores, and serves
    Dagster's UI while a file changes each minute. A store that dies is told, and ends nothing.
    """
    from filesync_dagster.cli.demo.story import run_demo

    true = run_demo(invocation.environment(), home, host, port, days=days, once=once, keep=keep)
    raise click.exceptions.Exit(0 if true else 1)
