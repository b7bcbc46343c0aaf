"""Writing reports: one look at what is stored about a day, then one report after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date as calendar_date
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from filesync_dagster.core.errors import FilesyncError, NothingKnown
from filesync_dagster.monitoring.reports.activity import ACTIVITY, relate_activity
from filesync_dagster.monitoring.reports.catalogue import CATALOGUE
from filesync_dagster.monitoring.reports.duplicates import DUPLICATES
from filesync_dagster.monitoring.reports.exposure import EXPOSURE
from filesync_dagster.monitoring.reports.pictures import Picture
from filesync_dagster.monitoring.reports.plan import MACROS, Connection, Plan, Terms
from filesync_dagster.monitoring.reports.snapshot_set import Holdings, holdings, relate
from filesync_dagster.monitoring.reports.storage import (
    BIGGEST_FILES,
    STALE_FILES,
    STORAGE_BY_AGE,
    STORAGE_BY_OWNER,
    STORAGE_BY_TYPE,
)
from filesync_dagster.storage.snapshots import beside
from filesync_dagster.sync.replay import Day
from filesync_dagster.sync.runtime import Runtime

PLANS = {
    "duplicates": DUPLICATES,
    "storage_by_type": STORAGE_BY_TYPE,
    "storage_by_owner": STORAGE_BY_OWNER,
    "storage_by_age": STORAGE_BY_AGE,
    "exposure": EXPOSURE,
    "stale_files": STALE_FILES,
    "biggest_files": BIGGEST_FILES,
    "activity": ACTIVITY,
}
ROWS = 50
BATCH = 50_000
NO_OWN_DOMAINS = "Until settings.reports.own_domains names your domains, nobody is an outsider by the address."


@dataclass(frozen=True)
class Report:
    """A report about a day. `rows` are the first ones of its table, `numbers` are of everything."""

    name: str
    title: str
    day: calendar_date
    numbers: dict[str, int]
    columns: dict[str, str]  # name → type of DuckDB
    rows: list[dict[str, Any]]
    picture: Picture
    notes: tuple[str, ...]


class ReportSession:
    """Writes reports about one day; what is stored about it is looked up once."""

    def __init__(self, runtime: Runtime, day: calendar_date | None = None) -> None:
        zone = runtime.config.settings.partitions.zone
        today = datetime.now(zone).date()
        self.runtime = runtime
        self.day = Day.of(day or today, zone)
        if self.day.date > today:
            raise NothingKnown(f"{self.day.date} has not come yet.", hint=f"Today is {today} in {zone}.")

    @cached_property
    def holdings(self) -> Holdings:
        """The snapshots that describe the end of the day (or now)."""
        return holdings(self.runtime, self.day)

    def report(self, name: str, rows: int = ROWS) -> Report:
        """Write one report."""
        with self._opened(name) as (con, plan, terms):
            [numbers] = con.sql(plan.numbers(terms)).fetchall()
            names = con.sql(plan.numbers(terms)).columns
            first = con.sql(f"SELECT * FROM ({plan.rows(terms)}) LIMIT {int(rows)}")
            return Report(
                name,
                CATALOGUE[name].title,
                self.day.date,
                dict(zip(names, map(int, numbers), strict=True)) | self._coverage(name),
                dict(zip(first.columns, map(str, first.types), strict=True)),
                first.to_arrow_table().to_pylist(),
                plan.picture(con, terms),
                self.notes(name),
            )

    def rows(self, name: str, limit: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one report, all of them when there is no limit; an empty batch when there are none."""
        with self._opened(name) as (con, plan, terms):
            query = plan.rows(terms) + (f" LIMIT {int(limit)}" if limit is not None else "")
            reader = beside(con).sql(query).to_arrow_reader(BATCH)
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
            yield from reader

    def notes(self, name: str) -> tuple[str, ...]:
        """Return what a report does not know, in sentences."""
        if name == "activity":
            return ()
        held = self.holdings
        unknown = held.of - len(held.held) - len(held.unreadable)
        notes = list(held.unreadable)
        if unknown:
            notes.append(f"Nothing is stored about {unknown} of {held.of} endpoints as of {self.day.date}.")
        if held.outdated:
            oldest, endpoint = held.outdated[0]
            notes.append(
                f"No sync has described {len(held.outdated)} of {held.of} endpoints on {self.day.date}, so what was "
                f"known before is told of them: the oldest is of {endpoint}, from "
                f"{oldest.astimezone(self.runtime.config.settings.partitions.zone):%Y-%m-%d}."
            )
        if name == "exposure" and not self.runtime.config.settings.reports.own_domains:
            notes.append(NO_OWN_DOMAINS)
        return tuple(notes)

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[Connection, Plan, Terms]]:
        plan = PLANS.get(name)
        if plan is None:
            raise FilesyncError(f"There is no report {name!r}.", hint=f"There are: {', '.join(PLANS)}.")
        terms = Terms(self.runtime.config.settings.reports, round(self.day.end.timestamp()) * 1_000_000)
        with self.runtime.engine() as con:
            con.execute(MACROS)
            if plan is ACTIVITY:
                relate_activity(con, self.runtime, self.day)
            else:
                relate(con, self.holdings.held)
            plan.prepare(con, terms)
            yield con, plan, terms

    def _coverage(self, name: str) -> dict[str, int]:
        if name == "activity":
            return {}
        held = self.holdings
        return {
            "endpoints_known": len(held.held),
            "endpoints_outdated": len(held.outdated),
            "endpoints_total": held.of,
        }
