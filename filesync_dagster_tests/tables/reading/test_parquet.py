"""Parquet files: every value as it is, structure as JSON, and footers that are looked at before anything is read."""

import base64
import io
import random
import struct
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filesync_dagster.core.errors import LimitReached, StaleSource, StorageError, UnreadableTable
from filesync_dagster.tables.ranges import make_stand_in, served_ranges
from filesync_dagster.tables.reading import ReadLimits, ReadOptions, parquet_table, read_tables
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


def test_moments_of_any_year(tmp_path):
    """INT96 is no other moment for being before 1678, and says what it lost; years that no calendar has are counted."""
    path = tmp_path / "x.parquet"
    moments = [datetime(1600, 1, 1), None, datetime(2024, 1, 1, 1, 2, 3, 4)]
    pq.write_table(pa.table({"t": pa.array(moments)}), path, use_deprecated_int96_timestamps=True)
    table = read(path)
    assert [row[0] for row in rows_of(table)] == moments
    assert not table.schema.warnings
    exact = pa.table({"n": [1, 2], "t": pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns"))})
    pq.write_table(exact, path, use_deprecated_int96_timestamps=True)
    assert [(w.code, w.column, w.count) for w in read(path).schema.warnings] == [("nanoseconds_cut", "t", 1)]
    far = {"t": pa.array([0, 2**62], pa.timestamp("us")), "d": pa.array([-800_000, 0], pa.date32())}
    pq.write_table(pa.table(far), path)
    table = read(path)
    assert rows_of(table) == [(datetime(1970, 1, 1), None), (None, date(1970, 1, 1))]
    assert [(w.code, w.column, w.count) for w in table.schema.warnings] == [
        ("beyond_calendar", "t", 1), ("beyond_calendar", "d", 1)
    ]  # fmt: skip


def test_moments_in_structures_are_texts_where_python_has_none(tmp_path):
    """With nanoseconds, or of far years; all values are there."""
    path = tmp_path / "x.parquet"
    fine = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))
    kinds = pa.struct([("l", pa.list_(pa.timestamp("us"))), ("m", pa.map_(pa.string(), pa.timestamp("us")))])
    far = pa.array([{"l": [0, 2**62], "m": [("k", 0)]}], kinds)
    pq.write_table(pa.table({"fine": pa.ListArray.from_arrays([0, 1], fine), "far": far}), path)
    [(first, second)] = rows_of(read(path))
    assert first == '["2023-11-14 22:13:20.123456789"]'
    assert second.startswith('{"l":["1970-01-01 00:00:00.000000","')
    assert '"m":[["k","1970-' in second


def test_numbers_beyond_any_type_are_text(tmp_path):
    """With all their digits, and told; narrower ones are numbers whatever they were written as."""
    path = tmp_path / "x.parquet"
    wide = {"w": pa.array([Decimal(10) ** 50, None], pa.decimal256(60, 2)), "n": pa.array([1, 2], pa.decimal256(20, 1))}
    pq.write_table(pa.table(wide), path)
    table = read(path)
    assert rows_of(table) == [(f"1{'0' * 50}.00", Decimal("1.0")), (None, Decimal("2.0"))]
    assert [(w.code, w.column) for w in table.schema.warnings] == [("long_numbers", "w")]


def not_utf8(path):
    """Write texts that are none."""
    bad = pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("<ii", 0, 1)), pa.py_buffer(b"\xff"))
    pq.write_table(pa.table({"a": bad}), path)


def partly_encrypted(path):
    """Write a column that only its key opens, and a footer that anybody reads."""
    from pyarrow.parquet import encryption

    class Keys(encryption.KmsClient):
        def __init__(self, _):
            super().__init__()

        def wrap_key(self, key, _):
            return base64.b64encode(key)

    factory = encryption.CryptoFactory(Keys)
    chosen = encryption.EncryptionConfiguration(footer_key="f", column_keys={"c": ["a"]}, plaintext_footer=True)
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), chosen)
    with pq.ParquetWriter(path, pa.schema({"a": pa.int64()}), encryption_properties=properties) as writer:
        writer.write_table(pa.table({"a": [1]}))


@pytest.mark.parametrize(
    ("write", "code"),
    [
        (not_utf8, "encoding"),
        (partly_encrypted, "encrypted"),
        (lambda path: pq.write_table(pa.table({}), path), "empty"),
    ],
    ids=["no UTF-8", "some columns encrypted", "no columns"],
)
def test_what_cannot_be_a_table_is_refused(tmp_path, write, code):
    """With the reason, before anybody meets it."""
    write(tmp_path / "x.parquet")
    with pytest.raises(UnreadableTable) as caught:
        read(tmp_path / "x.parquet")
    assert caught.value.code == code


def test_only_what_is_needed_is_asked_for(tmp_path, monkeypatch):
    """The first rows of a group cost no more than their pages, whatever the group has; a file that fails is told."""
    monkeypatch.setattr(parquet_table, "BUFFER_MIN_BYTES", 16_384)
    monkeypatch.setattr(parquet_table, "BUFFERS_BYTES", 32_768)
    numbers = random.Random(1).sample(range(2**40), 50_000)
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": numbers[::-1], "b": numbers}), sink, use_dictionary=False, data_page_size=16_384)
    content, asked = sink.getvalue(), []

    def open_range(offset, length):
        asked.append(length)
        return io.BytesIO(content[offset : offset + length])

    make_stand_in(tmp_path / "x.parquet", len(content))
    with served_ranges({tmp_path / "x.parquet": open_range}) as failed:
        options = ReadOptions(format="parquet", rows=100, columns=("b",))
        [table] = read_tables(tmp_path / "x.parquet", "x", options, tmp_path / "out")
    assert rows_of(table) == [(number,) for number in numbers[:100]]
    assert sum(asked) < len(content) / 4
    assert not failed

    def fail(offset, length):
        raise StaleSource("It is another one.")

    with served_ranges({tmp_path / "x.parquet": fail}) as failed, pytest.raises(StorageError):
        read_tables(tmp_path / "x.parquet", "x", options, tmp_path / "out2")
    assert isinstance(failed[tmp_path / "x.parquet"], StaleSource)


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
