"""sync, approve, reject."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.interruption import interruptible
from filesync_dagster.cli.text import duration, moment, plural, printable, size
from filesync_dagster.cli.validate import pass_invocation
from filesync_dagster.core.errors import NothingHeld

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.interruption import Watch
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.core.model import SyncResult

FAILED, HELD = 1, 3


@click.command(short_help="Bring the inventory up to date.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--full", is_flag=True, help="List everything anew: no unfinished listing is resumed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@pass_invocation
def sync(invocation: Invocation, names: tuple[str, ...], *, full: bool, as_json: bool) -> None:
    """Bring the inventory of endpoints (all active ones without NAME) up to date.

    A store that failed again and again is left alone for a while, and its endpoint skipped, unless it is named.

    Exits with 0 when every sync was committed, 3 when one was held and none failed, 1 when one failed or was skipped.
    """
    from filesync_dagster.cli.progress import display

    with invocation.open() as filesync:
        chosen = [filesync.config.endpoint(name).name for name in dict.fromkeys(names)] or None
        total = len(chosen or filesync.config.active) + (0 if chosen else len(filesync.config.broken))
        if not total:
            click.echo("There is no active endpoint to sync.", err=True)
        statuses = []
        with (
            interruptible() as check,
            display(total, as_json=as_json) as shown,
            closing(_started(filesync, chosen, full, check(shown.progress))) as results,
        ):
            for result in results:
                shown.result(result)
                statuses.append(result.status.value)
        told = filesync.alert() if filesync.config.alerts.urls else None
    for channel, why in told.failures.items() if told else ():
        click.echo(printable(f"Warning: the channel {channel} could not be told: {why}"), err=True)
    raise click.exceptions.Exit(exit_code(statuses))


def _started(
    filesync: Filesync, names: list[str] | None, full: bool, watch: Watch
) -> Generator[SyncResult, None, None]:
    # A generator of our own, so that it can be closed: that waits for the threads before the database is closed.
    yield from filesync.sync_many(names, full=full, on_progress=watch)


def exit_code(statuses: Iterable[str]) -> int:
    """Return what a script learns from the statuses of all syncs.

    >>> exit_code(["completed", "partial"]), exit_code(["completed", "held"]), exit_code(["held", "failed"])
    (0, 3, 1)
    """
    seen = set(statuses)
    return FAILED if seen & {"failed", "skipped"} else HELD if "held" in seen else 0


def counted(numbers: Mapping[str, int]) -> str:
    """Return the changes of a sync in words; `numbers` is `SyncResult.as_dict()` or has its files_… keys.

    >>> counted({"files_added": 2, "files_removed": 1200})
    '2 added, 1,200 removed'
    """
    words = {
        "files_added": "added",
        "files_updated": "updated",
        "files_moved": "moved",
        "files_removed": "removed",
        "files_left_scope": "left the scope",
    }
    return ", ".join(f"{numbers[key]:,} {word}" for key, word in words.items() if numbers.get(key)) or "no changes"


def summary(result: SyncResult) -> str:
    """Return one line about a sync, without its error."""
    took = duration(result.duration_seconds)
    if result.status.value == "failed":
        return f"{result.endpoint}: failed after {took}"
    if result.status.value == "skipped":
        return f"{result.endpoint}: skipped"
    if result.status.value == "held":
        return f"{result.endpoint}: held, {counted(result.as_dict())} wait for a decision, {took}"
    total = f"{plural(result.files_total, 'file')}, {size(result.bytes_total)}"
    return f"{result.endpoint}: {result.status.value}, {counted(result.as_dict())}, {total}, {took}"


def complaints(result: SyncResult) -> list[str]:
    """Return what belongs on standard error about a sync, one sentence a line."""
    name = result.endpoint
    lines = [f"Warning: {name}: {warning}" for warning in result.warnings]
    error = " ".join((result.error or "").split("\n"))
    if result.status.value == "failed":
        lines.append(f"Error: {name}: {error or 'the sync failed.'}")
    elif result.status.value == "skipped":
        lines.append(f"Skipped: {name}: {error}")  # ends with what to do
    elif result.status.value == "held":
        lines.append(f"Held: {name}: {error}")  # ends with how to decide
    elif result.status.value == "partial" and error:
        lines.append(f"Warning: {name}: {error}")
    elif result.status.value == "partial" and not result.warnings:
        lines.append(f"Warning: {name}: something could not be read, so nothing was removed there.")
    return [printable(line) for line in lines]


@click.command(short_help="Commit the sync that the guard held.")
@click.argument("name")
@pass_invocation
def approve(invocation: Invocation, name: str) -> None:
    """Commit the sync that the guard held."""
    with invocation.open() as filesync:
        click.echo(f"Approving {_held(filesync, name)}")
        result = filesync.approve(name)
    click.echo(printable(summary(result)))
    for line in complaints(result):
        click.echo(line, err=True)
    raise click.exceptions.Exit(exit_code([result.status.value]))


@click.command(short_help="Throw away the sync that the guard held.")
@click.argument("name")
@pass_invocation
def reject(invocation: Invocation, name: str) -> None:
    """Throw away the sync that the guard held; the inventory stays as it is."""
    with invocation.open() as filesync:
        click.echo(f"Rejecting {_held(filesync, name)}")
        sync_id = filesync.reject(name)
    click.echo(f"{name}: the held sync {sync_id} is thrown away; the inventory is as it was before it.")


def _held(filesync: Filesync, name: str) -> str:
    """Describe the held sync of an endpoint, for the person who decides on it."""
    from filesync_dagster.core.guard import UNTOUCHED

    endpoint = filesync.config.endpoint(name)
    known = next((status for status in filesync.status() if status.name == name), None)
    if known is None or known.held_sync_id is None:
        raise NothingHeld(f"No sync of {name} is held.", hint="See `filesync status`.")
    record = known.last_sync
    if record is None or record.id != known.held_sync_id:
        return f"the held sync {known.held_sync_id} of {name}."
    at = moment(record.sync_started, filesync.config.settings.partitions.zone)
    numbers = {
        key: getattr(record, key)
        for key in ("files_added", "files_updated", "files_moved", "files_removed", "files_left_scope")
    }
    reason, _, _ = " ".join((record.error_message or "").split("\n")).partition(f" {UNTOUCHED}")
    return printable(f"the sync of {endpoint.name} held at {at}: {counted(numbers)}. {reason}".rstrip())
