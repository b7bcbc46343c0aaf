"""Incremental syncs of a simulated Drive, in histories that once ended badly or well might."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from filesync_dagster.connectors.rest.limits import forget_tenants
from filesync_dagster.core.model import SyncMode, SyncStatus, data_version
from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.wire import Answer, Request
from filesync_dagster.sync import snapshot_chain
from filesync_dagster_tests.databases import recorded_statements
from filesync_dagster_tests.sync.model.stage import staged
from filesync_dagster_tests.sync.model.world import BOB
from filesync_dagster_tests.sync.projects import live

ADDRESS = "http://drive.simulated"
QUIET_STATEMENTS_MAX = 10


class Drive:
    """A filesync that follows a Drive. `between` is called with every request and the answer to it."""

    def __init__(self, stage):
        self.stage = stage
        self.simulator = DriveSimulator(seed=1)
        self.store = self.simulator.store
        self.between = None

    def handle(self, request: Request) -> Answer:
        """Answer as the Drive does, unless the test wants it otherwise."""
        answer = self.simulator.handle(request)
        return (self.between and self.between(request, answer)) or answer

    def open(self, **changed):
        """Open filesync on this drive, with these details and other keys of the endpoint."""
        keys = self.simulator.user_credentials(ADDRESS)
        details = {name: keys[name] for name in ("client_id", "client_secret", "refresh_token", "token_uri")}
        details |= {"base_url": ADDRESS, "list_workers": 1, **changed.pop("details", {})}
        self.entry = {"name": "docs", "type": "google_drive", "endpoint_details": details, "guard": {"enabled": False}}
        self.stage.begin(self, {**self.entry, **changed})

    def again(self, **changed):
        """Open filesync on the same home, with other keys of the endpoint."""
        self.stage.close()
        self.stage.project.write({**self.entry, **changed})
        self.stage.open()

    @property
    def filesync(self):
        """The one that is open."""
        return self.stage.filesync

    def sync(self, *, full=False, status=SyncStatus.COMPLETED):
        """Sync, and see that the database, the snapshot and the totals agree."""
        forget_tenants()
        result = self.filesync.sync("docs", full=full)
        assert result.status is status, result.error
        self.agree()
        return result

    def agree(self):
        """What the database has of the snapshot, trash included, is what is stored, and both are counted right."""
        runtime = self.filesync.runtime
        state = runtime.metadata.endpoints.states()["docs"]
        rows = pq.read_table(
            snapshot_chain.materialize(runtime, "docs", state.endpoint_id, state.snapshot_uri)
        ).to_pylist()
        known = [row for batch in runtime.metadata.files.entries(state.endpoint_id) for row in batch.to_pylist()]
        assert _places(rows) == _places(known)
        assert state.data_version == data_version(len(rows), sum(row["fingerprint"] for row in rows))
        files = [row for row in rows if not row["trashed"] and row["kind"] != "folder"]
        assert (state.files_total, state.bytes_total) == (len(files), sum(row["size"] or 0 for row in files))

    def paths(self):
        """The paths of all entries, those in the trash too."""
        runtime = self.filesync.runtime
        batches = runtime.metadata.files.entries(runtime.metadata.endpoints.states()["docs"].endpoint_id)
        return sorted(path for batch in batches for path in batch.column("path").to_pylist())

    def files(self):
        """The paths of the live files."""
        return sorted(row["path"] for row in live(self.filesync, "docs") if row["kind"] != "folder")


def _places(rows):
    return sorted((row["external_id"], row["path"], row["trashed"]) for row in rows)


@pytest.fixture(scope="module")
def stage():
    """A place for the projects of all tests."""
    with staged("google_drive") as stage:
        yield stage


@pytest.fixture
def drive(stage):
    """A Drive with one file, not opened yet."""
    drive = Drive(stage)
    drive.store.create("top.txt", content=b"1")
    return drive


def test_a_feed_that_tells_nothing_costs_ten_statements_at_most(drive):
    """Also on top of a snapshot that was changed since, every time anew."""
    drive.open()
    drive.sync()
    for _ in range(2):
        with recorded_statements() as asked:
            assert drive.filesync.sync("docs").mode is SyncMode.INCREMENTAL
        assert len(asked) <= QUIET_STATEMENTS_MAX, "\n".join(asked)
    assert not drive.filesync.runtime.metadata.endpoints.sync_start(1).has_later_changes
    drive.store.create("new.txt", content=b"2")
    drive.sync()
    assert drive.filesync.runtime.metadata.endpoints.sync_start(1).has_later_changes


def test_what_left_the_trash_for_good_is_in_no_snapshot(drive):
    """Nor does it come back when the folder that it was in is deleted, which would spoil the totals."""
    folder = drive.store.create("folder", kind="folder")
    trashed = drive.store.create("trashed.txt", folder, content=b"22")
    drive.open()
    drive.sync()
    drive.store.trash(trashed)
    drive.sync()

    drive.store.delete(trashed)
    drive.sync()
    drive.store.delete(folder)
    drive.sync()

    assert drive.files() == ["top.txt"]
    assert drive.sync(full=True).feed_drift == 0


def test_a_lost_change_file_is_made_up_for_by_itself(drive, monkeypatch):
    """A warning says so, also when the changes are due to be folded: the sync lists everything, and writes it anew."""
    drive.open()
    drive.sync()
    drive.store.create("second.txt", content=b"1")
    lost = drive.filesync.local_snapshot(drive.filesync.sync("docs").changes_uri)
    lost.unlink()
    monkeypatch.setattr(snapshot_chain, "COMPACT_FILE_COUNT", 1)

    healed = drive.filesync.sync("docs")
    assert (healed.status, healed.mode) == (SyncStatus.COMPLETED, SyncMode.FULL)
    assert "It was written anew, from the database." in healed.warnings[0]
    assert drive.files() == ["second.txt", "top.txt"]
    drive.store.create("third.txt", content=b"1")
    assert drive.sync().mode is SyncMode.INCREMENTAL


def test_a_file_that_moves_while_its_folder_is_read_is_counted_once(drive):
    """It is seen in the folder that it left and in the one that it came to."""
    folder = drive.store.create("folder", kind="folder")
    left, right = (drive.store.create(name, folder, kind="folder") for name in ("left", "right"))
    file = drive.store.create("file.txt", left, content=b"22")
    drive.open()
    drive.sync()
    drive.store.trash(folder)
    drive.sync()
    drive.store.restore(folder)
    asked = []

    def moves_on(request, answer):
        inside = [here for here in (left, right) if here in request.parameter("q")]
        asked.extend(inside)
        if inside and len(asked) == 1:  # from the one that is read first to the other
            drive.store.move(file, right if inside == [left] else left)

    drive.store.move(file, right)  # `right` is read first
    drive.between = moves_on
    result = drive.sync()

    assert asked == [right, left]
    assert (result.files_total, drive.files()) == (2, ["folder/left/file.txt", "top.txt"])


def test_what_lies_in_a_trashed_folder_has_the_path_of_the_folder(drive):
    """A full sync finds its new name as well, though nothing that lives has moved."""
    folder = drive.store.create("folder", kind="folder")
    drive.store.create("file.txt", folder, content=b"22")
    drive.open()
    drive.sync()
    drive.store.trash(folder)
    drive.sync()

    drive.store.rename(folder, "renamed")
    drive.sync(full=True)

    assert drive.paths() == ["renamed", "renamed/file.txt", "top.txt"]


def test_what_lies_in_a_folder_that_a_listing_leaves_out_moves_with_the_folder_above(drive):
    """The folder has the parent that it had, not the path: what is new in it would keep a wrong one for ever."""
    above = drive.store.create("above", kind="folder")
    folder = drive.store.create("folder", above, kind="folder")
    file = drive.store.create("file.txt", folder, content=b"22")
    drive.open()
    drive.sync()
    drive.store.rename(above, "renamed")
    drive.store.edit(file, b"333")
    drive.store.create("new.txt", folder, content=b"4")

    def leaves_out(request, answer):
        if request.path.endswith("/files"):
            found = json.loads(answer.body)
            found["files"] = [entry for entry in found["files"] if entry["id"] != folder]
            return replace(answer, body=json.dumps({**found, "incompleteSearch": True}).encode())
        return None

    drive.between = leaves_out
    drive.sync(full=True, status=SyncStatus.PARTIAL)
    drive.between = None

    assert drive.files() == ["renamed/folder/file.txt", "renamed/folder/new.txt", "top.txt"]


def test_a_file_outlives_the_access_to_its_folder_whenever_it_was_told(drive):
    """It was edited, and told in its folder; the folder went out of sight a moment later."""
    bobs = drive.store.create("bobs", kind="folder", owner=BOB)
    drive.store.share(bobs, drive.store.account)
    file = drive.store.create("file.txt", bobs, content=b"22", owner=BOB)
    drive.store.share(file, drive.store.account)
    drive.open(details={"include_shared": True, "page_size": 1})
    drive.sync()
    drive.store.edit(file, b"333")
    drive.store.rename(bobs, "renamed")

    def unshares(request, answer):
        if b"file.txt" in answer.body and drive.store.item(bobs).seen:
            drive.store.unshare(bobs, drive.store.account)

    drive.between = unshares
    result = drive.sync()

    assert (result.mode, result.counts.removed) == (SyncMode.INCREMENTAL, 0)
    assert drive.files() == ["My Drive/file.txt", "My Drive/top.txt"]


def test_a_scope_that_loses_its_last_file_is_held(drive):
    """As it is when a full sync finds that."""
    team = drive.store.shared_drive("Team")
    files = [drive.store.create(name, team, content=b"1") for name in ("a.txt", "b.txt")]
    for number in range(10):
        drive.store.create(f"{number}.txt", content=b"1")
    drive.open(details={"include_shared": True}, guard={})
    drive.sync()

    drive.store.delete(files[0])
    drive.sync()
    drive.store.delete(files[1])
    held = drive.sync(status=SyncStatus.HELD)

    assert held.mode is SyncMode.INCREMENTAL
    assert "no file in 'drive:" in str(held.error)


@pytest.mark.parametrize("full", [False, True])
def test_filters_that_change_before_an_approval_count_from_then_on(drive, full):
    """What is approved was selected by other filters: the next sync selects anew."""
    for name in ("a.txt", "b.txt", "c.bak"):
        drive.store.create(name, content=b"1")
    guard = {"max_removed": 0}
    drive.open(guard=guard)
    drive.sync()
    drive.store.delete(drive.store.create("d.txt"))
    drive.sync()
    drive.store.delete(next(item.id for item in drive.store.items.values() if item.name == "b.txt"))
    drive.sync(full=full, status=SyncStatus.HELD)

    drive.again(guard=guard, filters={"exclude": ["*.bak"]})
    drive.filesync.approve("docs")
    drive.sync()

    assert drive.files() == ["a.txt", "top.txt"]
    assert drive.sync().mode is SyncMode.INCREMENTAL


def test_what_is_approved_though_not_all_was_read_is_partial(drive):
    """Somebody agrees to the removals; that the rest was read nobody can say."""
    file = drive.store.create("file.txt", content=b"22")
    team = drive.store.shared_drive("Team")
    drive.store.create("a.txt", team, content=b"1")
    drive.open(details={"include_shared": True}, guard={"max_removed": 0})
    drive.sync()
    drive.store.delete(file)

    def incomplete(request, answer):
        if request.path.endswith("/files") and request.parameter("driveId"):
            return replace(answer, body=json.dumps({**json.loads(answer.body), "incompleteSearch": True}).encode())
        return None

    drive.between = incomplete
    drive.sync(full=True, status=SyncStatus.HELD)

    assert drive.filesync.approve("docs").status is SyncStatus.PARTIAL


def test_permissions_that_are_wanted_from_now_on_are_there(drive):
    """No log tells those of what did not change; nor that they are not wanted any more."""
    drive.open()
    drive.sync()
    for wanted in (True, False):
        drive.again(endpoint_details={**drive.entry["endpoint_details"], "include_permissions": wanted})
        drive.sync()
        assert [bool(row["permissions"]) for row in live(drive.filesync, "docs")] == [wanted]
        assert drive.sync().mode is SyncMode.INCREMENTAL


def test_the_log_of_another_account_is_not_gone_on_from(drive):
    """Other credentials see another My Drive, though it has the same name and its log the same numbers."""
    drive.open()
    drive.sync()
    drive.simulator = DriveSimulator(seed=2)
    drive.simulator.store.create("another.txt", content=b"1")
    keys = drive.simulator.user_credentials(ADDRESS)
    drive.again(endpoint_details={name: keys.get(name, told) for name, told in drive.entry["endpoint_details"].items()})
    drive.sync()

    assert drive.files() == ["another.txt"]
