"""The days before the demo: people work in the stores, and each evening everything is synced.

The clock of the syncs is set back, so that their logs, journals and snapshots are of those days. Nothing else is
different: the past days in Dagster are backfilled from what was stored, as anybody's are.
"""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import click

from filesync_dagster.api import Filesync
from filesync_dagster.cli.demo.endpoints import LONG_THERE
from filesync_dagster.cli.demo.mutations import People
from filesync_dagster.cli.demo.place import DemoHome
from filesync_dagster.cli.demo.stores import Store
from filesync_dagster.cli.results import complaints, summary
from filesync_dagster.cli.text import plural, printable
from filesync_dagster.config import load_config
from filesync_dagster.core import clock
from filesync_dagster.core.errors import ServiceError

THINGS_A_DAY = 2
"""That people do in each store."""

LATER_DAYS = 2
"""Of history that the stores have which the company took on later: most of ten times ten syncs would teach nothing."""


def first_days(names: Iterable[str], days: int) -> dict[str, int]:
    """Return how many days ago each store is first synced."""
    return {name: days if name in LONG_THERE else min(days, LATER_DAYS) for name in names}


def play_history(place: DemoHome, stores: Mapping[str, Store], days: int, rng: random.Random) -> bool:
    """Play the days before today; tell whether every sync was committed."""
    first = first_days(stores, days)
    click.secho(f"\n{plural(days, 'day')} of history, each synced as of its day:", bold=True)
    committed = True
    for back in range(days, 0, -1):
        day = timedelta(days=back)
        click.secho(f"{datetime.now(UTC) - day:%A, %Y-%m-%d}", bold=True)
        for name, store in stores.items():
            if back < first[name]:  # what was there before is the first import
                for sentence in work(name, store, rng, THINGS_A_DAY):
                    click.echo(f"  {name}: {sentence}")
        with clock.set_back(day), Filesync(load_config(place.environment)) as filesync:
            for result in filesync.sync_many([name for name in stores if back <= first[name]]):
                click.secho(f"  {printable(summary(result))}", fg="green" if not result.error else "red")
                committed &= result.status.value == "completed"
                for line in complaints(result):
                    click.echo(f"  {line}", err=True)
    return committed


def work(name: str, store: Store, rng: random.Random, things: int) -> list[str]:
    """Do things in a store; return what was done, in words. One that does not answer is told, and left alone."""
    done: list[str] = []
    people = People(store, rng)
    try:
        done.extend(people.a_minute() for _ in range(things))
    except ServiceError as error:
        tell_dead(name, error)
    return done


def tell_dead(name: str, error: ServiceError) -> None:
    """Say that a store does not answer."""
    click.secho(f"  {name}: {error} The demo goes on without it.", fg="red", err=True)
