"""Histories of a Dropbox that would end in a wrong inventory if something essential broke."""

import pytest

from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster_tests.sync.model.dropbox_machine import DropboxSyncs
from filesync_dagster_tests.sync.model.machine import machine
from filesync_dagster_tests.sync.model.stage import staged
from filesync_dagster_tests.sync.model.world import Place


@pytest.fixture(scope="module")
def stage():
    """Lend a stage for endpoints that watch a simulated Dropbox."""
    with staged("dropbox") as found:
        yield found


@pytest.fixture
def dropbox(stage):
    """Return what makes a machine whose endpoint watches a place and knows all that is there."""

    def begun(kind, **how):
        state = machine(DropboxSyncs, stage, Place(kind, **how))()
        state.begin(known=True)
        return state

    return begun


def told(state):
    """Sync incrementally, and be right."""
    result = state.synced(full=False)
    assert (result.status, result.mode) == (SyncStatus.COMPLETED, SyncMode.INCREMENTAL), result
    return result


@pytest.mark.parametrize("kind", ["everything", "namespace"])
def test_a_reset_cursor_is_followed_by_a_listing(dropbox, kind):
    """In the same sync, which finds what was deleted since."""
    state = dropbox(kind)
    state.store.delete(state.world.at("/team/a"))
    result = state.synced(full=False, troubles=[("reset", 0)])
    assert (result.status, result.mode, result.counts.removed) == (SyncStatus.COMPLETED, SyncMode.FULL, 1)
    state.teardown()


def test_a_deleted_folder_takes_along_what_it_held(dropbox):
    """Its own path is all that is told."""
    state = dropbox("everything")
    state.store.delete(state.world.folder)
    assert told(state).counts.removed == 4
    state.teardown()


@pytest.mark.parametrize("kind", ["everything", "namespace"])
def test_what_a_shared_folder_holds_may_be_listed_before_it(dropbox, kind):
    """It was read with the rest: nothing is missing, and nothing is said to be."""
    state = dropbox(kind)
    plans = state.world.at("/team/plans")
    state.store.delete(state.world.at("/team/plans/b"))
    state.store.move(state.world.at("/projects/b"), plans)
    state.teardown()


def test_a_folder_that_moves_is_one_change(dropbox):
    """Though all that it holds is told again."""
    state = dropbox("everything")
    state.store.move(state.world.at("/projects/a"), state.world.at("/team/plans"))
    counts = told(state).counts
    assert (counts.moved, counts.added, counts.removed, counts.repathed) == (1, 0, 0, 4)
    state.teardown()


def test_what_was_renamed_to_other_letters_and_then_deleted(dropbox):
    """The feed tells of its path, in lower case; the name that is known has other letters."""
    state = dropbox("everything")
    made = state.store.create("Readme.TXT")
    told(state)
    state.store.delete(made)
    assert told(state).counts.removed == 1
    state.teardown()


@pytest.mark.parametrize("what", ["delete", "rename", "move"])
def test_a_root_that_is_gone_fails_the_sync(dropbox, what):
    """Nothing is removed."""
    state = dropbox("folder")
    before = state.inventory.everything()
    arguments = {"delete": (), "rename": ("elsewhere",), "move": (state.world.team,)}[what]
    getattr(state.store, what)(state.world.folder, *arguments)
    for full in (False, True):
        result = state.synced(full=full)
        assert result.status is SyncStatus.FAILED
        assert "path" in str(result.error)
    state.inventory.unchanged_since(before)


def test_a_namespace_that_is_lost_fails_the_sync(dropbox):
    """Dropbox refuses the root, with 422."""
    state = dropbox("namespace")
    before = state.inventory.everything()
    state.store.revoke(state.world.team)
    result = state.synced(full=False)
    assert (result.status, "namespace_id" in str(result.error)) == (SyncStatus.FAILED, True)
    state.inventory.unchanged_since(before)
    state.store.mount(state.world.team)
    state.teardown()


def test_what_leaves_the_watched_folder_left_the_scope(dropbox):
    """It exists elsewhere."""
    state = dropbox("folder")
    state.store.move(state.world.at("/projects/a"), state.world.at("/team/plans"))
    counts = told(state).counts
    assert (counts.removed, counts.left_scope) == (0, 3)
    state.teardown()


def test_a_shared_folder_that_is_left_is_gone_and_comes_back(dropbox):
    """With all that it holds."""
    state = dropbox("everything")
    state.store.revoke(state.world.team)
    assert told(state).counts.removed == 3
    state.store.mount(state.world.team)
    assert told(state).counts.added == 3
    state.teardown()


@pytest.mark.parametrize("at", range(0, 16, 4))
def test_a_sync_may_die_at_any_moment(dropbox, at):
    """The next one finds what the dead one found, once."""
    state = dropbox("everything")
    state.store.create("new")
    state.store.delete(state.world.at("/projects/b"))
    state.store.rename(state.world.team, "Crew")
    state.die(at=at, full=bool(at % 8), troubles=[])
    state.teardown()
