"""A sync that comes no further is ended, and does no harm when it wakes up."""

import threading

import pytest

from filesync_dagster.core.model import SyncStatus
from filesync_dagster.sync.stall_watch import StallWatch
from filesync_dagster_tests.sync import memory_store
from filesync_dagster_tests.sync.memory_store import Faults, MemoryStore
from filesync_dagster_tests.sync.projects import Project, everything, live

ENTRIES = [{"name": name, "type": "memory", "endpoint_details": {"store": name}} for name in ("a", "b")]


@pytest.fixture
def stores():
    """Return two stores in memory, of 9 files each."""
    memory_store.register()
    for name in ("a", "b"):
        memory_store.STORES[name] = MemoryStore()
        for number in range(9):
            memory_store.STORES[name].put(f"f{number}")
    yield memory_store.STORES
    memory_store.unregister()
    memory_store.STORES.clear()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def project(request, tmp_path, stores):
    """Return a project with an endpoint for each store."""
    return Project(
        tmp_path, *ENTRIES, database=request.getfixturevalue("postgres_url") if request.param != "sqlite" else None
    )


@pytest.fixture
def filesync(project):
    """Return it opened."""
    with project.open() as filesync:
        yield filesync


class Socket:
    """Something that is waited for, and cannot be interrupted."""

    def __init__(self, at_page):
        self.at_page = at_page
        self.answers = threading.Event()
        self.waiting = None

    def __call__(self, scope, number):
        """Wait, the first time that the page is asked for."""
        if number == self.at_page and self.waiting is None:
            self.waiting = threading.current_thread()
            self.answers.wait(60)


@pytest.mark.parametrize(
    "next_first",
    [pytest.param(True, id="the next one first", marks=pytest.mark.slow), pytest.param(False, id="wakes up first")],
)
def test_a_sync_that_hangs_is_ended_and_commits_nothing_when_it_wakes_up(project, stores, next_first):
    """It is `failed` with a sentence; the other endpoint is synced; the next attempt need not wait."""
    socket = Socket(at_page=2)
    stores["a"].faults = Faults(on_page=socket)
    project.write({**ENTRIES[0], "stall_minutes": 0.04}, ENTRIES[1])
    with project.open() as hasty:
        project.write(*ENTRIES)
        with project.open() as filesync:
            _check(hasty, filesync, socket, next_first=next_first)


def _check(hasty, filesync, socket, *, next_first):
    results = {result.endpoint: result for result in hasty.sync_many()}
    assert results["b"].status is SyncStatus.COMPLETED
    assert results["a"].status is SyncStatus.FAILED
    assert results["a"].error.startswith("The sync of a came no further for 0.04 minutes, so it was ended.")
    metadata = filesync.runtime.metadata
    assert metadata.leases.current() == []
    assert [log.sync_status for log in filesync.syncs("a")] == [SyncStatus.FAILED]

    def wake_up():
        socket.answers.set()
        socket.waiting.join(60)
        assert not socket.waiting.is_alive()

    if not next_first:
        wake_up()
        assert [log.sync_status for log in filesync.syncs("a")] == [SyncStatus.FAILED]
    assert filesync.sync("a").status is SyncStatus.COMPLETED
    before = everything(filesync, "a")
    if next_first:
        wake_up()
    assert everything(filesync, "a") == before
    assert len(live(filesync, "a")) == 9
    assert [log.sync_status for log in filesync.syncs("a")] == [SyncStatus.COMPLETED, SyncStatus.FAILED]
    assert filesync.sync("a").status is SyncStatus.COMPLETED


def test_an_interrupted_sync_leaves_nobody_behind_who_commits(filesync, stores, monkeypatch):
    """Ctrl-C ends the wait, not the thread: it finds its lease gone."""
    socket = Socket(at_page=2)
    stores["a"].faults = Faults(on_page=socket)

    def interrupt(now):
        raise KeyboardInterrupt

    monkeypatch.setattr(StallWatch, "is_stalled", lambda self, now: interrupt(now) if socket.waiting else False)
    with pytest.raises(KeyboardInterrupt):
        filesync.sync("a")
    monkeypatch.undo()
    socket.answers.set()
    socket.waiting.join(60)
    assert filesync.syncs("a") == []
    assert filesync.sync("a").status is SyncStatus.COMPLETED


def test_whoever_comes_further_is_not_stalled():
    """Only that nothing changes counts, however long it takes in all."""
    reads = iter([1, 1, 2, 2, 2])
    watch = StallWatch(10, lambda: next(reads))
    assert [watch.is_stalled(now) for now in (0.0, 9.0, 18.0, 28.0, 28.1)] == [False, False, False, False, True]
