"""Reads of the sources of `sources:`: read now, shown, believed or forgotten."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.results import HELD
from filesync_dagster.cli.text import Cell, Column, moment, print_table, printable, size

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.config import Partitions
    from filesync_dagster.storage.database.source_reads import SourceReadRecord
    from filesync_dagster.tables.daily.model import SourceResult
    from filesync_dagster.tables.daily.status import GenerationStatus, SourceStatus

PREFIX = "tables/"
"""Before the name of a source where an endpoint or a replication may be called the same."""

COLOURS = {
    "ok": "green", "held": "yellow", "stale": "yellow", "failed": "red", "running": "cyan", "never read": "dim",
    "never made": "dim", "cancelled": "dim", "disabled": "dim",
}  # fmt: skip


def source_named(filesync: Filesync, name: str) -> str | None:
    """Return the source of tables that a name means; None where it means an endpoint or a replication."""
    if name.startswith(PREFIX):
        plain = name.removeprefix(PREFIX)
        return plain if plain in filesync.tables.names() else filesync.config.source(plain).name
    others = {*filesync.config.by_name, *filesync.replications.names()}
    return name if name not in others and name in filesync.tables.names() else None


@click.command("store")
@click.argument("names", nargs=-1)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="A past day, of sources that can tell.  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a source and nothing else.")
@pass_invocation
def store_tables(invocation: Invocation, names: tuple[str, ...], day: date | None, *, as_json: bool) -> None:
    """Read sources of `sources:`, all without NAMES, and keep their tables, as their assets in Dagster do.

    Exits with 3 when a read is held, with 1 when one failed.
    """
    past = date(day.year, day.month, day.day) if day else None
    states = set()
    with invocation.open() as filesync:
        chosen = [filesync.config.source(name).name for name in names]
        active = [source.name for source in filesync.config.active_sources]
        for result in filesync.tables.read_many(dict.fromkeys(chosen or active), day=past):
            states.add(result.state.value)
            if as_json:
                click.echo(json.dumps(result.as_dict()))
            else:
                _print_result(result)
    if not states and not as_json:
        click.echo("There is no source of tables.")
    if states - {"committed"}:
        raise click.exceptions.Exit(1 if "failed" in states else HELD)


def _print_result(result: SourceResult) -> None:
    counts = ", ".join(f"{table.name} {table.rows:,}" for table in result.tables)
    click.echo(printable(f"{result.source}: {result.state} for {result.day} ({result.mode}): {counts or 'no table'}"))
    for drift in result.findings.get("drift", ()):
        click.echo(printable(f"  {drift['message']}"))
    if result.error:
        click.echo(printable(f"{result.source}: {result.error}"), err=True)


def print_tables(sources: list[SourceStatus], generations: list[GenerationStatus], partitions: Partitions) -> None:
    """Print how sources of tables and generations are doing; nothing where there are none."""
    if sources:
        print_sources(sources, partitions)
    if generations:
        print_generations(generations, partitions)


def print_sources(statuses: list[SourceStatus], partitions: Partitions) -> None:
    """Print a table of sources, and what is the matter with each."""
    columns = [
        Column("source", style="bold"),
        Column("state"),
        Column(f"last read ({partitions.timezone})"),
        Column("tables", right=True),
        Column("rows", right=True),
        Column("size", right=True),
    ]
    click.echo()
    print_table(columns, [_row(one, partitions.zone) for one in statuses])
    for one in statuses:
        if one.error:
            click.echo(printable(f"{one.name}: {one.error}"))


def print_generations(statuses: list[GenerationStatus], partitions: Partitions) -> None:
    """Print a table of generations, and why one has failed."""
    columns = [
        Column("generation", style="bold"),
        Column("state"),
        Column(f"last made ({partitions.timezone})"),
        Column("rows", right=True),
        Column("quality", right=True),
    ]
    click.echo()
    print_table(columns, [_generation_row(one, partitions.zone) for one in statuses])
    for one in statuses:
        if one.last and one.last.error:
            click.echo(printable(f"{one.name}: {one.last.error}"))


def _generation_row(one: GenerationStatus, zone: ZoneInfo) -> list[Cell | str]:
    facts = one.as_dict()
    quality = facts["quality"]
    return [
        f"{one.name}: {', '.join(one.sources)}",
        Cell(one.state, COLOURS.get(one.state, "")),
        moment(one.last.finished_at if one.last else None, zone),
        f"{facts['rows']:,}" if facts["rows"] else "-",
        "-" if quality is None else f"{quality:.3f}",
    ]


def _row(one: SourceStatus, zone: ZoneInfo) -> list[Cell | str]:
    good = one.good
    return [
        f"{one.name}: {one.type}",
        Cell(one.state, COLOURS.get(one.state, "")),
        moment(one.last.finished_at if one.last else None, zone),
        f"{good.tables:,}" if good else "-",
        f"{good.rows:,}" if good else "-",
        size(good.bytes if good else None),
    ]


def print_held_read(held: SourceReadRecord) -> None:
    """Print what a held read found, beside what there was."""
    click.echo(printable(f"The read of {held.source} for {held.day} is held: {' '.join(held.findings['objections'])}"))
    before, after = held.findings["rows_before"], held.findings["rows"]
    rows: list[list[Cell | str]] = [
        [printable(name), _count(before.get(name)), _count(after.get(name))]
        for name in dict.fromkeys((*before, *after))
    ]
    print_table([Column("table"), Column("rows before", right=True), Column("rows", right=True)], rows)


def _count(rows: int | None) -> str:
    return "-" if rows is None else f"{rows:,}"


def approve_read(filesync: Filesync, held: SourceReadRecord, digest: str | None) -> None:
    """Believe a held read. `digest`: only when it is this one."""
    filesync.tables.approve(held.source, read_id=digest or held.id)
    click.echo(f"{held.source}: what was read for {held.day} is current now.")


def reject_read(filesync: Filesync, name: str) -> None:
    """Forget a held read."""
    held = filesync.tables.reject(name)
    click.echo(f"{name}: what was read for {held.day} is forgotten; the tables are as they were before it.")
