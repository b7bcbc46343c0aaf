"""Tables with one odd thing each: missing values that depend, heaped numbers, rare values, no rows at all."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import DataSet
from filesync_dagster_tests.tables.data_sets.files import write_data_set

MISSING_RATES = {"north": 0.05, "south": 0.60, "west": 0.25}
CANARY = "canary-7f3a@private.example"


def missing_by_group(folder: Path, rows: int = 4_000) -> DataSet:
    """Return a table whose income is missing more often in one region than in another, and where it is low."""
    rng = np.random.default_rng(21)
    names = np.array(list(MISSING_RATES))
    region = names[rng.integers(0, 3, rows)]
    income = np.round(rng.lognormal(10.3, 0.4, rows), -1)
    rate = np.array([MISSING_RATES[name] for name in region])
    is_missing = rng.random(rows) < rate
    table = pa.table({"id": np.arange(1, rows + 1), "region": region, "income": pa.array(income, mask=is_missing)})
    return write_data_set(folder, {"people": table}, {"people": ("id",)})


def heaped(folder: Path, rows: int = 4_000) -> DataSet:
    """Return a table of times as HHMM, prices that end in .99 or .00, and years: many values are never there."""
    rng = np.random.default_rng(22)
    minutes = np.clip(np.round(rng.normal(800, 260, rows)), 0, 1439).astype(int)
    price = np.floor(rng.lognormal(3, 0.8, rows)) + np.where(rng.random(rows) < 0.8, 0.99, 0.0)
    table = pa.table(
        {
            "id": np.arange(1, rows + 1),
            "departs": minutes // 60 * 100 + minutes % 60,
            "price": np.round(price, 2),
            "built": rng.integers(1950, 2025, rows),
        }
    )
    return write_data_set(folder, {"trips": table}, {"trips": ("id",)})


def rare(folder: Path, rows: int = 20_000) -> DataSet:
    """Return a table with a category of two rows, one millionaire, an address and a sentence that nobody may see."""
    rng = np.random.default_rng(23)
    blood = rng.choice(["A", "B", "0", "AB"], rows, p=[0.4, 0.15, 0.4, 0.05]).astype(object)
    blood[[17, 4_711]] = "Rh-null"
    wealth = np.round(rng.lognormal(10, 0.6, rows)).astype(int)
    wealth[99] = 987_654_321
    email = [f"person{i}@mail{i % 7}.example" for i in range(rows)]
    email[5] = CANARY
    note = [
        f"Came in on day {i % 365} with the number {i}, said that {'it hurts' if i % 3 else 'all is well'}."
        for i in range(rows)
    ]
    note[6] = f"Told me in confidence about {CANARY}."
    table = pa.table(
        {"id": np.arange(1, rows + 1), "blood": pa.array(blood), "wealth": wealth, "email": email, "note": note}
    )
    return write_data_set(folder, {"patients": table}, {"patients": ("id",)})


def tiny(folder: Path) -> dict[str, DataSet]:
    """Return tables with little in them: one row, none, one column, only NULL, a constant, 500 columns."""
    rng = np.random.default_rng(24)
    tables = {
        "one_row": pa.table({"id": [1], "name": ["a"], "amount": [2.5]}),
        "no_rows": pa.table({"id": pa.array([], pa.int64()), "name": pa.array([], pa.string())}),
        "one_column": pa.table({"amount": np.round(rng.gamma(2, 3, 400), 1)}),
        "only_null": pa.table({"id": list(range(50)), "nothing": pa.nulls(50, pa.string())}),
        "constant": pa.table({"id": list(range(50)), "unit": ["EUR"] * 50}),
        "wide": pa.table({f"c{i:03}": rng.integers(0, 9, 300) for i in range(500)}),
    }
    keys = {name: ("id",) for name in tables if "id" in tables[name].column_names}
    return {name: write_data_set(folder / name, {name: table}, keys) for name, table in tables.items()}
