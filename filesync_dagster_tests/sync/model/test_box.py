"""Histories of Box that once ended in an inventory that was wrong until everything was listed."""

import pytest

from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.sync.model.box_machine import BoxSyncs
from filesync_dagster_tests.sync.model.machine import machine
from filesync_dagster_tests.sync.model.stage import staged
from filesync_dagster_tests.sync.model.world import Place


@pytest.mark.parametrize("place", [Place("all"), Place("user")], ids=str)
def test_what_a_folder_holds_belongs_to_whoever_has_the_folder(place):
    """A folder of somebody else's that is made one's own: Box tells of it alone, and not of what it holds."""
    with staged("box") as stage:
        state = machine(BoxSyncs, stage, place)()
        state.begin(known=True, many=False)
        bobs = next(e for e in state.store.entries.values() if e.name == "bobs" and e.is_folder)
        state.store.move(bobs.id, state.world.a_folder(0))
        result = state.synced(full=False)
        assert (result.status, result.counts.updated) == (SyncStatus.COMPLETED, 2)
        state.teardown()
