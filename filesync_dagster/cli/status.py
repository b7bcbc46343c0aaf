"""status: how every endpoint, every replication and every source of tables is doing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.alerts import notes
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.source_reads import print_tables
from filesync_dagster.cli.text import Cell, Column, duration, iso, moment, print_table, printable, size

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.config import Partitions
    from filesync_dagster.replication.status import ReplicationStatus
    from filesync_dagster.sync.status import EndpointStatus

COLOURS = {
    "ok": "green",
    "running": "cyan",
    "partial": "yellow",
    "held": "yellow",
    "failed": "red",
    "breaker open": "red",
    "broken": "red",
    "disabled": "dim",
    "never synced": "dim",
    "never run": "dim",
    "rejected": "dim",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@pass_invocation
def status(invocation: Invocation, *, as_json: bool) -> None:
    """Show each endpoint's last sync, what it holds, when it is due, and what waits for a decision."""
    with invocation.open(last_good=True) as filesync:
        for problem in filesync.config.unread:  # what runs is what the file said before
            click.echo(printable(f"Warning: {problem}"), err=True)
        known, standing = filesync.status(), filesync.alerts()
        replications = filesync.replications.status()
        sources, generations = filesync.tables.status(), filesync.tables.generations()
        queues = _broken_queues(filesync)
        partitions = filesync.config.settings.partitions
    if as_json:
        for one in known:
            about = [alert.kind for alert in standing if alert.subject == one.name]
            click.echo(json.dumps({**as_dict(one), "alerts": about}))
        others = [{"replication": replication.name, **replication.as_dict()} for replication in replications]
        others += [{"source_of_tables": source.name, **source.as_dict()} for source in sources]
        others += [{"generation": one.name, **one.as_dict()} for one in generations]
        click.echo("".join(f"{json.dumps(other)}\n" for other in others), nl=False)
        return
    _print_endpoints(known, partitions)
    if replications:
        print_replications(replications, partitions)
    print_tables(sources, generations, partitions)
    for line in (*queues, *notes(standing)):
        click.echo(printable(line))


def _print_endpoints(known: list[EndpointStatus], partitions: Partitions) -> None:
    if not known:
        click.echo("There is no endpoint.")
        return
    columns = [
        Column("endpoint", style="bold"),
        Column("state"),
        Column(f"last sync ({partitions.timezone})"),
        Column("files", right=True),
        Column("size", right=True),
        Column("next due"),
    ]
    print_table(columns, [_row(one, partitions.zone) for one in known])
    for one in known:
        for line in _notes(one, partitions.zone):
            click.echo(printable(line))


def _broken_queues(filesync: Filesync) -> list[str]:
    return [f"{entry.name}: {' '.join(entry.problems)}" for entry in filesync.config.broken if not entry.is_endpoint]


def _row(one: EndpointStatus, zone: ZoneInfo) -> list[Cell | str]:
    last = one.last_sync.sync_completed if one.last_sync else None
    seen = one.last_success is not None
    return [
        one.name,
        Cell(one.state, COLOURS.get(one.state, "")),
        moment(last, zone),
        f"{one.files_total:,}" if seen else "-",
        size(one.bytes_total if seen else None),
        moment(one.next_due, zone),
    ]


def _notes(one: EndpointStatus, zone: ZoneInfo) -> list[str]:
    notes = []
    error = " ".join((one.error or "").split("\n"))
    if error:
        notes.append(f"{one.name}: {error}")
    if one.misconfigured:
        notes.append(f"{one.name}: what it said before is what runs, for {one.misconfigured}")
    if one.breaker and one.breaker.probe_at:
        notes.append(
            f"{one.name}: its store failed {one.breaker.failures} times in a row and is left alone until "
            f"{moment(one.breaker.probe_at, zone)}; `filesync sync {one.name}` asks it at once."
        )
    told = one.last_sync is not None and one.last_sync.id == one.held_sync_id  # then its error says how to decide
    if one.held_sync_id and not told:
        notes.append(
            f"{one.name}: a sync is held; `filesync changes {one.name} --held` shows it, decide with "
            f"`filesync approve {one.name}` or `filesync reject {one.name}`."
        )
    if one.is_empty:
        notes.append(
            f"{one.name}: it has no file. `filesync test {one.name}` says more; if that is meant, set "
            "`expect_empty: true`."
        )
    if one.last_sync and one.last_sync.sync_status.value == "rejected":
        at = moment(one.last_sync.sync_started, zone)
        notes.append(f"{one.name}: the sync of {at} was held and is rejected; the inventory is as it was before it.")
    return notes


def print_replications(replications: list[ReplicationStatus], partitions: Partitions) -> None:
    """Print a table of replications, and what is the matter with each."""
    columns = [
        Column("replication", style="bold"),
        Column("state"),
        Column(f"last run ({partitions.timezone})"),
        Column("files", right=True),
        Column("size", right=True),
        Column("behind"),
    ]
    click.echo()
    print_table(columns, [_replication_row(one, partitions.zone) for one in replications])
    for one in replications:
        for line in _replication_notes(one):
            click.echo(printable(line))


def _replication_row(one: ReplicationStatus, zone: ZoneInfo) -> list[Cell | str]:
    behind = "-" if one.lag_seconds is None else duration(one.lag_seconds) if one.lag_seconds else "up to date"
    return [
        f"{one.name}: {one.source} → {one.destination}",
        Cell(one.state, COLOURS.get(one.state, "")),
        moment(one.last_run, zone),
        f"{one.files:,}",
        size(one.bytes),
        behind,
    ]


def _replication_notes(one: ReplicationStatus) -> list[str]:
    notes = [f"{one.name}: {one.error}"] if one.error else []
    if one.held_plan_id is not None:
        notes.append(
            f"{one.name}: a plan is held: {one.held_reason} `filesync plan {one.name}` shows it; decide with "
            f"`filesync approve {one.name}` or `filesync reject {one.name}`."
        )
    if one.problems:
        words = ", ".join(f"{count:,} {kind}" for kind, count in sorted(one.problems.items()))
        notes.append(f"{one.name}: files that are not as they should be at the destination: {words}.")
    return notes


def as_dict(one: EndpointStatus) -> dict[str, Any]:
    """Return what `status --json` prints of one endpoint."""
    last = one.last_sync
    return {
        "endpoint": one.name,
        "title": one.title,
        "type": one.type,
        "state": one.state,
        "last_sync": None
        if last is None
        else {
            "sync_id": last.id,
            "status": str(last.sync_status),
            "mode": str(last.mode),
            "started_at": iso(last.sync_started),
            "completed_at": iso(last.sync_completed),
            "duration_seconds": last.sync_duration,
            **last.numbers(),
            "snapshot_uri": last.snapshot_uri,
        },
        "last_success": iso(one.last_success),
        "next_due": iso(one.next_due),
        "held_sync_id": one.held_sync_id,
        "held_digest": one.held_digest,
        "running_since": iso(one.running_since),
        "files_total": one.files_total,
        "bytes_total": one.bytes_total,
        "error": one.error,
        "misconfigured": one.misconfigured,
        "breaker": None
        if one.breaker is None
        else {
            "state": one.breaker.state,
            "failures": one.breaker.failures,
            "opened_at": iso(one.breaker.opened_at),
            "probe_at": iso(one.breaker.probe_at),
            "reason": one.breaker.reason,
        },
    }
