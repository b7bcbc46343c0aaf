"""What becomes of permissions in an inventory, with the folders of a simulated Autodesk project."""

import json

import pytest

from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.sync.model.stage import staged
from filesync_dagster_tests.sync.projects import live, rows_of

ADDRESS = "http://autodesk.simulated"
FILES = 57  # in 19 folders, and one above these
HOUR = 3600


class Tower:
    """A filesync that follows a project, an hour after its last change."""

    def __init__(self, stage):
        self.stage = stage
        self.simulator = AutodeskSimulator(seed=1)
        self.store = self.simulator.store
        self.hub = self.store.hub("Acme")
        self.project = self.store.project(self.hub, "Tower", folders=())
        self.store.bulk(FILES, per_folder=3, project=self.project)
        self.store.advance(HOUR)
        [top] = self.store.folder_at(self.project).children
        self.top = top.id
        keys = self.simulator.credentials(ADDRESS)
        place = {"hub_id": self.hub, "project_ids": [self.project], "requests_per_minute": 100_000}
        self.details = {**keys, **place, "include_permissions": True}
        stage.begin(self.simulator, self.entry())

    def entry(self, **details):
        return {"name": "docs", "type": "autodesk", "endpoint_details": {**self.details, **details}}

    def sync(self, *, full=False):
        return self.stage.filesync.sync("docs", full=full)

    def folders(self):
        """Return who has something to do with each folder that the inventory knows."""
        rows = [row for row in live(self.stage.filesync, "docs") if row["kind"] == "folder"]
        return {row["path"]: row["permissions"] and json.loads(row["permissions"]) for row in rows}

    def journal(self):
        """Return the kinds of changes that the journal has."""
        metadata = self.stage.filesync.runtime.metadata
        return [
            row["change"] for row in rows_of(metadata.files.journal(metadata.endpoints.states()["docs"].endpoint_id))
        ]


@pytest.fixture(scope="module")
def stage():
    """Return a stage for endpoints of type autodesk."""
    with staged("autodesk") as found:
        yield found


@pytest.fixture
def tower(stage):
    """Return a project that nothing is known of."""
    return Tower(stage)


def test_they_cost_a_call_for_each_folder_and_nothing_when_idle(tower):
    """An idle sync costs at most a twentieth of the first one."""
    full, idle = tower.sync(), tower.sync()

    assert (full.status, full.warnings, full.files_total) == (SyncStatus.COMPLETED, (), FILES)
    assert len(tower.folders()) == 20
    assert all(tower.folders().values())
    assert full.api_calls >= 40
    assert idle.mode is SyncMode.INCREMENTAL
    assert idle.api_calls <= full.api_calls / 20


def test_what_no_rollup_tells_the_reconcile_finds(tower):
    """A permission on the top folder is inherited by all: rows of folders change, no file does, and nothing is held."""
    tower.sync()
    tower.store.unrolled.add("permission")
    tower.store.share(tower.top, "Architect", "ROLE")

    idle = tower.sync()
    before = tower.folders()
    full = tower.sync(full=True)

    assert (idle.api_calls, tower.folders() != before) == (1, True)
    assert (full.status, full.counts.updated, full.feed_drift) == (SyncStatus.COMPLETED, 0, 20)
    assert tower.journal() == ["permissions_changed"] * 20
    assert all("Architect" in {one.get("name") for one in found} for found in tower.folders().values())


def test_permissions_that_may_not_be_known_are_a_warning(tower):
    """The sync is complete: what is gone is removed though somebody may not tell all."""
    tower.sync()
    tower.simulator.plan.add(Fault.DENY, "getFolderPermissions", times=-1)
    [gone] = [row["external_id"] for row in live(tower.stage.filesync, "docs") if row["name"] == "report 0000057.pdf"]
    tower.store.hide(gone)

    full = tower.sync(full=True)
    idle = tower.sync()

    assert (full.status, full.counts.removed) == (SyncStatus.COMPLETED, 1)
    [warning] = full.warnings
    assert warning.startswith("The permissions of 20 folders are not known")
    assert set(tower.folders().values()) == {None}
    assert idle.status is SyncStatus.COMPLETED


def test_switching_them_on(stage, tower):
    """The next sync lists everything for them; they are changes of folders, and nothing is held."""
    stage.project.write(tower.entry(include_permissions=False))
    stage.close()
    stage.open()
    tower.sync()
    assert set(tower.folders().values()) == {None}
    stage.project.write(tower.entry())
    stage.close()
    stage.open()

    full = tower.sync()

    assert (full.status, full.mode) == (SyncStatus.COMPLETED, SyncMode.FULL)
    assert all(tower.folders().values())
