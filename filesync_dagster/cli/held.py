"""A held sync, for the person who decides on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.results import count_changes
from filesync_dagster.cli.text import Column, duration, moment, print_table, printable

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.text import Cell
    from filesync_dagster.sync.held_changes import HeldSync

SHOWN_ROWS = 20
"""Changes that a person is shown before the decision."""


def describe_held(filesync: Filesync, held: HeldSync) -> str:
    """Describe the held sync of an endpoint in a line."""
    at = moment(held.record.sync_started, filesync.config.settings.partitions.zone)
    changes = count_changes(held.record.numbers())
    return printable(f"the sync of {held.endpoint} held at {at}: {changes}. {held.reason}".rstrip())


def print_summary(filesync: Filesync, held: HeldSync) -> None:
    """Print how old it is, how many files there would be, and where most of it would happen."""
    record, zone = held.record, filesync.config.settings.partitions.zone
    age = duration(max(0.0, (datetime.now(UTC) - held.observed).total_seconds()))
    click.echo(
        f"It is the store as it was at {moment(held.observed, zone)}, {age} ago; what changed since is not in it. "
        f"The inventory has {record.files_before or 0:,} files, and would have {record.files_total:,}."
    )
    changes = sorted({change for one in held.folders for change in one.counts})
    if held.folders:
        rows: list[list[Cell | str]] = [
            [one.folder, *(f"{one.counts[change]:,}" if change in one.counts else "-" for change in changes)]
            for one in held.folders
        ]
        click.echo()
        print_table([Column("folder"), *(Column(change, right=True) for change in changes)], rows)
    click.echo()


def how_to_decide(held: HeldSync) -> str:
    """Return what commits exactly this, and what forgets it."""
    return (
        f"`filesync approve {held.endpoint} --digest {held.digest}` commits exactly this; "
        f"`filesync reject {held.endpoint}` forgets it."
    )
