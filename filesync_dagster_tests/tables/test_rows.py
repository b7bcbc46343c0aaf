"""Pages of rows, and their values as JSON."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import Role, Table, TableColumn, TableSchema
from filesync_dagster.tables.rows import count_rows, json_rows, json_values, page_of, person_columns


def store(folder, columns, *, parts=1, roles=None):
    """Write a table of one part or several."""
    data = pa.table(columns)
    described = tuple(
        TableColumn(field.name, field.type, number, role=(roles or {}).get(field.name))
        for number, field in enumerate(data.schema)
    )
    paths = []
    size = -(-max(1, data.num_rows) // parts)
    for number in range(parts):
        path = folder / f"part-{number}.parquet"
        pq.write_table(data.slice(number * size, size), path, row_group_size=3)
        paths.append(path)
    return Table(TableSchema("things", "", described, row_count=data.num_rows), tuple(paths))


@pytest.fixture
def things(tmp_path):
    """Return a table of ten rows in two parts of several row groups."""
    columns = {
        "id": pa.array(range(10), pa.int64()),
        "name": pa.array([f"n{n % 3}" if n != 4 else None for n in range(10)]),
        "price": pa.array([Decimal(n) / 4 for n in range(10)], pa.decimal128(6, 2)),
    }
    return store(tmp_path, columns, parts=2, roles={"name": Role.PERSON})


@given(offset=st.integers(0, 12), limit=st.integers(0, 12))
@settings(max_examples=30)
def test_a_page_begins_and_ends_where_it_is_asked_to(tmp_path_factory, offset, limit):
    """Whatever the parts and row groups are, rows come as a slice of the whole has them."""
    table = store(tmp_path_factory.mktemp("rows"), {"id": list(range(10))}, parts=3)
    found = page_of(table, limit=limit, offset=offset).column("id").to_pylist()
    assert found == list(range(10))[offset : offset + limit]


def test_rows_are_found_and_sorted(things):
    """By values, lists, bounds and NULL; what the order leaves open is as in the table."""

    def ids(**asked):
        return page_of(things, columns=["id"], **asked).column("id").to_pylist()

    assert ids(where={"name": "n1"}) == [1, 7]
    assert ids(where={"name": ["n1", None]}) == [1, 4, 7]
    assert ids(where={"name": None}) == [4]
    assert ids(where={"name": []}) == []
    assert ids(where={"name": {"not": None}, "id": {"below": 2}}) == [0, 1]
    assert ids(where={"id": {"min": 3, "max": 5}}) == [3, 4, 5]
    assert ids(where={"price": 1.25}) == [5]
    assert ids(where={"price": {"above": "2.00"}}) == [9]
    assert ids(where={"name": {"contains": "N2"}}) == [2, 5, 8]
    assert ids(order=["-name", "id"], limit=4) == [2, 5, 8, 1]
    assert ids(order=["name"], limit=3, offset=3) == [9, 1, 7]
    assert count_rows(things, {"name": "n1"}) == 2


@pytest.mark.parametrize(
    "asked",
    [
        {"where": {"nothing": 1}},
        {"where": {"id": "1.5"}},
        {"where": {"id": "a"}},
        {"where": {"id": {"like": 1}}},
        {"where": {"id": {"min": {}}}},
        {"where": {"price": "many"}},
        {"order": ["-nothing"]},
        {"columns": ["id", 'x" FROM secrets --']},
    ],
)
def test_what_cannot_be_asked_is_told(things, asked):
    """A name that is not there, a value of another type: never a traceback, and never SQL."""
    with pytest.raises(TableError) as refused:
        page_of(things, **asked)
    assert refused.value.code in {"unknown_column", "bad_value"}


def test_names_are_no_sql(tmp_path):
    """A column may be called as it likes."""
    name = 'a" OR 1=1 --'
    table = store(tmp_path, {name: [1, 2]})
    assert page_of(table, where={name: 2}, order=[f"-{name}"]).to_pylist() == [{name: 2}]


def test_values_are_json(tmp_path):
    """Nothing is rounded on its way through JSON, and nothing is no JSON."""
    columns = {
        "big": pa.array([2**53, 2**53 + 1, -(2**62), None], pa.int64()),
        "real": [1.5, float("nan"), float("inf"), None],
        "exact": pa.array(
            [Decimal("1.10"), Decimal("9007199254740993.10"), Decimal("0.00"), None], pa.decimal128(38, 2)
        ),
        "whole": pa.array([Decimal(7), Decimal(2**53 + 1), Decimal(0), None], pa.decimal128(38, 0)),
        "day": [date(2024, 2, 29), None, date(1, 1, 1), date(9999, 12, 31)],
        "at": pa.array(
            [datetime(2024, 3, 31, 1, 30, tzinfo=UTC), None, None, None], pa.timestamp("us", "Europe/Berlin")
        ),
        "clock": pa.array([time(10, 30), None, None, None], pa.time64("us")),
        "nano": pa.array([1, 1_000, None, 2], pa.timestamp("ns")),
        "far": pa.array([2**62, 0, None, 1], pa.timestamp("us")),
        "raw": [b"\x00\xff", None, b"", b"a"],
        "took": pa.array([timedelta(seconds=90), None, None, None], pa.duration("us")),
        "flag": [True, False, None, True],
    }
    rows = json_rows(page_of(store(tmp_path, columns)))
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows

    def values(name):
        return [row[name] for row in rows]

    assert values("big") == [2**53, "9007199254740993", "-4611686018427387904", None]
    assert values("real") == [1.5, None, None, None]
    assert values("exact") == [1.1, "9007199254740993.10", 0.0, None]
    assert values("whole") == [7, "9007199254740993", 0, None]
    assert values("day") == ["2024-02-29", None, "0001-01-01", "9999-12-31"]
    assert values("at")[0] == "2024-03-31T01:30:00+00:00"
    assert values("clock")[0] == "10:30:00"
    assert values("nano") == ["1970-01-01 00:00:00.000000001", "1970-01-01 00:00:00.000001000", None,
                              "1970-01-01 00:00:00.000000002"]  # fmt: skip
    assert values("far")[1] == "1970-01-01 00:00:00.000000"
    assert values("raw") == ["AP8=", None, "", "YQ=="]
    assert (values("took")[0], values("flag")) == (90.0, [True, False, None, True])


@given(
    st.lists(
        st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20)
    )
)
def test_a_decimal_that_a_double_holds_is_a_number(values):
    """Read back, each is what it was."""
    column = pa.chunked_array([pa.array(values, pa.decimal128(38, 4))])
    told = json.loads(json.dumps(json_values(column)))
    back = [None if one is None else Decimal(str(one)) for one in told]
    assert back == [None if value is None else value.quantize(Decimal("0.0001")) for value in values]


def test_people_are_masked(things):
    """Only the first letter of what is about a person is shown."""
    assert person_columns(things) == ["name"]
    rows = json_rows(page_of(things, limit=5), masked=person_columns(things))
    assert [row["name"] for row in rows] == ["n***", "n***", "n***", "n***", None]
