"""Days of sources in Dagster: a backfill with a cursor and without, and files that follow the journal."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.tables.specs import source_key, table_key
from filesync_dagster_tests.orchestration.assets.test_endpoints import complaint, shown
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.tables.daily.shop import day_ago
from filesync_dagster_tests.tables.sources.postgres_server import run, settings_of

SOURCE = ["tables", "shop"]


def test_a_backfill_of_five_days_reads_each_up_to_its_end(project, postgres_url):
    """Of the table with a cursor; without one nothing is known of these days, and the run says so."""
    first = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=5)
    run(
        postgres_url,
        "CREATE TABLE orders (id int PRIMARY KEY, at timestamptz NOT NULL)",
        f"INSERT INTO orders SELECT i, timestamptz '{first.isoformat()}' + i / 10 * interval '1 day' "
        "FROM generate_series(0, 59) i",
    )
    made = project()
    config = settings_of(postgres_url)
    made.sources = [{"name": "shop", "type": "postgres", "config": {**config, "cursor": {"orders": "at"}}}]
    made.write()
    days = [f"{day_ago(number)}" for number in (5, 4, 3, 2, 1)]
    rows = [shown(made.materialize(SOURCE, day=day))["orders"]["rows_total"] for day in days]
    assert rows == [10, 20, 30, 40, 50]
    assert shown(made.materialize(SOURCE))["orders"]["rows_total"] == 60
    assert made.instance.get_materialized_partitions(table_key("shop", "orders")) == {*days, today()}
    with made.open() as filesync:
        assert [table.rows for table in filesync.tables.current("shop", day=day_ago(3))] == [30]
        assert [table.rows for table in filesync.tables.current("shop")] == [60]
    made.sources = [{"name": "shop", "type": "postgres", "config": config}]
    made.write()
    replayed = shown(made.materialize(SOURCE, day=days[2]))
    assert (replayed["shop"]["filesync/mode"], replayed["orders"]["rows_total"]) == ("replay", 30)
    assert "no cursor is declared" in complaint(made.materialize(SOURCE, day=f"{day_ago(6)}"))


def test_no_password_is_in_a_run_or_its_log(project, postgres_url):
    """A run is given names, and what a server refuses is told without what it was given."""
    made = project()
    config = {**settings_of(postgres_url), "password": "canary-9f3b", "database": "nowhere"}
    made.sources = [{"name": "shop", "type": "postgres", "config": config}]
    made.write()
    result = made.materialize(SOURCE)
    assert not result.success
    logged = made.instance.all_logs(result.run_id)
    told = "".join(map(str, logged)) + str(made.instance.get_run_by_id(result.run_id))
    assert "canary-9f3b" not in told
    assert made.instance.get_run_by_id(result.run_id).run_config == {}


def test_files_of_an_endpoint_follow_its_journal(project, tmp_path):
    """A sync that found nothing new wakes nobody; one that did has only what changed read again."""
    folder = tmp_path / "lake"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.csv").write_text(f"id,amount\n{number},{number}.50\n")
    made = project()
    made.sources = [{"name": "lake", "type": "inventory", "config": {"endpoint": "site", "pattern": "*.csv"}}]
    made.write({"name": "site", "type": "local", "schedule": "manual", "endpoint_details": {"path": str(folder)}})
    site, lake = ["filesync", "site"], ["tables", "lake"]
    assert made.definitions.resolve_asset_graph().get(source_key("lake")).parent_keys == {asset_key("site")}

    def wanted(cursor):
        selection = dg.AssetSelection.assets(source_key("lake"))
        found = dg.evaluate_automation_conditions(made.definitions, made.instance, selection, cursor=cursor)
        return found.get_requested_partitions(source_key("lake")), found.cursor

    assert made.materialize(site).success
    _, cursor = wanted(None)
    assert made.materialize(site).success
    asked, cursor = wanted(cursor)
    assert asked == set()
    first = made.materialize(lake)
    assert shown(first)["lake"]["rows_total"] == 3
    kept = set((made.home / "cache" / "sources" / "lake").rglob("tables.json"))
    (folder / "1.csv").write_text("id,amount\n1,1.50\n11,11.50\n")
    (folder / "0.csv").unlink()
    (folder / "3.csv").write_text("id,amount\n3,3.50\n")
    assert made.materialize(site).success
    asked, cursor = wanted(cursor)
    assert asked == {today()}
    second = made.materialize(lake)
    assert shown(second)["lake"]["rows_total"] == 4
    now = set((made.home / "cache" / "sources" / "lake").rglob("tables.json"))
    assert len(now - kept) == 2  # the file that changed and the new one: what stayed was parsed before
