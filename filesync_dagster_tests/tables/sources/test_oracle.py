import datetime as dt
import os
from contextlib import closing
from decimal import Decimal

import pyarrow as pa
import pytest

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import Bookmark, SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.oracle.config import OracleConfig
from filesync_dagster.tables.sources.oracle.source import OracleSource
from filesync_dagster.tables.sources.registry import open_source, source_type
from filesync_dagster.tables.sources.settings import parse_config
from filesync_dagster_tests.tables.sources.listener import listening
from filesync_dagster_tests.tables.sources.oracle_fake import OracleFake, redirect_packet, refusal_packet, tns_listener

pytestmark = [
    pytest.mark.usefixtures("sockets_that_drivers_leave"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

NOON = dt.datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001 - it has no zone
GIVEN = {"dsn": "db.example.com:1521/SHOP", "username": "shop", "password": "hunter2-canary"}


@pytest.fixture
def fake():
    """Return a database with customers and orders."""
    database = OracleFake()
    database.table(
        "CUSTOMERS", "ID BIGINT, NAME TEXT, RATE DECIMAL(38,10), WHEN_ TIMESTAMP, Z TIMESTAMPTZ, RAW_ BLOB, "
        "SMALL DECIMAL(5,2)",
        [("ID", "NUMBER", 10, 0), ("NAME", "VARCHAR2", None, None), ("RATE", "NUMBER", None, None),
         ("WHEN_", "DATE", None, None), ("Z", "TIMESTAMP(6) WITH TIME ZONE", None, None), ("RAW_", "RAW", None, None),
         ("SMALL", "NUMBER", 5, 2), ("SHAPE", "SDO_GEOMETRY", None, None)],
        "1, 'a', 0.001, '2024-01-02 03:04:05', '2024-01-02 03:04:05+02', '\\x00\\xff', -0.5",
        "2, NULL, -12345678901234, NULL, NULL, NULL, 999.99",
        key=("ID",), comment="Who buys",
    )  # fmt: skip
    database.table(
        "ORDERS", "ID BIGINT, CUSTOMER BIGINT", [("ID", "NUMBER", 10, 0), ("CUSTOMER", "NUMBER", 10, 0)],
        "1, 1", "2, 1", "3, 2", key=("ID",), parents=[("CUSTOMER", "PK_CUSTOMERS")],
    )  # fmt: skip
    return database


def source_of(fake, **settings):
    """Return a source of the fake; its guard resolves every name to a public address."""
    guard = AddressGuard(resolve=lambda host, port: ["93.184.216.34"])
    config = parse_config(OracleConfig, {**GIVEN, **settings})
    return OracleSource(config, SourceContext("oracle", guard=guard), connect=fake.connect)


def soon():
    """Return a deadline that no good answer misses."""
    return SourceDeadline(10)


def test_tables_are_found_and_read(fake):
    """Keys, relations and comments come from the catalogue; numbers keep their digits, dates their times."""
    with closing(source_of(fake)) as source:
        tables = {table.name: table for table in source.discover(soon())}
        customers, orders = tables["CUSTOMERS"], tables["ORDERS"]
        assert (customers.schema.primary_key, customers.schema.description) == (("ID",), "Who buys")
        assert [(r.child_columns, r.parent, r.parent_columns) for r in orders.relations] == [
            (("CUSTOMER",), "CUSTOMERS", ("ID",))
        ]
        assert [(w.code, w.column) for w in customers.schema.warnings] == [("unreadable_columns", "SHAPE")]
        rows = source.read(customers)
        found = pa.Table.from_batches(list(rows), rows.schema.arrow())
    assert found.to_pylist() == [
        {"ID": 1, "NAME": "a", "RATE": Decimal("0.001"), "WHEN_": NOON,
         "Z": dt.datetime(2024, 1, 2, 1, 4, 5, tzinfo=dt.UTC), "RAW_": b"\x00\xff", "SMALL": Decimal("-0.50")},
        {"ID": 2, "NAME": None, "RATE": Decimal("-12345678901234.000"), "WHEN_": None, "Z": None, "RAW_": None,
         "SMALL": Decimal("999.99")},
    ]  # fmt: skip
    types = {column.name: str(column.type) for column in rows.schema.columns}
    assert (types["ID"], types["RATE"], types["SMALL"]) == ("int64", "decimal128(17, 3)", "decimal128(5, 2)")


def test_all_is_read_in_one_transaction_that_writes_nothing(fake):
    """The first statement of the connection is that it only reads."""
    with closing(source_of(fake)) as source:
        for table in source.discover(soon()):
            list(source.read(table))
    assert fake.statements[:3] == [
        "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,'",
        "ALTER SESSION SET TIME_ZONE = 'UTC'",
        "SET TRANSACTION READ ONLY",
    ]
    assert sum(statement.startswith("SET TRANSACTION") for statement in fake.statements) == 1


def test_limits_columns_and_cursors(fake):
    """A part of a table is what was asked for."""
    with closing(source_of(fake, tables=["orders"])) as source:
        [table] = source.discover(soon())
        rows = source.read(table, limit=2, columns=["ID"])
        assert [batch.to_pylist() for batch in rows] == [[{"ID": 1}, {"ID": 2}]]
        assert [warning.code for warning in rows.schema.warnings] == ["limited"]
        rows = source.read(table, since=Bookmark("ID", after="2"))
        assert [batch.to_pylist() for batch in rows] == [[{"ID": 3, "CUSTOMER": 2}]]


def test_the_driver_gets_the_checked_address(fake):
    """Not the name, which somebody could answer otherwise by then."""
    with closing(source_of(fake)) as source:
        report = source.test(soon())
    assert report.server == "Oracle 19.0.0.0.0"
    given = fake.connected_with
    assert (given["host"], given["port"], given["service_name"]) == ("93.184.216.34", 1521, "SHOP")
    assert "dsn" not in given


def outcome(port, service="x", guard=None, seconds=10):
    """Test a source on a port of this machine, and return its refusal."""
    given = {**GIVEN, "dsn": f"127.0.0.1:{port}/{service}"}
    context = SourceContext("oracle", guard=guard or AddressGuard.of_operator())
    source = open_source("oracle", given, context)
    with pytest.raises(SourceRefused) as refused:
        source.test(SourceDeadline(seconds))
    assert "hunter2" not in str(refused.value)
    assert "DPY" not in str(refused.value)
    return refused.value.code, refused.value.field


@pytest.mark.parametrize(("answer", "expected"), [
    (refusal_packet(12514), ("not_found", "dsn")), (refusal_packet(12505), ("not_found", "dsn")),
    (None, ("unreachable", "dsn")), (b"HTTP/1.1 400 Bad Request\r\n\r\n", None),
])  # fmt: skip
def test_what_the_real_driver_says_of_a_listener_that_refuses(answer, expected):
    """The codes of the driver (DPY) lead to the field to correct."""
    with tns_listener(answer) as port:
        code, field = outcome(port)
    if expected is None:
        assert code in {"unreachable", "unknown", "broken_off", "timeout", "not_found"}
    else:
        assert (code, field) == expected


def test_a_port_that_nobody_listens_on():
    """DPY-6005."""
    assert outcome(1) == ("unreachable", "dsn")


def test_a_listener_that_sends_on_to_this_machine_is_not_followed():
    """The driver would go to where it is sent; it is stopped before it connects, and nobody hears of it."""
    with listening(["127.0.0.1"]) as forbidden, tns_listener(redirect_packet("127.0.0.1", forbidden.port)) as port:
        guard = AddressGuard([f"127.0.0.1:{port}"])
        assert outcome(port, guard=guard)[0] in {"not_allowed", "unreachable", "unknown"}
        assert forbidden.connections == 0
        outcome(port)  # for the operator it is
        assert forbidden.connections > 0


@pytest.mark.parametrize("dsn", ["host:99999999/x", "a b/x", "//", "host:1521"])
def test_what_is_no_place_is_the_operators(dsn):
    """An alias may be anything, so that requests have places only."""
    with pytest.raises(SourceRefused) as refused:
        open_source("oracle", {**GIVEN, "dsn": dsn}, SourceContext(guard=AddressGuard()))
    assert (refused.value.code, refused.value.field) == ("not_allowed", "dsn")


def test_the_form_says_what_thin_needs():
    """And the label that it was not tried with a server."""
    kind = source_type("oracle")
    assert kind.tested == "contract"
    assert "12.1" in kind.config.model_json_schema()["properties"]["mode"]["description"]
    assert "not server-tested" in kind.description


@pytest.mark.skipif(
    "ORACLE_DSN" not in os.environ, reason="ORACLE_DSN, ORACLE_USER and ORACLE_PASSWORD name no database"
)
def test_a_real_database():
    """Whoever has one can see what it does with it."""
    given = {
        "dsn": os.environ["ORACLE_DSN"],
        "username": os.environ["ORACLE_USER"],
        "password": os.environ["ORACLE_PASSWORD"],
    }
    context = SourceContext("oracle", guard=AddressGuard.of_operator())
    with closing(open_source("oracle", given, context)) as source:
        assert source.test(SourceDeadline(10)).server.startswith("Oracle ")
        for table in source.discover(SourceDeadline(60)):
            assert sum(batch.num_rows for batch in source.read(table, limit=100)) <= 100
