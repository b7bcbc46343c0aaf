"""events: the queues, what they brought, and messages that nobody could use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.configuring import pass_invocation
from filesync_dagster.cli.interruption import interruptible
from filesync_dagster.cli.syncing import exit_code
from filesync_dagster.cli.text import Cell, Column, iso, moment, plural, print_table, printable
from filesync_dagster.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.interruption import Watch
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.metadata import DeadMessage
    from filesync_dagster.model import SyncResult

COLUMNS = ("queue", "type", "waiting", "received", "dead", "last received", "error")


@click.command(short_help="Show the queues that tell of changes, and messages that nobody could use.")
@click.argument("queues", nargs=-1, metavar="[QUEUE]...")
@click.option("--receive", is_flag=True, help="Take what waits, sync what it names, and what was asked for.")
@click.option("--dead", is_flag=True, help="List the messages that could not be used, and why.")
@click.option("--requeue", multiple=True, type=int, metavar="ID", help="Put a dead message back into its queue.")
@click.option("--drop", multiple=True, type=int, metavar="ID", help="Forget a dead message.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@pass_invocation
def events(
    invocation: Invocation,
    queues: tuple[str, ...],
    *,
    receive: bool,
    dead: bool,
    requeue: tuple[int, ...],
    drop: tuple[int, ...],
    as_json: bool,
) -> None:
    """Show the queues (all of them without QUEUE): how many messages wait, and what became of those that came.

    `--receive` does without Dagster what its sensors do; it exits like `filesync sync`.
    """
    if sum(map(bool, (receive, dead, requeue, drop))) > 1:
        raise click.UsageError("--receive, --dead, --requeue and --drop do not go together.")
    with invocation.open() as filesync:
        chosen = [filesync.config.queue(name).name for name in queues] or [q.name for q in filesync.config.queues]
        if receive:
            raise click.exceptions.Exit(_receive(filesync, chosen, as_json=as_json))
        if requeue or drop:
            _decide(filesync, requeue, drop)
        elif dead:
            _show_dead(filesync, chosen, as_json=as_json)
        else:
            _show_queues(filesync, chosen, as_json=as_json)


def _decide(filesync: Filesync, requeue: tuple[int, ...], drop: tuple[int, ...]) -> None:
    metadata = filesync.workspace.metadata
    known = {message.id for message in metadata.dead_messages([*requeue, *drop])}
    if missing := sorted({*requeue, *drop} - known):
        numbers = ", ".join(map(str, missing))
        raise click.ClickException(f"There is no dead message {numbers}. See `filesync events --dead`.")
    if requeue:
        click.echo(f"{plural(filesync.requeue(requeue), 'message')} put back.")
    else:
        click.echo(f"{plural(metadata.drop_dead_messages(drop), 'message')} dropped.")


def _receive(filesync: Filesync, names: list[str], *, as_json: bool) -> int:
    from filesync_dagster.cli.progress import display

    statuses, troubles = [], 0
    with interruptible() as check, display(len(filesync.config.active), as_json=as_json) as shown:
        watch = check(shown.progress)
        for name in names:
            try:
                for result in _results(filesync, name, watch):
                    shown.result(result)
                    statuses.append(result.status.value)
            except SourceError as error:
                troubles += 1
                click.echo(f"Error: {' '.join(str(error).split())}", err=True)
        for result in filesync.sync_requested(on_progress=watch):
            shown.result(result)
            statuses.append(result.status.value)
    return 1 if troubles else exit_code(statuses)


def _results(filesync: Filesync, name: str, watch: Watch) -> Iterator[SyncResult]:
    for batch in filesync.receive(name, on_progress=watch):
        yield from batch.results
        if batch.dead:
            aside = plural(batch.dead, "message")
            click.echo(f"Warning: {name}: {aside} could not be used; see `filesync events --dead`.", err=True)


def _show_queues(filesync: Filesync, names: list[str], *, as_json: bool) -> None:
    rows = [_queue(filesync, name) for name in names]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    if not rows:
        click.echo("There is no queue in the configuration.", err=True)
        return
    zone = filesync.config.settings.partitions.zone
    known = {record.name: record for record in filesync.workspace.metadata.queues()}
    print_table(
        [Column(name, right=name in ("waiting", "received", "dead")) for name in COLUMNS],
        [
            (
                Cell(row["queue"]),
                row["type"],
                "-" if row["depth"] is None else f"{row['depth']:,}",
                f"{row['received']:,}",
                Cell(f"{row['dead']:,}", "red" if row["dead"] else ""),
                moment(known[row["queue"]].received_at if row["queue"] in known else None, zone),
                row["error"] or "",
            )
            for row in rows
        ],
    )


def _queue(filesync: Filesync, name: str) -> dict[str, Any]:
    error = None
    try:
        filesync.look(name)
    except SourceError as found:
        error = " ".join(str(found).split())
    record = next(record for record in filesync.workspace.metadata.queues() if record.name == name)
    return {
        "queue": name,
        "type": filesync.config.queue(name).type,
        "depth": record.depth,
        "received": record.received,
        "dead": record.dead,
        "received_at": iso(record.received_at),
        "error": error,
    }


def _show_dead(filesync: Filesync, names: list[str], *, as_json: bool) -> None:
    found = [message for message in filesync.workspace.metadata.dead_messages() if message.queue in names]
    if as_json:
        for message in found:
            click.echo(json.dumps(_dead(message)))
        return
    zone = filesync.config.settings.partitions.zone
    print_table(
        [Column("id", right=True), Column("queue"), Column("received"), Column("reason"), Column("message")],
        [
            (str(m.id), m.queue, moment(m.received_at, zone), m.reason, printable(m.body[:80]))
            for m in found
        ],
    )  # fmt: skip


def _dead(message: DeadMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "queue": message.queue,
        "message_id": message.message_id,
        "received_at": iso(message.received_at),
        "reason": message.reason,
        "body": message.body,
    }
