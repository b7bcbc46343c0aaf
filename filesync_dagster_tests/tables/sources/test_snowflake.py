import datetime as dt
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.model import TableRelation
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import Bookmark, SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.registry import open_source, source_type
from filesync_dagster.tables.sources.settings import parse_config
from filesync_dagster.tables.sources.snowflake.config import SnowflakeConfig
from filesync_dagster.tables.sources.snowflake.source import SnowflakeSource, keys_of, relations_of

GIVEN = {"account": "fakesnow", "warehouse": "W", "database": "DB1", "username": "fake", "password": "hunter2-canary"}
SHOP = (
    """CREATE TABLE CUSTOMERS (ID INT PRIMARY KEY, NAME VARCHAR(20) NOT NULL, AMOUNT NUMBER(10,2), F FLOAT, D DATE,
    T TIME, TS TIMESTAMP_NTZ, TZ TIMESTAMP_TZ, B BOOLEAN, V VARIANT, BIN BINARY)""",
    "COMMENT ON TABLE CUSTOMERS IS 'Who buys'",
    """INSERT INTO CUSTOMERS SELECT 1, 'a', 1.50, 1.5, '2024-01-02'::DATE, '01:02:03'::TIME,
    '2024-01-02 03:04:05.123456'::TIMESTAMP_NTZ, '2024-01-02 03:04:05 +0200'::TIMESTAMP_TZ, TRUE,
    PARSE_JSON('{"a":1}'), TO_BINARY('00ff', 'HEX')""",
    "INSERT INTO CUSTOMERS (ID, NAME, AMOUNT) VALUES (2, 'b', 99999999.99), (3, 'c', NULL)",
    'CREATE TABLE "Odd ""name" (K INT)',
    "CREATE TABLE NO_KEY (A INT, B INT)",
    "INSERT INTO NO_KEY VALUES (1, 1), (1, 2)",
)


FAKESNOW = """
import socket, sys, threading, uvicorn, fakesnow.server
listener = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(fakesnow.server.app, log_level="critical"))
threading.Thread(target=server.run, args=([listener],), daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()  # ends with the process that started it
"""


@pytest.fixture(scope="module")
def snow():
    """Serve fakesnow, and return what Snowflake's own connector reaches it with."""
    import snowflake.connector

    command = [sys.executable, "-W", "ignore", "-c", FAKESNOW]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        port = int(process.stdout.readline())

        def connect(**given):
            place = {"host": "localhost", "port": port, "protocol": "http", "network_timeout": 20}
            return snowflake.connector.connect(**{**given, **place})

        with connect(user="fake", password="snow", account="fakesnow", database="DB1", schema="PUBLIC") as connection:
            for statement in SHOP:
                connection.cursor().execute(statement)
        yield connect
        process.terminate()


def source_of(connect, **settings):
    """Return a source of the database."""
    config = parse_config(SnowflakeConfig, {**GIVEN, **settings})
    return SnowflakeSource(config, SourceContext("snow"), connect=connect)


def soon():
    """Return a deadline that no good answer misses."""
    return SourceDeadline(30)


@pytest.mark.slow
def test_tables_are_found_and_read(snow):
    """Columns, keys, comments and values come as Snowflake's connector brings them."""
    with closing(source_of(snow)) as source:
        tables = {table.name: table for table in source.discover(soon())}
        assert set(tables) == {"CUSTOMERS", 'Odd "name', "NO_KEY"}
        customers = tables["CUSTOMERS"]
        assert customers.schema.primary_key == ("ID",)
        assert customers.schema.description == "Who buys"
        rows = source.read(customers)
        found = pa.Table.from_batches(list(rows), rows.schema.arrow())
        assert source.read(tables['Odd "name']).schema.names == ("K",)
    assert found["ID"].to_pylist() == [1, 2, 3]
    assert found["AMOUNT"].to_pylist() == [Decimal("1.50"), Decimal("99999999.99"), None]
    first = {name: column[0].as_py() for name, column in zip(found.column_names, found.columns, strict=True)}
    assert first["TS"] == dt.datetime(2024, 1, 2, 3, 4, 5, 123456)  # noqa: DTZ001 - it has no zone
    assert first["TZ"] == dt.datetime(2024, 1, 2, 1, 4, 5, tzinfo=dt.UTC)
    assert (first["D"], first["T"], first["B"]) == (dt.date(2024, 1, 2), dt.time(1, 2, 3), True)
    assert (first["V"], first["BIN"]) == ('{"a":1}', b"\x00\xff")
    assert str(found.schema.field("ID").type) == "int64"
    assert rows.schema.warnings == ()


@pytest.mark.slow
def test_a_declared_key_that_repeats_is_not_used(snow):
    """Snowflake enforces none, so each is verified before anybody relies on it."""
    with closing(source_of(snow)) as source:
        [table] = [table for table in source.discover(soon()) if table.name == "NO_KEY"]
        declared = replace(table, schema=replace(table.schema, primary_key=("A",)))
        rows = source.read(declared)
        assert len(list(rows)) == 1
    assert rows.schema.primary_key == ()
    assert [(warning.code, warning.count) for warning in rows.schema.warnings] == [("key_not_unique", 1)]


@pytest.mark.slow
def test_limits_and_cursors(snow):
    """A part of a table is what was asked for."""
    with closing(source_of(snow, tables=["customers"])) as source:
        [table] = source.discover(soon())
        rows = source.read(table, limit=2, columns=["NAME"])
        assert [batch.to_pylist() for batch in rows] == [[{"NAME": "a"}, {"NAME": "b"}]]
        assert [warning.code for warning in rows.schema.warnings] == ["limited"]
        rows = source.read(table, since=Bookmark("ID", after="1", until="2"), columns=["ID"])
        assert [batch.to_pylist() for batch in rows] == [[{"ID": 2}]]


@pytest.mark.slow
def test_a_test_tells_what_is_there(snow):
    """And a table that is not there is named."""
    with closing(source_of(snow)) as source:
        report = source.test(soon())
        assert report.server.startswith("Snowflake ")
        assert {table.name for table in report.tables} >= {"CUSTOMERS", "NO_KEY"}
    with closing(source_of(snow, tables=["NOPE"])) as source, pytest.raises(SourceRefused) as refused:
        source.discover(soon())
    assert (refused.value.code, refused.value.field) == ("not_found", "tables")


def refusing(error):
    """Return what connects, and is refused."""

    def connect(**given):
        raise error

    return connect


@pytest.mark.parametrize(("errno", "code", "field"), [(250001, "auth", "password"), (290404, "unreachable", "account"),
                                                      (604, "timeout", None), (999, "unknown", None)])  # fmt: skip
def test_refusals_of_the_driver_are_told_by_their_numbers(errno, code, field):
    """Nothing that the driver says is told: it may quote the password."""
    from snowflake.connector.errors import DatabaseError

    error = DatabaseError(msg="Incorrect hunter2-canary", errno=errno)
    with closing(source_of(refusing(error))) as source, pytest.raises(SourceRefused) as refused:
        source.test(soon())
    assert (refused.value.code, refused.value.field) == (code, field)
    assert "hunter2" not in str(refused.value)


def test_a_connection_that_hangs_ends_at_the_deadline():
    """Whatever the driver does."""
    began = time.monotonic()
    with closing(source_of(lambda **given: time.sleep(2))) as source, pytest.raises(SourceRefused) as refused:
        source.test(SourceDeadline(0.3))
    assert refused.value.code == "timeout"
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("account", "expected"), [("ORG-ACC.snowflakecomputing.com", "org-acc"), ("xy.eu-1", "xy.eu-1")]
)
def test_an_account_may_have_its_domain(account, expected):
    """Both ways of writing it are the same account."""
    assert parse_config(SnowflakeConfig, {**GIVEN, "account": account}).account == expected


@pytest.mark.parametrize("account", ["x/../y", "http://x", ".snowflakecomputing.com", "a@b", "127.0.0.1:80"])
def test_what_is_no_account_is_refused(account):
    """An account is a part of a name of Snowflake's domain, and leads nowhere else."""
    with pytest.raises(SourceRefused) as refused:
        parse_config(SnowflakeConfig, {**GIVEN, "account": account})
    assert refused.value.field == "account"


def test_the_name_of_an_account_is_checked_before_it_is_asked():
    """A private link leads into a private network, which whoever runs filesync has to allow."""
    guard = AddressGuard(resolve=lambda host, port: ["10.1.2.3"])
    source = open_source("snowflake", GIVEN, SourceContext(guard=guard))
    with pytest.raises(SourceRefused) as refused:
        source.test(soon())
    assert (refused.value.code, refused.value.field) == ("not_allowed", "account")
    assert source_type("snowflake").tested == "contract"


def test_keys_and_relations_of_what_snowflake_shows():
    """Keys of several columns are in their order, whatever the order of the rows."""
    key = {"table_name": "T", "constraint_name": "K"}
    rows = [{**key, "column_name": "B", "key_sequence": 2}, {**key, "column_name": "A", "key_sequence": 1}]
    assert keys_of(rows) == {"T": ("A", "B")}
    link = {"fk_name": "F", "fk_table_name": "C", "pk_table_name": "T"}
    rows = [
        {**link, "fk_column_name": "TB", "pk_column_name": "B", "key_sequence": 2},
        {**link, "fk_column_name": "TA", "pk_column_name": "A", "key_sequence": 1},
    ]
    assert relations_of(rows) == [TableRelation("C", ("TA", "TB"), "T", ("A", "B"))]


def test_a_private_key_is_read_and_a_wrong_passphrase_named():
    """A key pair is what Snowflake wants."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase-canary"),
    ).decode()  # fmt: skip
    given = {name: value for name, value in GIVEN.items() if name != "password"}
    seen = []
    for passphrase, field in (("passphrase-canary", None), ("wrong", "private_key")):
        config = parse_config(SnowflakeConfig, {**given, "private_key": pem, "passphrase": passphrase})
        source = SnowflakeSource(config, SourceContext(), connect=lambda **named: seen.append(named) or 1 / 0)
        with pytest.raises(SourceRefused) as refused:
            source.test(soon())
        assert refused.value.field == field
    assert seen[0]["authenticator"] == "SNOWFLAKE_JWT"
    assert "password" not in seen[0]
