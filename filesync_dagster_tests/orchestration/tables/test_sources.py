"""Sources of tables as assets: what becomes of a run in Dagster, for each way that it can end."""

import dagster as dg
import pytest

from filesync_dagster.orchestration.tables.specs import CHECKS, source_key, table_key
from filesync_dagster.orchestration.tags import LIVE_TAG
from filesync_dagster_tests.orchestration.assets.test_endpoints import checked, complaint, shown
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.tables.daily.shop import SHOP, day_ago, write_customers, write_orders

SOURCE, ORDERS = ["tables", "shop"], ["tables", "shop", "orders"]


@pytest.fixture
def shop(project):
    """Return a project with a shop."""
    made = project()
    made.sources = [SHOP]
    made.write()
    write_customers(made.folder)
    write_orders(made.folder)
    return made


def versions(result):
    """Return the data version of each asset that was materialized."""
    return {
        event.asset_key.path[-1]: event.materialization.tags["dagster/data_version"]
        for event in result.get_asset_materialization_events()
    }


def test_today_is_a_read_of_the_source(shop):
    """Source and tables are there with what is known of them; the tables have nodes from the next load on."""
    assert table_key("shop", "orders") not in shop.definitions.resolve_asset_graph().get_all_asset_keys()
    result = shop.materialize(SOURCE)
    assert result.success
    metadata = shown(result)
    assert set(metadata) == {"shop", "customers", "orders"}
    assert metadata["shop"]["dagster/row_count"] == 120
    orders = metadata["orders"]
    assert (orders["rows_total"], orders["columns_total"], orders["nulls_total"]) == (100, 3, 0)
    assert [column.name for column in orders["dagster/column_schema"].columns] == ["id", "customer_id", "amount"]
    assert len(orders["preview"]) == 50
    assert {name for name, passed in checked(result).items() if passed} == {("shop", name) for name in CHECKS}
    assert table_key("shop", "orders") in shop.definitions.resolve_asset_graph().get_all_asset_keys()
    again = shop.materialize(SOURCE)
    assert versions(again) == versions(result)
    assert shop.instance.get_materialized_partitions(table_key("shop", "orders")) == {today()}


def test_people_are_masked_in_the_preview(shop):
    """Nobody who may see Dagster reads an address that the table has."""
    rows = "".join(f"{i},person{i}@example.com\n" for i in range(1, 21))
    (shop.folder / "customers.csv").write_text(f"id,email\n{rows}")
    result = shop.materialize(SOURCE)
    emails = {row["email"] for row in shown(result)["customers"]["preview"]}
    assert emails == {"p***"}
    assert "person7@example.com" not in str(
        [event.to_json() for event in result.all_events if hasattr(event, "to_json")]
    )


def test_one_table_is_read_by_itself(shop):
    """The source is not materialized, for the others were not read."""
    shop.materialize(SOURCE)
    write_orders(shop.folder, 110)
    result = shop.materialize(ORDERS)
    assert result.success
    assert set(shown(result)) == {"orders"}


def test_a_read_that_lost_most_rows_is_held(shop):
    """The run fails and says what to do, nothing is materialized; approved, the next run shows it."""
    shop.materialize(SOURCE)
    write_orders(shop.folder, 40)
    result = shop.materialize(SOURCE)
    assert not result.success
    assert shown(result) == {}
    assert "60.0% fewer" in complaint(result)
    assert "filesync approve shop" in complaint(result)
    assert checked(result)["shop", "row_count_guard"] is False
    with shop.open() as filesync:
        assert {one.name: one.rows for one in filesync.tables.current("shop")}["orders"] == 100
        filesync.tables.approve("shop")
    result = shop.materialize(SOURCE)
    assert result.success
    assert checked(result)["shop", "row_count_guard"] is True
    assert shown(result)["orders"]["rows_total"] == 40


def test_drift_is_an_error_where_something_is_gone_and_a_warning_where_something_came(shop):
    """Both materialize: the table is what the source has."""
    shop.materialize(SOURCE)
    write_customers(shop.folder, more="tier")
    added = _drift(shop.materialize(SOURCE))
    write_customers(shop.folder)
    gone = _drift(shop.materialize(SOURCE))
    assert (added.passed, added.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "new column tier" in added.description
    assert (gone.passed, gone.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "no column tier any more" in gone.description


def _drift(result):
    assert result.success
    [found] = [one for one in result.get_asset_check_evaluations() if one.check_name == "schema_drift"]
    return found


def test_a_source_that_fails_does_not_keep_others_from_being_read(shop):
    """The run is red, and says which one it was; the other is there."""
    gone = {"name": "gone", "type": "upload", "config": {"file_paths": ["nowhere.csv"]}}
    shop.sources = [SHOP, gone]
    shop.write()
    result = shop.materialize(SOURCE, ["tables", "gone"])
    assert not result.success
    assert set(shown(result)) == {"shop", "customers", "orders"}
    assert "1 of 2 sources were not read. gone:" in complaint(result)
    assert checked(result)["gone", "readable"] is False


def test_a_past_day_without_a_cursor_fails_with_a_sentence(shop):
    """Today's state is never written under an old day; a run of everything leaves it alone."""
    day = f"{day_ago(2)}"
    result = shop.materialize(SOURCE, day=day)
    assert not result.success
    assert "cannot be read as of" in complaint(result)
    assert shop.instance.get_materialized_partitions(source_key("shop")) == set()
    assert shop.materialize(day=day).success


def test_what_was_launched_before_midnight_is_a_read_of_the_new_day(shop):
    """Its partition is yesterday, under which nothing is materialized."""
    result = shop.materialize(SOURCE, day=f"{day_ago(1)}", tags={LIVE_TAG: "true"})
    assert result.success
    assert shop.instance.get_materialized_partitions(source_key("shop")) == {today()}
