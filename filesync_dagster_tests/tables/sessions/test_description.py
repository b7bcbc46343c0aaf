"""Tables as a request describes them become tables that can be made up."""

import pyarrow as pa
import pytest

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import Role
from filesync_dagster.tables.sessions.description import describe_request
from filesync_dagster.tables.sessions.request import GenerationRequest
from filesync_dagster.tables.synthetic import GenerateRequest, describe_tables, generate
from filesync_dagster_tests.tables.data_sets import rows_of


def column(name, data_type="VARCHAR(40)", **more):
    """Return a column as clients send it."""
    return {"name": name, "data_type": data_type, **more}


def request(**more):
    """Return the request of a client: customers, their orders, and one profile each."""
    tables = [
        {
            "name": "Customers",
            "columns": [
                column("ID", "SERIAL", is_primary_key=True),
                column("fullName", enhanced_description="What the customer is called"),
                column("Email", is_unique=True),
                column("countryCode", "CHAR(2)"),
                column("points", "INTEGER", business_rules="between 0 and 5000"),
                column("segment", business_rules=["One of: Retail, Wholesale"]),
            ],
        },
        {
            "name": "orders",
            "columns": [
                column("order_id", "bigint", is_primary_key=True),
                column("customer", "INTEGER", is_nullable=False),
                column("amount", "decimal(10,2)"),
                column("meta", "jsonb"),
                column("comment", "TEXT"),
            ],
        },
        {"name": "profiles", "columns": [column("customer_id", "INTEGER", is_primary_key=True), column("website")]},
    ]
    relationships = [
        {"source_table": "Customers", "source_column": "ID", "target_table": "orders", "target_column": "customer"},
        {
            "source_table": "Customers",
            "source_column": "ID",
            "target_table": "profiles",
            "target_column": "customer_id",
            "relationship_type": "one_to_one",
        },
    ]
    return GenerationRequest(**{"tables": tables, "relationships": relationships, **more})


def test_a_described_request_is_generated(tmp_path):
    """Types and roles follow from what the columns are called; one to one stays so."""
    data_set, words = describe_request(request())
    customers = data_set.table("Customers").schema
    assert [one.person_kind for one in customers.columns] == [None, "full_name", "email", "country", None, None]
    assert customers.unique_keys == (("Email",),)
    assert data_set.table("orders").schema.column("meta").role is Role.JSON
    assert data_set.table("orders").schema.column("amount").type == pa.decimal128(10, 2)

    found = generate(describe_tables(data_set, words=words), GenerateRequest(seed=1), tmp_path)

    profiles = rows_of(found.table("profiles"))["customer_id"].to_pylist()
    assert sorted(profiles) == list(range(1, 101))
    rows = rows_of(found.table("Customers")).to_pylist()
    assert {len(row["countryCode"]) for row in rows} == {2}
    assert {row["segment"] for row in rows} <= {"Retail", "Wholesale", None}
    assert len({row["Email"] for row in rows}) == 100


def test_relations_can_be_left_out():
    """A client may want each table for itself, or refuse one relation."""
    assert not describe_request(request(quality_settings={"include_relationships": False}))[0].relations
    refused = request().relationships[0].model_dump() | {"relationship_type": "none"}
    assert not describe_request(request(relationships=[refused]))[0].relations


def test_descriptions_without_sense_are_refused():
    """Two tables of one name; a table of no columns; two columns of one name."""
    one = {"name": "a", "columns": [column("x")]}
    for tables in ([one, one], [{"name": "a"}], [{"name": "a", "columns": [column("x"), column("x")]}]):
        with pytest.raises(TableError):
            describe_request(request(tables=tables, relationships=[]))
