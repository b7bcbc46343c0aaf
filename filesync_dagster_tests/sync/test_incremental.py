"""Incremental syncs of a simulated Drive, in histories that once ended badly or well might."""

import pyarrow.parquet as pq
import pytest

from filesync_dagster import stored
from filesync_dagster.connectors import tenants
from filesync_dagster.model import SyncMode, SyncStatus, data_version
from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.wire import Answer, Request
from filesync_dagster_tests.model.stage import staged
from filesync_dagster_tests.sync.projects import live

ADDRESS = "http://drive.simulated"


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
        tenants.forget()
        result = self.filesync.sync("docs", full=full)
        assert result.status is status, result.error
        self.agree()
        return result

    def agree(self):
        """What the database has of the snapshot, trash included, is what is stored, and both are counted right."""
        workspace = self.filesync.workspace
        state = workspace.metadata.states()["docs"]
        rows = pq.read_table(stored.whole(workspace, "docs", state.endpoint_id, state.snapshot_uri)).to_pylist()
        known = [row for batch in workspace.metadata.entries(state.endpoint_id) for row in batch.to_pylist()]
        assert _places(rows) == _places(known)
        assert state.data_version == data_version(len(rows), sum(row["fingerprint"] for row in rows))
        files = [row for row in rows if not row["trashed"] and row["kind"] != "folder"]
        assert (state.files_total, state.bytes_total) == (len(files), sum(row["size"] or 0 for row in files))

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


def test_a_lost_change_file_is_made_up_for_by_a_full_sync(drive, monkeypatch):
    """The error says so, also when the changes are due to be folded, and the full sync does it."""
    drive.open()
    drive.sync()
    drive.store.create("second.txt", content=b"1")
    lost = drive.filesync.local_snapshot(drive.filesync.sync("docs").changes_uri)
    lost.unlink()
    monkeypatch.setattr(stored, "FOLD_COUNT", 1)

    refused = drive.filesync.sync("docs")
    assert refused.status is SyncStatus.FAILED
    assert "--full" in str(refused.error)

    assert drive.sync(full=True).status is SyncStatus.COMPLETED
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
