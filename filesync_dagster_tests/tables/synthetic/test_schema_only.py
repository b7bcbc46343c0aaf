"""Tables made up from their description: no row was seen, and yet keys, rules and types are right."""

from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import KeysBroken, RuleBroken
from filesync_dagster.tables.model import DataSet, Role, RuleKind, Table, TableColumn, TableSchema
from filesync_dagster.tables.synthetic import FitOptions, GenerateRequest, describe_tables, generate
from filesync_dagster.tables.synthetic.schema_only import read_words
from filesync_dagster_tests.tables.data_sets import rows_of
from filesync_dagster_tests.tables.data_sets.files import relation

MONEY = pa.decimal128(10, 2)


def table(name, key, *columns, unique=()):
    """Return a table without rows. A column: name, type, and what else is known of it."""
    found = []
    for place, (column, kind, *more) in enumerate(columns):
        facts = more[0] if more else {}
        role = Role.PERSON if "person_kind" in facts else None
        found.append(TableColumn(column, kind, place, nullable=column not in key, role=role, **facts))
    return Table(TableSchema(name, "", tuple(found), primary_key=key, unique_keys=unique), ())


def shop():
    """Return customers who refer each other, what they order, and of what the orders consist."""
    customers = table(
        "customers",
        ("customer_id",),
        ("customer_id", pa.int32()),
        ("first_name", pa.string(), {"person_kind": "first_name"}),
        ("last_name", pa.string(), {"person_kind": "last_name"}),
        ("email", pa.string(), {"person_kind": "email"}),
        ("age", pa.int32()),
        ("tier", pa.string()),
        ("signup_date", pa.date32()),
        ("referrer_id", pa.int32()),
        unique=(("email",),),
    )
    products = table("products", ("sku",), ("sku", pa.string()), ("name", pa.string()), ("price", MONEY))
    orders = table(
        "orders",
        ("order_id",),
        ("order_id", pa.string(), {"sql_type": "uuid"}),
        ("customer_id", pa.int32()),
        ("ordered_at", pa.timestamp("us")),
        ("shipped_at", pa.timestamp("us")),
    )
    items = table(
        "items",
        ("order_id", "line"),
        ("order_id", pa.string()),
        ("line", pa.int32()),
        ("sku", pa.string()),
        ("quantity", pa.int32()),
        ("price", MONEY),
        ("total", pa.decimal128(12, 2)),
    )
    relations = (
        relation("customers", "referrer_id", "customers", "customer_id"),
        relation("orders", "customer_id", "customers", "customer_id"),
        relation("items", "order_id", "orders", "order_id"),
        relation("items", "sku", "products", "sku"),
    )
    return DataSet((customers, products, orders, items), relations)


WORDS = {
    ("customers", "age"): "Must be between 18 and 65.",
    ("customers", "tier"): "one of: gold, silver, bronze",
    ("orders", "ordered_at"): "on or after customers.signup_date",
    ("products", "price"): "positive, at most 500",
    ("products", "sku"): "format: ART-0000",
    ("items", "total"): "quantity * price; shines in the dark",
}


def test_a_shop_is_made_up(tmp_path):
    """Keys lead somewhere, what was said in words holds, and people are one person each."""
    model = describe_tables(shop(), words=WORDS)
    assert model.schema_only
    assert model.warnings == ("items.total: Nothing was made of 'shines in the dark'.",)

    found = generate(model, GenerateRequest(seed=3, scale=2), tmp_path)

    made = {one.name: rows_of(one) for one in found.tables}
    customers, products = made["customers"], made["products"]
    orders, items = made["orders"], made["items"]  # noqa: F841 - SQL reads them
    assert {one.schema.row_count for one in found.tables} == {200}
    ((least, most),) = duckdb.sql("SELECT min(age), max(age) FROM customers").fetchall()
    assert least >= 18
    assert most <= 65
    assert set(customers["tier"].to_pylist()) - {None} == {"gold", "silver", "bronze"}
    assert products["sku"][0].as_py() == "ART-0001"
    assert customers["referrer_id"].null_count < 100
    broken = duckdb.sql(
        "SELECT (SELECT count(*) FROM items WHERE total != quantity * price), "
        "(SELECT count(*) FROM products WHERE price <= 0 OR price > 500), "
        "(SELECT count(*) FROM orders WHERE shipped_at < ordered_at), "
        "(SELECT count(*) FROM orders JOIN customers USING (customer_id) WHERE ordered_at < signup_date), "
        "(SELECT count(*) FROM customers WHERE email NOT LIKE lower(left(first_name, 1)) || '%@example.org')"
    ).fetchall()
    assert broken == [(0, 0, 0, 0, 0)]
    ((lines, longest),) = duckdb.sql("SELECT sum((line = 1)::INT), max(line) FROM items").fetchall()
    assert lines == duckdb.sql("SELECT count(DISTINCT order_id) FROM items").fetchall()[0][0]
    assert longest > 2


def test_the_same_seed_makes_the_same_bytes(tmp_path):
    """Whatever the blocks' threads; another seed makes others, and another locale other people."""

    def made(name, seed, threads=1, locale="en_US"):
        model = describe_tables(shop(), FitOptions(locale=locale), words=WORDS)
        found = generate(model, GenerateRequest(seed=seed, threads=threads, block_rows=20), tmp_path / name)
        return {one.name: one.parts[0].read_bytes() for one in found.tables}

    first = made("one", 7)
    assert made("two", 7, threads=2) == first
    assert made("other", 8)["customers"] != first["customers"]
    assert made("german", 7, locale="de_DE")["customers"] != first["customers"]
    assert made("german", 7, locale="de_DE")["products"] == first["products"]


COLUMNS = {
    "amount": TableColumn("amount", pa.int64(), 0),
    "price": TableColumn("price", MONEY, 0),
    "name": TableColumn("name", pa.string(), 0),
    "day": TableColumn("day", pa.date32(), 0),
}
RANGE, ALLOWED, COMPARE = RuleKind.RANGE, RuleKind.ALLOWED, RuleKind.COMPARE


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("amount", "between 1 and 10", [(RANGE, None, {"min": 1, "max": 10})]),
        ("amount", "Values from 1,000 to 2,500.", [(RANGE, None, {"min": 1000, "max": 2500})]),
        ("amount", "1-5", [(RANGE, None, {"min": 1, "max": 5})]),
        ("amount", "must be >= 3; at most 9", [(RANGE, None, {"min": 3, "max": 9})]),
        ("amount", "minimum 2", [(RANGE, None, {"min": 2})]),
        ("amount", "greater than 0", [(COMPARE, ">", 0)]),
        ("amount", "cannot be negative", [(RANGE, None, {"min": 0})]),
        ("amount", "one of 1, 2 or 3", [(ALLOWED, None, [1, 2, 3])]),
        ("amount", "one of small, large", []),
        ("price", "between 0.99 and $19.90", [(RANGE, None, {"min": 0.99, "max": 19.9})]),
        ("price", "positive", [(COMPARE, ">", 0)]),
        ("day", "between 2020-01-01 and 2023-12-31", [(RANGE, None, {"min": "2020-01-01", "max": "2023-12-31"})]),
        ("day", "must be after start", [(COMPARE, ">", None, "start")]),
        (
            "day",
            "between start and parents.end",
            [(COMPARE, ">=", None, "start"), (COMPARE, "<=", None, "parents.end")],
        ),
        ("amount", "sum of base and bonus", [(RuleKind.SUM, None, None, "base", "bonus")]),
        ("amount", "= base - bonus", [(RuleKind.DIFFERENCE, None, None, "base", "bonus")]),
        ("name", "one of: open, closed", [(ALLOWED, None, ["open", "closed"])]),
        ("name", "Allowed values: 'A' | 'B' | 'C'", [(ALLOWED, None, ["A", "B", "C"])]),
        ("name", "State of the order (open, paid or sent)", [(ALLOWED, None, ["open", "paid", "sent"])]),
        ("name", "either yes or no", [(ALLOWED, None, ["yes", "no"])]),
        ("name", "What the customer is called", []),
    ],
)
def test_rules_are_read_from_words(column, text, expected):
    """As people write them; what nothing is made of is told."""
    names = {"amount", "start", "base", "bonus", "parents.end"}
    found = read_words("rows", COLUMNS[column], names, text)

    about = (column,)
    assert [(rule.kind, rule.operator, rule.value, *rule.columns[1:]) for rule in found.rules] == expected
    assert all(rule.columns[:1] == about for rule in found.rules)
    assert bool(found.unread) == (not expected)


def test_words_say_more_than_rules():
    """That a column is never NULL, never twice, how long its texts are, and of which form."""
    found = read_words("rows", COLUMNS["name"], (), "Required and unique; 8 characters; e.g. EMP-00017")

    assert (found.is_required, found.is_unique, found.length, found.example) == (True, True, 8, "EMP-00017")
    assert not found.unread


def test_descriptions_that_cannot_be_are_refused(tmp_path):
    """Rules that contradict each other, a key of another type than what it names, too few values for a key."""
    data_set = shop()
    with pytest.raises(RuleBroken) as error:
        describe_tables(data_set, words={("customers", "age"): "at least 90; less than 20"})
    assert error.value.code == "contradiction"

    first = data_set.tables[0].schema
    columns = [replace(column, type=pa.int32()) if column.name == "email" else column for column in first.columns]
    broken = replace(data_set.tables[0], schema=first.with_columns(columns))
    with pytest.raises(KeysBroken) as other:
        describe_tables(
            DataSet((broken, *data_set.tables[1:]), (relation("orders", "ordered_at", "customers", "customer_id"),))
        )
    assert other.value.code == "key_types"

    model = describe_tables(data_set, words={("customers", "customer_id"): "between 1 and 50"})
    with pytest.raises(RuleBroken):
        generate(model, GenerateRequest(seed=1), tmp_path)
