"""jobs: the syncs that run inside Dagster, from the command line, through its web server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import Cell, Column, duration, iso, moment, plural, print_table, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.core.model import SyncStatus
    from filesync_dagster.orchestration.client import DagsterClient, DagsterRun

STATES = {
    "QUEUED": ("pending", "dim"),
    "NOT_STARTED": ("pending", "dim"),
    "STARTING": ("starting", "cyan"),
    "STARTED": ("running", "cyan"),
    "CANCELING": ("ending", "yellow"),
    "SUCCESS": ("completed", "green"),
    "FAILURE": ("failed", "red"),
    "CANCELED": ("canceled", "yellow"),
}
PENDING, ENDED_BADLY = ("QUEUED", "NOT_STARTED"), ("FAILURE", "CANCELED")
GOOD = {"completed", "partial"}
FAR_ENOUGH = 500
"""Runs that are looked through for those that a command is about."""

DAGSTER_URL = click.option(
    "--dagster-url", help="Of Dagster's web server.  [default: FILESYNC_DAGSTER_URL, or that of `filesync up`]"
)


@click.group()
def jobs() -> None:
    """Launch, watch, repeat and delete syncs that run inside Dagster.

    They are the runs that Dagster's UI shows. Its web server has to run: `filesync up` has one.
    """


@jobs.command(short_help="Launch a sync: of all active endpoints, or of those named.")
@click.argument("names", nargs=-1)
@click.option("--full", is_flag=True, help="List everything from the start.")
@DAGSTER_URL
@pass_invocation
def initiate(invocation: Invocation, names: tuple[str, ...], *, full: bool, dagster_url: str | None) -> None:
    """Launch a sync of all active endpoints, or of those named. Those that a run syncs already are left out."""
    from filesync_dagster.orchestration.client import UNFINISHED
    from filesync_dagster.orchestration.run_selection import active_by_endpoint

    with invocation.open() as filesync, _client(invocation, dagster_url) as dagster:
        replicated = {one.name for one in filesync.config.active_replications}
        wanted = [name if name in replicated else filesync.config.endpoint(name).name for name in dict.fromkeys(names)]
        wanted = wanted or [endpoint.name for endpoint in filesync.config.active]
        if not wanted:
            click.echo("There is no active endpoint to sync.", err=True)
            return
        today = filesync.config.settings.partitions.today()
        going = dagster.runs(None, statuses=UNFINISHED)
        at_it = active_by_endpoint(
            going, wanted, f"{today}", filesync.runtime.metadata.syncs.outcomes([run.id for run in going])
        )
        for run in {run.id: run for run in at_it.values()}.values():
            left_out = _listed(sorted(name for name, one in at_it.items() if one.id == run.id))
            click.echo(f"{left_out}: left out, for the run {run.id} is {STATES[run.status][0]} already.", err=True)
        free = [name for name in wanted if name not in at_it]
        for run_id in dagster.launch(free, day=today, full=full) if free else ():
            click.echo(f"The run {run_id} syncs {_listed(free)}: {dagster.url}/runs/{run_id}")


@jobs.command(short_help="Show the last runs and how far they are.")
@click.option("--limit", type=click.IntRange(1, 1000), default=25, show_default=True, help="Runs to show.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@DAGSTER_URL
@pass_invocation
def status(invocation: Invocation, *, limit: int, as_json: bool, dagster_url: str | None) -> None:
    """Show the last runs, newest first: state, and how many of their endpoints are done."""
    with invocation.open() as filesync, _client(invocation, dagster_url) as dagster:
        shown = _shown(filesync, dagster.runs(limit))
        zone = filesync.config.settings.partitions.zone
    if as_json:
        for one in shown:
            click.echo(json.dumps(one.as_dict()))
        return
    if not shown:
        click.echo("There is no run.")
        return
    columns = [
        Column("run", style="bold"),
        Column("state"),
        Column(f"since ({filesync.config.settings.partitions.timezone})"),
        Column("took", right=True),
        Column("done", right=True),
        Column("what"),
    ]
    print_table(columns, [one.row(moment(one.run.started or one.run.created, zone)) for one in shown])


@jobs.command(short_help="Run failed ones again; they go on from where they stopped.")
@click.argument("runs", nargs=-1)
@DAGSTER_URL
@pass_invocation
def reset(invocation: Invocation, runs: tuple[str, ...], *, dagster_url: str | None) -> None:
    """Run failed ones again: those named, or all that no later run has overtaken.

    Endpoints that were committed are done; the others go on from their last checkpoint. RUNS are ids, or how they
    begin.
    """
    from filesync_dagster.orchestration.run_selection import retryable

    with invocation.open() as filesync, _client(invocation, dagster_url) as dagster:
        known = dagster.runs(FAR_ENOUGH)
        active = [endpoint.name for endpoint in filesync.config.active]
        chosen = _chosen(known, runs, {"FAILURE", "CANCELED"}, "failed")
        chosen = chosen or retryable(known, active, f"{filesync.config.settings.partitions.today()}")
        for run in chosen:
            click.echo(f"The run {dagster.reexecute(run.id)} repeats {run.id}: {_what(run)}.")
    if not chosen:
        click.echo("No failed run is left that a later one has not overtaken.")


@jobs.command(short_help="Delete runs that wait, or failed.")
@click.argument("runs", nargs=-1)
@click.option("--pending", is_flag=True, help="All that wait to be started.")
@click.option("--failed", is_flag=True, help="All that failed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@DAGSTER_URL
@pass_invocation
def delete(
    invocation: Invocation, runs: tuple[str, ...], *, pending: bool, failed: bool, yes: bool, dagster_url: str | None
) -> None:
    """Delete runs that wait to be started, or failed: those named, or all of a kind.

    A pending run is canceled and does not begin. What Dagster shows of a deleted run is gone, the materializations of a
    failed one included; the inventory and the logs of its syncs stay. RUNS are ids, or how they begin.
    """
    kinds = {*(PENDING if pending else ()), *(ENDED_BADLY if failed else ())}
    if not runs and not kinds:
        raise click.UsageError("Name runs, or say --pending or --failed.")
    with _client(invocation, dagster_url) as dagster:
        named = _chosen(dagster.runs(FAR_ENOUGH), runs, {*PENDING, *ENDED_BADLY}, "pending and failed") if runs else []
        chosen = {run.id: run for run in (*named, *(dagster.runs(None, statuses=kinds) if kinds else ()))}
        if not chosen:
            click.echo("There is no such run.")
            return
        for run in chosen.values():
            click.echo(printable(f"{run.id}  {STATES[run.status][0]}  {_what(run)}"))
        if not yes:
            click.confirm(f"Delete {plural(len(chosen), 'run')}?", abort=True, err=True)
        refused = {run.id: why for run in chosen.values() if (why := _refusal(dagster, run))}
    for run_id, why in refused.items():
        click.echo(printable(f"{run_id} is left: {why}"), err=True)
    click.echo(f"{plural(len(chosen) - len(refused), 'run')} deleted.")
    if refused:
        raise SystemExit(1)


def _refusal(dagster: DagsterClient, chosen: DagsterRun) -> str | None:
    """Delete a run, unless it has gone on since it was chosen; return why it is still there, if it is."""
    from filesync_dagster.core.errors import DagsterRefused

    run = dagster.run(chosen.id)
    if run is None:
        return None
    if run.status not in (PENDING if chosen.is_pending else ENDED_BADLY):
        return f"it is {STATES[run.status][0]} by now."
    try:
        if run.is_pending:  # else its process might begin after all; one that nobody queued can only be marked
            dagster.terminate(run.id, force=run.status != "QUEUED")
        dagster.delete(run.id)
    except DagsterRefused as error:
        return str(error)
    return None


@dataclass(frozen=True)
class JobRow:
    """A run, and what became of its endpoints."""

    run: DagsterRun
    endpoints: Mapping[str, str]  # name → committed, failed, held, skipped, running, waiting
    listed: Mapping[str, int]  # of those that are being listed: entries saved so far

    @property
    def done(self) -> int:
        """How many endpoints nothing more is done about."""
        return sum(state not in ("running", "waiting") for state in self.endpoints.values())

    def row(self, since: str) -> list[Cell | str]:
        """Return the row of the table."""
        word, style = STATES.get(self.run.status, (self.run.status.lower(), ""))
        took = _seconds(self.run)
        return [
            self.run.id[:8],
            Cell(word, style),
            since,
            duration(took) if took is not None else "-",
            f"{self.done} of {len(self.endpoints)}" if self.endpoints else "-",
            self._words(),
        ]

    def _words(self) -> str:
        unlucky = [f"{name} {state}" for name, state in self.endpoints.items() if state in ("failed", "held")]
        going = [f"{name}: {count:,} listed" for name, count in self.listed.items()]
        full = ", full" if self.run.is_full else ""
        return "; ".join([_what(self.run) + full, *unlucky[:3], *going[:3]])

    def as_dict(self) -> dict[str, Any]:
        """Return what --json prints."""
        run = self.run
        return {
            "run_id": run.id,
            "state": STATES.get(run.status, (run.status.lower(), ""))[0],
            "job": run.job,
            "day": run.partition,
            "full": run.is_full,
            "created_at": iso(run.created),
            "started_at": iso(run.started),
            "ended_at": iso(run.ended),
            "duration_seconds": _seconds(run),
            "done": self.done,
            "of": len(self.endpoints),
            "endpoints": dict(self.endpoints),
            "files_listed": dict(self.listed),
            "repeats": run.parent,
        }


def _shown(filesync: Filesync, runs: Sequence[DagsterRun]) -> list[JobRow]:
    from filesync_dagster.orchestration.run_selection import endpoints_of

    outcomes = filesync.runtime.metadata.syncs.outcomes([run.id for run in runs])
    syncing = {status.name for status in filesync.status() if status.running_since}
    saved = filesync.runtime.metadata.checkpoints.unfinished_listings()
    active = [endpoint.name for endpoint in filesync.config.active]
    shown = []
    for run in runs:
        ended = outcomes.get(run.id, {})
        states = {name: _state(run, ended.get(name), name in syncing) for name in sorted(endpoints_of(run, active))}
        listed = {n: saved[n] for n, state in states.items() if state == "running" and n in saved}
        shown.append(JobRow(run, states, listed))
    return shown


def _state(run: DagsterRun, ended: SyncStatus | None, syncing: bool) -> str:
    """Return what became of an endpoint in a run, as its logs tell. A live run left alone what has none."""
    if ended is not None:
        return "committed" if ended.value in GOOD else ended.value
    if run.is_finished:  # a past day that is stored already is committed without a log
        return "committed" if run.status == "SUCCESS" and not run.is_live else "not done"
    return "running" if syncing and run.status == "STARTED" else "waiting"


def _chosen(known: Sequence[DagsterRun], prefixes: Iterable[str], allowed: set[str], which: str) -> list[DagsterRun]:
    """Return the runs that were named. Raises DagsterRefused for one that is none of those allowed."""
    from filesync_dagster.core.errors import DagsterRefused
    from filesync_dagster.orchestration.run_selection import find_run

    chosen = {run.id: run for run in (find_run(known, prefix) for prefix in prefixes)}
    for run in chosen.values():
        if run.status not in allowed:
            raise DagsterRefused(f"The run {run.id} is {STATES[run.status][0]}; this is for {which} ones.")
    return list(chosen.values())


def _seconds(run: DagsterRun) -> float | None:
    """Return how long a run has taken so far."""
    return None if run.started is None else ((run.ended or datetime.now(UTC)) - run.started).total_seconds()


def _what(run: DagsterRun) -> str:
    if run.endpoints or run.replications:
        return _listed([*run.endpoints, *run.replications])
    return "all active endpoints" if run.whole_job else "reports" if run.job == "sync" else run.job


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(sorted(names)[:most]) + more


def _client(invocation: Invocation, url: str | None) -> DagsterClient:
    from filesync_dagster.config import installation_id
    from filesync_dagster.orchestration.client import DagsterClient, dagster_url

    environment = invocation.environment()
    return DagsterClient(url or dagster_url(environment), installation_id(environment))
