"""What the demo does, in order. Each step shows the command that it runs."""

import random
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import click

from filesync_dagster.cli.demo.endpoints import COMPANY, ENGINEERING
from filesync_dagster.cli.demo.history import play_history, tell_dead, work
from filesync_dagster.cli.demo.mutations import People
from filesync_dagster.cli.demo.place import DemoHome, prepare
from filesync_dagster.cli.demo.stage import Stage, open_stores
from filesync_dagster.cli.demo.stores import Store
from filesync_dagster.config import Environment
from filesync_dagster.core.errors import ServiceError
from filesync_dagster.orchestration.processes import dagster_environment, require_free, serve, stop_on_signal

COSTS = """
    SELECT e.name, l.mode, l.files_before, l.files_added, l.files_restored, l.files_updated, l.files_moved,
        l.files_removed, l.files_total, l.api_calls,
        (SELECT api_calls FROM sync_logs WHERE endpoint_id = e.id ORDER BY sync_completed LIMIT 1),
        l.retries, round(l.throttled_seconds, 1) || ' s'
    FROM sync_logs l JOIN endpoints e ON e.id = l.endpoint_id
    WHERE l.sync_completed = (SELECT max(sync_completed) FROM sync_logs WHERE endpoint_id = e.id)
"""
HEADER = (
    "endpoint", "mode", "before", "added", "restored", "updated", "moved", "removed", "files", "calls", "at first",
    "retries", "waited",
)  # fmt: skip

BUSY = "\nAnd Google is busy: its next answer will be 429, come back in a second."

Stores = Mapping[str, Store]


def run_demo(environment: Environment, home: Path, host: str, port: int, *, days: int, once: bool, keep: bool) -> bool:
    """Run the demo; return whether the inventory was equal to the stores. Raises ServiceError, NotWritable."""
    if not once:
        require_free(host, port)
    rng = random.Random(None if keep else 7)  # noqa: S311 - sample data
    with ExitStack() as cleanup:
        place = prepare(environment, home, days, keep=keep)
        stage = cleanup.enter_context(open_stores(place, days, rng))
        true = _show(place, stage, days, rng)
        click.secho(f"\nTo look around: cd {shlex.quote(str(place.home))} && {_typed()} status", bold=True)
        if not once:
            _serve(place, stage, host, port, rng)
    return true


def _show(place: DemoHome, stage: Stage, days: int, rng: random.Random) -> bool:
    stores = stage.stores
    goes_on = place.database.exists()  # then the first sync already asks what changed
    true = goes_on or play_history(place, stores, days, rng)
    if goes_on:
        click.echo(BUSY)
    codes = [place.run("sync")]
    since = datetime.now(UTC).isoformat(timespec="seconds")
    click.secho("\nToday people work.", bold=True)
    for name, store in stores.items():
        click.secho(f"{name}:", fg="cyan")
        _play_morning(name, store, rng)
    if not goes_on:
        click.echo(BUSY)
    codes.append(place.run("sync"))
    _costs(place, stores)
    codes += [place.run("changes", name, "--since", since) for name in stores]
    codes += [place.run("status"), place.run("search", "*.dwg", "--limit", "5"), place.run("tree", ENGINEERING)]
    click.secho("\nSomebody works once more, for Dagster to find:", bold=True)
    for name, store in stores.items():
        for sentence in work(name, store, rng, 1):
            click.echo(f"  {name}: {sentence}")
    for sentence in stage.find_ended():
        click.secho(sentence, fg="red", err=True)
    true &= _materialize(place)
    return _compare(place, stores) and true and not any(codes)


def _play_morning(name: str, store: Store, rng: random.Random) -> None:
    try:
        for sentence in People(store, rng).play_morning():
            click.echo(f"  {sentence}")
    except ServiceError as error:
        tell_dead(name, error)


def _costs(place: DemoHome, stores: Stores) -> None:
    """Show what the last syncs came to, read from the database as anybody can."""
    with closing(sqlite3.connect(place.database)) as database:
        last = {row[0]: [str(value) for value in row] for row in database.execute(COSTS)}
    rows = [HEADER, *(last[name] for name in stores)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    click.echo("\nWhat it took, from the table sync_logs. Drive tells what changed, ACC in which folders:")
    for row in rows:
        texts, numbers = row[:2], row[2:]
        cells = [text.ljust(width) for text, width in zip(texts, widths, strict=False)]
        cells += [number.rjust(width) for number, width in zip(numbers, widths[2:], strict=True)]
        click.secho(f"  {'  '.join(cells)}", bold=row is HEADER)


def _materialize(place: DemoHome) -> bool:
    """Let Dagster rebuild the past days and do the next sync of today, so that its UI has something to show.

    Tell whether all of it went well.
    """
    today = datetime.now(UTC).date().isoformat()
    log = place.home / "dagster.log"
    command = ["filesync_dagster.orchestration.past_days", place.since, today]
    click.secho(f"\n$ python -m {shlex.join(command)}", bold=True)
    click.echo(f"Dagster materializes every asset, day by day (log in {log}) ...")
    with log.open("wb") as output:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", *command],
            env=dagster_environment(place.environment),
            cwd=place.home,
            stderr=output,
            check=False,
        )
    if done.returncode:
        click.secho(f"Dagster could not materialize all of it. See {log}.", fg="red", err=True)
    else:
        click.echo(f"Every asset is materialized for each day from {place.since} to {today}.")
    return not done.returncode


def _compare(place: DemoHome, stores: Stores) -> bool:
    """Compare the inventory with the stores, as os.walk, boto3's own listing and the simulators themselves see them."""
    click.secho("\nIs the inventory true?", bold=True)
    with ThreadPoolExecutor(2) as several:
        inventories = list(several.map(place.inventory, stores))
    width, true = max(map(len, stores)), True
    for (name, store), found in zip(stores.items(), inventories, strict=True):
        try:
            expected = [(path, size) for path, size in store.listing() if "~$" not in path]
        except ServiceError as error:
            tell_dead(name, error)
            true = False
            continue
        missing, invented = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
        equal = not missing and not invented
        true &= equal
        verdict = click.style("equal", fg="green") if equal else click.style("DIFFERENT", fg="red")
        counts = f"{len(found):3} files in the inventory, {len(expected):3} in the store: {verdict}"
        click.echo(f"  {name:<{width}}  {counts}")
        for what, wrong in (("not in the inventory", missing), ("not in the store", invented)):
            for path, size in sorted(wrong, key=str)[:10]:
                click.echo(f"    {path!r} ({size} bytes) is {what}", err=True)
    return true


def _typed() -> str:
    """Return what a person types to run this filesync: its name, or its path when the virtual environment is not on."""
    name = "filesync"
    ours = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    return name if not ours.exists() or (found and Path(found).samefile(ours)) else shlex.quote(str(ours))


def _serve(place: DemoHome, stage: Stage, host: str, port: int, rng: random.Random) -> None:
    def work_a_minute() -> None:
        for sentence in stage.find_ended():
            click.secho(f"  {datetime.now(UTC):%H:%M:%S}  {sentence}", fg="red", err=True)
        name, store = rng.choice(list(stage.stores.items()))
        for sentence in work(name, store, rng, 1):
            click.echo(f"  {datetime.now(UTC):%H:%M:%S}  {name}: {sentence}")

    with stop_on_signal() as told:
        serve(
            place.environment,
            host,
            port,
            told,
            on_ready=lambda url: click.echo(
                f"Dagster is at {url}\nThe four stores: {url}/locations/filesync/asset-groups/{COMPANY}\n"
                "Each minute a file changes, and is synced. Ctrl-C ends the demo."
            ),
            every_minute=work_a_minute,
            on_stage=click.echo,
        )
    click.echo("Stopped.")
