"""A long listing of a Drive that is killed goes on where it was, and where it cannot, begins that scope alone again."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from filesync_dagster.core.model import SyncStatus
from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster.storage.database.tables import checkpoints
from filesync_dagster_tests.sync.projects import Project, live

FILES = 3000
PAGE = 100
BATCH = 300  # rows between two checkpoints

KILLED = """
import os, signal, sys
from filesync_dagster import Filesync

def watch(progress):
    if progress.files >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

Filesync.open(sys.argv[1]).sync("drive", on_progress=watch)
"""


class Counting(DriveSimulator):
    """A Drive that remembers which listings were asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def handle(self, request):
        if request.method == "GET" and request.path.endswith("/drive/v3/files"):
            self.asked.append(request.parameter("driveId") or "my drive")
        return super().handle(request)


@pytest.fixture
def simulator():
    """Return a Drive with a My Drive and a shared drive of as many files."""
    drive = Counting()
    drive.store.bulk(FILES, per_folder=50)
    drive.store.bulk(FILES, per_folder=50, parent=drive.store.shared_drive("Projects"), seed=1)
    return drive


@pytest.fixture
def project(tmp_path, simulator):
    """Return a project with all of it as one endpoint."""
    with serve_simulator(simulator) as url:
        details = {
            "service_account_json": json.dumps(simulator.credentials(url)),
            "base_url": url,
            "include_shared": True,
            "page_size": PAGE,
        }
        endpoint = {"name": "drive", "type": "google_drive", "endpoint_details": details}
        yield Project(tmp_path, endpoint, batch_size=BATCH)


def killed_after(project, entries):
    """Sync in another process, which dies by kill -9 after it has listed so many entries."""
    variables = {"FILESYNC_HOME": str(project.home), "PATH": ""}
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(project.config), str(entries)],
        env=variables,
        check=False,
        cwd=project.folder,
    )
    assert child.returncode == -9


@pytest.mark.slow
def test_only_what_came_after_the_last_checkpoint_is_read_again(project, simulator):
    """Killed at 60 % of both drives: the finished scope is not listed again, the other one from its checkpoint on."""
    killed_after(project, int(2 * FILES * 0.6))
    assert set(simulator.asked[:-1]) == {"my drive", simulator.asked[-1]}
    listed = len(simulator.asked)
    simulator.asked.clear()

    result = project.open().sync("drive")

    assert result.status is SyncStatus.COMPLETED
    assert result.files_total == 2 * FILES == len([r for r in live(project.open(), "drive") if r["kind"] == "file"])
    assert "my drive" not in simulator.asked
    pages_of_both = sum(-(-len(list(items)) // PAGE) for items in simulator.store.corpora.values())
    asked_twice = listed + len(simulator.asked) - pages_of_both
    assert asked_twice <= 2 * BATCH // PAGE


@pytest.mark.slow
@pytest.mark.parametrize(("hours", "goes_on"), [(5, True), pytest.param(7, False, marks=pytest.mark.slow)])
def test_what_counts_is_when_a_listing_was_interrupted_not_when_it_began(project, simulator, hours, goes_on):
    """One that takes days, and is ended every day, comes to an end; one that stopped too long ago begins anew."""
    killed_after(project, int(2 * FILES * 0.6))
    simulator.asked.clear()
    now = datetime.now(UTC)
    moments = {"started_at": now - timedelta(days=3), "updated_at": now - timedelta(hours=hours)}
    with project.open() as filesync, filesync.runtime.metadata._database.write_transaction() as connection:
        connection.execute(update(checkpoints).values(**moments))

    assert project.open().sync("drive").status is SyncStatus.COMPLETED
    assert ("my drive" not in simulator.asked) is goes_on


@pytest.mark.slow
def test_an_expired_page_token_begins_its_scope_again(project, simulator):
    """A checkpoint that is too old for Google: its drive is listed from the start, the finished one is not."""
    killed_after(project, int(2 * FILES * 0.6))
    simulator.asked.clear()
    simulator.plan.add(Fault.EXPIRE_PAGE, "files.list")

    result = project.open().sync("drive")

    assert result.status is SyncStatus.COMPLETED
    assert result.files_total == 2 * FILES
    assert "my drive" not in simulator.asked
    assert len(simulator.asked) > FILES / PAGE
