"""Tests of every shape of a relation and type of key: what is written is verified, by DuckDB, as in production."""

from functools import cache

import duckdb
import pytest

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.synthetic import FitOptions, GenerateRequest, fit, generate
from filesync_dagster_tests.tables.data_sets import rows_of
from filesync_dagster_tests.tables.data_sets.families import childless, families_of_one, one_with_half
from filesync_dagster_tests.tables.data_sets.shapes import KEY_KINDS, SHAPES, keys_of, required_cycle


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return what makes the data set of a shape and its model, once for all tests."""

    @cache
    def make(shape):
        real = SHAPES[shape](tmp_path_factory.mktemp(shape))
        return real, fit(real)

    return make


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [0.01, 1, 3])
def test_every_shape_is_generated_at_every_scale(fitted, shape, scale, tmp_path):
    """Keys are unique and every relation leads to a row: `generate` verifies that, and raises otherwise."""
    real, model = fitted(shape)
    found = generate(model, GenerateRequest(scale=scale, seed=1), tmp_path / "out")

    for table in real.tables:
        rows = rows_of(found.table(table.name))
        assert rows.schema.field(0).type == table.schema.columns[0].type
        if scale < 1:  # a table of one row has few partners
            continue
        cut = sum(warning.count for warning in found.table(table.name).schema.warnings)
        assert rows.num_rows + cut == pytest.approx(
            table.schema.row_count * scale, abs=max(2, 0.02 * table.schema.row_count)
        )


def test_a_required_cycle_is_refused_with_its_names(tmp_path):
    """Unless constraints may be checked at the end."""
    with pytest.raises(KeysBroken, match="captain_id") as error:
        fit(required_cycle(tmp_path))
    assert error.value.code == "cycle"

    found = generate(fit(required_cycle(tmp_path), FitOptions(deferrable=True)), GenerateRequest(), tmp_path / "out")
    assert rows_of(found.table("teams"))["captain_id"].null_count == 0


def test_nobody_is_above_themselves(fitted, tmp_path):
    """Folders are in folders of the level above; at any scale there is no cycle, and as many are at the top."""
    found = generate(fitted("self_reference")[1], GenerateRequest(scale=4, seed=1), tmp_path / "out")

    rows = rows_of(found.table("folders")).to_pylist()
    above = {row["folder_id"]: row["parent_id"] for row in rows}
    for start in above:
        seen, at = set(), start
        while at is not None:
            assert at not in seen
            seen.add(at)
            at = above[at]
    assert sum(parent is None for parent in above.values()) == pytest.approx(12, abs=4)


def test_a_captain_plays_in_the_team(fitted, tmp_path):
    """A key that closes a cycle leads to a row that leads back, where real ones do."""
    found = generate(fitted("nullable_cycle")[1], GenerateRequest(scale=3, seed=1), tmp_path / "out")
    teams, players = rows_of(found.table("teams")), rows_of(found.table("players"))

    ((wrong,),) = duckdb.sql(
        "SELECT count(*) FROM teams t JOIN players p ON t.captain_id = p.player_id WHERE p.team_id != t.team_id"
    ).fetchall()
    assert wrong == 0
    assert teams["captain_id"].null_count == pytest.approx(18, abs=6)
    assert players.num_rows == 900


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_keys_keep_type_and_form(kind, tmp_path):
    """Type, width and mask stay; no key is a real one, but for numbers that count from 1."""
    real = keys_of(kind, tmp_path)
    found = generate(fit(real), GenerateRequest(scale=2, seed=1), tmp_path / "out")

    theirs, mine = rows_of(real.table("items"))["item_id"], rows_of(found.table("items"))["item_id"]
    assert mine.type == theirs.type
    if kind == "int32":
        assert mine.to_pylist() == list(range(1, 601))
        return
    assert not set(mine.to_pylist()) & set(theirs.to_pylist())
    if kind != "date":
        assert {len(str(key)) for key in mine.to_pylist()} == {len(str(key)) for key in theirs.to_pylist()}
    if kind == "masked":
        assert mine.to_pylist()[0] == "EMP-00301"


@pytest.mark.parametrize("make", [families_of_one, childless, one_with_half])
def test_odd_families_come_back(make, tmp_path):
    """Families of one, parents without children, one parent with half of all rows: as many children per parent."""
    real = make(tmp_path)
    found = generate(fit(real), GenerateRequest(seed=2), tmp_path / "out")
    (relation,) = real.relations

    def shares(data_set):
        parent, _child = (rows_of(data_set.table(name)) for name in (relation.parent, relation.child))
        counts = dict(duckdb.sql(f"SELECT {relation.child_columns[0]}, count(*) FROM _child GROUP BY 1").fetchall())
        return sorted(counts.get(key, 0) for key in parent[relation.parent_columns[0]].to_pylist())

    mine, theirs = shares(found), shares(real)
    levels = sorted(set(mine) | set(theirs))
    distance = max(
        abs(sum(x <= level for x in mine) / len(mine) - sum(x <= level for x in theirs) / len(theirs))
        for level in levels
    )
    assert distance <= 0.05


def test_a_kept_table_is_copied(tmp_path):
    """Reference tables may stay as they are; people may not."""
    real = SHAPES["two_to_one_parent"](tmp_path)
    found = generate(fit(real, FitOptions(keep=("airports",))), GenerateRequest(scale=2, seed=1), tmp_path / "out")

    assert rows_of(found.table("airports")).to_pylist() == rows_of(real.table("airports")).to_pylist()
    assert rows_of(found.table("flights")).num_rows == 4_000
    assert found.table("airports").schema.warnings[0].code == "kept"


def test_rows_of_one_table_are_fixed(fitted, tmp_path):
    """A child's parents are as many as it takes; the numbers are exact."""
    _, model = fitted("composite")

    found = generate(model, GenerateRequest(rows={"lines": 777}, seed=1), tmp_path / "out")
    assert rows_of(found.table("lines")).num_rows == 777
    assert rows_of(found.table("orders")).num_rows == pytest.approx(117, abs=1)
    found = generate(model, GenerateRequest(rows={"orders": 50}, seed=1), tmp_path / "two")
    assert rows_of(found.table("orders")).num_rows == 50
