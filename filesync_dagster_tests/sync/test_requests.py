"""What is asked for is done when a sync that began later is committed, and waits until then."""

from datetime import UTC, datetime, timedelta

import pytest

from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.sync import requests
from filesync_dagster.sync.circuit_breaker import FAILURES
from filesync_dagster.sync.requests import ClaimedRequests, due, sync_requested
from filesync_dagster_tests.sync import memory_store
from filesync_dagster_tests.sync.memory_store import Faults, MemoryStore
from filesync_dagster_tests.sync.projects import Project

PAUSED = requests.RETRY_PAUSE + timedelta(seconds=1)


@pytest.fixture
def store():
    """Return a store in memory with some pages."""
    memory_store.register()
    made = memory_store.STORES.setdefault("store", MemoryStore(page_size=50))
    for number in range(300):
        made.put(f"f{number:04}")
    yield made
    memory_store.unregister()
    memory_store.STORES.clear()


@pytest.fixture
def filesync(tmp_path, store):
    """Return one endpoint over it, `docs`, opened."""
    endpoint = {"name": "docs", "type": "memory", "endpoint_details": {"store": "store"}}
    with Project(tmp_path, endpoint, batch_size=100).open() as opened:
        yield opened


def waiting(filesync):
    """Return which requests wait: whether in full."""
    return [request.full for request in filesync.runtime.metadata.requests.read()]


def statuses(filesync):
    """Sync what is asked for; return how it ended."""
    return [result.status for result in sync_requested(filesync.runtime)]


@pytest.mark.parametrize("full", [False, True])
def test_a_sync_that_fails_leaves_it_waiting(filesync, store, full):
    """It is not begun again at once, but soon; then it is done as it was asked for."""
    filesync.request("docs", "webhook", full=full)
    store.faults = Faults(breaks={"one": 0})
    assert statuses(filesync) == [SyncStatus.FAILED]
    store.faults = Faults()

    assert waiting(filesync) == [full]
    assert due(filesync.runtime, datetime.now(UTC)) == {"docs": False}
    assert due(filesync.runtime, datetime.now(UTC) + PAUSED) == {"docs": True}
    assert statuses(filesync) == [SyncStatus.COMPLETED]
    assert waiting(filesync) == []
    assert due(filesync.runtime, datetime.now(UTC)) == {}


def test_one_that_fails_again_and_again_is_begun_more_and_more_rarely(filesync, store):
    """Other hints for the endpoint are no reason for more runs."""
    now = datetime.now(UTC)
    filesync.request("docs", "webhook")
    [taken] = filesync.runtime.metadata.requests.take(["docs"])
    filesync.request("docs", "webhook")

    assert due(filesync.runtime, now + timedelta(minutes=1)) == {"docs": False}
    assert due(filesync.runtime, now + PAUSED) == {"docs": True}
    old = requests._retry_at(taken.__class__(1, "docs", False, "webhook", now - timedelta(minutes=20), now))
    assert old == now + timedelta(minutes=20)
    oldest = requests._retry_at(taken.__class__(1, "docs", False, "webhook", now - timedelta(days=9), now))
    assert oldest == now + requests.RETRY_PAUSE_MAX


def test_what_a_run_had_taken_that_was_killed_is_asked_for(filesync):
    """A request for everything is still one for everything."""
    filesync.sync("docs")
    filesync.request("docs", "rest", full=True)
    ClaimedRequests(filesync.runtime, ["docs"])  # and then no word more

    [result] = sync_requested(filesync.runtime)
    assert result.mode is SyncMode.FULL
    assert waiting(filesync) == []


def test_it_waits_while_another_sync_runs(filesync):
    """The other one may be past what changed."""
    filesync.request("docs", "webhook")
    metadata = filesync.runtime.metadata
    with metadata.leases.hold(filesync.runtime.register(filesync.config.endpoint("docs")), seconds=60):
        assert due(filesync.runtime, datetime.now(UTC)) == {"docs": False}
        assert statuses(filesync) == [SyncStatus.FAILED]
        assert waiting(filesync) == [False]
    assert due(filesync.runtime, datetime.now(UTC) + PAUSED) == {"docs": True}


def test_it_waits_while_the_store_is_left_alone(filesync, store):
    """And is not lost by a run that begins all the same."""
    store.faults = Faults(breaks={"one": 0})
    for _ in range(FAILURES):
        filesync.sync("docs")
    filesync.request("docs", "webhook")

    assert due(filesync.runtime, datetime.now(UTC)) == {"docs": False}
    assert statuses(filesync) == [SyncStatus.SKIPPED]
    assert waiting(filesync) == [False]


def test_a_listing_that_began_before_does_not_do_it(filesync, store):
    """The page with the change may have been read already: another sync follows."""
    store.faults = Faults(breaks={"one": 5})
    assert filesync.sync("docs").status is SyncStatus.FAILED
    store.faults = Faults()
    store.delete("f0000")
    filesync.request("docs", "webhook")

    [resumed] = sync_requested(filesync.runtime)
    assert (resumed.status, resumed.resumed, resumed.counts.added) == (SyncStatus.COMPLETED, True, 300)
    assert waiting(filesync) == [False]
    [following] = sync_requested(filesync.runtime)
    assert following.counts.removed == 1
    assert waiting(filesync) == []


def test_everything_is_not_listed_anew_for_ever(filesync, store, monkeypatch):
    """What was asked for before an unfinished listing began is done when that one is."""
    monkeypatch.setattr(requests, "CLOCK_SKEW_MAX", timedelta(0))
    filesync.request("docs", "rest", full=True)
    store.faults = Faults(breaks={"one": 5})
    assert statuses(filesync) == [SyncStatus.FAILED]
    store.faults = Faults()
    store.pages.clear()

    [resumed] = sync_requested(filesync.runtime)
    assert (resumed.status, resumed.resumed) == (SyncStatus.COMPLETED, True)
    assert len(store.pages) < 6
    assert waiting(filesync) == []


def test_what_asks_for_everything_begins_anew(filesync, store):
    """An unfinished listing from before is not what was asked for."""
    store.faults = Faults(breaks={"one": 5})
    filesync.sync("docs")
    store.faults = Faults()
    filesync.request("docs", "rest", full=True)

    [result] = sync_requested(filesync.runtime)
    assert not result.resumed
    assert waiting(filesync) == []
