"""Tests of keys and relations: what is found is right, and what is not sure is left to people."""

from dataclasses import replace

import pyarrow as pa
import pytest

from filesync_dagster.core.errors import Cancelled
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.keys.names import name_score, singular, subject
from filesync_dagster.tables.model import Multiplicity, Origin, Role
from filesync_dagster_tests.tables.data_sets import flights_data_set, hr_data_set, without_keys, write_data_set
from filesync_dagster_tests.tables.data_sets.families import shuffled
from filesync_dagster_tests.tables.data_sets.hr import RELATIONS, ROLE_NAMES
from filesync_dagster_tests.tables.data_sets.shapes import KEY_KINDS, SHAPES, keys_of


def names(relations):
    """Return between what relations are."""
    return {(each.child, each.child_columns, each.parent, each.parent_columns) for each in relations}


def first_of_columns(relations):
    """Return the first relation of each column."""
    found = {}
    for relation in relations:
        found.setdefault((relation.child, relation.child_columns), relation)
    return found.values()


def test_the_relations_of_the_hr_files_are_found(tmp_path):
    """Of 15 relations 11 are sure, none of them wrong; the other four are proposed first, and wait for a person."""
    truth = hr_data_set(tmp_path)

    found = find_keys(without_keys(truth).tables)

    sure = [relation for relation in found.relations if relation.holds]
    assert len(sure) >= 11
    assert names(sure) <= names(RELATIONS)
    assert names(first_of_columns(found.relations)) == names(RELATIONS)
    proposed = {(each.child, each.child_columns[0]) for each in found.relations if each.origin is Origin.PROPOSED}
    assert proposed >= ROLE_NAMES | {("employees", "position_id")}
    for table in truth.tables:
        assert found.table(table.name).schema.primary_key == table.schema.primary_key


def test_orphans_are_told_as_a_share(tmp_path):
    """Employees of positions that are not there keep their relation from being sure, and are counted."""
    found = find_keys(without_keys(hr_data_set(tmp_path)).tables)

    relation = next(each for each in found.relations if each.child_columns == ("position_id",))
    assert relation.parent == "positions"
    assert relation.inclusion == pytest.approx(1 - 59 / 500, abs=0.001)


def test_orphans_of_real_flights_are_told(tmp_path):
    """15 % of flights have no known plane: the relation is proposed with the share of those that have."""
    found = find_keys(without_keys(flights_data_set(tmp_path, 300, orphans=True, airlines=True)).tables)

    by_column = {each.child_columns[0]: each for each in found.relations}
    assert by_column["carrier"].origin is Origin.DETECTED
    assert by_column["tailnum"].origin is Origin.PROPOSED
    assert 0.75 < by_column["tailnum"].inclusion < 0.9


@pytest.mark.parametrize("name", [*SHAPES, *KEY_KINDS])
def test_relations_of_every_shape_and_type_are_found(name, tmp_path):
    """Composite keys, one to one, many to many, two to one parent, itself, cycles; keys of every type."""
    truth = SHAPES[name](tmp_path) if name in SHAPES else keys_of(name, tmp_path)

    found = find_keys(without_keys(truth).tables)

    assert names(first_of_columns(found.relations)) == names(truth.relations)
    for table in truth.tables:
        assert found.table(table.name).schema.primary_key == table.schema.primary_key
    kinds = {names([each]).pop(): each.multiplicity for each in truth.relations}
    if name in {"one_to_one", "many_to_many"}:
        assert {names([each]).pop(): each.multiplicity for each in found.relations} == kinds


def test_what_is_declared_stays_and_what_was_refused_is_not_proposed_again(tmp_path):
    """A person's word counts more than what is found."""
    truth = hr_data_set(tmp_path)
    position = replace(RELATIONS[2], origin=Origin.DECLARED)
    manager = replace(RELATIONS[3], origin=Origin.REFUSED)

    found = find_keys(without_keys(truth).tables, [position, manager])

    of_employees = [each for each in found.relations if each.child == "employees"]
    assert [each.origin for each in of_employees if each.child_columns == ("position_id",)] == [Origin.DECLARED]
    assert of_employees[0].inclusion == pytest.approx(0.882)
    assert [each for each in found.relations if names([each]) == names([manager])] == [manager]
    assert found.table("employees").schema.column("position_id").role is Role.FOREIGN_KEY


def test_a_column_has_one_parent(tmp_path):
    """Sequential numbers fit into many tables: a column that is sure of one parent is proposed for no other."""
    found = find_keys(without_keys(shuffled(tmp_path)).tables)

    assert [(each.child, each.parent, each.origin) for each in found.relations] == [
        ("orders", "customers", Origin.DETECTED)
    ]


def test_a_table_without_a_key_has_none(tmp_path):
    """No columns are called a key where rows repeat."""
    twice = pa.table({"colour": ["red", "blue", "red"] * 9, "size": [1, 2, 1] * 9})

    found = find_keys(write_data_set(tmp_path, {"things": twice}, {}).tables)

    assert found.tables[0].schema.primary_key == ()


def test_a_search_can_be_cancelled(tmp_path):
    """Whoever cancels does not wait for the end."""
    with pytest.raises(Cancelled):
        find_keys(without_keys(hr_data_set(tmp_path)).tables, cancel=lambda: True)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("categories", "category"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("people", "person"),
        ("status", "status"),
        ("order_items", "order_item"),
        ("training", "training"),
        ("bus", "bus"),
    ],
)
def test_tables_are_called_in_the_plural(many, one):
    """And columns name one row of them."""
    assert singular(many) == one


def test_columns_speak_of_tables():
    """However they are written; whose own key it is names no other table."""
    assert {subject(name) for name in ("department_id", "fk_Department", "DepartmentKey", "departments")} == {
        "department"
    }
    assert name_score("department_id", "employees", "departments", "department_id") == 1
    assert name_score("home_department_id", "employees", "departments", "id") == 0.8
    assert name_score("dept_id", "employees", "departments", "id") == 0.6
    assert name_score("manager_id", "projects", "employees", "employee_id") == 0.3
    assert name_score("account_id", "accounts", "profiles", "account_id") == 0
    assert name_score("rating", "reviews", "employees", "employee_id") == 0


def test_many_to_many_is_of_the_pair(tmp_path):
    """Who can do what: a table whose key is its two foreign keys."""
    found = find_keys(without_keys(hr_data_set(tmp_path)).tables)

    links = {each.child for each in found.relations if each.multiplicity is Multiplicity.MANY_TO_MANY}
    assert links == {"employee_skills"}
