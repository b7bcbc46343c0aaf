"""What is decided about a read from what was there before, without a source."""

import pyarrow as pa
import pytest

from filesync_dagster.config import RowCountGuard
from filesync_dagster.tables.daily.drift import holds_all, schema_drift
from filesync_dagster.tables.daily.guard import objections
from filesync_dagster.tables.model import TableColumn, TableSchema


def schema(name, **columns):
    """Return a schema of a table."""
    made = [TableColumn(column, kind, i) for i, (column, kind) in enumerate(columns.items())]
    return TableSchema(name, "shop", tuple(made))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (pa.int64(), pa.int32()),
        (pa.int64(), pa.uint32()),
        (pa.decimal128(20, 2), pa.decimal128(10, 2)),
        (pa.decimal128(19, 0), pa.int64()),
        (pa.float64(), pa.float32()),
        (pa.float64(), pa.int32()),
        (pa.timestamp("us"), pa.date32()),
        (pa.timestamp("us", "UTC"), pa.timestamp("ms", "UTC")),
        (pa.string(), pa.int64()),
        (pa.large_string(), pa.bool_()),
    ],
)
def test_a_type_that_holds_all_of_another_is_wider_and_not_the_other_way_round(wide, narrow):
    """Only what can lose a value is a loss."""
    assert holds_all(wide, narrow)
    assert not holds_all(narrow, wide)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.int64(), pa.float64()),
        (pa.int64(), pa.uint64()),
        (pa.decimal128(10, 2), pa.decimal128(10, 4)),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.bool_(), pa.int8()),
        (pa.binary(), pa.int8()),
    ],
)
def test_types_of_which_neither_holds_the_other(one, other):
    """Both directions may lose something."""
    assert not holds_all(one, other)
    assert not holds_all(other, one)


def test_drift_tells_gone_narrower_added_and_wider():
    """A table and a column that are gone break what relies on them; what is new does not."""
    before = {"a": schema("a", x=pa.int64(), y=pa.int32(), z=pa.string()), "b": schema("b", x=pa.int64())}
    after = {"a": schema("a", x=pa.int32(), y=pa.int64(), new=pa.string()), "c": schema("c", x=pa.int64())}
    found = {(one.table, one.column): (one.kind, one.is_breaking) for one in schema_drift(before, after)}
    assert found == {
        ("b", None): ("gone", True),
        ("c", None): ("added", False),
        ("a", "x"): ("narrower", True),
        ("a", "y"): ("wider", False),
        ("a", "z"): ("gone", True),
        ("a", "new"): ("added", False),
    }
    assert schema_drift({}, after) == []
    assert schema_drift(after, after) == []


@pytest.mark.parametrize(("rows", "held"), [(500, False), (499, True), (0, True), (2000, False)])
def test_more_than_half_of_the_rows_lost_is_held(rows, held):
    """Exactly half is believed."""
    assert bool(objections(RowCountGuard(), {"orders": 1000}, {"orders": rows})) is held


def test_a_table_that_is_gone_is_held_and_an_empty_one_is_not_missed():
    """What had no rows can lose none."""
    assert objections(RowCountGuard(), {"orders": 10, "empty": 0}, {}) == ("orders is gone; it had 10 rows.",)
    assert objections(RowCountGuard(enabled=False), {"orders": 10}, {}) == ()
    assert objections(RowCountGuard(max_fewer_rows_percent=90), {"orders": 10}, {"orders": 1}) == ()
