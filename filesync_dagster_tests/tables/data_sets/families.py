"""Data sets of a parent and a child whose families are of an odd size, or have nothing to do with each other."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import DataSet
from filesync_dagster_tests.tables.data_sets.files import relation, write_data_set
from filesync_dagster_tests.tables.data_sets.planted import KEYS, RELATIONS, planted_tables

SHOP_KEYS = {"shops": ("shop_id",), "sales": ("sale_id",)}
SHOP_RELATIONS = (relation("sales", "shop_id", "shops", "shop_id"),)


def shuffled(folder: Path, seed: int = 7) -> DataSet:
    """Return the planted data set whose orders were dealt out anew: families as large, but nothing in common."""
    tables = planted_tables(seed)
    orders = tables["orders"]
    dealt = pa.array(np.random.default_rng(seed).permutation(orders["customer_id"].to_numpy()))
    index = orders.column_names.index("customer_id")
    tables["orders"] = orders.set_column(index, "customer_id", dealt)
    return write_data_set(folder, tables, KEYS, RELATIONS)


def families_of_one(folder: Path, parents: int = 1_000) -> DataSet:
    """Return a data set in which each parent has exactly one child, larger where the parent is."""
    return shops(folder, np.ones(parents, int))


def childless(folder: Path, parents: int = 1_000) -> DataSet:
    """Return a data set in which two of three parents have no child."""
    counts = np.random.default_rng(3).poisson(4, parents) + 1
    counts[np.random.default_rng(4).random(parents) < 2 / 3] = 0
    return shops(folder, counts)


def one_with_half(folder: Path, parents: int = 500) -> DataSet:
    """Return a data set in which one parent has as many children as all others together."""
    counts = np.random.default_rng(5).poisson(6, parents)
    counts[7] = counts.sum() - counts[7]
    return shops(folder, counts)


def shops(folder: Path, counts: np.ndarray, seed: int = 11) -> DataSet:
    """Return shops of some size and region, and that many sales of each: larger ones in larger shops."""
    rng = np.random.default_rng(seed)
    size = np.round(rng.lognormal(5, 0.5, counts.size)).astype(int)
    region = np.array(["north", "south", "west"])[rng.choice(3, counts.size, p=[0.5, 0.3, 0.2])]
    shop = np.repeat(np.arange(counts.size), counts)
    rng.shuffle(shop)
    price = size[shop] * np.where(region[shop] == "north", 1.5, 1.0) * rng.lognormal(0, 0.3, shop.size)
    tables = {
        "shops": pa.table({"shop_id": np.arange(1, counts.size + 1), "region": region, "size": size}),
        "sales": pa.table(
            {
                "sale_id": np.arange(1, shop.size + 1),
                "shop_id": shop + 1,
                "price": np.round(price, 2),
                "items": rng.poisson(np.sqrt(price) / 3) + 1,
            }
        ),
    }
    return write_data_set(folder, tables, SHOP_KEYS, SHOP_RELATIONS)
