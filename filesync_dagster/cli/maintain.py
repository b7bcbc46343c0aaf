"""maintain: what keeps the database, the disk and Dagster's storage from growing for ever."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import Column, print_table, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.sync.adoption import Adoption

WORDS = {
    "snapshots": "snapshots and change files",
    "journal": "rows of the journal",
    "sync_logs": "sync logs",
    "staging": "files of listings that nobody will resume",
    "left_behind": "files that crashed syncs left behind",
    "quarantined": "files that the database does not know, moved to quarantine/",
    "quarantine_deleted": "files that were in quarantine/ for long",
    "charts": "pictures of reports",
    "requests": "syncs that were asked for",
    "alerts": "alerts that are over",
    "runs": "runs in Dagster",
    "runs_kept": "old runs in Dagster that are needed, and stay",
    "descriptions": "descriptions of such runs in Dagster",
    "endpoints_failed": "endpoints that could not be tidied; --debug says why",
    "roots_failed": "snapshot root that could not be tidied; --debug says why",
    "plans": "plans of replications, with their operations",
    "states": "states of replications, kept as CSV",
    "uploads": "unfinished uploads at destinations",
    "sessions": "generations of synthetic data, with their files",
    "sent_files": "files that were sent",
    "reads": "reads of data sources that were asked for",
    "audit_rows": "rows of the audit log",
    "tables": "stored tables of data sources",
    "destinations_failed": "destinations that could not be tidied; --debug says why",
}

UNCOUNTED = ("runs_kept", "endpoints_failed", "roots_failed", "destinations_failed")
"""What is told, and did not go."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option(
    "--adopt",
    is_flag=True,
    help="First take in what the snapshot root has and the database does not know, after a loss, a restore or a move.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@pass_invocation
def maintain(invocation: Invocation, *, dry_run: bool, adopt: bool, as_json: bool) -> None:
    """Delete what `settings: {retention: …}` does not keep, of every endpoint there ever was; and old runs in Dagster.

    Dagster does the same every night. What is needed stays: what a committed row points to, held syncs, listings to
    resume, runs that go on, and those that hold the latest state of an asset, of a day, of a check.
    """
    from filesync_dagster.orchestration.processes import maintain_dagster

    with invocation.open() as filesync:
        adopted = filesync.adopt(dry_run=dry_run) if adopt else []
        gone = filesync.maintain(dry_run=dry_run)
        keep = filesync.config.settings.retention
    gone.update(maintain_dagster(invocation.environment(), keep, dry_run=dry_run) or {})
    if as_json:
        found = {"adopted": [one.as_dict() for one in adopted]} if adopt else {}
        click.echo(json.dumps({**gone, **found}))
        return
    if adopted:
        _print_adopted(adopted)
    for kind, count in gone.items():
        if count:
            click.echo(f"{count:>12,}  {WORDS.get(kind, kind)}")
    went = sum(count for kind, count in gone.items() if kind not in UNCOUNTED)
    if not went:
        click.echo("Nothing is past its time.")
    elif dry_run:
        click.echo("All of it is still there: this was a dry run.")


def _print_adopted(found: Sequence[Adoption]) -> None:
    """Print what the snapshot root has, by endpoint, and the files that are damaged or missing by name."""
    counts = ("files", "known", "syncs", "committed", "moved")
    columns = [Column("endpoint"), *(Column(name, right=True) for name in (*counts, "damaged", "missing"))]
    rows = [
        [one.endpoint, *(f"{number:,}" for number in (*_counts_of(one, counts), len(one.damaged), len(one.missing)))]
        for one in found
    ]
    print_table(columns, rows)
    for one in found:
        for uri in one.damaged:
            click.echo(f"damaged, left as it is: {printable(uri)}")
        for uri in one.missing:
            click.echo(f"missing: {printable(uri)}")
        if one.error:
            click.echo(f"{printable(one.endpoint)}: {printable(one.error)}")


def _counts_of(one: Adoption, names: Sequence[str]) -> list[int]:
    return [int(getattr(one, name)) for name in names]
