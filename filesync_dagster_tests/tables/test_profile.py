"""Tests of the profile: what is counted is so, roles are decided by values."""

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.core.errors import Cancelled
from filesync_dagster.tables import profile as profiles
from filesync_dagster.tables.model import Role, Table
from filesync_dagster.tables.profile import profile
from filesync_dagster.tables.profile.identifiers import is_card, is_iban, is_national_id
from filesync_dagster.tables.profile.masks import format_pattern, mask, numbered_format
from filesync_dagster.tables.profile.people import person_kind
from filesync_dagster_tests.tables.data_sets import hr_data_set, write_table


def column(tmp_path, values, name="a", table="t", **more):
    """Return a profiled column of some values."""
    found = profile(write_table(tmp_path, table, pa.table({name: values}), **more))
    return found.schema.column(name)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3)), min_size=1, max_size=60))
def test_integers_are_counted(tmp_path_factory, values):
    """Rows, NULL, distinct ones, ends, the most frequent: as Python counts them, and exactly."""
    stats = column(tmp_path_factory.mktemp("t"), pa.array(values, pa.int64())).stats

    filled = [value for value in values if value is not None]
    assert (stats["count"], stats["nulls"], stats["distinct"]) == (len(values), values.count(None), len(set(filled)))
    if filled:
        assert (int(stats["min"]), int(stats["max"])) == (min(filled), max(filled))
        assert stats["mean"] == pytest.approx(sum(filled) / len(filled), rel=1e-6, abs=1e-6)
        if len(set(filled)) <= 20:
            assert {int(each["value"]): each["count"] for each in stats["top"]} == {v: filled.count(v) for v in filled}
        assert [int(v) for v in stats["quantiles"]][::20] == pytest.approx([min(filled), max(filled)], rel=1e-12)
    orjson.dumps(stats)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=6)), min_size=1, max_size=60))
def test_texts_are_counted(tmp_path_factory, values):
    """An empty text is a value, and none is NULL."""
    stats = column(tmp_path_factory.mktemp("t"), pa.array(values, pa.string())).stats

    filled = [value for value in values if value is not None]
    assert (stats["count"], stats["nulls"], stats["distinct"]) == (len(values), values.count(None), len(set(filled)))
    if filled:
        assert (stats["length_min"], stats["length_max"]) == (min(map(len, filled)), max(map(len, filled)))


def test_numbers_that_are_none_are_counted_apart(tmp_path):
    """NaN and infinity spoil neither mean nor ends, and JSON has none of them."""
    stats = column(tmp_path, pa.array([1.5, 2.25, math.nan, math.inf, None])).stats

    assert (stats["not_finite"], stats["nulls"], stats["min"], stats["max"], stats["mean"]) == (2, 1, 1.5, 2.25, 1.875)
    assert stats["decimals"] == 2
    assert b":null" not in orjson.dumps(stats)


@pytest.mark.parametrize(
    ("values", "first", "last"),
    [
        (pa.array([Decimal("12.30"), Decimal("-0.05")], pa.decimal128(9, 2)), "-0.05", "12.30"),
        (pa.array([10**30, 1], pa.decimal128(38, 0)), "1", str(10**30)),
        (pa.array([2**53 + 1, 5]), 5, str(2**53 + 1)),
        (pa.array([date(1899, 12, 31), date(2024, 2, 29)]), "1899-12-31", "2024-02-29"),
        (pa.array([time(23, 59), time(0, 1)], pa.time64("us")), "00:01:00.000000", "23:59:00.000000"),
        (pa.array([True, False]), False, True),
        (pa.array([datetime(2024, 3, 31, 1, 30, tzinfo=UTC)] * 2, pa.timestamp("s", "UTC")), None, None),
    ],
    ids=str,
)
def test_ends_are_exact(values, first, last, tmp_path):
    """Decimals and large integers are texts: JSON would round them."""
    stats = column(tmp_path, values).stats

    if first is not None:
        assert (stats["min"], stats["max"]) == (first, last)
    assert stats["distinct"] == len(set(values.to_pylist()))


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("customer_id", list(range(60)), Role.KEY),
        ("code", [f"X-{i:03}" for i in range(60)], Role.KEY),
        ("amount", [round(i * 1.37, 2) for i in range(60)], Role.NUMBER),
        ("rating", [1, 2, 3, 4, 5] * 12, Role.CATEGORY),
        ("unit", ["EUR"] * 60, Role.CONSTANT),
        ("nothing", pa.nulls(60, pa.string()), Role.CONSTANT),
        ("on", [date(2024, 1, 1 + i % 28) for i in range(60)], Role.DATETIME),
        ("payload", ['{"a": 1}', '{"a": 2}', "[1]"] * 20, Role.JSON),
        ("note", [f"Came on day {i} and said that all is very well." for i in range(60)], Role.TEXT),
        ("blob", [bytes([i]) for i in range(60)], Role.BINARY),
        ("email", [f"a{i}@b.example" for i in range(60)], Role.PERSON),
        ("contact", [f"a{i}@b.example" for i in range(60)], Role.PERSON),
        ("email", [f"none {i % 9}" for i in range(60)], Role.CATEGORY),
        ("phone", ["+49 30 1234567", "030/7654321", "(030) 99 88 77 6"] * 20, Role.PERSON),
    ],
)
def test_roles_are_decided_by_values(name, values, role, tmp_path):
    """A name alone does not make a column personal, and no name hides an address."""
    array = values if isinstance(values, pa.Array) else pa.array(values)

    assert column(tmp_path, pa.concat_arrays([array]), name).role is role


def test_statistics_of_persons_name_nobody(tmp_path):
    """What is counted goes where rows do not: no value of a personal column is in it."""
    found = column(tmp_path, pa.array([f"zoe{i % 30}@b.example" for i in range(90)]), "email")

    assert found.role is Role.PERSON
    assert b"zoe" not in orjson.dumps(found.as_json())
    assert (found.stats["distinct"], found.stats["length_max"]) == (30, 15)


def test_persons_of_the_hr_files_are_known(tmp_path):
    """Names, addresses, birthdays of people; a department's name is nobody's."""
    tables = [profile(hr_data_set(tmp_path).table(name)) for name in ("employees", "departments", "skills")]

    kinds = {(t.name, c.name): c.person_kind for t in tables for c in t.schema.columns if c.role is Role.PERSON}
    assert kinds == {
        ("employees", name): kind
        for name, kind in {
            "first_name": "first_name",
            "last_name": "last_name",
            "email": "email",
            "phone": "phone",
            "birth_date": "birth_date",
            "city": "city",
            "postal_code": "postcode",
            "country": "country",
        }.items()
    }
    assert tables[0].schema.column("employee_number").format == "EMP-%05d"


def test_parts_are_one_table(tmp_path):
    """Order and counts go over all parts."""
    rows = pa.table({"n": pa.array(range(100)), "s": [f"{i:03}" for i in range(100)]})

    found = profile(write_table(tmp_path, "t", rows, parts=7)).schema

    assert [each.stats["order"] for each in found.columns] == ["rising", "rising"]
    assert [each.stats["distinct"] for each in found.columns] == [100, 100]
    assert found.column("s").format == "%03d"


def test_large_tables_are_counted_as_small_ones(tmp_path, monkeypatch):
    """What is exact for a small table is so for one that does not fit into memory, and the sample is told."""
    table = hr_data_set(tmp_path).table("salaries")
    small = profile(table).schema
    monkeypatch.setattr(profiles, "EXACT_ROWS", 400)
    large = profile(table).schema

    for one, other in zip(small.columns, large.columns, strict=True):
        assert other.stats["sampled_rows"] < 400
        for fact in ("count", "nulls", "distinct", "min", "max", "mean", "sd"):
            expected = one.stats.get(fact)
            if isinstance(expected, float):
                assert other.stats[fact] == pytest.approx(expected), (one.name, fact)
            else:
                assert other.stats.get(fact) == expected, (one.name, fact)


def test_a_profile_can_be_cancelled(tmp_path):
    """Between two columns."""
    table: Table = hr_data_set(tmp_path).table("employees")

    with pytest.raises(Cancelled):
        profile(table, cancel=lambda: True)


def test_shapes_of_texts():
    """Letters, digits, and what is between them; a format fits all of the texts or is none."""
    assert mask("EMP-00017 ä") == "AAA-99999 a"
    assert numbered_format(["EMP-00017", "EMP-00100"]) == "EMP-%05d"
    assert numbered_format(["5% no. 7", "5% no. 12"]) == "5%% no. %d"
    assert numbered_format(["007", "014"]) == "%03d"
    assert numbered_format(["7", "14"]) is None
    assert numbered_format(["EMP-00017", "EMP-2"]) is None
    assert numbered_format(["EMP-1", "ABC-1"]) is None
    assert format_pattern("5%% no. %d").startswith("^5")


def test_numbers_of_people_have_their_checks():
    """Each by the rule of who gives them out, and not one digit else."""
    assert is_iban("DE89 3704 0044 0532 0130 00")
    assert not is_iban("DE89 3704 0044 0532 0130 01")
    assert is_card("4111 1111 1111 1111")
    assert not is_card("4111 1111 1111 1112")
    assert is_national_id("44051401458")
    assert not is_national_id("12345")
    assert person_kind("card", "t", pa.string(), ["4111111111111111"] * 10) == "card"
    assert person_kind("number", "t", pa.string(), ["4111111111111111"] * 10) is None
