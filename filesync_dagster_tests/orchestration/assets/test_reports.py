"""Reports: their numbers against the same numbers counted by hand from the inventory and the journal."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from xml.etree import ElementTree as ET

import pytest

from filesync_dagster.core.model import SyncMode
from filesync_dagster.monitoring.reports.charts import amount, stacked_bars
from filesync_dagster_tests.orchestration.assets.test_endpoints import shown
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.sync.memory_store import STORES
from filesync_dagster_tests.sync.projects import live

CHANGES, GROWTH = ["filesync_reports", "daily_changes"], ["filesync_reports", "storage_growth"]


def report(made, path, day=None):
    """Materialize a report and return its metadata."""
    result = made.materialize(path, day=day)
    assert result.success
    return shown(result)[path[-1]]


def table(metadata, name="endpoints"):
    """Return the rows of a table by endpoint."""
    return {row["endpoint"]: row for row in metadata[name]}


def test_daily_changes_are_those_of_the_journal(project, store):
    """Counts by kind and by endpoint are what the journal has; an import is no change."""
    made = project(store("a", files=30), store("b", files=9))
    with made.open() as filesync:
        list(filesync.sync_many())
        for i in range(4):
            STORES["a"].put(f"a-{i}", size=500, version=2)
        STORES["a"].delete("a-29")
        STORES["a"].put("a-28", name="renamed")
        STORES["b"].put("new")
        list(filesync.sync_many())
        STORES["b"].put("newer")
        list(filesync.sync_many())
        journal = {
            name: Counter(row["change"] for batch in filesync.changes(name) for row in batch.to_pylist())
            for name in ("a", "b")
        }
    metadata = report(made, CHANGES)
    total = journal["a"] + journal["b"]
    assert metadata["changes_total"] == total.total() == 8
    assert metadata["files_added"] == total["added"] == 2
    assert metadata["files_updated"] == total["modified"] == 4
    assert metadata["files_moved"] == total["moved"] == 1
    assert metadata["files_removed"] == total["removed"] == 1
    assert metadata["files_imported"] == 39
    assert (metadata["endpoints_changed"], metadata["syncs_completed"]) == (2, 6)
    assert table(metadata)["b"]["added"] == 2
    assert len(metadata["changed_files"]) == 8


def test_storage_growth_is_what_the_inventory_holds(project, store):
    """Files and bytes are those of the live rows; growth is against the evening before."""
    made = project(store("a", files=10), store("b", files=3), store("never", files=1))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with made.open() as filesync:
        for name in ("a", "b"):
            filesync.sync(name)
        rows = {name: live(filesync, name) for name in ("a", "b")}
        [record] = filesync.syncs("a")
        at = datetime.combine(yesterday, time(12), UTC)
        filesync.runtime.metadata.syncs.record(
            replace(record, id="yesterday", as_of=at, sync_started=at, files_total=7, bytes_total=20)
        )
    metadata = report(made, GROWTH)
    size = sum(row["size"] for name in rows for row in rows[name])
    assert (metadata["files_total"], metadata["bytes_total"]) == (13, size)
    assert (metadata["files_growth"], metadata["bytes_growth"]) == (3, sum(r["size"] for r in rows["a"]) - 20)
    assert (metadata["endpoints_known"], metadata["endpoints_total"]) == (2, 3)
    assert table(metadata)["never"]["size"] == "unknown on that day"
    past = report(made, GROWTH, f"{yesterday}")
    assert (past["files_total"], past["bytes_total"], past["files_growth"]) == (7, 20, 0)
    assert [found["endpoints_outdated"] for found in (metadata, past)] == [0, 0]


def test_an_endpoint_that_is_gone_keeps_its_past(project, store):
    """What its days said they say again, and a day after its last sync knows nothing of it."""
    entries = [store("a", files=10), store("b", files=3)]
    made = project(*entries)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    at = datetime.combine(yesterday, time(12), UTC)
    with made.open() as filesync:
        for name in ("a", "b"):
            filesync.sync(name)
            [record] = filesync.syncs(name)
            old = replace(record, id=f"{name}-old", as_of=at, sync_started=at, sync_completed=at)
            filesync.runtime.metadata.syncs.record(old)
    before = [report(made, path, f"{yesterday}") for path in (CHANGES, GROWTH)]
    made.write(entries[0])

    after = [report(made, path, f"{yesterday}") for path in (CHANGES, GROWTH)]

    numbers = [[{k: v for k, v in one.items() if isinstance(v, int)} for one in told] for told in (before, after)]
    assert numbers[0] == numbers[1]
    assert numbers[0][0]["endpoints_total"] == 2
    assert [report(made, path)["endpoints_total"] for path in (CHANGES, GROWTH)] == [1, 1]


def test_a_rebuilt_day_counts_once(project, store):
    """What the store's history tells of a day is not added to what live syncs saw of it."""
    made = project(store("a", files=10))
    with made.open() as filesync:
        filesync.sync("a")
        STORES["a"].put("more")
        filesync.sync("a")
        record = filesync.syncs("a")[0]
        filesync.runtime.metadata.syncs.record(replace(record, id="rebuilt", mode=SyncMode.REPLAY, files_added=5))
    metadata = report(made, CHANGES)
    assert metadata["files_added"] == 5
    assert "all day added: 5" in (made.home / "reports" / "daily_changes" / f"{today()}.svg").read_text()


def test_a_report_says_the_same_however_often_it_is_written(project, store):
    """It depends on nothing but what is stored about its day."""
    made = project(store("a"))
    with made.open() as filesync:
        filesync.sync("a")
    first, second = report(made, CHANGES), report(made, CHANGES)
    assert first.keys() == second.keys()
    assert first["chart"] == second["chart"]
    assert {k: v for k, v in first.items() if isinstance(v, int)} == {
        k: v for k, v in second.items() if isinstance(v, int)
    }
    assert (made.home / "reports" / "daily_changes" / f"{today()}.svg").exists()


def test_a_day_without_anything_is_a_report_of_zeros(project, store):
    """The same keys, so that the plot has no holes."""
    made = project(store("a"))
    quiet, busy = report(made, CHANGES, "2026-01-05"), report(made, CHANGES)
    numbers = {name for name, value in busy.items() if isinstance(value, int)}
    assert {name: quiet[name] for name in numbers} == dict.fromkeys(numbers, 0) | {"endpoints_total": 1}


@pytest.mark.parametrize("values", [[], [0], [0, 0, 0], [1], [3, 0, 999_999_999_999]])
def test_charts_are_well_formed_whatever_they_show(values):
    """Hostile names too."""
    labels = [f"<{i}>" for i in range(len(values))]
    for svg in (
        stacked_bars("a & b", labels, {'"x" <y>': values, "z": values}),
        stacked_bars("a & b", labels, {'"x" <y>': values}, "B"),
    ):
        assert ET.fromstring(svg).tag.endswith("svg")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0, "B", "0 B"), (999, "B", "999 B"), (1500, "B", "1.5 kB"), (2e9, "", "2G"), (-3e6, "B", "-3 MB"), (7, "", "7")],
)
def test_amounts_are_for_people(value, unit, text):
    """Three digits and a letter."""
    assert amount(value, unit) == text
