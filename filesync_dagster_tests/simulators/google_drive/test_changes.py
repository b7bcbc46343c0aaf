"""Change logs: one for the user and one for each shared drive, each telling the present state of what changed."""

import pytest

from filesync_dagster_tests.simulators.google_drive.conftest import EVERYWHERE


def told(changes):
    """Return what a log told, in its order: the id, and whether it was removed."""
    return [(change.get("fileId") or change["driveId"], change["removed"]) for change in changes]


def test_nothing_happened_is_an_empty_page_with_a_new_token(client, store):
    """The token of the end can be used again and again."""
    store.create("before")
    token = client.token()
    assert client.get("changes", pageToken=token) == {
        "kind": "drive#changeList",
        "newStartPageToken": token,
        "changes": [],
    }


def test_a_change_is_the_present_state_once(client, store):
    """An older entry is replaced by a newer one, at its place."""
    first, second = store.create("a"), store.create("b")
    token = client.token()
    store.rename(first, "c")
    store.edit(second, b"xy")
    store.rename(first, "d")
    changes, _ = client.changes(token, fields="*")
    assert told(changes) == [(second, False), (first, False)]
    assert changes[0]["file"]["size"] == "2"
    assert changes[1]["file"]["name"] == "d"
    assert [change["time"] for change in changes] == sorted(change["time"] for change in changes)


@pytest.mark.parametrize("action", ["trash", "rename", "move", "share", "delete", "revoke"])
def test_what_is_done_to_a_folder_is_one_change(client, store, action):
    """What is below it is not told, though it is trashed, elsewhere, visible to others, or gone."""
    top, other = store.create("top", kind="folder"), store.create("other", kind="folder")
    below = store.create("below", top)
    token = client.token()
    arguments = {"rename": ["x"], "move": [other], "share": ["bob@example.com"]}.get(action, [])
    getattr(store, action)(top, *arguments)
    changes, _ = client.changes(token)
    assert told(changes) == [(top, action in {"delete", "revoke"})]
    if action in {"delete", "revoke"}:
        assert client.refused(f"files/{below}")[:2] == (404, "notFound")
    elif action == "trash":
        assert client.get(f"files/{below}", fields="trashed,explicitlyTrashed") == {
            "trashed": True,
            "explicitlyTrashed": False,
        }


def test_trash_restore_move_and_rename_leave_the_time_and_raise_the_version(client, store):
    """ModifiedTime proves nothing; version does."""
    folder, file = store.create("f", kind="folder"), store.create("a")
    before = client.get(f"files/{file}", fields="modifiedTime,version")
    store.trash(file)
    store.restore(file)
    store.move(file, folder)
    store.rename(file, "b")
    after = client.get(f"files/{file}", fields="modifiedTime,version")
    assert after["modifiedTime"] == before["modifiedTime"]
    assert int(after["version"]) == int(before["version"]) + 4
    store.edit(file)
    assert client.get(f"files/{file}", fields="modifiedTime")["modifiedTime"] > before["modifiedTime"]


def test_a_file_that_moves_into_a_shared_drive_leaves_the_users_log(client, store):
    """Removed here, present there; includeCorpusRemovals tells that it still exists."""
    drive, file = store.shared_drive("Team"), store.create("a")
    here, there = client.token(), client.token(driveId=drive, supportsAllDrives=True)
    store.move(file, drive)
    changes, _ = client.changes(here)
    assert told(changes) == [(file, True)]
    assert "file" not in changes[0]
    [change] = client.changes(here, includeCorpusRemovals=True, fields="*")[0]
    assert change["removed"]
    assert change["file"]["driveId"] == drive
    [change] = client.changes(there, driveId=drive, **EVERYWHERE)[0]
    assert not change["removed"]
    store.edit(file)
    assert client.changes(here)[1] == client.token()
    store.move(file)
    assert told(client.changes(here)[0]) == [(file, False)]
    assert told(client.changes(there, driveId=drive, **EVERYWHERE)[0]) == [(file, True)]


def test_a_folder_takes_what_is_in_it_to_another_drive_and_only_it_is_told(client, store):
    """The files in it are listed in the other drive, without a change of their own."""
    drive, folder = store.shared_drive("Team"), store.create("top", kind="folder")
    below = store.create("below", folder)
    here, there = client.token(), client.token(driveId=drive, supportsAllDrives=True)
    store.move(folder, drive)
    assert told(client.changes(here)[0]) == [(folder, True)]
    assert told(client.changes(there, driveId=drive, **EVERYWHERE)[0]) == [(folder, False)]
    assert client.get(f"files/{below}", fields="driveId", supportsAllDrives=True) == {"driveId": drive}
    assert client.names(corpora="drive", driveId=drive, **EVERYWHERE) == ["top", "below"]


def test_removed_entries_can_be_left_out(client, store):
    """IncludeRemoved is true unless said otherwise."""
    gone, kept = store.create("gone"), store.create("kept")
    token = client.token()
    store.delete(gone)
    store.rename(kept, "x")
    assert told(client.changes(token)[0]) == [(gone, True), (kept, False)]
    assert told(client.changes(token, includeRemoved=False)[0]) == [(kept, False)]


def test_losing_and_regaining_access_is_told(client, store):
    """What is no longer shared is removed, though it exists."""
    theirs = store.create("theirs", owner="bob@example.com")
    token = client.token()
    store.edit(theirs)
    assert client.changes(token)[0] == []
    store.share(theirs, store.account)
    assert told(client.changes(token)[0]) == [(theirs, False)]
    store.unshare(theirs, store.account)
    assert told(client.changes(token, includeCorpusRemovals=True)[0]) == [(theirs, True)]


def test_the_users_log_tells_of_shared_drives_but_not_what_is_in_them(client, store):
    """A new drive, a new name, a lost membership and a deleted drive: changeType drive, and no fileId."""
    token = client.token()
    drive = store.shared_drive("Team")
    file = store.create("ours", drive)
    [change] = client.changes(token, fields="*", **EVERYWHERE)[0]
    assert (change["changeType"], change["drive"]["name"], "fileId" in change) == ("drive", "Team", False)
    store.rename_drive(drive, "Crew")
    [change] = client.changes(token, fields="*")[0]
    assert change["drive"]["name"] == "Crew"
    store.revoke(drive)
    [change] = client.changes(token, fields="*")[0]
    assert change["removed"]
    assert "drive" not in change
    assert client.refused("changes/startPageToken", driveId=drive, supportsAllDrives=True)[:2] == (404, "notFound")
    store.share(drive, store.account, "reader")
    assert client.refused(f"files/{file}", "DELETE", supportsAllDrives=True)[0] == 403
    store.remove_drive(drive)
    assert told(client.changes(token)[0]) == [(drive, True)]
    assert client.refused("drives/" + drive)[:2] == (404, "notFound")


def test_a_renamed_drive_is_told_in_its_own_log_too(client, store):
    """Its members read only that one."""
    drive = store.shared_drive("Team")
    token = client.token(driveId=drive, supportsAllDrives=True)
    store.rename_drive(drive, "Crew")
    [change] = client.changes(token, driveId=drive, **EVERYWHERE)[0]
    assert change["drive"]["name"] == "Crew"


def test_an_item_shared_out_of_a_drive_is_in_the_users_log(client, store):
    """Of somebody who is no member: as with any file that is shared with him."""
    drive = store.shared_drive("Theirs")
    file = store.create("a", drive)
    store.revoke(drive)
    token = client.token()
    store.share(file, store.account)
    assert client.changes(token, **EVERYWHERE)[0][0]["file"]["id"] == file
    assert "parents" not in client.get(f"files/{file}", fields="*", supportsAllDrives=True)


def test_a_token_of_another_log_is_refused(client, store):
    """One log is for the user, one for each drive, and their tokens cannot be mixed up."""
    one, other = store.shared_drive("One"), store.shared_drive("Other")
    mine, its = client.token(), client.token(driveId=one, supportsAllDrives=True)
    assert mine.isdecimal()
    refusal = (400, "invalid", "Invalid Value")
    assert client.refused("changes", pageToken=its) == refusal
    assert client.refused("changes", pageToken=mine, driveId=one, **EVERYWHERE) == refusal
    assert client.refused("changes", pageToken=its, driveId=other, **EVERYWHERE) == refusal
    for token in ("x", "0", "-1", str(int(mine) + 1), "1" * 30):
        assert client.refused("changes", pageToken=token) == refusal
    assert client.refused("changes") == (400, "required", "Required parameter: pageToken")
    assert client.refused("changes", pageToken=its, driveId=one)[:2] == (403, "supportsTeamDrivesRequired")


def test_pages_have_a_default_and_a_maximum(client, store):
    """A hundred changes a page, a thousand at most; a page has either a next token or a new start."""
    files = [store.create(f"{number}") for number in range(1100)]
    token = client.token()
    for file in files:
        store.rename(file, "x")
    for size, expected in ((None, 100), (1000, 1000), (9999, 1000)):
        page = client.get("changes", pageToken=token, **({"pageSize": size} if size else {}))
        assert len(page["changes"]) == expected
        assert "newStartPageToken" not in page
    assert len(client.changes(token, pageSize=1000)[0]) == 1100


def test_fields_are_honoured(client, store):
    """Only what is named comes back, tokens included."""
    token = client.token()
    store.create("a")
    assert client.get("changes", pageToken=token, fields="changes(fileId,file/name)")["changes"][0]["file"] == {
        "name": "a"
    }
    assert client.get("changes", pageToken=token, fields="changes(removed)") == {"changes": [{"removed": False}]}
    assert client.get("changes", pageToken=token, fields="newStartPageToken").keys() == {"newStartPageToken"}
    assert client.refused("changes", pageToken=token, fields="largestChangeId")[0] == 400
