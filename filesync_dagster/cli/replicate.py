"""replicate: bring destinations up to date."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.interruption import interruptible
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.replication_progress import display_replications
from filesync_dagster.cli.results import exit_code

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.replication.model import PlanScope, ReplicationResult
    from filesync_dagster.replication.progress import Watch


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--initial", is_flag=True, help="Compare everything, with what lies at the destination.")
@click.option("--incremental", is_flag=True, help="Compare only what the journal names since the last run.")
@click.option("--reconcile", is_flag=True, help="Compare everything, also with a listing of the destination.")
@click.option("--dry-run", is_flag=True, help="Only plan: nothing is done, nothing is written.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@pass_invocation
def replicate(  # the options, in their order
    invocation: Invocation,
    names: tuple[str, ...],
    *,
    initial: bool,
    incremental: bool,
    reconcile: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring the destinations of replications (all active ones without NAME) up to date.

    What is replicated is the inventory as it was last synced. Exits with 0 when everything was done, 3 when a plan is
    held and none failed, 1 when one failed or was skipped.
    """
    if initial + incremental + reconcile > 1:
        raise click.UsageError("--initial, --incremental and --reconcile do not go together.")
    scope = _scope(initial, incremental, reconcile)
    with invocation.open() as filesync:
        chosen = [filesync.config.replication(name).name for name in dict.fromkeys(names)] or [
            one.name for one in filesync.config.replications if one.is_active
        ]
        if not chosen:
            click.echo("There is no active replication.", err=True)
        statuses = []
        with (
            interruptible() as check,
            display_replications(as_json=as_json) as shown,
            closing(_results(filesync, chosen, scope, dry_run, check(shown.progress))) as results,
        ):
            for result in results:
                shown.result(result)
                statuses.append(result.status)
    raise click.exceptions.Exit(exit_code(statuses))


def _scope(initial: bool, incremental: bool, reconcile: bool) -> PlanScope | None:
    from filesync_dagster.replication.model import PlanScope

    asked = {PlanScope.INITIAL: initial, PlanScope.INCREMENTAL: incremental, PlanScope.RECONCILE: reconcile}
    return next((scope for scope, is_asked in asked.items() if is_asked), None)


def _results(
    filesync: Filesync, names: list[str], scope: PlanScope | None, dry_run: bool, watch: Watch
) -> Generator[ReplicationResult, None, None]:
    def one(name: str) -> ReplicationResult:
        return filesync.replications.replicate(name, scope=scope, dry_run=dry_run, on_progress=watch)

    act: Callable[[str], ReplicationResult] = one
    yield from filesync.replications.replicate_many(names, act)
