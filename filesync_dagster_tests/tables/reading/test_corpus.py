"""A corpus of nasty files: each becomes exactly what was written into it, or is refused with the reason."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filesync_dagster.core.errors import LimitReached, TableError
from filesync_dagster.tables.reading import ReadLimits, ReadOptions, find_format, read_tables
from filesync_dagster_tests.tables.reading.cases import CSV, JSON


def rows_of(table):
    """Return the rows of a table as tuples."""
    read = pa.concat_tables([pq.read_table(part) for part in table.parts])
    return list(zip(*(column.to_pylist() for column in read.columns), strict=True)) if read.num_rows else []


def read(folder, case):
    """Return the tables of a case."""
    path = folder / case.name
    path.write_bytes(case.content)
    find_format(path)
    return read_tables(path, "x", ReadOptions(**case.options), folder / "out")


def test_the_corpus_is_large_enough():
    """At least sixty files, each with its right result or its refusal."""
    assert len({case.id for case in [*CSV, *JSON]}) == len([*CSV, *JSON]) >= 60


@pytest.mark.parametrize("case", [*CSV, *JSON], ids=str)
def test_a_nasty_file(tmp_path, case):
    """Every cell is what was written, with its type; what was left out or assumed is told; else it is refused."""
    if case.refused:
        with pytest.raises(TableError) as caught:
            read(tmp_path, case)
        assert caught.value.code == case.refused, caught.value
        assert str(tmp_path) not in str(caught.value)
        assert not list((tmp_path / "out").rglob("*.parquet")) if (tmp_path / "out").exists() else True
        return
    [table] = read(tmp_path, case)
    assert {column.name: str(column.type) for column in table.schema.columns} == case.types
    told = {warning.code for warning in table.schema.warnings} - {"header_assumed"}
    assert told == set(case.warned)
    rows = rows_of(table)
    assert table.schema.row_count == len(rows)
    if case.rows is not None:
        assert rows == case.rows
        assert [[type(v) for v in row] for row in rows] == [[type(v) for v in row] for row in case.rows]
    else:
        assert len(rows) == case.content.count(b"\n") - 1


def test_several_lists_of_an_object_are_several_tables(tmp_path):
    """Each has the name that it has in the file; lists in rows become tables of their own when asked."""
    path = tmp_path / "x.json"
    path.write_bytes(b'{"users": [{"id": 1, "tags": [{"t": "a"}, {"t": "b"}]}], "orders": [{"id": 2}]}')
    assert [table.name for table in read_tables(path, "x", ReadOptions(), tmp_path / "a")] == ["users", "orders"]
    users, tags, orders = read_tables(path, "x", ReadOptions(explode=True), tmp_path / "b")
    assert (users.name, tags.name, orders.name) == ("users", "users_tags", "orders")
    assert rows_of(users) == [(1, 1)]
    assert rows_of(tags) == [(1, "a"), (1, "b")]


@pytest.mark.parametrize(
    ("content", "limits", "code"),
    [
        (b"a,b\n1," + b"x" * 2_000 + b"\n2,y\n", {"line_bytes": 1_000}, "line_too_long"),
        (b'a,b\n1,"' + b"x\n" * 1_000 + b'"\n', {"line_bytes": 1_000}, "line_too_long"),
        (b",".join(b"c%d" % n for n in range(100_000)) + b"\n" + b"1," * 99_999 + b"1\n", {}, "too_many_columns"),
        (b"a\n1\n2\n3\n", {"rows": 2}, "too_many_rows"),
    ],
    ids=["a long line", "a long quoted field", "100,000 columns", "many rows"],
)
def test_a_file_beyond_its_limits_is_refused(tmp_path, content, limits, code):
    """With what it has too much of; no part of it is a table."""
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(LimitReached) as caught:
        read_tables(path, "x", ReadOptions(), tmp_path / "out", ReadLimits(**limits))
    assert caught.value.code == code
    assert not list((tmp_path / "out").rglob("*.parquet"))
