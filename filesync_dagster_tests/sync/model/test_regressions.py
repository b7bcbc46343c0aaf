"""Histories that once ended in an inventory that was wrong, or that would if something essential broke.

Each is played with all that the state machine judges, and ends in a clean sync and a reconcile that must agree.
"""

import pytest

from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster_tests.sync.model.world import BOB, Place

MY_DRIVE, FOLDER, TEAM, EVERYTHING = Place("my_drive"), Place("folder"), Place("drive"), Place("everything")


def paths(state):
    """Return the paths of the live entries, and what is not live, by path."""
    rows = state.inventory.snapshot().values()
    return {row["path"] for row in rows if not row["trashed"]}, {row["path"] for row in rows if row["trashed"]}


def told(state, **how):
    """Sync incrementally, and be right."""
    result = state.synced(full=False, **how)
    assert result.status is SyncStatus.COMPLETED, result
    assert result.mode is SyncMode.INCREMENTAL, result
    return result


def found_by_a_listing(state):
    """Sync without being told everything; then list everything, which says so, and is right."""
    assert state.stage.sync().status is SyncStatus.COMPLETED
    found = state.stage.sync(full=True)
    assert found.status is SyncStatus.COMPLETED
    assert found.feed_drift
    state.inventory.catch_up()
    state.inventory.is_(state.world.truth(state.place))


def test_a_folder_that_moves_takes_its_content_along(drive):
    """One change; what lies below it has another path and no change of its own."""
    state = drive(MY_DRIVE)
    state.store.move(state.world.at("projects/a"), None)
    result = told(state)
    assert (result.counts.moved, result.counts.repathed) == (1, 4)
    assert "a/b/a" in paths(state)[0]
    state.teardown()


def test_a_folder_that_goes_to_a_place_that_nobody_sees_has_left(drive):
    """Drive tells no folder of it any more; it is the account's own, so a folder in sight would have been told."""
    state = drive(FOLDER)
    state.store.move(state.world.at("projects/a"), state.store.item(state.world.bobs).parent.id)
    result = told(state)
    assert (result.counts.left_scope, paths(state)[0]) == (3, {"b"})
    state.teardown()


def test_a_trashed_folder_takes_its_content_along(drive):
    """Drive tells of the folder alone; what lies in it is in the trash, and comes back with it."""
    state = drive(MY_DRIVE)
    projects = state.world.folder
    state.store.trash(projects)
    result = told(state)
    assert result.counts.removed == 4
    assert "projects/a/b/a" in paths(state)[1]
    state.store.restore(projects)
    told(state)
    assert "projects/a/b/a" in paths(state)[0]
    state.teardown()


@pytest.mark.parametrize("place", [FOLDER, TEAM, EVERYTHING], ids=str)
def test_a_folder_that_comes_in_brings_its_content(drive, place):
    """No change tells of what lies in a folder that was moved here."""
    state = drive(place)
    other = state.store.create("elsewhere", kind="folder")
    state.store.create("new", state.store.create("deeper", other, kind="folder"))
    state.store.move(other, state.world.folder if place is FOLDER else state.world.team)
    told(state)
    assert any(path.endswith("elsewhere/deeper/new") for path in paths(state)[0])
    state.teardown()


@pytest.mark.parametrize("place", [FOLDER, TEAM], ids=str)
def test_a_trashed_folder_that_comes_in_brings_its_content(drive, place):
    """What lies in the trash is known too, so that a reconcile finds nothing new."""
    state = drive(place)
    other = state.store.create("elsewhere", kind="folder")
    state.store.create("new", other)
    state.sync(full=False, troubles=[], again=False)
    state.store.trash(other)
    state.store.move(other, state.world.folder if place is FOLDER else state.world.team)
    told(state)
    assert any(path.endswith("elsewhere/new") for path in paths(state)[1])
    state.teardown()


def test_what_lies_in_a_folder_that_changes_drives_is_of_the_other_drive(drive):
    """The scope of everything below follows the folder, without a removal."""
    state = drive(EVERYTHING)
    state.store.move(state.world.at("projects/a"), state.world.team)
    result = told(state)
    assert (result.counts.removed, result.counts.added) == (0, 0)
    state.teardown()


def test_a_folder_that_changes_drives_without_an_owner_is_entered(drive):
    """Nobody owns what is in a shared drive: the scope alone tells that the folder is in another one."""
    state = drive(EVERYTHING)
    elsewhere = state.store.shared_drive("elsewhere")
    state.synced(full=False)
    state.store.move(state.world.team_folder, elsewhere)
    told(state)
    state.teardown()


def test_a_folder_that_leaves_is_not_removed(drive):
    """It exists elsewhere: it left the scope, and so did what lies in it."""
    state = drive(FOLDER)
    state.store.move(state.world.at("projects/a"), None)
    result = told(state)
    assert (result.counts.removed, result.counts.left_scope) == (0, 3)
    state.teardown()


def test_what_was_moved_out_of_a_deleted_folder_stays(drive):
    """Of a folder that is gone, what lay in it is gone with it; what was moved out before is not."""
    state = drive(MY_DRIVE)
    state.store.move(state.world.at("projects/a/b/a"), None)
    state.store.delete(state.world.folder)
    result = told(state)
    assert result.counts.removed == 3
    state.teardown()


def test_what_is_shared_by_itself_outlives_the_access_to_its_folder(drive):
    """Nobody tells of it: it is asked for."""
    state = drive(EVERYTHING)
    inside = state.world.at("bobs/a")
    state.store.share(inside, state.store.account)
    told(state)
    state.store.unshare(state.world.bobs, state.store.account)
    result = told(state)
    assert result.counts.removed == 0
    assert "My Drive/a" in paths(state)[0]
    state.teardown()


def test_lost_access_is_a_removal(drive):
    """What the account may not see any more is gone for it, with what is below."""
    state = drive(EVERYTHING)
    state.store.revoke(state.world.bobs)
    assert told(state).counts.removed == 1
    state.teardown()


def test_a_shared_drive_that_goes_away_does_not_stop_the_sync(drive):
    """Its entries are gone, those of the other drives are there."""
    state = drive(EVERYTHING)
    state.store.remove_drive(state.world.team)
    result = state.synced(full=False)
    assert (result.status, result.counts.removed) == (SyncStatus.COMPLETED, 3)
    state.teardown()


def test_a_renamed_shared_drive_is_one_change(drive):
    """The paths of all that is in it follow."""
    state = drive(EVERYTHING)
    state.store.rename_drive(state.world.team, "Crew")
    result = told(state)
    assert (result.counts.moved, result.counts.repathed) == (1, 5)
    state.teardown()


@pytest.mark.parametrize("after", range(4))
def test_what_changes_during_a_listing_is_told_afterwards(drive, after):
    """The cursor is older than the listing."""
    state = drive(MY_DRIVE)
    state.store.create("new")
    state.synced(full=True, troubles=[("mutations", after)])
    told(state)
    state.teardown()


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_lost_cursor_is_followed_by_a_full_sync(drive, status):
    """What happened since would be lost if the feed were read from now on."""
    state = drive(MY_DRIVE)
    state.store.delete(state.world.at("a"))
    result = state.synced(full=False, troubles=[(f"lost cursor {status}", 0)])
    assert (result.mode, result.counts.removed) == (SyncMode.FULL, 1)
    state.teardown()


def test_what_is_moved_to_another_drive_out_of_the_trash_left_and_exists(drive):
    """Nothing that exists is said to be removed, though nobody saw it live."""
    state = drive(MY_DRIVE)
    projects, elsewhere = state.world.folder, state.store.shared_drive("elsewhere")
    state.store.trash(projects)
    told(state)
    state.store.move(projects, elsewhere)
    assert told(state).counts.left_scope == 0
    assert not any(path.startswith("projects") for path in set().union(*paths(state)))
    state.teardown()


def test_what_a_full_sync_could_not_read_no_feed_tells(drive):
    """Until the next full sync the inventory is partial."""
    state = drive(MY_DRIVE)
    assert state.synced(full=True, troubles=[("incomplete search", 0)]).status is SyncStatus.PARTIAL
    result = state.synced(full=False)
    assert (result.status, result.mode) == (SyncStatus.PARTIAL, SyncMode.INCREMENTAL)
    state.teardown()


def test_a_search_that_says_it_is_incomplete_removes_nothing(drive):
    """The sync is partial, and the next ones stay so until everything was read."""
    state = drive(MY_DRIVE)
    state.store.delete(state.world.at("a"))
    result = state.synced(full=True, troubles=[("incomplete search", 0)])
    assert (result.status, result.counts.removed) == (SyncStatus.PARTIAL, 0)
    assert state.synced(full=True).status is SyncStatus.COMPLETED
    state.teardown()


def test_a_listing_that_lies_removes_nothing(drive):
    """What it leaves out is asked for before it counts as gone."""
    state = drive(MY_DRIVE)
    result = state.synced(full=True, troubles=[("short answer", 0)])
    assert (result.status, result.counts.removed) == (SyncStatus.COMPLETED, 0)
    state.teardown()


@pytest.mark.parametrize("trouble", ["short pages", "empty page", "expired page token"])
@pytest.mark.parametrize("place", [MY_DRIVE, FOLDER], ids=str)
def test_a_page_may_have_less_than_was_asked_for(drive, place, trouble):
    """The listing ends when there is no next page, and not before."""
    state = drive(place)
    state.store.create("new")
    assert state.synced(full=True, troubles=[(trouble, 0)]).counts.removed == 0
    state.teardown()


def test_many_folders_are_read_one_by_one(drive):
    """Drive forgets some when it is asked for several at once."""
    state = drive(FOLDER, known=False)
    for name in "cdefgh":
        state.store.create("new", state.store.create(name, state.world.folder, kind="folder"))
    state.synced(full=True)
    state.teardown()


@pytest.mark.parametrize(
    "trouble", ["429", "403 rate limit", "403 user rate limit", "500", "timeout", "garbage", "expired access token"]
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_passing_troubles_pass(drive, trouble, at):
    """Of the token service too: what is throttled, breaks off or expires is asked again."""
    state = drive(MY_DRIVE)
    state.store.edit(state.world.at("a"), b"new")
    assert told(state, troubles=[(trouble, at)]).counts.updated == 1
    state.teardown()


def test_credentials_that_are_refused_at_once_are_wrong(drive):
    """They are minted anew once, in each sync. The next one has lost nothing."""
    state = drive(FOLDER, known=False)
    expired = "expired access token"
    refused = state.synced(full=False, troubles=[(expired, 0), (expired, 1)])
    assert refused.status is SyncStatus.FAILED
    assert "credentials" in (refused.error or "")
    assert state.synced(full=False).status is SyncStatus.COMPLETED
    state.teardown()


def test_a_held_sync_leaves_everything_where_it_was(drive):
    """Its cursor counts when it is approved; when it is rejected, what it found is found again."""
    state = drive(Place("drive", guarded=True))
    for path in ("a", "plans/b"):
        state.store.delete(state.world.at(path, state.world.team))
    held = state.synced(full=False)
    assert held.status is SyncStatus.HELD
    state.reject()
    held = state.synced(full=False)
    assert held.status is SyncStatus.HELD
    state.approve()
    assert not state.synced(full=False).changes_uri
    state.teardown()


def test_a_shared_drive_alone_is_asked_for_its_own_entries(drive):
    """Neither its listing nor its log are those of the account."""
    state = drive(TEAM)
    state.store.create("new", state.world.team)
    state.store.create("not here")
    assert told(state).counts.added == 1
    state.store.create("newer", state.world.team)
    assert state.synced(full=True).counts.added == 1
    state.teardown()


@pytest.mark.parametrize("at", range(0, 16, 3))
def test_a_sync_may_die_at_any_moment(drive, at):
    """The next one finds what the dead one found, once."""
    state = drive(EVERYTHING)
    state.store.create("new")
    state.store.delete(state.world.at("projects/b"))
    state.store.share(state.world.at("a"), BOB)
    state.die(at=at, full=bool(at % 2), troubles=[])
    state.teardown()


def test_what_is_deleted_in_a_folder_that_changed_drives_is_gone(drive):
    """Its removal is told of the drive that it came to with its folder, where nobody knew it."""
    state = drive(EVERYTHING)
    gone = state.world.at("plans/a", state.world.team)
    state.store.move(state.world.team_folder, state.world.folder)
    state.store.delete(gone)
    assert told(state).counts.removed == 1
    state.teardown()


def test_a_folder_that_is_shared_with_who_left_its_drive_cannot_be_synced(drive):
    """Drive lists a shared drive, and tells its changes, to members alone: the sync fails, and says what to do."""
    state = drive(Place("folder_in_drive"))
    before = state.inventory.everything()
    state.store.revoke(state.world.team)
    state.store.share(state.world.team_folder, state.store.account)
    failed = state.synced(full=False)
    assert failed.status is SyncStatus.FAILED
    assert "Make the account that asks a member of the shared drive" in str(failed.error)
    state.inventory.unchanged_since(before)


def test_what_a_round_trip_through_another_drive_changed_is_found(drive):
    """The feed tells of the folder alone, which is where it was, but somebody else's now: it is looked into."""
    state = drive(MY_DRIVE)
    # `projects` goes to the shared drive, a folder in it to My Drive, `projects` to My Drive, and is moved once more.
    for which, parent in ((30, 5), (21, 0), (0, 34), (0, 0)):
        state.move(which=which, parent=parent)
    told(state)
    state.teardown()


@pytest.mark.parametrize("place", [MY_DRIVE, FOLDER], ids=str)
def test_what_happened_out_of_sight_is_found_by_a_listing(drive, place):
    """A folder is shared with the account again: the feed tells of it alone, and it is where it was."""
    state = drive(place)
    folder, below = state.world.at("projects/a"), state.world.at("projects/a/b")
    state.store.revoke(folder)
    state.store.delete(below)
    state.store.share(folder, state.store.account)
    found_by_a_listing(state)


def test_what_is_shared_anew_is_looked_into(drive):
    """Where a sync saw that it was gone, it is new."""
    state = drive(FOLDER)
    folder = state.world.at("projects/a")
    state.store.revoke(folder)
    told(state)
    state.store.delete(state.world.at("projects/a/b"))
    state.store.share(folder, state.store.account)
    told(state)
    state.teardown()


@pytest.mark.parametrize("full", [False, True], ids=["known", "anew"])
def test_an_interrupted_listing_goes_on_and_the_feed_tells_the_rest(drive, full):
    """What comes into a part that was read already is told by the feed from before the listing began."""
    state = drive(FOLDER, known=full, many=True)
    outside, inside = state.world.at("a"), state.world.folder
    for at in range(4, 30):
        state.die(full=full, troubles=[], at=at)
        if state.inventory.has_checkpoints():
            break
    assert state.inventory.has_checkpoints()
    state.store.move(outside, inside)
    assert state.synced(full=False).resumed
    told(state)
    assert "a" in paths(state)[0]
    state.teardown()


@pytest.mark.parametrize("kind", ["folder", "everything"])
def test_what_happens_during_a_sync_may_be_held_by_the_next(drive, kind):
    """People work while it is listed, after the account lost a drive: too much for the guard where all is watched."""
    state = drive(Place(kind, filtered=True, guarded=True))
    state.create_drive(name="a")
    state.leave_drive(which=0)
    state.sync(full=True, troubles=[("mutations", 8)], again=True)
    assert state.holding == (kind == "everything")
    state.teardown()


def test_a_drive_that_goes_after_it_was_listed_is_missed_by_the_next_sync(drive):
    """The process died between the last page and the commit: what was listed is committed as of then."""
    state = drive(TEAM, many=True)
    for at in range(4, 40):
        state.die(full=True, troubles=[], at=at)
        if state.inventory.is_listed():
            break
    assert state.inventory.is_listed()
    state.remove_drive(which=0)
    assert state.synced(full=False).resumed
    assert state.stage.sync().status is SyncStatus.FAILED
    state.teardown()
