"""What the demo does, in order. Each step shows the command that it runs."""

import random
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from filesync_dagster.cli.console_server import serve_console
from filesync_dagster.cli.demo import questions, replicas
from filesync_dagster.cli.demo.drive import Drive
from filesync_dagster.cli.demo.endpoints import COMPANY, COMPANY_DRIVE, ENGINEERING
from filesync_dagster.cli.demo.history import play_history, tell_dead, work
from filesync_dagster.cli.demo.mutations import People
from filesync_dagster.cli.demo.place import DemoHome, prepare
from filesync_dagster.cli.demo.stage import Stage, open_stores
from filesync_dagster.cli.demo.stores import Bucket, Store
from filesync_dagster.cli.text import announce
from filesync_dagster.config import Environment
from filesync_dagster.core.errors import ServiceError
from filesync_dagster.orchestration.processes import dagster_environment, require_free, serve, stop_on_signal

BUSY = "\nAnd Google is busy: its next answer will be 429, come back in a second."

Stores = Mapping[str, Store]


def run_demo(environment: Environment, home: Path, host: str, port: int, *, days: int, once: bool, keep: bool) -> bool:
    """Run the demo; return whether the inventory was equal to the stores. Raises ServiceError, NotWritable."""
    if not once:
        require_free(host, port)
    rng = random.Random(None if keep else 7)  # noqa: S311 - sample data
    with ExitStack() as cleanup:
        place = prepare(environment, home, days, keep=keep)
        stage = cleanup.enter_context(open_stores(place, rng))
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
        _throttle(stores)
    codes = [place.run("sync")]
    codes += [replicas.show_plan(place), replicas.replicate(place)]
    since = datetime.now(UTC).isoformat(timespec="seconds")
    click.secho("\nToday people work.", bold=True)
    for name, store in stores.items():
        click.secho(f"{name}:", fg="cyan")
        _play_morning(name, store, rng)
    if not goes_on:
        _throttle(stores)
    codes.append(place.run("sync"))
    questions.show_costs(place, stores)
    codes += [replicas.show_plan(place), replicas.replicate(place)]
    changes = [["changes", name, "--since", since] for name in stores]
    codes.append(place.run_all([*changes, ["status"], ["search", "*.dwg", "--limit", "5"], ["tree", ENGINEERING]]))
    questions.ask_all_stores(place)
    click.secho("\nSomebody works once more, for Dagster to find:", bold=True)
    for name, store in stores.items():
        for sentence in work(name, store, rng, 1):
            click.echo(f"  {name}: {sentence}")
    for sentence in stage.find_ended():
        click.secho(sentence, fg="red", err=True)
    true &= _materialize(place)
    true &= _compare(place, stores)
    codes.append(replicas.replicate(place))
    bucket = stores[ENGINEERING]
    assert isinstance(bucket, Bucket)
    return replicas.compare(place, bucket) and true and not any(codes)


def _throttle(stores: Stores) -> None:
    drive = stores[COMPANY_DRIVE]
    assert isinstance(drive, Drive)
    drive.be_busy()
    click.echo(BUSY)


def _play_morning(name: str, store: Store, rng: random.Random) -> None:
    try:
        for sentence in People(store, rng).play_morning():
            click.echo(f"  {sentence}")
    except ServiceError as error:
        tell_dead(name, error)


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
    inventories = place.inventories()
    width, true = max(map(len, stores)), True
    for name, store in stores.items():
        found = inventories[name]
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
            announce(f"  {datetime.now(UTC):%H:%M:%S}  {name}: {sentence}")

    with stop_on_signal() as told:

        def tell_where(url: str) -> None:
            announce(f"Dagster is at {url}")
            announce(f"The {len(stage.stores)} stores: {url}/locations/filesync/asset-groups/{COMPANY}")
            announce(serve_console(place.environment, host, told))
            announce("Each minute a file changes, and is synced. Ctrl-C ends the demo.")

        serve(
            place.environment,
            host,
            port,
            told,
            on_ready=tell_where,
            every_minute=work_a_minute,
            on_stage=announce,
        )
    announce("Stopped.")
