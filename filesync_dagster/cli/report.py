"""report: questions about the whole inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.options import FORMAT, pass_invocation
from filesync_dagster.cli.text import Column, moment, print_table, printable, size
from filesync_dagster.monitoring.reports import CATALOGUE

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.monitoring.reports.writer import Report

TABLE_ROWS = 50
NAMED = 3
NUMERIC = ("BIGINT", "DOUBLE")
BYTES = ("bytes", "size", "wasted")
"""How names of columns that count bytes begin."""


@click.command(
    epilog="\b\n" + "\n".join(f"{name:17} {title.about}" for name, title in CATALOGUE.items()),
)
@click.argument("name", type=click.Choice(list(CATALOGUE)), metavar="NAME")
@FORMAT
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="As of the end of a day: 2026-11-21.  [default: today, so far]"
)
@click.option(
    "--limit", type=click.IntRange(0), help=f"At most so many rows.  [default: {TABLE_ROWS} of a table, else all]"
)
@pass_invocation
def report(invocation: Invocation, name: str, form: str, day: datetime | None, limit: int | None) -> None:
    """Write a report on the files of all endpoints, from what is stored about a day: no store is asked.

    A table begins with what all the rows come to; csv and json are the rows alone.
    """
    from filesync_dagster.monitoring.reports.writer import ReportSession

    with invocation.open() as filesync:
        desk = ReportSession(filesync.runtime, day.date() if day else None)
        if form == "table":
            _print(desk.report(name, TABLE_ROWS if limit is None else limit), filesync.config.settings.partitions.zone)
        else:
            from filesync_dagster.cli.rows import write_any

            write_any(desk.rows(name, limit), form)
        for note in desk.notes(name):
            click.echo(printable(note), err=True)


def _print(report: Report, zone: ZoneInfo) -> None:
    """Print the numbers, then the rows."""
    click.echo(f"{report.title} on {report.day}")
    names = [Column("number", style="bold"), Column("of all", right=True)]
    print_table(names, [[name, _shown(name, value, zone)] for name, value in report.numbers.items()])
    click.echo()
    columns = [Column(name, right=kind in NUMERIC) for name, kind in report.columns.items()]
    print_table(columns, [[_shown(name, value, zone) for name, value in row.items()] for row in report.rows])


def _shown(name: str, value: Any, zone: ZoneInfo) -> str:
    """Return a value as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value[:NAMED])) + (f" and {len(value) - NAMED} more" if len(value) > NAMED else "")
    if isinstance(value, int):
        return size(value) if name.startswith(BYTES) else f"{value:,}"
    return str(value) if isinstance(value, str | float) else moment(value, zone)
