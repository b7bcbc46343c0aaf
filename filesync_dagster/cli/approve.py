"""approve: commit the sync, or do the plan of a replication, that the guard held."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import click

from filesync_dagster.cli.held import describe_held, print_summary
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.results import HELD, complaints, exit_code, summary
from filesync_dagster.cli.source_reads import approve_read, print_held_read, source_named
from filesync_dagster.cli.text import printable

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--digest", metavar="DIGEST", help="Only what `filesync changes NAME --held` showed with it; do not ask.")
@pass_invocation
def approve(invocation: Invocation, name: str, digest: str | None, *, yes: bool) -> None:
    """Commit the sync that the guard held, after showing what it would change.

    What is committed is what was shown: when the store is found changed meanwhile, nothing is. Of a replication: do
    exactly the plan that was held, each operation looked at again; DIGEST is the number of the plan. Of a source of
    tables (`tables/NAME` where an endpoint is called the same): let what was read be its tables.
    """
    with invocation.open() as filesync:
        if (source := source_named(filesync, name)) is not None:
            read = filesync.tables.held(source)
            print_held_read(read)
            if not (yes or digest):
                _ask(name)
            approve_read(filesync, read, digest)
            return
        if name in filesync.replications.names():
            _approve_plan(filesync, name, digest, yes=yes)
        held = filesync.held(name)
        click.echo(f"Approving {describe_held(filesync, held)}")
        print_summary(filesync, held)
        if not (yes or digest):
            _ask(name)
        result = filesync.approve(name, digest=digest or held.digest)
    click.echo(printable(summary(result)))
    for line in complaints(result):
        click.echo(line, err=True)
    raise click.exceptions.Exit(exit_code([result.status.value]))


def _approve_plan(filesync: Filesync, name: str, digest: str | None, *, yes: bool) -> NoReturn:
    from filesync_dagster.cli.interruption import interruptible
    from filesync_dagster.cli.plan import print_plan
    from filesync_dagster.cli.replication_progress import display_replications

    held = filesync.replications.held(name)
    print_plan(held)
    if digest is not None and not digest.isdigit():
        raise click.UsageError(f"{digest!r} is no number of a plan; that of {name} is {held.plan_id}.")
    if not (yes or digest):
        _ask(name)
    plan_id = held.plan_id if digest is None else int(digest)
    with interruptible() as check, display_replications(as_json=False) as shown:
        result = filesync.replications.approve(name, plan_id=plan_id, on_progress=check(shown.progress))
        shown.result(result)
    raise click.exceptions.Exit(exit_code([result.status]))


def _ask(name: str) -> None:
    """Ask whether to commit; where nobody can answer, say what answers beforehand."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(
            f"Nobody can be asked here, so nothing is committed. `filesync approve {name} --yes` does not ask; "
            f"`--digest` commits only what `filesync changes {name} --held` showed."
        )
    if not click.confirm("Commit it?"):
        click.echo(f"{name}: nothing is committed; it still waits for a decision.")
        raise click.exceptions.Exit(HELD)
