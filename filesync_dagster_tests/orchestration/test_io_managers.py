"""Endpoints as inputs of assets downstream: each type, days, columns, changes, and what cannot be loaded."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from sqlalchemy import update

from filesync_dagster.storage.database.tables import file_changes, sync_logs
from filesync_dagster_tests.orchestration.conftest import today

KEY = ["filesync", "files"]
YESTERDAY = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()


@pytest.fixture
def synced(project, tmp_path):
    """Return a project whose one local endpoint was synced today."""
    (tmp_path / "share").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "share" / name).write_text(name)
    made = project({"name": "files", "type": "local", "endpoint_details": {"path": str(tmp_path / "share")}})
    assert made.materialize(KEY).success
    return made


def load(made, kind, *, day=None, days=None, mapping=None, beside=(), **metadata):
    """Materialize an asset that takes the endpoint as an input of a type; return the run and what it was given."""
    seen = []

    def body(inventory):
        rows = inventory.read_all() if isinstance(inventory, pa.RecordBatchReader) else inventory
        seen.append(rows.to_arrow_table() if isinstance(rows, duckdb.DuckDBPyRelation) else rows)

    body.__annotations__ = {"inventory": kind, "return": None}
    taken = dg.AssetIn(key=KEY, metadata=metadata, partition_mapping=mapping)
    downstream = dg.asset(ins={"inventory": taken}, name="downstream", partitions_def=days)(body)
    defs = dg.Definitions.merge(made.definitions, dg.Definitions(assets=[downstream]))
    run = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[dg.AssetKey("downstream"), *map(dg.AssetKey, beside)],
        instance=made.instance,
        partition_key=day,
        raise_on_error=False,
    )
    return run, seen[0] if seen else None


def sentence(run):
    """Return why a run failed, causes included."""
    return "".join(str(event.event_specific_data.error) for event in run.all_events if event.is_step_failure)


def add_yesterday(made):
    """Let what was known and one change have happened yesterday; today it was looked at again."""
    (made.config.parent.parent / "share" / "b.csv").write_text("longer than it was")
    assert made.materialize(KEY).success
    then = datetime.now(UTC) - timedelta(days=1)
    with made.open() as filesync, filesync.runtime.metadata._database.write_transaction() as connection:
        connection.execute(update(sync_logs).values(as_of=then))
        connection.execute(update(file_changes).values(observed_at=then))
    assert made.materialize(KEY).success


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table, pa.RecordBatchReader, duckdb.DuckDBPyRelation])
def test_each_type(synced, kind):
    """Unpartitioned: the last committed snapshot."""
    run, rows = load(synced, kind, columns=["path"])
    assert run.success, sentence(run)
    assert sorted(rows["path"].tolist() if isinstance(rows, pd.DataFrame) else rows["path"].to_pylist()) == [
        "a.csv",
        "b.csv",
    ]


def test_an_asset_without_partitions_in_the_run_of_a_partition(synced):
    """The day of the endpoint and the asset at once: it takes the inventory of now, not of every day."""
    run, rows = load(synced, pa.Table, day=today(), beside=[KEY])
    assert run.success, sentence(run)
    assert rows["path"].to_pylist() == ["a.csv", "b.csv"]


def test_the_day_of_the_partition(synced):
    """Today is there; yesterday it was not synced, and that is said."""
    days = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_offset=1)
    run, rows = load(synced, pd.DataFrame, day=today(), days=days)
    assert run.success, sentence(run)
    assert len(rows) == 2
    run, _ = load(synced, pd.DataFrame, day=YESTERDAY, days=days)
    assert "Nothing is stored about 'files'" in sentence(run)


def test_several_days_carry_their_day(synced):
    """A partition mapping of several days concatenates them."""
    chosen = dg.SpecificPartitionsPartitionMapping([today()])
    run, rows = load(synced, pa.Table, mapping=chosen)
    assert run.success, sentence(run)
    assert "partition" not in rows.column_names
    days = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_offset=1)
    two = dg.TimeWindowPartitionMapping(start_offset=-1)
    run, _ = load(synced, pa.Table, day=today(), days=days, mapping=two)
    assert "Nothing is stored about 'files'" in sentence(run)
    add_yesterday(synced)
    run, rows = load(synced, pa.Table, day=today(), days=days, mapping=two, columns=["path"])
    assert run.success, sentence(run)
    assert rows.column_names == ["path", "partition"]
    assert rows.to_pydict()["partition"] == [YESTERDAY, YESTERDAY, today(), today()]
    run, rows = load(synced, pa.Table, day=today(), days=days, mapping=two, **{"filesync/relation": "changes"})
    assert run.success, sentence(run)
    assert rows.to_pydict()["partition"] == [YESTERDAY]


def test_what_cannot_be_loaded(synced):
    """A type, a column: each says what there is."""
    assert "Annotate the input" in sentence(load(synced, list)[0])
    assert "no column 'colour'" in sentence(load(synced, pd.DataFrame, columns=["colour"])[0])


def test_columns_come_in_the_order_that_was_asked_for(synced):
    """As a person writes them."""
    run, rows = load(synced, pa.Table, columns=["size", "path"])
    assert run.success, sentence(run)
    assert rows.column_names == ["size", "path"]


def test_changes(synced):
    """The first import is not in the journal; all of it, oldest first, where the asset has no partitions."""
    changes = {"filesync/relation": "changes"}
    run, rows = load(synced, pd.DataFrame, **changes)
    assert run.success, sentence(run)
    assert rows.empty
    assert "change" in rows.columns
    add_yesterday(synced)
    assert list(load(synced, pd.DataFrame, **changes)[1]["path"]) == ["b.csv"]


def test_a_day_without_a_journal_is_no_day_without_changes(synced):
    """It was not synced before, or retention let it go: what is not known is said, not left out."""
    days = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_offset=1)
    changes = {"filesync/relation": "changes"}
    run, rows = load(synced, pd.DataFrame, day=today(), days=days, **changes)
    assert run.success, sentence(run)
    assert rows.empty
    assert "are not stored" in sentence(load(synced, pd.DataFrame, day=YESTERDAY, days=days, **changes)[0])
    add_yesterday(synced)
    assert len(load(synced, pd.DataFrame, day=YESTERDAY, days=days, **changes)[1]) == 1
    synced.settings["retention"] = {"journal_days": 1}
    synced.write(*json.loads(synced.config.read_text())["endpoints"])
    assert "are not stored" in sentence(load(synced, pd.DataFrame, day=YESTERDAY, days=days, **changes)[0])


def test_the_memory_limit_holds_for_what_an_asset_works_with(synced):
    """The relation works in the home, and loads no extension."""
    with synced.open() as filesync:
        settings = "memory_limit", "temp_directory", "autoload_known_extensions"
        asked = ", ".join(f"current_setting('{name}')" for name in settings)
        with filesync.runtime.engine() as con:
            [lent] = con.sql(f"SELECT {asked}").fetchall()
        [own] = filesync.runtime.connect().sql(f"SELECT {asked}").fetchall()
    assert (lent[0], lent[2]) == (own[0], own[2])
    assert own[1].startswith(str(synced.home))
