"""Parquet files: every value as it is, structure as JSON, and footers that are looked at before anything is read."""

import struct
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.tables.reading import ReadLimits, ReadOptions, read_tables
from filesync_dagster_tests.tables.reading.test_corpus import rows_of


def read(path, **limits):
    """Return the table of a Parquet file."""
    [table] = read_tables(path, "x", ReadOptions(), path.parent / "out", ReadLimits(**limits))
    return table


def test_every_value_is_as_it_was(tmp_path):
    """Decimals, unsigned numbers, moments with and without zones, bytes; lists and structures are JSON."""
    path = tmp_path / "x.parquet"
    data = pa.table({
        "i": pa.array([1, None], pa.int32()),
        "u": pa.array([2**64 - 1, 0], pa.uint64()),
        "d": pa.array([Decimal("1.10"), None], pa.decimal128(5, 2)),
        "t": pa.array([datetime(2024, 1, 2, 3, 4, 5, 6), None], pa.timestamp("us")),
        "z": pa.array([0, 1], pa.timestamp("ms", "UTC")),
        "c": pa.array(["a", "b"]).dictionary_encode(),
        "l": pa.array([[1, 2], None]),
        "s": pa.array([{"a": 1, "b": date(2024, 1, 1)}, None]),
        "b": pa.array([b"\0\xff", None]),
        "day": pa.array([date(2024, 1, 2), None], pa.date64()),
    })  # fmt: skip
    pq.write_table(data, path)
    table = read(path)
    rows = rows_of(table)
    assert rows[0][:3] == (1, 2**64 - 1, Decimal("1.10"))
    assert rows[0][6:8] == ("[1,2]", '{"a":1,"b":"2024-01-01"}')
    assert rows[0][8:] == (b"\0\xff", date(2024, 1, 2))
    assert rows[1][6] is None
    assert {w.code for w in table.schema.warnings} == {"nested_as_json"}
    assert [str(c.type) for c in table.schema.columns][:6] == [
        "int32", "uint64", "decimal128(5, 2)", "timestamp[us]", "timestamp[ms, tz=UTC]", "string"
    ]  # fmt: skip


def broken(tmp_path, change):
    """Return a Parquet file whose bytes were changed."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[:-20], "broken"),
        (lambda data: data[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1", "broken"),
        (lambda data: b"PARE" + data[4:], "encrypted"),
        (lambda data: b"PAR1" + bytes(len(data) // 2) + data[len(data) // 2 + 4 :], "broken"),
    ],
    ids=["cut", "a footer larger than the file", "encrypted", "pages of zeros"],
)
def test_a_broken_file_is_refused(tmp_path, change, code):
    """Whatever is wrong with it; nothing of it stays."""
    path = broken(tmp_path, change)
    with pytest.raises(UnreadableTable) as caught:
        read(path)
    assert caught.value.code == code
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_too_much_is_refused_before_it_is_read(tmp_path):
    """By what the footer says: rows, columns, and how large it becomes."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [1] * 1000, "b": [1] * 1000}), path)
    for limits in ({"rows": 999}, {"columns": 1}):
        with pytest.raises(LimitReached):
            read(path, **limits)
