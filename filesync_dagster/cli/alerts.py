"""alerts: what is wrong, and whether anybody can be told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import Cell, Column, iso, moment, plural, print_table, printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.storage.database import AlertRecord


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also what was wrong and is over.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@click.option("--once", is_flag=True, help="Look at everything and tell what is new, then show. For cron.")
@click.option("--test", "testing", is_flag=True, help="Send a test message to every channel, and do nothing else.")
@pass_invocation
def alerts(invocation: Invocation, *, everything: bool, as_json: bool, once: bool, testing: bool) -> None:
    """Show the alerts that stand: what is wrong with which endpoint or queue, since when, and what to do.

    Dagster looks every minute and after each run; without Dagster, `--once` does.

    Exits with 1 when a channel could not be told, or there is none to test.
    """
    # A file that an edit broke is among what is to be told.
    with invocation.open(last_good=True) as filesync:
        if testing:
            _test(filesync)
            return
        failures = filesync.alert().failures if once else {}
        found = filesync.alerts(standing=not everything)
        zone = filesync.config.settings.partitions.zone
    if as_json:
        for alert in found:
            click.echo(json.dumps(as_dict(alert)))
    else:
        _show(found, zone)
    for name, why in failures.items():
        click.echo(printable(f"Error: the channel {name} could not be told: {why}"), err=True)
    if failures:
        raise click.exceptions.Exit(1)


def _test(filesync: Filesync) -> None:
    from filesync_dagster.monitoring.alerts import try_channels

    outcomes = try_channels(filesync.runtime)
    if not outcomes:
        raise click.ClickException(
            f"There is no channel: {filesync.config.environment.config_path} has no `alerts: {{urls: […]}}`."
        )
    for name, why in outcomes.items():
        click.echo(printable(f"{name}: {why or 'the message was sent.'}"), err=why is not None)
    if any(outcomes.values()):
        raise click.exceptions.Exit(1)


def _show(found: Iterable[AlertRecord], zone: ZoneInfo) -> None:
    found = list(found)
    if not found:
        click.echo("Nothing is wrong.")
        return
    columns = [Column("subject", style="bold"), Column("alert"), Column(f"since ({zone})"), Column("told")]
    print_table(columns, [_row(alert, zone) for alert in found])
    for alert in found:
        sentence = " ".join(f"{alert.sentence} {alert.hint or ''}".split())
        click.echo(printable(f"{alert.subject}: {sentence}"))


def _row(alert: AlertRecord, zone: ZoneInfo) -> list[Cell | str]:
    since = moment(alert.raised_at, zone)
    if alert.cleared_at:
        kind, since = Cell(f"{alert.kind} (over)", "dim"), f"{since} to {moment(alert.cleared_at, zone)}"
    else:
        kind = Cell(alert.kind, "red")
    return [alert.subject, kind, since, _told(alert, zone)]


def _told(alert: AlertRecord, zone: ZoneInfo) -> Cell:
    if alert.told_at:
        return Cell(moment(alert.told_at, zone) if alert.told else "nobody")
    if alert.error:
        return Cell(f"failed {plural(alert.attempts, 'time')}: {alert.error}", "red")
    return Cell("not yet", "yellow")


def as_dict(alert: AlertRecord) -> dict[str, Any]:
    """Return what `alerts --json` prints of one alert."""
    return {
        "subject": alert.subject,
        "kind": alert.kind,
        "raised_at": iso(alert.raised_at),
        "cleared_at": iso(alert.cleared_at),
        "sentence": alert.sentence,
        "hint": alert.hint,
        "run_id": alert.run_id,
        "told_at": iso(alert.told_at),
        "told": list(alert.told),
        "attempts": alert.attempts,
        "error": alert.error,
    }


UNSEEN = ("stale", "feed_drift", "dead_messages", "queue", "crashed", "channel")
"""Kinds that the state of an endpoint does not show."""


def notes(found: Iterable[AlertRecord]) -> list[str]:
    """Return what `status` adds: above all that somebody could not be told."""
    return [
        " ".join(f"{alert.subject}: {alert.sentence} {alert.hint or ''}".split())
        for alert in found
        if alert.kind in UNSEEN
    ]
