"""Endpoints as inputs of assets downstream: each type, days, columns, changes, and what cannot be loaded."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pandas as pd
import pyarrow as pa
import pytest

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


def load(made, kind, *, day=None, days=None, mapping=None, **metadata):
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
        asset_selection=[dg.AssetKey("downstream")], instance=made.instance, partition_key=day, raise_on_error=False
    )
    return run, seen[0] if seen else None


def sentence(run):
    """Return why a run failed, causes included."""
    return "".join(str(event.event_specific_data.error) for event in run.all_events if event.is_step_failure)


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table, pa.RecordBatchReader, duckdb.DuckDBPyRelation])
def test_each_type(synced, kind):
    """Unpartitioned: the last committed snapshot."""
    run, rows = load(synced, kind, columns=["path"])
    assert run.success, sentence(run)
    assert sorted(rows["path"].tolist() if isinstance(rows, pd.DataFrame) else rows["path"].to_pylist()) == [
        "a.csv",
        "b.csv",
    ]


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
    run, rows = load(synced, pa.Table, day=today(), days=days, mapping=two, **{"filesync/relation": "changes"})
    assert run.success, sentence(run)
    assert "partition" in rows.column_names


def test_what_cannot_be_loaded(synced):
    """A type, a column: each says what there is."""
    assert "Annotate the input" in sentence(load(synced, list)[0])
    assert "no column 'colour'" in sentence(load(synced, pd.DataFrame, columns=["colour"])[0])


def test_changes(synced):
    """The first import is not in the journal."""
    run, rows = load(synced, pd.DataFrame, **{"filesync/relation": "changes"})
    assert run.success, sentence(run)
    assert "change" in rows.columns
