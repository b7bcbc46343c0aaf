from contextlib import closing

import pyarrow as pa
import pytest

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.core.redaction import redact
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.registry import open_source
from filesync_dagster_tests.tables.sources.atlas_fake import AtlasFake
from filesync_dagster_tests.tables.sources.http_fakes import service

COLUMNS = [
    ("id", "bigint", "The key", (), {"isPrimaryKey": True, "isNullable": False}),
    ("email", "varchar(80)", "How to reach them", ("PII",), {}),
    ("amount", "decimal(10,2)", None, (), {}),
    ("at", "timestamp", None, (), {}),
]


@pytest.fixture
def fake():
    """Return a catalogue of 250 tables of two types, one of them deleted, and a type that nobody asks for."""
    catalogue = AtlasFake(users={"reader": "hunter2-canary"}, apps={"app": "hunter3-canary"})
    for number in range(200):
        catalogue.add_table("rdbms_table", f"orders_{number}", COLUMNS, description=f"Number {number}")
    for number in range(49):
        catalogue.add_table("hive_table", f"events_{number}", COLUMNS[:2], classifications=("CONFIDENTIAL",))
    catalogue.add_table("hive_table", "gone", COLUMNS, status="DELETED")
    catalogue.add_table("kafka_topic", "topic", [])
    return catalogue


@pytest.fixture
def server(fake):
    """Serve it."""
    with service(fake.answer) as running:
        yield running


def source_of(server, **settings):
    """Return a source of the catalogue."""
    who = {"username": "reader", "password": "hunter2-canary"} if "client_id" not in settings else {}
    given = {"endpoint_url": server.url, **who, **settings}
    return open_source("atlas", given, SourceContext("catalogue", guard=AddressGuard.of_operator()))


def soon():
    """Return a deadline that no good answer misses."""
    return SourceDeadline(30)


def test_schemas_come_with_descriptions_keys_and_sensitivity(server):
    """All tables of the types are there, each once; deleted ones are not; and no rows are claimed."""
    with closing(source_of(server)) as source:
        tables = {table.name: table for table in source.discover(soon())}
    assert len(tables) == 249
    orders = tables["orders_7"]
    assert (orders.kind, orders.rows_estimate, orders.schema.row_count) == ("schema", None, None)
    assert orders.schema.description == "Number 7"
    assert orders.schema.primary_key == ("id",)
    assert [(c.name, c.type, c.nullable) for c in orders.schema.columns] == [
        ("id", pa.int64(), False), ("email", pa.string(), True), ("amount", pa.decimal128(10, 2), True),
        ("at", pa.timestamp("us"), True),
    ]  # fmt: skip
    email = orders.schema.column("email")
    assert (email.sensitivity, email.description, email.sql_type) == (("PII",), "How to reach them", "varchar(80)")
    assert tables["events_1"].schema.column("email").sensitivity == ("PII", "CONFIDENTIAL")


def test_rows_are_refused(server):
    """A catalogue that is asked for rows says what to do instead."""
    with closing(source_of(server)) as source:
        [table] = source.discover(soon())[:1]
        with pytest.raises(SourceRefused, match="not its rows") as refused:
            source.read(table)
    assert refused.value.code == "unsupported"


def test_a_test_tells_the_version(server, fake):
    """And asks for one table of each type only."""
    with closing(source_of(server)) as source:
        report = source.test(soon())
    assert report.server == "Atlas 2.3.0"
    assert [table.name for table in report.tables] == ["orders_0", "events_0"]
    assert len(server.asked) == 3


def test_a_service_principal_asks_as_purview_wants_it(server):
    """A token is fetched for the tenant, and neither it nor the secret is ever told."""
    settings = {"tenant_id": "tenant-1", "client_id": "app", "authority_url": server.url}
    with closing(source_of(server, client_secret="hunter3-canary", query="orders_1", **settings)) as source:
        assert {table.name for table in source.discover(soon())} >= {"orders_1", "orders_199"}
    assert server.asked[0].path == "/tenant-1/oauth2/v2.0/token"
    assert server.asked[0].form["scope"] == "https://purview.azure.net/.default"
    assert redact("atlas-token-canary") == "***"
    wrong = source_of(server, client_secret="wrong-canary", **settings)
    with pytest.raises(SourceRefused) as refused:
        wrong.test(soon())
    assert (refused.value.code, refused.value.field) == ("auth", "client_secret")


def test_a_wrong_password_is_named(server):
    """The field to correct is the password."""
    with closing(source_of(server, password="wrong-canary")) as source, pytest.raises(SourceRefused) as refused:
        source.discover(soon())
    assert (refused.value.code, refused.value.field) == ("auth", "password")


def test_pages_that_repeat_are_an_error(server, fake):
    """A catalogue that sends its first page for ever is not believed."""
    fake.repeats = True
    with closing(source_of(server)) as source, pytest.raises(SourceRefused, match="repeats itself"):
        source.discover(soon())
    assert len(fake.pages) <= 3


@pytest.mark.parametrize(
    "body", [b"<html>sign in</html>", b"[]", b'{"entities": 7}', b'{"entities": [{"name": "x"}]}', b""]
)
def test_rubbish_is_refused(body):
    """What is no answer of a catalogue is an error, not an empty one."""
    with service(lambda asked: (200, {}, body)) as server, pytest.raises(SourceRefused) as refused:
        source_of(server).discover(soon())
    assert refused.value.code == "protocol"
