"""Tests of the data sets that other tests rely on: what is said of them is true."""

from datetime import date

import duckdb
import pyarrow.parquet as pq
import pytest

from filesync_dagster.tables.model import SCHEMA_KEY
from filesync_dagster_tests.tables.data_sets import (
    flights_data_set,
    hr,
    hr_data_set,
    planted_data_set,
    planted_facts,
    without_keys,
)
from filesync_dagster_tests.tables.data_sets.families import childless, families_of_one, one_with_half, shuffled
from filesync_dagster_tests.tables.data_sets.hr import ORPHAN_POSITIONS, RELATIONS, hr_tables
from filesync_dagster_tests.tables.data_sets.odd_columns import heaped, missing_by_group, rare, tiny
from filesync_dagster_tests.tables.data_sets.shapes import KEY_KINDS, SHAPES, keys_of, required_cycle


def orphans(data_set, relation):
    """Return how many rows of a child name a parent that is not there, and how many distinct ones."""
    child, parent = ([str(part) for part in data_set.table(name).parts] for name in (relation.child, relation.parent))
    child_key = ", ".join(f'"{name}"' for name in relation.child_columns)
    parent_key = ", ".join(f'"{name}"' for name in relation.parent_columns)
    filled = " AND ".join(f'"{name}" IS NOT NULL' for name in relation.child_columns)
    query = (
        f"SELECT count(*), count(DISTINCT ({child_key})) FROM read_parquet($child) "
        f"WHERE {filled} AND ({child_key}) NOT IN (SELECT ({parent_key}) FROM read_parquet($parent))"
    )
    with duckdb.connect() as connection:
        return connection.execute(query, {"child": child, "parent": parent}).fetchone()


def duplicates(table):
    """Return how many rows have the primary key of another one."""
    rows = pq.read_table(table.parts[0], columns=list(table.schema.primary_key))
    return rows.num_rows - rows.group_by(rows.column_names).aggregate([]).num_rows


def test_the_hr_data_set_is_what_the_scenarios_say(tmp_path):
    """11 tables, about 5,900 rows, 15 relations; only three positions are missing, and what ends begins before."""
    data_set = hr_data_set(tmp_path)

    assert len(data_set.tables) == 11
    assert 5_800 < sum(table.schema.row_count for table in data_set.tables) < 6_000
    assert len(RELATIONS) == 15
    for relation in RELATIONS:
        _, missing = orphans(data_set, relation)
        assert missing == (len(ORPHAN_POSITIONS) if relation.child_columns == ("position_id",) else 0), relation
    assert [table.name for table in data_set.tables if duplicates(table)] == []
    for name, first, last in (
        ("employees", "hire_date", "termination_date"),
        ("salaries", "valid_from", "valid_to"),
        ("projects", "start_date", "end_date"),
        ("assignments", "start_date", "end_date"),
        ("enrolments", "enrolled_on", "completed_on"),
    ):
        rows = hr_tables()[name].select([first, last]).to_pylist()
        assert all(row[first] <= (row[last] or date.max) for row in rows), name
    assert all(row["total"] == row["base"] + row["bonus"] for row in hr_tables()["salaries"].to_pylist())


def test_nobody_is_their_own_manager_in_the_hr_data_set():
    """Whoever is asked for a manager, and that one again, ends with somebody who has none."""
    above = {row["employee_id"]: row["manager_id"] for row in hr_tables()["employees"].to_pylist()}
    for person, manager in above.items():
        chain = [person]
        while manager is not None and manager not in chain:
            chain.append(manager)
            manager = above[manager]  # noqa: PLW2901 - the next one up
        assert manager is None, chain


def test_the_hr_files_have_their_leading_zeros(tmp_path):
    """What a reader of CSV must not turn into numbers is there."""
    paths = hr(tmp_path)

    assert len(paths) == 11
    assert ",01067," in paths["employees"].read_text(encoding="utf-8")


def test_the_planted_data_set_has_what_was_planted(tmp_path):
    """The numbers are those that the engines were compared by."""
    facts = planted_facts(planted_data_set(tmp_path))

    assert facts["orders_per_vip"] == pytest.approx(9.89, abs=0.01)
    assert facts["orders_per_retail"] == pytest.approx(3.08, abs=0.01)
    assert facts["income_vip_to_retail"] == pytest.approx(1.97, abs=0.1)
    assert facts["amount_rich_to_poor"] == pytest.approx(2.5, abs=0.15)
    assert facts["share_before_signup"] == 0


def test_flights_have_their_planes(tmp_path):
    """Without orphans each flight has its plane; with them about 15 % have none."""
    whole = flights_data_set(tmp_path / "whole", 100, airlines=True)
    holes = flights_data_set(tmp_path / "holes", 100, orphans=True)

    assert [orphans(whole, relation)[0] for relation in whole.relations] == [0, 0]
    missing, _ = orphans(holes, holes.relations[0])
    assert 0.10 < missing / holes.table("flights").schema.row_count < 0.20


@pytest.mark.parametrize("name", [*SHAPES, *KEY_KINDS])
def test_the_relations_of_a_shape_hold(name, tmp_path):
    """No child without a parent, no key twice."""
    data_set = SHAPES[name](tmp_path) if name in SHAPES else keys_of(name, tmp_path)

    assert [orphans(data_set, relation) for relation in data_set.relations] == [(0, 0)] * len(data_set.relations)
    assert [duplicates(table) for table in data_set.tables] == [0] * len(data_set.tables)


@pytest.mark.parametrize("make", [shuffled, families_of_one, childless, one_with_half, required_cycle])
def test_the_relations_of_families_hold(make, tmp_path):
    """Whatever the size of families, every child has its parent."""
    data_set = make(tmp_path)

    assert [orphans(data_set, relation) for relation in data_set.relations] == [(0, 0)] * len(data_set.relations)


def test_odd_columns_are_written_with_their_schema(tmp_path):
    """Each part says what it is; without keys nothing is declared any more."""
    sets = [missing_by_group(tmp_path), heaped(tmp_path), rare(tmp_path), *tiny(tmp_path).values()]

    for data_set in sets:
        table = data_set.tables[0]
        assert SCHEMA_KEY in pq.read_schema(table.parts[0]).metadata
        assert pq.read_metadata(table.parts[0]).num_rows == table.schema.row_count
        assert without_keys(data_set).tables[0].schema.primary_key == ()
