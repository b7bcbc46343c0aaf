"""test: connect to stores, say what they let us see."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.interruption import interruptible
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import Cell, Column, print_table, printable
from filesync_dagster.core.errors import FilesyncError

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.core.model import ConnectionReport


EMPTY = Cell("empty", "yellow")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@pass_invocation
def test(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Connect to endpoints and to destinations of replications (all active ones without NAME): what can be seen there.

    Exits with 1 when one of them cannot be reached or lacks a permission.
    """
    with invocation.open() as filesync:
        replications = filesync.replications.names()
        chosen = [name if name in replications else filesync.config.endpoint(name).name for name in names]
        chosen = chosen or [
            *(endpoint.name for endpoint in filesync.config.active),
            *(one.name for one in filesync.config.replications if one.is_active),
        ]
        with interruptible(), ThreadPoolExecutor(filesync.config.settings.concurrency) as pool:
            outcomes = list(pool.map(lambda name: _check(filesync, name), chosen))
        problems = [] if names else list(filesync.config.problems)
    rows: list[list[Cell | str]] = []
    warnings: list[str] = []
    for name, outcome in zip(chosen, outcomes, strict=True):
        if isinstance(outcome, FilesyncError):
            rows.append([name, Cell("failed", "red"), "-", "-", "-"])
            problems.append(f"{name}: {outcome}")
            continue
        state = Cell("problems", "yellow") if outcome.problems else EMPTY if outcome.warnings else Cell("ok", "green")
        allowed = ", ".join(outcome.permissions) or "-"
        rows.append([name, state, f"{outcome.latency_ms:.0f} ms", outcome.sees, allowed])
        problems += [f"{name}: {problem}" for problem in outcome.problems]
        warnings += [f"{name}: {warning}" for warning in outcome.warnings]
    subject = "name" if set(chosen) & set(replications) else "endpoint"
    columns = [Column(subject), Column("state"), Column("latency", right=True), Column("sees"), Column("may")]
    if rows:
        print_table(columns, rows)
    for warning in warnings:
        click.echo(f"Warning: {printable(warning)}", err=True)
    for problem in problems:
        click.echo(f"Error: {printable(problem)}", err=True)
    if problems:
        raise click.exceptions.Exit(1)


def _check(filesync: Filesync, name: str) -> ConnectionReport | FilesyncError:
    try:
        if name in filesync.replications.names():
            return filesync.replications.check(name)
        return filesync.check(name)
    except FilesyncError as error:
        return error
