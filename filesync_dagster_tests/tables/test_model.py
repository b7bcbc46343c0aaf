"""Tests of the model of tables: what is written down comes back."""

from datetime import UTC, datetime

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.tables.arrow_types import arrow_type, type_name
from filesync_dagster.tables.model import (
    SCHEMA_KEY,
    Multiplicity,
    Origin,
    Role,
    RuleKind,
    TableColumn,
    TableRelation,
    TableRule,
    TableSchema,
    TableWarning,
)

TYPES = st.one_of(
    st.sampled_from([pa.bool_(), pa.int16(), pa.int64(), pa.float64(), pa.string(), pa.binary(), pa.date32()]),
    st.builds(pa.timestamp, st.sampled_from(["s", "ms", "us", "ns"]), st.sampled_from([None, "UTC", "Europe/Berlin"])),
    st.integers(1, 38).flatmap(lambda digits: st.builds(pa.decimal128, st.just(digits), st.integers(0, digits))),
    st.builds(pa.time64, st.sampled_from(["us", "ns"])),
)


@given(TYPES)
def test_a_type_is_the_one_of_its_name(kind):
    """Names of types lose nothing: digits, scale, unit, zone."""
    assert arrow_type(type_name(kind)) == kind


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.int64()), pa.struct([("a", pa.int64())]), pa.map_(pa.string(), pa.int8())], ids=str
)
def test_nested_types_are_refused(kind):
    """What tables do not store is named in the refusal."""
    with pytest.raises(ValueError, match="columns"):
        type_name(kind)


def test_a_schema_is_in_the_metadata_of_its_parts():
    """Whoever finds a Parquet file reads in it what the table is, and gets an equal schema."""
    warning = TableWarning("quarantined_lines", "2 lines do not fit.", 2, examples=("line 7: a,b",))
    columns = (
        TableColumn("id", pa.int64(), 0, nullable=False, role=Role.KEY, stats={"distinct": 3}),
        TableColumn("e-mail", pa.string(), 1, person_kind="email", role=Role.PERSON, sensitivity=("PII",)),
    )
    schema = TableSchema(
        "people",
        "hr",
        columns,
        primary_key=("id",),
        primary_key_origin=Origin.DETECTED,
        unique_keys=(("e-mail",),),
        row_count=3,
        read_at=datetime(2026, 3, 1, tzinfo=UTC),
        warnings=(warning,),
    )
    arrow = schema.arrow()
    assert arrow.names == ["id", "e-mail"]
    assert TableSchema.from_json(orjson.loads(arrow.metadata[SCHEMA_KEY])) == schema


def test_relations_and_rules_come_back_from_json():
    """What a person confirmed is the same after a restart."""
    relation = TableRelation("b", ("a_id",), "a", ("id",), Origin.PROPOSED, Multiplicity.ONE_TO_ONE, 0.7, 0.93)
    rule = TableRule(RuleKind.COMPARE, "b", ("start", "end"), operator="<=", support=400, share=1.0)
    assert TableRelation.from_json(orjson.loads(orjson.dumps(relation.as_json()))) == relation
    assert TableRule.from_json(orjson.loads(orjson.dumps(rule.as_json()))) == rule
    assert not relation.holds
