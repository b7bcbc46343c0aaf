"""The planted data set: 2,000 customers and their 8,415 orders, with relations that we put there.

A vip orders three times as often as others and earns twice as much; who is rich pays two and a half times as much for
an order; orders of one customer resemble each other; nobody orders before the signup.
"""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.tables.model import DataSet, RuleKind, TableRule
from filesync_dagster_tests.tables.data_sets.files import relation, rows_of, write_csv, write_data_set

CUSTOMERS, ORDERS = 2_000, 8_415
KEYS = {"customers": ("customer_id",), "orders": ("order_id",)}
RELATIONS = (relation("orders", "customer_id", "customers", "customer_id"),)
RULES = (TableRule(RuleKind.AT_MOST, "orders", ("customers.signup", "ordered_at")),)

DAY_US = 86_400_000_000
FIRST_US = 1_546_300_800_000_000  # 2019-01-01
LAST_US = 1_767_139_200_000_000  # 2025-12-31


def planted(folder: Path, seed: int = 7) -> dict[str, Path]:
    """Write customers and orders as CSV files; return their paths by name."""
    return write_csv(folder, planted_tables(seed))


def planted_data_set(folder: Path, seed: int = 7) -> DataSet:
    """Write customers and orders as Parquet, with their keys and their relation."""
    return write_data_set(folder, planted_tables(seed), KEYS, RELATIONS)


def planted_tables(seed: int = 7) -> dict[str, pa.Table]:
    """Return customers and orders."""
    rng = np.random.default_rng(seed)
    is_vip = np.zeros(CUSTOMERS, bool)
    is_vip[rng.choice(CUSTOMERS, 331, replace=False)] = True
    income = np.where(is_vip, 67_000, 33_000) * rng.lognormal(0, 0.35, CUSTOMERS)
    signup = FIRST_US + (rng.beta(1.2, 1.6, CUSTOMERS) * (LAST_US - FIRST_US - 30 * DAY_US) // DAY_US) * DAY_US
    countries = np.array(["DE", "AT", "CH", "FR", "CZ", "PL"])
    country = countries[rng.choice(6, CUSTOMERS, p=[0.42, 0.15, 0.1, 0.13, 0.12, 0.08])]
    customers = pa.table(
        {
            "customer_id": pa.array(np.arange(1, CUSTOMERS + 1)),
            "segment": pa.array(np.where(is_vip, "vip", "retail")),
            "country": pa.array(country),
            "age": pa.array(np.clip(np.round(rng.normal(44 + 5 * is_vip, 13)), 18, 92).astype(int)),
            "income": pa.array(np.round(income, -1).astype(int)),
            "newsletter": pa.array(rng.random(CUSTOMERS) < np.where(is_vip, 0.7, 0.35)),
            "signup": pa.array(signup.astype("int64"), pa.timestamp("us")).cast(pa.date32()),
        }
    )
    return {"customers": customers, "orders": order_table(rng, is_vip, income, signup)}


def order_table(rng: np.random.Generator, is_vip: np.ndarray, income: np.ndarray, signup: np.ndarray) -> pa.Table:
    """Return the orders: of retail 1,669 customers with 5,141, of vips 331 with 3,274."""
    counts = np.zeros(CUSTOMERS, int)
    for chosen, total in ((np.flatnonzero(is_vip), 3_274), (np.flatnonzero(~is_vip), ORDERS - 3_274)):
        share = rng.gamma(2.2, 1.0, chosen.size)  # some order much, some nothing
        counts[chosen] = rng.multinomial(total, share / share.sum())
    customer = np.repeat(np.arange(CUSTOMERS), counts)
    taste = rng.normal(0, 0.35, CUSTOMERS)  # what makes orders of one customer alike
    amount = 24 * (income[customer] / 20_000) ** 1.1 * np.exp(taste[customer] + rng.normal(0, 0.3, ORDERS))
    favourite = rng.integers(0, 5, CUSTOMERS)
    kinds = np.array(["books", "garden", "music", "sports", "toys"])
    is_favourite = rng.random(ORDERS) < 0.65
    kind = kinds[np.where(is_favourite, favourite[customer], rng.integers(0, 5, ORDERS))]
    at = signup[customer] + rng.beta(1, 2, ORDERS) * (LAST_US - signup[customer])
    order = np.argsort(at, kind="stable")
    cents = np.round(amount[order] * 100).astype("int64")
    rating = rng.integers(1, 6, ORDERS)
    is_unrated = rng.random(ORDERS) < np.where(is_vip[customer], 0.3, 0.6)
    return pa.table(
        {
            "order_id": pa.array(np.arange(1, ORDERS + 1)),
            "customer_id": pa.array(customer[order] + 1),
            "ordered_at": pa.array((at[order] // 1_000_000 * 1_000_000).astype("int64"), pa.timestamp("us")),
            "category": pa.array(kind[order]),
            "amount": pa.array([Decimal(int(value)).scaleb(-2) for value in cents], pa.decimal128(10, 2)),
            "rating": pa.array(rating[order], mask=is_unrated[order]),
        }
    )


def planted_facts(data_set: DataSet) -> dict[str, float]:
    """Return what was planted, as any data set of customers and orders has it."""
    customers, orders = (rows_of(data_set.table(name)) for name in ("customers", "orders"))
    counts = orders.group_by("customer_id").aggregate([([], "count_all")])
    joined = customers.join(counts, "customer_id")
    count = pc.fill_null(joined["count_all"], 0).to_numpy()
    is_vip = pc.equal(joined["segment"], "vip").to_numpy()
    income = joined["income"].to_numpy()
    rows = orders.join(customers.select(["customer_id", "income", "signup"]), "customer_id")
    amount = rows["amount"].cast(pa.float64()).to_numpy()
    is_rich = rows["income"].to_numpy() > np.median(income)
    early = pc.less(rows["ordered_at"], rows["signup"].cast(pa.timestamp("us")))
    return {
        "orders_per_vip": float(count[is_vip].mean()),
        "orders_per_retail": float(count[~is_vip].mean()),
        "income_vip_to_retail": float(income[is_vip].mean() / income[~is_vip].mean()),
        "amount_rich_to_poor": float(amount[is_rich].mean() / amount[~is_rich].mean()),
        "share_before_signup": pc.mean(early.cast(pa.float64())).as_py(),
    }
