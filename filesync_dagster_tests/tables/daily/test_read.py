"""Sources that are read for a day: what becomes current, what is held, and what is kept of the days before."""

import pytest

from filesync_dagster.core.errors import ConfigError, NothingHeld, NothingKnown
from filesync_dagster.tables.catalog.relations import decide_relation
from filesync_dagster.tables.daily.discovery import discovered_tables, discovery_digest
from filesync_dagster.tables.model import Origin, TableRelation
from filesync_dagster.tables.rows import page_of
from filesync_dagster_tests.sync.projects import Project
from filesync_dagster_tests.tables.daily.shop import SHOP, day_ago, write_customers, write_orders


@pytest.fixture
def shop(tmp_path):
    """Return a project with a shop, opened."""
    made = Project(tmp_path / "project")
    made.sources = [SHOP]
    made.write()
    write_customers(made.folder)
    write_orders(made.folder)
    with made.open() as filesync:
        yield made, filesync


def rows(filesync, **when):
    """Return the rows of the current tables, by name."""
    return {table.name: table.rows for table in filesync.tables.current("shop", **when)}


def test_a_read_keeps_the_tables_with_keys_and_relations(shop):
    """What is stored is what was read, and the names of the tables are known without a database."""
    made, filesync = shop
    result = filesync.tables.read("shop")
    assert (result.state, result.rows) == ("committed", 120)
    assert result.findings["orphans"] == {"orders(customer_id) → customers(id)": 0.0}
    table = filesync.tables.table("shop", "orders")
    assert table.schema.primary_key == ("id",)
    assert page_of(table, limit=1000).column("id").to_pylist() == list(range(1, 101))
    assert discovered_tables(made.home, "shop") == ["customers", "orders"]
    with pytest.raises(NothingKnown, match="customers, orders"):
        filesync.tables.table("shop", "invoices")
    with pytest.raises(ConfigError, match="'shop'"):
        filesync.tables.read("shup")


def test_the_same_rows_have_the_same_version_and_others_another(shop):
    """What follows a source is not woken by a read that found what was there."""
    made, filesync = shop
    first, same = filesync.tables.read("shop"), filesync.tables.read("shop")
    write_orders(made.folder, 101)
    other = filesync.tables.read("shop")
    assert first.data_version == same.data_version != other.data_version
    assert rows(filesync) == {"customers": 20, "orders": 101}


def test_a_read_that_lost_most_rows_is_held_until_it_is_approved(shop):
    """All tables of it wait together; what was there before stays, also after a read that failed."""
    made, filesync = shop
    filesync.tables.read("shop")
    write_orders(made.folder, 40)
    write_customers(made.folder, 25)
    held = filesync.tables.read("shop")
    assert held.state == "held"
    assert "orders has 40 rows, and had 100: 60.0% fewer." in held.error
    assert rows(filesync) == {"customers": 20, "orders": 100}
    (made.folder / "customers.csv").unlink()
    assert filesync.tables.read("shop").state == "failed"
    [status] = filesync.tables.status()
    assert (status.state, status.held.id) == ("held", held.read_id)
    filesync.tables.approve("shop", read_id=held.read_id)
    assert rows(filesync) == {"customers": 25, "orders": 40}
    with pytest.raises(NothingHeld):
        filesync.tables.approve("shop")


def test_a_held_read_that_is_rejected_or_made_up_for_is_forgotten(shop):
    """A later read in which the rows are back takes its place."""
    made, filesync = shop
    filesync.tables.read("shop")
    write_orders(made.folder, 40)
    filesync.tables.read("shop")
    filesync.tables.reject("shop")
    assert rows(filesync)["orders"] == 100
    filesync.tables.read("shop")
    write_orders(made.folder, 99)
    assert filesync.tables.read("shop").state == "committed"
    with pytest.raises(NothingHeld):
        filesync.tables.held("shop")
    assert rows(filesync)["orders"] == 99


def test_a_failed_read_changes_nothing_and_says_why(shop):
    """A file that is gone fails the source, not one table of it."""
    made, filesync = shop
    filesync.tables.read("shop")
    (made.folder / "orders.csv").unlink()
    write_customers(made.folder, 30)
    result = filesync.tables.read("shop")
    assert (result.state, result.error_code) == ("failed", "not_found")
    assert rows(filesync) == {"customers": 20, "orders": 100}
    assert filesync.tables.status()[0].state == "failed"
    assert list((made.home / "cache" / "tables").iterdir()) == []


def test_some_tables_are_read_by_themselves(shop):
    """The others stay as they were, and are not missed."""
    made, filesync = shop
    filesync.tables.read("shop")
    write_customers(made.folder, 30)
    write_orders(made.folder, 110)
    result = filesync.tables.read("shop", tables=["orders"])
    assert (result.state, result.is_whole, result.findings["drift"]) == ("committed", False, [])
    assert rows(filesync) == {"customers": 20, "orders": 110}


def test_a_past_day_is_what_was_stored_on_it_or_a_refusal(shop):
    """Without a cursor nobody knows what a source had; that is no failure of the source."""
    _, filesync = shop
    result = filesync.tables.read("shop", day=day_ago(3))
    assert (result.state, result.error_code) == ("failed", "no_past")
    assert "no cursor is declared" in result.error
    assert filesync.tables.status()[0].state == "never read"
    assert filesync.tables.current("shop") == []


def test_drift_keys_and_references_are_found_over_all_rows(shop):
    """Against the read before: a column that is gone, a key that repeats, orphans that were not there."""
    made, filesync = shop
    write_customers(made.folder, more="tier")
    filesync.tables.read("shop")
    write_customers(made.folder)
    write_orders(made.folder, 100, orphans=5)
    with (made.folder / "customers.csv").open("a") as file:
        file.write("20,Twice\n")
    found = filesync.tables.read("shop").findings
    assert [(one["column"], one["kind"]) for one in found["drift"]] == [("tier", "gone")]
    assert found["broken_keys"] == [{"table": "customers", "key": ["id"], "missing": 0, "repeated": 1}]
    [growing] = found["growing_orphans"]
    assert (growing["relation"], growing["orphans"]) == ("orders(customer_id) → customers(id)", 0.05)


def test_the_digest_of_discoveries_changes_with_the_tables(shop):
    """By it, who watches knows that there are other nodes to show."""
    made, filesync = shop
    before = discovery_digest(made.home)
    filesync.tables.read("shop")
    first = discovery_digest(made.home)
    filesync.tables.read("shop")
    assert before != first == discovery_digest(made.home)


def test_a_relation_that_lost_its_parents_is_still_counted(shop):
    """So many orphans that nobody would find the relation now: it was there before."""
    made, filesync = shop
    filesync.tables.read("shop")
    write_orders(made.folder, 100, orphans=60)
    found = filesync.tables.read("shop").findings
    assert [one["orphans"] for one in found["growing_orphans"]] == [0.6]


def test_what_people_decided_about_a_relation_holds_for_all_later_reads(shop):
    """Not for the next one alone: a refused one is not found again, and who refused it stays beside it."""
    _, filesync = shop
    filesync.tables.read("shop")
    [orders] = [one for one in filesync.tables.current("shop") if one.name == "orders"]
    relation = TableRelation("orders", ("customer_id",), "customers", ("id",), Origin.REFUSED)
    decide_relation(filesync.runtime, orders, relation, "ann")
    for _ in range(2):
        filesync.tables.read("shop")
        [orders] = [one for one in filesync.tables.current("shop") if one.name == "orders"]
        assert [(one["origin"], one["decided_by"]) for one in orders.relations] == [("refused", "ann")]
