"""events: the queues, what they brought, and messages that nobody could use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.interruption import interruptible
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.results import exit_code
from filesync_dagster.cli.text import Cell, Column, iso, moment, plural, print_table, printable
from filesync_dagster.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.interruption import Watch
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.core.model import SyncResult
    from filesync_dagster.storage.database import DeadMessage

COLUMNS = ("queue", "type", "waiting", "received", "unrouted", "dead", "last received", "error")
NUMBERS = frozenset({"waiting", "received", "unrouted", "dead"})
PREVIEW = 80
"""Characters of a message that a table shows."""

ALL = "all"
NUMBERED = click.IntRange(1, 2**63 - 1)
"""What a database may have as the number of a message."""


def message_id(text: str) -> int:
    """Return the number of a message."""
    return int(NUMBERED(text))


def id_or_all(text: str) -> int | str:
    """Return the number of a message, or `all`."""
    return ALL if text == ALL else message_id(text)


@click.command()
@click.argument("queues", nargs=-1, metavar="[QUEUE]...")
@click.option("--receive", is_flag=True, help="Take what waits, sync what it names, and what was asked for.")
@click.option("--dead", is_flag=True, help="List the messages that could not be used, and why.")
@click.option("--requeue", multiple=True, type=message_id, metavar="ID", help="Put a dead message back into its queue.")
@click.option("--drop", multiple=True, type=id_or_all, metavar="ID|all", help="Forget a dead message, or all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@pass_invocation
def events(
    invocation: Invocation,
    queues: tuple[str, ...],
    *,
    receive: bool,
    dead: bool,
    requeue: tuple[int, ...],
    drop: tuple[int | str, ...],
    as_json: bool,
) -> None:
    """Show the queues (all of them without QUEUE): how many messages wait, and what became of those that came.

    Unrouted are keys that concerned no endpoint, since ever. Dead are messages that wait to be decided on, also those
    of queues that are not in the configuration any more.

    `--receive` does without Dagster what its sensors do; it exits like `filesync sync`.
    """
    if sum(map(bool, (receive, dead, requeue, drop))) > 1:
        raise click.UsageError("--receive, --dead, --requeue and --drop do not go together.")
    with invocation.open(last_good=True) as filesync:
        if receive:
            chosen = [filesync.config.queue(name).name for name in queues] or _configured(filesync)
            code = _receive(filesync, chosen, as_json=as_json)
            raise click.exceptions.Exit(code or (0 if queues else _broken(filesync)))
        chosen = _chosen(filesync, queues)
        if ALL in drop:
            gone = filesync.runtime.metadata.queues.drop_all_dead_messages(chosen)
            click.echo(f"{plural(gone, 'message')} dropped.")
        elif requeue or drop:
            _decide(filesync, requeue, [number for number in drop if isinstance(number, int)])
        elif dead:
            _show_dead(filesync, chosen, as_json=as_json)
        else:
            _show_queues(filesync, chosen, as_json=as_json)


def _broken(filesync: Filesync) -> int:
    """Say which queues cannot be used; return the exit code."""
    broken = [entry for entry in filesync.config.broken if entry.block == "queues" and not entry.kept]
    for problem in (problem for entry in broken for problem in entry.problems):
        click.echo(f"Error: {problem}", err=True)
    return 1 if broken else 0


def _configured(filesync: Filesync) -> list[str]:
    return [queue.name for queue in filesync.config.queues]


def _chosen(filesync: Filesync, names: Sequence[str]) -> list[str]:
    """Return the queues that are meant: also those of which only messages are left. Raises ConfigError."""
    left = [record.name for record in filesync.runtime.metadata.queues.records() if record.set_aside]
    known = dict.fromkeys([*_configured(filesync), *left])
    return [name if name in known else filesync.config.queue(name).name for name in names] or list(known)


def _decide(filesync: Filesync, requeue: Sequence[int], drop: Sequence[int]) -> None:
    from filesync_dagster.sync.events.receive import requeue as put_back

    metadata = filesync.runtime.metadata
    known = {message.id for message in metadata.queues.dead_messages([*requeue, *drop])}
    if missing := sorted({*requeue, *drop} - known):
        numbers = ", ".join(map(str, missing))
        raise click.ClickException(f"There is no dead message {numbers}. See `filesync events --dead`.")
    if requeue:
        click.echo(f"{plural(put_back(filesync.runtime, requeue), 'message')} put back.")
    else:
        click.echo(f"{plural(metadata.queues.drop_dead_messages(drop), 'message')} dropped.")


def _receive(filesync: Filesync, names: list[str], *, as_json: bool) -> int:
    from filesync_dagster.cli.progress import display
    from filesync_dagster.sync.requests import sync_requested

    statuses, troubles = [], 0
    with interruptible() as check, display(len(filesync.config.active), as_json=as_json) as shown:
        watch = check(shown.progress)
        for name in names:
            try:
                for result in _results(filesync, name, watch):
                    shown.result(result)
                    statuses += [] if result.busy else [result.status.value]  # its messages come again
            except (SourceError, ConfigError) as error:
                troubles += 1
                click.echo(f"Error: {' '.join(str(error).split())}", err=True)
        for result in sync_requested(filesync.runtime, on_progress=watch):
            shown.result(result)
            statuses.append(result.status.value)
    return 1 if troubles else exit_code(statuses)


def _results(filesync: Filesync, name: str, watch: Watch) -> Iterator[SyncResult]:
    from filesync_dagster.sync.events.receive import receive_queue

    for batch in receive_queue(filesync.runtime, name, on_progress=watch):
        yield from batch.results
        if batch.unrouted:
            click.echo(f"Warning: {name}: {plural(batch.unrouted, 'key')} that no endpoint is for.", err=True)
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
    known = {record.name: record for record in filesync.runtime.metadata.queues.records()}
    print_table(
        [Column(name, right=name in NUMBERS) for name in COLUMNS],
        [
            (
                Cell(row["queue"]),
                row["type"] or "-",
                "-" if row["depth"] is None else f"{row['depth']:,}",
                f"{row['received']:,}",
                Cell(f"{row['unrouted']:,}", "yellow" if row["unrouted"] else ""),
                Cell(f"{row['dead']:,}", "red" if row["dead"] else ""),
                moment(known[row["queue"]].received_at if row["queue"] in known else None, zone),
                row["error"] or "",
            )
            for row in rows
        ],
    )


def _queue(filesync: Filesync, name: str) -> dict[str, Any]:
    from filesync_dagster.sync.events.receive import queue_depth

    configured = {queue.name: queue for queue in filesync.config.queues}.get(name)
    error = None if configured else "It is not in the configuration any more."
    try:
        if configured:
            queue_depth(filesync.runtime, filesync.config.queue(name))
    except (SourceError, ConfigError) as found:
        error = " ".join(str(found).split())
    record = next(record for record in filesync.runtime.metadata.queues.records() if record.name == name)
    return {
        "queue": name,
        "type": configured.type if configured else None,
        "depth": record.depth if configured else None,
        "received": record.received,
        "unrouted": record.unrouted,
        "dead": record.set_aside,
        "received_at": iso(record.received_at),
        "error": error,
    }


def _show_dead(filesync: Filesync, names: list[str], *, as_json: bool) -> None:
    metadata = filesync.runtime.metadata
    if as_json:
        for message in metadata.queues.each_dead_message(names):
            click.echo(json.dumps(_dead(message)))
        return
    zone = filesync.config.settings.partitions.zone
    print_table(
        [Column("id", right=True), Column("queue"), Column("received"), Column("reason"), Column("message")],
        [
            (str(m.id), m.queue, moment(m.received_at, zone), m.reason, printable(m.body))
            for m in metadata.queues.each_dead_message(names, characters=PREVIEW)
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
