"""Tests on customers and orders whose relations are known: what holds between the real tables holds between ours."""

import pytest

from filesync_dagster.tables.synthetic import GenerateRequest, fit, generate
from filesync_dagster_tests.tables.data_sets import planted_data_set, planted_facts


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The planted data set."""
    return planted_data_set(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def model(real):
    """The model of it."""
    return fit(real)


@pytest.fixture(scope="module")
def synthetic(model, tmp_path_factory):
    """What it generates."""
    return generate(model, GenerateRequest(seed=3), tmp_path_factory.mktemp("synthetic"))


def bytes_of(data_set):
    """Return what is on the disk, by table."""
    return {table.name: table.parts[0].read_bytes() for table in data_set.tables}


def test_children_are_as_many_by_group(real, synthetic):
    """A group of parents that has three times the children has them again."""
    mine, theirs = planted_facts(synthetic), planted_facts(real)

    for name in [name for name in theirs if name.startswith("orders_per")]:
        assert mine[name] == pytest.approx(theirs[name], rel=0.05), name


def test_the_facts_hold(real, synthetic):
    """Amounts go along with incomes, incomes with segments."""
    mine, theirs = planted_facts(synthetic), planted_facts(real)

    for name in ("income_vip_to_retail", "amount_rich_to_poor"):
        assert mine[name] == pytest.approx(theirs[name], rel=0.08), name


def test_the_same_seed_gives_the_same_bytes(model, synthetic, tmp_path):
    """Whatever the number of threads; another seed gives other rows."""
    again = generate(model, GenerateRequest(seed=3, threads=2), tmp_path / "again")
    other = generate(model, GenerateRequest(seed=4), tmp_path / "other")

    assert bytes_of(again) == bytes_of(synthetic)
    assert all(bytes_of(other)[name] != content for name, content in bytes_of(synthetic).items())
