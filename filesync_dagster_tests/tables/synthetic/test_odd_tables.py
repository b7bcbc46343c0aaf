"""Tests of tables that have hardly anything, and of columns with a form."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.synthetic import FitOptions, GenerateRequest, fit, generate, verify
from filesync_dagster_tests.tables.data_sets import rows_of, write_data_set
from filesync_dagster_tests.tables.data_sets.files import relation
from filesync_dagster_tests.tables.data_sets.odd_columns import missing_by_group, tiny


@pytest.mark.slow
def test_small_tables_are_generated(tmp_path):
    """One row, no rows, one column, all NULL, constants: each gives a table of the same columns and types."""
    for name, real in tiny(tmp_path).items():
        found = generate(fit(real), GenerateRequest(seed=1), tmp_path / f"out-{name}")
        for mine, theirs in zip(found.tables, real.tables, strict=True):
            assert rows_of(mine).schema.types == rows_of(theirs).schema.types
            assert rows_of(mine).num_rows == rows_of(theirs).num_rows


def test_what_is_missing_is_missing_by_group(tmp_path):
    """The share of NULL in each group is the real one, to three points."""
    real = missing_by_group(tmp_path)
    found = generate(fit(real), GenerateRequest(seed=1), tmp_path / "out")

    def shares(data_set):
        rows = rows_of(data_set.tables[0])
        kinds = [column.name for column in data_set.tables[0].schema.columns if pa.types.is_string(column.type)]
        missing = max(rows.column_names, key=lambda name: rows[name].null_count)
        groups = np.array(rows[kinds[0]].to_pylist())
        null = np.array(rows[missing].is_null())
        return {group: null[groups == group].mean() for group in np.unique(groups)}

    theirs = shares(real)
    for group, share in shares(found).items():
        assert share == pytest.approx(theirs[group], abs=0.03)


def test_a_form_is_kept(tmp_path):
    """Clock times as HHMM, prices that end in 99, whole hundreds: no value that the real ones forbid."""
    random = np.random.default_rng(3)
    rows = 4_000
    table = pa.table(
        {
            "id": np.arange(rows),
            "clock": random.integers(0, 24, rows) * 100 + random.integers(0, 60, rows),
            "price": random.integers(1, 900, rows) + 0.99,
            "salary": random.integers(200, 900, rows) * 100,
            "at": pa.array(
                (random.integers(0, 900, rows) * 86_400 + random.integers(9 * 3600, 17 * 3600, rows)) * 10**6,
                pa.timestamp("us"),
            ),
        }
    )
    real = write_data_set(tmp_path, {"t": table}, {"t": ("id",)}, ())
    found = rows_of(generate(fit(real), GenerateRequest(seed=1), tmp_path / "out").tables[0])

    assert all(value % 100 < 60 and value < 2400 for value in found["clock"].to_pylist())
    assert all(round(value * 100) % 100 == 99 for value in found["price"].to_pylist())
    assert all(value % 100 == 0 for value in found["salary"].to_pylist())
    assert all(9 <= value.hour < 17 for value in found["at"].to_pylist())


@pytest.mark.parametrize(
    "kind",
    [
        pa.timestamp("us", "Europe/Berlin"), pa.timestamp("ns"), pa.date32(), pa.time64("us"), pa.int8(), pa.uint64(),
        pa.float32(), pa.decimal128(30, 4), pa.bool_(), pa.binary(), pa.large_string(), pa.duration("s"),
    ],
    ids=str,
)  # fmt: skip
def test_every_type_comes_back(kind, tmp_path):
    """Also moments before 1900, and NULL."""
    low = -(2**60) if pa.types.is_timestamp(kind) and kind.unit == "ns" else -(2**14)
    numbers = np.arange(400) * 7 % 100 + (low if pa.types.is_temporal(kind) and not pa.types.is_time(kind) else 0)
    if pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        values = pa.array([str(number % 9) for number in numbers]).cast(kind)
    elif pa.types.is_date32(kind):
        values = pa.array(numbers.astype("int32")).view(kind)
    elif pa.types.is_temporal(kind):
        values = pa.array(numbers).view(kind)
    else:
        values = pa.array(numbers % 2 if pa.types.is_boolean(kind) else numbers).cast(kind)
    values = pa.array([None if i % 10 == 0 else value for i, value in enumerate(values)], kind)
    real = write_data_set(tmp_path, {"t": pa.table({"id": np.arange(400), "v": values})}, {"t": ("id",)}, ())
    found = rows_of(generate(fit(real), GenerateRequest(seed=1), tmp_path / "out").tables[0])["v"]

    assert found.type == kind
    assert found.null_count == 40
    if not pa.types.is_floating(kind) and not pa.types.is_decimal(kind):
        assert set(found.to_pylist()) <= set(values.to_pylist())


def planes_and_flights(folder):
    """Return 80 planes and 400 flights, 60 of which name one of 20 planes that are not there."""
    rows = np.arange(400)
    named = pa.array(np.where(rows % 20 < 3, 900 + rows // 20, rows % 80), mask=rows % 20 == 19)
    tables = {
        "planes": pa.table({"plane_id": np.arange(80), "seats": np.arange(80) % 5}),
        "flights": pa.table(
            {"flight_id": rows, "plane_id": named, "miles": rows % 7, "airline": np.where(rows % 20 < 3, "old", "new")}
        ),
    }
    relations = (relation("flights", "plane_id", "planes", "plane_id", inclusion=320 / 380),)
    return write_data_set(folder, tables, {"planes": ("plane_id",), "flights": ("flight_id",)}, relations)


def lost_keys(data_set, number=0):
    """Return the keys of rows that name a parent that is not there, by a relation of one column."""
    one = data_set.relations[number]
    named = rows_of(data_set.table(one.child))[one.child_columns[0]].drop_null().to_pylist()
    known = set(rows_of(data_set.table(one.parent))[one.parent_columns[0]].to_pylist())
    return [key for key in named if key not in known]


def test_orphans_are_counted_and_become_null(tmp_path):
    """15 % of the rows name a parent that is not there; the rate is told, and no synthetic row names nobody."""
    model = fit(planes_and_flights(tmp_path / "real"))
    found = generate(model, GenerateRequest(seed=1), tmp_path / "out")

    assert "15.0% of the rows of flights name a row of planes that is not there (plane_id)" in model.warnings[0]
    assert "are NULL" in model.warnings[0]
    assert rows_of(found.table("flights"))["plane_id"].null_count == 80
    assert found.relations[0].inclusion == 1.0


@pytest.mark.parametrize("scale", [0.5, 3])
def test_orphans_are_kept_where_they_are_asked_for(scale, tmp_path):
    """As many rows name nobody as of the real ones, three of them the same nobody, who is no real one; NULL stays."""
    real = planes_and_flights(tmp_path / "real")
    found = generate(fit(real, FitOptions(keep_orphans=True)), GenerateRequest(scale=scale, seed=1), tmp_path / "out")

    lost = lost_keys(found)
    assert len(lost) == 60 * scale
    assert len(set(lost)) == 20 * scale
    assert not set(lost) & set(lost_keys(real))
    assert rows_of(found.table("flights"))["plane_id"].null_count == 20 * scale
    assert found.relations[0].inclusion == pytest.approx(320 / 380)
    verify(found)
    with pytest.raises(KeysBroken, match=f"{len(lost)} rows"):
        verify(replace(found, relations=(replace(found.relations[0], inclusion=0.9),)))


def test_orphans_of_a_second_parent_are_kept(tmp_path):
    """Which rows they are is drawn like any group of parents: here all of one kind, whose key may not be NULL."""
    rows = np.arange(400)
    tables = {
        "a": pa.table({"a": np.arange(80)}),
        "b": pa.table({"b": [f"B-{i:03}" for i in range(60)], "size": np.arange(60) % 3}),
        "c": pa.table(
            {
                "c": rows,
                "a": rows % 80,
                "kind": np.where(rows % 20 < 3, "old", "new"),
                "b": [f"B-{900 + i if i % 20 < 3 else i % 60:03}" for i in rows.tolist()],
            }
        ),
    }
    relations = (relation("c", "a", "a", "a"), relation("c", "b", "b", "b"))
    real = write_data_set(tmp_path / "real", tables, {name: (name,) for name in tables}, relations)
    strict = real.table("c").schema
    strict = strict.with_columns([replace(column, nullable=False) for column in strict.columns])
    real = replace(real, tables=(*real.tables[:2], replace(real.table("c"), schema=strict)))

    found = generate(fit(real, FitOptions(keep_orphans=True)), GenerateRequest(seed=1), tmp_path / "out")

    assert len(lost_keys(found, 1)) == pytest.approx(60, abs=2)
    assert {len(key) for key in lost_keys(found, 1)} == {5}
    lost = set(lost_keys(found, 1))
    kinds = [row["kind"] for row in rows_of(found.table("c")).to_pylist() if row["b"] in lost]
    assert kinds.count("old") >= 0.95 * len(kinds)


def test_orphans_of_a_table_itself_are_kept(tmp_path):
    """A manager who is not there: the others still have one of the level above, or nobody."""
    rows = np.arange(300)
    above = pa.array(np.where(rows % 10 == 5, 5_000 + rows, np.where(rows < 20, 0, rows // 20)), mask=rows < 2)
    tables = {"people": pa.table({"id": rows, "above": above, "grade": rows % 4})}
    relations = (relation("people", "above", "people", "id"),)
    real = write_data_set(tmp_path / "real", tables, {"people": ("id",)}, relations)

    found = generate(fit(real, FitOptions(keep_orphans=True)), GenerateRequest(seed=1), tmp_path / "out")

    assert len(lost_keys(found)) == pytest.approx(30, abs=3)
    assert 0 < rows_of(found.table("people"))["above"].null_count <= 4


def test_a_second_parent_that_must_be_there_is_there(tmp_path):
    """Where the key may not be NULL, rows whose real parent is missing have another one."""
    rows = np.arange(400)
    tables = {
        "a": pa.table({"a": np.arange(80)}),
        "b": pa.table({"b": np.arange(60)}),
        "c": pa.table({"c": rows, "a": rows % 80, "b": np.where(rows % 20 < 3, 900, rows % 60)}),
    }
    relations = (relation("c", "a", "a", "a"), relation("c", "b", "b", "b"))
    real = write_data_set(tmp_path / "real", tables, {name: (name,) for name in tables}, relations)
    strict = real.table("c").schema
    strict = strict.with_columns([replace(column, nullable=False) for column in strict.columns])
    last = replace(real.table("c"), schema=strict)
    real = replace(real, tables=(real.table("a"), real.table("b"), last))

    found = generate(fit(real), GenerateRequest(seed=1), tmp_path / "out")

    assert rows_of(found.table("c"))["b"].null_count == 0
    assert rows_of(found.table("c")).num_rows == 400
