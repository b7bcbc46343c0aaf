"""What a report is made of, and what it may know."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import duckdb

from filesync_dagster.config import ReportSettings
from filesync_dagster.monitoring.reports.pictures import Picture, Ranking, Stacks
from filesync_dagster.storage.snapshots import literal

NAMED = 7
"""Endpoints that stacks show by name; the others are summed up."""
RANKED = 12
"""Names in a ranking."""

Connection = duckdb.DuckDBPyConnection

MACROS = f"CREATE MACRO total(x) AS least(coalesce(sum(x), 0), {2**63 - 1})::BIGINT"
"""A sum that any database and any JSON reader can hold."""


@dataclass(frozen=True)
class Terms:
    """What a report goes by, beside the rows. `day_end` is that of the day it is about, in microseconds since 1970."""

    settings: ReportSettings
    day_end: int


def _nothing(con: Connection, terms: Terms) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Plan:
    """One report over the relations of `holdings`, or of `activity`.

    `rows` and `numbers` are queries; `rows` is ordered, `numbers` has one row. Both may use what `prepare` made.
    """

    rows: Callable[[Terms], str]
    numbers: Callable[[Terms], str]
    picture: Callable[[Connection, Terms], Picture]
    prepare: Callable[[Connection, Terms], None] = _nothing


def literals(texts: Iterable[str]) -> str:
    """Return texts as SQL literals with commas between."""
    return ", ".join(map(literal, texts))


def build_ranking(con: Connection, query: str, series: tuple[str, ...] = ("",), unit: str = "B") -> Ranking:
    """Return the first rows of a query with the columns (name, amount of each series) as a picture."""
    found = con.execute(f"SELECT * FROM ({query}) LIMIT {RANKED}").fetchall()
    amounts = {name: tuple(float(row[i]) for row in found) for i, name in enumerate(series, 1)}
    return Ranking(tuple(row[0] for row in found), amounts, unit)


def stacks(con: Connection, query: str, labels: tuple[str, ...], unit: str = "B") -> Stacks:
    """Return a query with the columns (endpoint, label, amount) as a picture: the largest endpoints by name."""
    found: dict[str, dict[str, float]] = {}
    for endpoint, label, amount in con.execute(query).fetchall():
        found.setdefault(endpoint, {})[label] = float(amount)
    largest = sorted(found, key=lambda name: (-sum(found[name].values()), name))
    series = {name: tuple(found[name].get(label, 0.0) for label in labels) for name in largest[:NAMED]}
    rest = [found[name] for name in largest[NAMED:]]
    if rest:
        series[f"{len(rest)} others"] = tuple(sum(amounts.get(label, 0.0) for amounts in rest) for label in labels)
    return Stacks(labels, series, unit)
