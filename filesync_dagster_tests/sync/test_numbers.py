"""The numbers of a sync: what stands in their table stands wherever a sync is shown."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from filesync_dagster.core.model import NUMBERS, ChangeCounts, SyncMode, SyncNumbers, SyncResult, SyncStatus
from filesync_dagster.storage.database import tables
from filesync_dagster.sync.result import sync_record
from filesync_dagster.web.messages import LastSync
from filesync_dagster.web.metrics import READINGS, TOTALS

NOW = datetime(2026, 1, 2, tzinfo=UTC)
EACH = {number.name: 10 + position for position, number in enumerate(NUMBERS)}
RESULT = SyncResult("docs", SyncStatus.COMPLETED, SyncMode.FULL, "s1", NOW, 1.5, **EACH)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_number_is_in_the_result_the_record_and_the_table(number):
    """Under one name."""
    record = sync_record(1, RESULT, NOW, None)

    assert getattr(record, number.name) == RESULT.as_dict()[number.name] == EACH[number.name]
    assert getattr(LastSync.of(record), number.name) == EACH[number.name]
    assert tables.sync_logs.c[number.name].nullable == (number.default is None)


def test_what_happens_is_counted_and_what_a_guard_holds_is_not():
    """A total of each number that has one; changes count once they are committed."""
    record = sync_record(1, RESULT, NOW, None)
    held = replace(record, sync_status=SyncStatus.HELD)
    totals = {total.name.removeprefix("filesync_"): total for total in TOTALS}
    counted = [number for number in NUMBERS if number.total]

    assert {number.name for number in counted} == totals.keys() - {"sync_seconds"}
    for number in counted:
        assert totals[number.name].of(record) == EACH[number.name]
        assert totals[number.name].of(held) == (0 if number.is_change else EACH[number.name])


def test_the_last_sync_is_a_reading():
    """Of each number that says what it is of the last sync."""
    last = {reading.name for reading in READINGS if reading.name.startswith("filesync_endpoint_last_sync_")}

    assert {f"filesync_endpoint_last_sync_{n.name.removeprefix('files_')}" for n in NUMBERS if n.last} < last


def test_counts_are_numbers():
    """Those of the changes, under another name; they add up."""
    assert SyncNumbers(**RESULT.counts.as_numbers()).counts == RESULT.counts
    assert ChangeCounts(1, 2, 3, 4, 5, 6, 7) + ChangeCounts(1, 1, 1, 1, 1, 1, 1) == ChangeCounts(2, 3, 4, 5, 6, 7, 8)
    assert {one.name for one in fields(SyncNumbers)} == set(RESULT.numbers())
