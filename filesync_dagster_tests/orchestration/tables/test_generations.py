"""Generations as assets: synthetic data downstream of the sources, day by day."""

import dagster as dg
import pytest

from filesync_dagster.config import GenerationConfig
from filesync_dagster.orchestration.tables.generations import CHECKS, generation_checks, generation_key
from filesync_dagster.orchestration.tables.specs import source_key
from filesync_dagster.tables.sessions.daily import seed_of
from filesync_dagster_tests.orchestration.assets.test_endpoints import checked, complaint, shown
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.tables.daily.shop import SHOP, day_ago, write_customers, write_orders

SOURCE, SYNTHETIC = ["tables", "shop"], ["synthetic", "shop_for_tests"]
GOOD = {
    "keys_broken": None, "rules": [], "quality": 0.9, "quality_of": None, "naive": 0.5, "exact_rows": {"orders": 0.0},
}  # fmt: skip


@pytest.fixture
def shop(project):
    """Return a project with a shop, and synthetic data like its tables."""
    made = project()
    made.sources = [SHOP]
    rules = [{"table": "orders", "expression": "amount > 0"}]
    made.generations = [{"name": "shop_for_tests", "sources": ["shop"], "rules": rules, "export": {"format": "csv"}}]
    made.write()
    write_customers(made.folder, 120)
    write_orders(made.folder, 200, customers=120)
    return made


@pytest.mark.slow
def test_synthetic_data_are_made_of_the_tables_of_the_day(shop):
    """In the run of the source or in one of its own, with all checks told; the same rows give the same data."""
    result = shop.materialize(SOURCE, SYNTHETIC)
    assert result.success
    made = shown(result)["shop_for_tests"]
    assert made["rows_total"] == 320
    assert {check for asset, check in checked(result) if asset == "shop_for_tests"} == set(CHECKS)
    assert checked(result)["shop_for_tests", "foreign_keys_valid"] is True
    assert checked(result)["shop_for_tests", "rules_hold"] is True
    again = shop.materialize(SYNTHETIC)
    versions = [
        event.materialization.tags["dagster/data_version"]
        for run in (result, again)
        for event in run.get_asset_materialization_events()
        if event.asset_key == generation_key("shop_for_tests")
    ]
    assert versions[0] == versions[1]
    with shop.open() as filesync:
        [status] = filesync.tables.generations()
        assert (status.state, status.as_dict()["rows"], status.last.run_id) == ("ok", 320, again.run_id)
        names = {file.name for file in filesync.runtime.metadata.session_files.of(status.last.id)}
        assert {"manifest.json", "report.json"} < names


def test_a_day_without_tables_has_no_synthetic_data(shop):
    """The run says which source is missing."""
    result = shop.materialize(SYNTHETIC, day=f"{day_ago(2)}")
    assert not result.success
    assert "Nothing of the source shop is stored" in complaint(result)
    assert shop.instance.get_materialized_partitions(generation_key("shop_for_tests")) == set()


@pytest.mark.parametrize(
    ("measures", "failed", "severity"),
    [
        ({}, set(), None),
        ({"keys_broken": "1 row of orders …"}, {"foreign_keys_valid"}, dg.AssetCheckSeverity.ERROR),
        ({"rules": [{"rule": "orders: x", "share": 0.99}]}, {"rules_hold"}, dg.AssetCheckSeverity.ERROR),
        ({"quality": 0.79}, {"quality_at_least"}, dg.AssetCheckSeverity.WARN),
        ({"exact_rows": {"orders": 0.02}}, {"exact_rows_at_most"}, dg.AssetCheckSeverity.ERROR),
        ({"naive": 0.9}, {"beats_naive"}, dg.AssetCheckSeverity.WARN),
    ],
)
def test_each_measure_fails_its_check(measures, failed, severity):
    """And no other one."""
    generation = GenerationConfig(name="shop_for_tests", sources=["shop"])
    found = {one.check_name: one for one in generation_checks(generation, GOOD | measures)}
    assert {name for name, one in found.items() if not one.passed} == failed
    assert {found[name].severity for name in failed} == ({severity} if severity else set())


def test_a_seed_is_fixed_or_that_of_a_day():
    """A day has the same one whenever it is asked for."""
    fixed = GenerationConfig(name="a", sources=["shop"])
    daily = GenerationConfig(name="a", sources=["shop"], seed="daily")
    days = day_ago(1), day_ago(2)
    assert len({seed_of(fixed, day) for day in days}) == 1
    assert len({seed_of(daily, day) for day in days} | {seed_of(daily, days[0])}) == 2
    assert seed_of(GenerationConfig(name="a", sources=["shop"], seed=7), days[0]) == 7
    assert seed_of(fixed, days[0]) != seed_of(GenerationConfig(name="b", sources=["shop"]), days[0])


def test_a_change_of_the_source_wakes_the_generation_and_no_change_does_not(shop):
    """By the data version: who reads again and finds the same has woken nobody."""
    key = generation_key("shop_for_tests")

    def requested(cursor):
        selection = dg.AssetSelection.assets(key)
        evaluated = dg.evaluate_automation_conditions(shop.definitions, shop.instance, selection, cursor=cursor)
        return evaluated.get_requested_partitions(key), evaluated.cursor

    assert shop.materialize(SOURCE).success
    _, cursor = requested(None)
    write_orders(shop.folder, 201, customers=120)
    assert shop.materialize(SOURCE).success
    wanted, cursor = requested(cursor)
    assert wanted == {today()}
    _, cursor = requested(cursor)
    assert shop.materialize(SOURCE).success
    wanted, cursor = requested(cursor)
    assert wanted == set()
    assert shop.instance.get_materialized_partitions(source_key("shop")) == {today()}
