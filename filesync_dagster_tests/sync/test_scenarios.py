"""Single stories of a sync: what is held, resumed, confirmed, selected and locked."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from filesync_dagster.core.errors import NothingHeld
from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.sync import memory_store
from filesync_dagster_tests.sync.memory_store import Faults, MemoryStore
from filesync_dagster_tests.sync.projects import Project, everything, live, parquet_files, rows_of, stored


@pytest.fixture
def store():
    """Return a store in memory that endpoints name `store`."""
    memory_store.register()
    yield memory_store.STORES.setdefault("store", MemoryStore(page_size=50))
    memory_store.unregister()
    memory_store.STORES.clear()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def project(request, tmp_path):
    """Return a project with one endpoint, `docs`, on each database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return Project(tmp_path, endpoint(), database=url, batch_size=100)


def endpoint(prefix="", **more):
    """Return the endpoint of these tests."""
    return {"name": "docs", "type": "memory", "endpoint_details": {"store": "store", "prefix": prefix}, **more}


def paths(filesync):
    """Return the live paths."""
    return [row["path"] for row in live(filesync, "docs")]


def journal(filesync):
    """Return (change, path) of the journal."""
    return [(row["change"], row["path"]) for row in rows_of(filesync.changes("docs"))]


def fill(store, count, prefix="f"):
    """Put files into a store."""
    for number in range(count):
        store.put(f"{prefix}{number:04}")


def test_a_second_sync_of_an_unchanged_endpoint_writes_a_log_and_nothing_else(project, store):
    """File rows stay the same to the microsecond of updated_at, and no file appears."""
    fill(store, 20)
    with project.open() as filesync:
        filesync.sync("docs")
        before, written = everything(filesync, "docs"), parquet_files(project.home)
        for full in (False, True):
            assert filesync.sync("docs", full=full).status is SyncStatus.COMPLETED
            assert everything(filesync, "docs") == before
        assert parquet_files(project.home) == written
        assert len(filesync.syncs("docs")) == 3
        assert filesync.status()[0].last_success == filesync.syncs("docs")[0].as_of


def test_a_held_sync_is_invisible_until_it_is_approved(project, store):
    """Rows, journal and pointer stay; approving gives exactly the snapshot that was held."""
    fill(store, 20)
    with project.open() as filesync:
        filesync.sync("docs")
        before = everything(filesync, "docs")
        for number in range(15):
            store.delete(f"f{number:04}")
        held = filesync.sync("docs")
        assert held.status is SyncStatus.HELD
        assert "15 of 20 files" in held.error
        assert everything(filesync, "docs") == before
        assert filesync.status()[0].state == "held"
        fill(store, 3, "later")  # what is approved is what was looked at, not what is there by now
        approved = filesync.approve("docs")
        assert approved.counts == held.counts
        assert approved.snapshot_uri == held.snapshot_uri
        assert paths(filesync) == [row["path"] for row in stored(filesync, held.snapshot_uri)]
        assert journal(filesync) == [("removed", f"f{number:04}") for number in range(15)]
        with pytest.raises(NothingHeld):
            filesync.approve("docs")


def test_a_clean_listing_after_a_rejection_heals(project, store):
    """Rejecting changes nothing; when the files are back, the next sync commits as if nothing had been."""
    fill(store, 20)
    with project.open() as filesync:
        filesync.sync("docs")
        before = everything(filesync, "docs")
        lost = dict(store.entries)
        store.entries.clear()
        assert filesync.sync("docs").status is SyncStatus.HELD
        filesync.reject("docs")
        assert everything(filesync, "docs") == before
        assert filesync.sync("docs").status is SyncStatus.HELD  # still empty, still nobody's word for it
        store.entries.update(lost)
        healed = filesync.sync("docs")
        assert healed.status is SyncStatus.COMPLETED
        assert everything(filesync, "docs") == before
        assert filesync.status()[0].state == "ok"


def test_what_the_filters_leave_out_left_the_scope_and_comes_back(project, store):
    """Narrowing is no removal, whatever happened to the files meanwhile; widening adds what is there."""
    fill(store, 5, "a")
    fill(store, 5, "b")
    with project.open() as filesync:
        filesync.sync("docs")
    project.write(endpoint(filters={"exclude": ["b*"]}, guard={"allow_rescope": True}))
    store.delete("b0001")
    with project.open() as filesync:
        result = filesync.sync("docs")
        assert (result.status, result.counts.left_scope, result.counts.removed) == (SyncStatus.COMPLETED, 5, 0)
        assert set(journal(filesync)) == {("left_scope", f"b{number:04}") for number in range(5)}
    project.write(endpoint())
    with project.open() as filesync:
        result = filesync.sync("docs")
        assert (result.counts.added, result.counts.removed) == (4, 0)
        assert "b0001" not in paths(filesync)
        assert len(paths(filesync)) == 9


def test_another_location_is_not_a_deletion(project, store):
    """What the new prefix does not cover left the scope."""
    fill(store, 5, "a")
    fill(store, 5, "b")
    with project.open() as filesync:
        filesync.sync("docs")
    project.write(endpoint(prefix="a", guard={"allow_rescope": True}))
    with project.open() as filesync:
        result = filesync.sync("docs")
        assert (result.status, result.counts.left_scope, result.counts.removed) == (SyncStatus.COMPLETED, 5, 0)
        assert paths(filesync) == [f"a{number:04}" for number in range(5)]


def test_a_location_without_any_of_the_files_is_held(project, store):
    """A misspelt prefix does not empty the inventory unseen."""
    fill(store, 5, "a")
    with project.open() as filesync:
        filesync.sync("docs")
    project.write(endpoint(prefix="elsewhere"))
    with project.open() as filesync:
        assert filesync.sync("docs").status is SyncStatus.HELD
        assert len(paths(filesync)) == 5


@pytest.mark.parametrize(
    "edit",
    [{"filters": {"include": ["*.tx"]}}, {"filters": {"exclude": ["a*"]}}, {"prefix": "b"}, {"prefix": "elsewhere"}],
    ids=["a typo", "half of it", "half by its place", "another place"],
)
def test_an_edit_that_lets_half_of_the_files_go_waits_for_somebodys_word(tmp_path, store, edit):
    """It is held, corrected by correcting it, and committed by `approve` or `allow_rescope`, each once and for all."""
    fill(store, 5, "a")
    fill(store, 5, "b")
    project = Project(tmp_path, endpoint(), batch_size=100)
    with project.open() as filesync:
        filesync.sync("docs")
        before = everything(filesync, "docs")
    project.write(endpoint(**edit))
    with project.open() as filesync:
        held = filesync.sync("docs")
        assert (held.status, held.counts.removed) == (SyncStatus.HELD, 0)
        assert "allow_rescope" in held.error
        assert everything(filesync, "docs") == before
    project.write(endpoint())
    with project.open() as filesync:
        assert filesync.sync("docs").status is SyncStatus.COMPLETED
        assert filesync.status()[0].state == "ok"
    project.write(endpoint(**edit))
    with project.open() as filesync:
        filesync.sync("docs")
        approved = filesync.approve("docs")
        assert approved.counts.left_scope == held.counts.left_scope
        assert filesync.sync("docs").status is SyncStatus.COMPLETED


def test_a_wipe_in_slices_is_held_as_if_it_came_at_once(project, store):
    """Each of them is within the limit, all together are not; what somebody approved is no loss any more."""
    fill(store, 100)
    with project.open() as filesync:
        filesync.sync("docs")
        for number in range(50):
            store.delete(f"f{number:04}")
        assert filesync.sync("docs").status is SyncStatus.COMPLETED  # as much as may go
        store.put("new")
        store.delete("f0050")
        assert filesync.sync("docs").status is SyncStatus.COMPLETED  # made up for
        for number in range(51, 61):
            store.delete(f"f{number:04}")
        held = filesync.sync("docs")
        assert (held.status, held.files_removed) == (SyncStatus.HELD, 10)
        assert "10 of 50 files; with the syncs of the last 24 hours that makes 60 of 100" in held.error
        assert len(paths(filesync)) == 50
        filesync.approve("docs")
        for number in range(61, 81):
            store.delete(f"f{number:04}")
        assert filesync.sync("docs").status is SyncStatus.COMPLETED  # 20 of 40
        store.delete("f0081")
        assert filesync.sync("docs").status is SyncStatus.HELD  # 21 of 40
    project.write(endpoint(guard={"window_hours": 0}))
    with project.open() as filesync:
        assert filesync.sync("docs").status is SyncStatus.COMPLETED  # each by itself


def test_an_edit_in_slices_is_held_as_if_it_came_at_once(tmp_path, store):
    """Three filters, each of which lets a fifth go; what a setting allowed counts no more."""
    for letter in "abcde":
        fill(store, 2, letter)
    project = Project(tmp_path, endpoint(), batch_size=100)
    with project.open() as filesync:
        filesync.sync("docs")
    for excluded, status, guard in (
        (["a*"], SyncStatus.COMPLETED, {}),
        (["a*", "b*"], SyncStatus.COMPLETED, {}),
        (["a*", "b*", "c*"], SyncStatus.HELD, {}),
        (["a*", "b*", "c*"], SyncStatus.COMPLETED, {"allow_rescope": True}),
        (["a*", "b*", "c*"], SyncStatus.COMPLETED, {}),
    ):
        project.write(endpoint(filters={"exclude": excluded}, guard=guard))
        with project.open() as filesync:
            assert filesync.sync("docs").status is status
    store.delete("e0000")
    with project.open() as filesync:
        assert filesync.sync("docs").status is SyncStatus.COMPLETED  # 1 of 4


def test_a_row_that_only_a_second_listing_sees_is_not_removed(project, store):
    """A crawl is not atomic: an absence is confirmed before it counts."""
    fill(store, 20)
    with project.open() as filesync:
        filesync.sync("docs")
        store.faults = Faults(hidden={"f0003"})
        store.delete("f0004")
        result = filesync.sync("docs")
        assert (result.status, result.counts.removed) == (SyncStatus.COMPLETED, 1)
        assert "f0003" in paths(filesync)
        assert "f0004" not in paths(filesync)


def test_a_listing_that_breaks_keeps_the_inventory_and_resumes(project, store):
    """The next sync asks only for the pages after the last checkpoint, and sees what it could not see before."""
    fill(store, 100)
    with project.open() as filesync:
        filesync.sync("docs")
        before = everything(filesync, "docs")
        fill(store, 1000)
        store.faults = Faults(breaks={"one": 17})
        failed = filesync.sync("docs")
        assert failed.status is SyncStatus.FAILED
        assert "broke off" in failed.error
        assert everything(filesync, "docs") == before
        store.faults = Faults()
        store.pages.clear()
        assert filesync.sync("docs").status is SyncStatus.COMPLETED
        assert len(paths(filesync)) == 1000
        assert len(store.pages) <= 20 - 17 + 1, "more than the pages after the last checkpoint"


def test_a_scope_that_breaks_removes_nothing_there_and_everything_elsewhere(project, store):
    """A partial sync says what it could not read, adds, updates, and removes only from proof."""
    store.scopes = ("one", "two")
    fill(store, 5, "a")
    for number in range(5):
        store.put(f"b{number}", scope="two")
    with project.open() as filesync:
        filesync.sync("docs")
        store.delete("a0000")
        store.delete("b0")
        store.put("a-new")
        store.put("b-new", scope="two")
        store.faults = Faults(breaks={"two": 0})
        result = filesync.sync("docs")
        assert result.status is SyncStatus.PARTIAL
        assert "broke off" in result.warnings[0]
        assert paths(filesync) == ["a-new", *(f"a{n:04}" for n in range(1, 5)), *(f"b{n}" for n in range(5))]
        store.faults = Faults()
        assert filesync.sync("docs").status is SyncStatus.COMPLETED
        assert paths(filesync) == [
            "a-new",
            *(f"a{n:04}" for n in range(1, 5)),
            "b-new",
            *(f"b{n}" for n in range(1, 5)),
        ]


def test_of_two_syncs_at_once_one_commits_and_the_other_says_who_is_busy(project, store):
    """The lease is the lock: the loser names the holder, and nothing is done twice."""
    fill(store, 10)
    listing, may_go_on = threading.Event(), threading.Event()

    def wait(scope, number):
        listing.set()
        assert may_go_on.wait(30)

    store.faults = Faults(on_page=wait)
    with project.open() as filesync, ThreadPoolExecutor(1) as pool:
        first = pool.submit(filesync.sync, "docs")
        assert listing.wait(30)
        with project.open() as other:
            second = other.sync("docs")
            assert filesync.status()[0].state == "running"
        may_go_on.set()
        assert first.result().status is SyncStatus.COMPLETED
        assert second.status is SyncStatus.FAILED
        assert "busy" in second.error
        assert "process" in second.error
        assert len(filesync.syncs("docs")) == 1
        assert filesync.status()[0].state == "ok"


def test_what_a_resumed_listing_missed_comes_with_the_next_one(project, store):
    """A page that was read before the break is not read again; its changes since wait for the next sync."""
    fill(store, 300)
    store.faults = Faults(breaks={"one": 5})
    with project.open() as filesync:
        assert filesync.sync("docs").status is SyncStatus.FAILED
        store.delete("f0000")
        store.faults = Faults()
        assert filesync.sync("docs").counts.added == 300
        assert filesync.sync("docs").counts.removed == 1
        assert len(paths(filesync)) == 299


def test_a_sync_describes_the_moment_of_its_listing_not_that_of_its_commit(tmp_path, store):
    """A listing that was complete when its sync failed is not taken for one of the moment when it is committed."""
    fill(store, 300)
    project = Project(tmp_path, endpoint(), batch_size=100)
    blocked = project.home / "data"
    project.home.mkdir()
    blocked.write_text("not a folder")
    with project.open() as filesync:
        assert filesync.sync("docs").status is SyncStatus.FAILED
        listed = datetime.now(UTC)
        blocked.unlink()
        store.pages.clear()
        assert filesync.sync("docs").status is SyncStatus.COMPLETED
        assert store.pages == []
        assert filesync.syncs("docs")[0].as_of < listed
