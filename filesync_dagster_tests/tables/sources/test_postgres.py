import datetime as dt
import json
import math
import random
import re
import threading
import uuid
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.tables.model import Origin
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import Bookmark, SourceContext, SourceLimits
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster_tests.tables.sources.postgres_server import connected, run, source_of, wire_to

SHOP = (
    "CREATE TABLE customers (id int PRIMARY KEY, email varchar(40) UNIQUE NOT NULL, rate numeric(5,2))",
    "ALTER TABLE customers ADD CHECK (rate >= 0)",
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL REFERENCES customers, at timestamptz)",
    "COMMENT ON TABLE orders IS 'What was bought'",
    "COMMENT ON COLUMN orders.at IS 'When'",
    "INSERT INTO customers SELECT i, 'c' || i || '@x.com', i / 4.0 FROM generate_series(1, 5) i",
    "INSERT INTO orders SELECT i, 1 + i % 5, date '2026-01-01' + i FROM generate_series(1, 20) i",
)


def soon():
    """Return a deadline that no good answer misses."""
    return SourceDeadline(10)


@contextmanager
def opened(url, **settings):
    """Yield a source, and its tables by name."""
    with closing(source_of(url, **settings)) as source:
        yield source, {table.name: table for table in source.discover(soon())}


def rows_of(source, table, **how):
    """Return all rows of a table, by the columns' names; and its schema."""
    rows = source.read(table, **how)
    batches = list(rows)
    assert rows.finished
    return pa.Table.from_batches(batches, rows.schema.arrow()) if batches else None, rows.schema


def test_tables_are_found_with_their_keys_relations_and_comments(postgres_url):
    """What the catalogue declares is told, of the tables that belong to the schema."""
    run(postgres_url, *SHOP, "CREATE VIEW late AS SELECT * FROM orders", "ANALYZE")
    with opened(postgres_url) as (_, tables):
        assert set(tables) == {"customers", "orders", "late"}
        orders, customers = tables["orders"], tables["customers"]
        assert orders.schema.primary_key == ("id",)
        assert orders.schema.primary_key_origin is Origin.DECLARED
        assert customers.schema.unique_keys == (("email",),)
        assert customers.schema.checks == ("(rate >= (0)::numeric)",)
        assert orders.schema.description == "What was bought"
        assert orders.schema.column("at").description == "When"
        assert customers.schema.column("rate").type == pa.decimal128(5, 2)
        assert not customers.schema.column("email").nullable
        assert [(r.child, r.child_columns, r.parent, r.parent_columns) for r in orders.relations] == [
            ("orders", ("customer",), "customers", ("id",))
        ]
        assert orders.rows_estimate == 20
        assert (tables["late"].kind, tables["late"].rows_estimate) == ("view", None)


def test_a_test_tells_which_tables_are_readable(postgres_url):
    """A role without rights sees which tables it may not read, and how far the server is."""
    run(
        postgres_url,
        *SHOP,
        "DROP ROLE IF EXISTS narrow", "CREATE ROLE narrow LOGIN", "GRANT SELECT ON customers TO narrow",
    )  # fmt: skip
    try:
        with closing(source_of(postgres_url, username="narrow")) as source:
            report = source.test(soon())
            readable = {table.name: table.readable for table in report.tables}
            assert readable == {"customers": True, "orders": False}
            assert report.server.startswith("PostgreSQL ")
            assert report.latency_ms > 0
            assert report.warnings == ("The connection is not encrypted.",)
            assert [table.name for table in source.discover(soon())] == ["customers"]
        with closing(source_of(postgres_url, username="narrow", tables=["orders"])) as source:
            with pytest.raises(SourceRefused, match="may not read orders") as refused:
                source.discover(soon())
            assert (refused.value.code, refused.value.field) == ("forbidden", "tables")
    finally:
        run(postgres_url, "DROP OWNED BY narrow", "DROP ROLE narrow")


ZOO = """
SELECT
    true AS b,
    1::int2 AS i2,
    2::int4 AS i4,
    9223372036854775807::int8 AS i8,
    1.5::float4 AS f4,
    'NaN'::float8 AS f8,
    12.34::numeric(10,2) AS money_like,
    1234567890123456789012345678901234.5678::numeric AS wide,
    1500::numeric(3,-2) AS rounded,
    0.00001::numeric(3,5) AS tiny,
    'é"\\'''::text AS t,
    'ab'::char(5) AS padded,
    'v'::varchar(9) AS v,
    '\\x00ff'::bytea AS bytes,
    date '2024-02-29' AS d,
    time '23:59:59.999999' AS tm,
    timetz '12:00:00+02' AS tz,
    timestamp '1899-12-31 01:02:03.000004' AS ts,
    timestamptz '2024-03-31 02:30:00+01' AS tstz,
    interval '1 mon 2 days' AS iv,
    '7d444840-9dc0-11d1-b245-5ffdce74fad2'::uuid AS u,
    '{"a": [1, 2.50]}'::jsonb AS j,
    '{"z":1}'::json AS js,
    array[1,null,3] AS arr,
    array['a','b'] AS names,
    12.34::money AS m,
    inet '10.1.2.3/8' AS net,
    macaddr '08:00:2b:01:02:03' AS mac,
    b'101'::bit(3) AS bits,
    b'1'::varbit AS vb,
    int4range(1,3) AS r,
    point '(1,2)' AS p,
    4294967295::oid AS o,
    'x'::name AS n,
    'c'::"char" AS c,
    to_tsvector('simple', 'a b') AS tsv,
    row(1,'a')::pair AS composite, 'happy'::mood AS enum,
    7::positive AS dom,
    array['happy']::mood[] AS moods,
    '1/2'::pg_lsn AS lsn
"""


def test_each_type_comes_as_psycopg_has_it(postgres_url):
    """Values of every type are those that another driver reads, as values or as PostgreSQL's own text."""
    run(
        postgres_url,
        "CREATE TYPE mood AS ENUM ('happy', 'sad')", "CREATE TYPE pair AS (a int, b text)",
        "CREATE DOMAIN positive AS numeric(6,1) CHECK (value > 0)",
        f"CREATE TABLE zoo AS {ZOO}", "INSERT INTO zoo (b) VALUES (NULL)",
    )  # fmt: skip
    connection = connected(postgres_url)
    with connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'; SELECT * FROM zoo ORDER BY b NULLS LAST")
        names = [column.name for column in cursor.description]
        expected, nulls = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
        cursor.execute("SET intervalstyle = iso_8601")
        cursor.execute(f"SELECT {', '.join(f'{name}::text' for name in names)} FROM zoo WHERE b")
        texts = dict(zip(names, cursor.fetchone(), strict=True))
    connection.close()
    with opened(postgres_url) as (source, tables):
        found, schema = rows_of(source, tables["zoo"])
    first = {name: column[0].as_py() for name, column in zip(found.column_names, found.columns, strict=True)}
    read_as = {
        **dict.fromkeys(("j", "js"), (json.loads, lambda name: json.loads(texts[name]))),
        **dict.fromkeys(("arr", "names"), (json.loads, expected.get)),
        "moods": (json.loads, lambda _: ["happy"]),
        "composite": (json.loads, lambda _: {"a": 1, "b": "a"}),
        "bytes": (bytes, lambda name: bytes(expected[name])),
        "f8": (math.isnan, lambda _: True),
        "m": (Decimal, lambda _: Decimal("12.34")),
        "padded": (str, expected.get),
    }
    for name, value in first.items():
        usual = (str, texts.get) if isinstance(value, str) else (lambda known: known, expected.get)
        convert, wanted = read_as.get(name, usual)
        assert convert(value) == wanted(name), name
    assert all(column[1].as_py() is None for column in found.columns)
    assert nulls.keys() == first.keys()
    assert schema.warnings == ()
    types = {column.name: str(column.type) for column in schema.columns}
    assert (types["wide"], types["money_like"], types["dom"]) == (
        "decimal128(38, 4)", "decimal128(10, 2)", "decimal128(6, 1)",
    )  # fmt: skip
    assert schema.column("padded").sql_type == "character(5)"


def test_a_number_without_precision_gets_what_its_values_need(postgres_url):
    """Each value keeps all its digits; NaN is no number of a decimal, and counted; too wide ones stay texts."""
    run(
        postgres_url,
        "CREATE TABLE t (a numeric, b numeric, c numeric, d numeric(20,3))",
        "INSERT INTO t VALUES (0.001, 'NaN', 1e40, 'NaN'), (-123456, 7, 0.5, 17), (NULL, 'infinity', NULL, NULL)",
    )
    with opened(postgres_url) as (source, tables):
        found, schema = rows_of(source, tables["t"])
    assert found["a"].to_pylist() == [Decimal("0.001"), Decimal(-123456), None]
    assert str(schema.column("a").type) == "decimal128(9, 3)"
    assert found["b"].to_pylist() == [None, Decimal(7), None]
    assert found["c"].to_pylist()[0] == "1" + "0" * 40
    assert found["d"].to_pylist() == [None, Decimal(17), None]
    assert {(w.code, w.column, w.count) for w in schema.warnings} == {
        ("not_a_number", "b", 2),
        ("not_a_number", "d", 1),
    }


def test_dates_that_no_calendar_has_are_counted(postgres_url):
    """Infinity, years before 1 and after 9999 and 24:00 are NULL, and told of with their number."""
    run(
        postgres_url,
        "CREATE TABLE t (d date, ts timestamp, tz timestamptz, tm time)",
        "INSERT INTO t VALUES ('infinity', '-infinity', 'infinity', '24:00'), ('4713-01-01 BC', '294276-12-31', "
        "'0044-03-15 BC', '00:00'), ('9999-12-31', '0001-01-01', '9999-12-31 23:59:59.999999+00', '12:00')",
    )
    with opened(postgres_url) as (source, tables):
        found, schema = rows_of(source, tables["t"])
    assert found["d"].to_pylist() == [None, None, dt.date(9999, 12, 31)]
    assert found["ts"].to_pylist() == [None, None, dt.datetime(1, 1, 1)]  # noqa: DTZ001 - it has no zone
    assert found["tz"].to_pylist()[:2] == [None, None]
    assert found["tz"].to_pylist()[2].year == 9999
    assert found["tm"].to_pylist() == [None, dt.time(0), dt.time(12)]
    assert {(w.column, w.count) for w in schema.warnings} == {("d", 2), ("ts", 2), ("tz", 2), ("tm", 1)}


def test_odd_names_partitions_and_views(postgres_url):
    """Names with quotes, blanks and dots, partitioned tables and views are read; partitions are not tables."""
    run(
        postgres_url,
        'CREATE SCHEMA "S x"', 'CREATE TABLE "S x"."a ""b"".c" ("col ""1""" int, "select" text)',
        """INSERT INTO "S x"."a ""b"".c" VALUES (1, 'x')""",
        "CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
        "INSERT INTO parts SELECT i, '2026-01-20'::date + i FROM generate_series(1, 20) i",
        "CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n FROM parts", "ANALYZE",
    )  # fmt: skip
    with opened(postgres_url, tables=['S x.a "b".c', "parts", "kept"]) as (source, tables):
        assert list(tables) == ['S x.a "b".c', "parts", "kept"]
        odd, _ = rows_of(source, tables['S x.a "b".c'])
        assert odd.to_pylist() == [{'col "1"': 1, "select": "x"}]
        assert tables["parts"].rows_estimate == 20
        assert rows_of(source, tables["parts"])[0].num_rows == 20
        assert rows_of(source, tables["kept"])[0].to_pylist() == [{"n": 20}]
    with opened(postgres_url) as (_, tables):
        assert set(tables) == {"parts", "kept"}


def test_a_table_of_1600_columns_is_read(postgres_url):
    """As many columns as PostgreSQL has."""
    columns = ", ".join(f"c{i} int" for i in range(1600))
    run(postgres_url, f"CREATE TABLE wide ({columns})", "INSERT INTO wide (c0, c1599) VALUES (1, 2)")
    with opened(postgres_url) as (source, tables):
        found, _ = rows_of(source, tables["wide"])
    assert (found.num_columns, found["c0"].to_pylist(), found["c1599"].to_pylist()) == (1600, [1], [2])


def test_all_tables_of_one_source_are_of_one_moment(postgres_url):
    """What is written between two reads is in neither, so no order lacks its customer."""
    run(postgres_url, *SHOP)
    with opened(postgres_url) as (source, tables):
        customers, _ = rows_of(source, tables["customers"])
        run(
            postgres_url,
            "INSERT INTO customers VALUES (99, 'late@x.com', 1)", "INSERT INTO orders VALUES (99, 99, now())",
        )  # fmt: skip
        orders, _ = rows_of(source, tables["orders"])
    known = set(customers["id"].to_pylist())
    assert [order for order in orders.to_pylist() if order["customer"] not in known] == []
    with opened(postgres_url) as (source, tables):
        assert rows_of(source, tables["orders"])[0].num_rows == 21


@pytest.mark.slow
def test_nothing_is_orphaned_while_others_write(postgres_url):
    """Writers add customers with orders all the time; whatever is read first, each order has its customer."""
    run(postgres_url, *SHOP)
    stop = threading.Event()

    def write():
        connection, number = connected(postgres_url), 1000
        with connection.cursor() as cursor:
            while not stop.is_set():
                number += 1
                cursor.execute(f"BEGIN; INSERT INTO customers VALUES ({number}, 'n{number}', 1); "
                               f"INSERT INTO orders VALUES ({number}, {number}, now()); COMMIT")  # fmt: skip
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            with opened(postgres_url) as (source, tables):
                customers, _ = rows_of(source, tables["customers"])
                orders, _ = rows_of(source, tables["orders"])
                assert set(orders["customer"].to_pylist()) <= set(customers["id"].to_pylist())
    finally:
        stop.set()
        writer.join()
    assert orders.num_rows > 20


def test_limits_columns_conditions_and_cursors(postgres_url):
    """A part of a table is what was asked for, and is called one."""
    run(postgres_url, *SHOP)
    settings = {"where": {"orders": "customer IN (1, 2)"}, "cursor": {"orders": "id"}}
    with opened(postgres_url, **settings) as (source, tables):
        found, schema = rows_of(source, tables["orders"], limit=3, columns=["id"])
        assert found.to_pylist() == [{"id": 1}, {"id": 5}, {"id": 6}]
        assert [warning.code for warning in schema.warnings] == ["limited"]
        found, schema = rows_of(source, tables["orders"], since=Bookmark("id", after="6", until="11"))
        assert found["id"].to_pylist() == [10, 11]
        assert schema.warnings == ()
        found, _ = rows_of(source, tables["orders"], since=Bookmark("at", until="2026-01-07 00:00:00+00"), batch_rows=1)
        assert found["id"].to_pylist() == [1, 5, 6]
    with opened(postgres_url, limit=2) as (source, tables):
        found, schema = rows_of(source, tables["orders"], limit=7)
        assert (found.num_rows, schema.row_count) == (2, 2)


@pytest.mark.parametrize(
    "condition",
    ["true) OR (true", "1=1; DROP TABLE orders", "true -- ", "(", "true) ORDER BY (1", "true) UNION SELECT (1"],
)
def test_a_condition_is_one_expression(postgres_url, condition):
    """What closes the bracket, or begins another statement, is no condition."""
    with pytest.raises(SourceRefused) as refused:
        source_of(postgres_url, where={"orders": condition})
    assert (refused.value.code, refused.value.field) == ("bad_config", "where.orders")


def test_more_rows_than_allowed_are_no_table(postgres_url):
    """A source never gives a part of what was asked for in place of all of it."""
    run(postgres_url, *SHOP)
    context = SourceContext("shop", guard=AddressGuard.of_operator(), limits=SourceLimits(rows=19))
    with opened(postgres_url, context=context) as (source, tables):
        assert rows_of(source, tables["customers"])[0].num_rows == 5
        with pytest.raises(LimitReached):
            rows_of(source, tables["orders"])


REFUSALS = [
    ({"database": "nowhere"}, "not_found", "database"),
    ({"username": "nobody"}, "auth", "username"),
    ({"host": "127.0.0.1", "port": 1}, "unreachable", "host"),
    ({"host": "no.such.host.invalid"}, "unreachable", "host"),
    ({"tables": ["Orders"]}, "not_found", "tables"),
    ({"where": {"nope": "true"}}, "bad_config", "where.nope"),
    ({"sslmode": "require", "host": None}, "tls", "sslmode"),
]


@pytest.mark.parametrize(("settings", "code", "field"), REFUSALS)
def test_a_refusal_names_the_field_to_correct(postgres_url, settings, code, field):
    """Nobody has to guess what is wrong, and no text of the driver is shown."""
    run(postgres_url, *SHOP)
    with wire_to(postgres_url) as wire:
        if "host" in settings and settings["host"] is None:
            settings = {**settings, "host": "127.0.0.1", "port": wire.port}
        with (
            pytest.raises(SourceRefused) as refused,
            closing(source_of(postgres_url, password="hunter2hunter2", **settings)) as source,
        ):
            source.discover(soon())
    assert (refused.value.code, refused.value.field) == (code, field)
    assert "libpq" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def cut_read(url, wire, after):
    """Read two tables over a way that is cut after so many bytes; return the rows of each, or the refusal."""
    wire.cut_after, wire.passed = after, 0
    try:
        with opened(url, port=wire.port) as (source, tables):
            return [rows_of(source, tables[name])[0].num_rows for name in ("big", "small")]
    except SourceRefused as refused:
        return refused.code


def test_a_read_that_is_cut_gives_no_table(postgres_url):
    """A connection that breaks in the middle is an error at whatever byte; afterwards the same read works."""
    run(
        postgres_url,
        "CREATE TABLE big AS SELECT i AS id, repeat('x', 90) AS t FROM generate_series(1, 3000) i",
        "CREATE TABLE small AS SELECT 1 AS one",
    )
    with wire_to(postgres_url) as wire:
        assert cut_read(postgres_url, wire, None) == [3000, 1]
        whole = wire.passed
        instants = random.Random(7).sample(range(whole - 200), 12)
        outcomes = [cut_read(postgres_url, wire, instant) for instant in instants]
        assert set(outcomes) <= {"broken_off", "unreachable", "tls"}, outcomes
        assert cut_read(postgres_url, wire, None) == [3000, 1]


@pytest.mark.slow
def test_a_read_that_is_cut_at_fifty_random_instants_gives_no_table(postgres_url):
    """As above, fifty times."""
    run(
        postgres_url,
        "CREATE TABLE big AS SELECT i AS id, repeat('x', 90) AS t FROM generate_series(1, 60000) i",
        "CREATE TABLE small AS SELECT 1 AS one",
    )
    with wire_to(postgres_url) as wire:
        assert cut_read(postgres_url, wire, None) == [60000, 1]
        for instant in random.Random(1).sample(range(wire.passed - 200), 50):
            assert isinstance(cut_read(postgres_url, wire, instant), str)
        assert cut_read(postgres_url, wire, None) == [60000, 1]


def test_the_documented_role_reads_and_cannot_write(postgres_url):
    """What docs/table-sources.md says to run is enough, and no more."""
    page = (Path(__file__).parents[3] / "docs" / "table-sources.md").read_text()
    statements = re.search(r"```pgsql\n(.*?)```", page, re.DOTALL)[1]
    name, role = urlsplit(postgres_url).path.lstrip("/"), f"reader_{uuid.uuid4().hex[:8]}"
    run(postgres_url, *SHOP, statements.replace("DATABASE shop", f"DATABASE {name}").replace("filesync_reader", role))
    try:
        with opened(postgres_url, username=role) as (source, tables):
            assert rows_of(source, tables["orders"])[0].num_rows == 20
        with pytest.raises(psycopg2.Error, match=r"read-only transaction|permission denied"):
            run(postgres_url.replace("postgres:", f"{role}:", 1), "DELETE FROM orders")
    finally:
        run(postgres_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")
