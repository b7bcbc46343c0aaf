import json

import httpx
import pytest

from filesync_dagster.core.errors import CursorLost, NotFound, ProtocolViolation, TemporarilyDown
from filesync_dagster.core.model import AS_KNOWN, OUTSIDE
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import ids, pages, populate
from filesync_dagster.testing.rows import rows as rows_in


def told(source, cursor):
    """Return the rows of the feed by id, and the tombstones."""
    deltas = list(source.changes(cursor))
    rows = {row["external_id"]: row for delta in deltas for row in delta.batch.to_pylist()}
    return rows, {external_id for delta in deltas for external_id in delta.removed}


def test_trash_and_restore_keep_the_time(mine, opened):
    """Only `trashed` changes, and it is told."""
    mine.write("a.txt", b"a")
    source = opened(mine)
    [before] = pages(source)[0].batch.to_pylist()
    cursor = source.cursor()

    mine.trash("a.txt")
    rows, _ = told(source, cursor)
    mine.restore("a.txt")
    again, _ = told(source, cursor)

    trashed, restored = rows[before["external_id"]], again[before["external_id"]]
    assert trashed["trashed"]
    assert trashed["modified_at"] == before["modified_at"]
    assert trashed["fingerprint"] != before["fingerprint"]
    assert restored == before


def test_a_log_for_each_drive(everything, opened):
    """Each log is asked for with the drive that its token was made for; that of the account without one."""
    [engineering] = everything.store.drives
    source = opened(everything)
    cursor = json.loads(source.cursor())
    list(source.changes(json.dumps(cursor)))

    assert set(cursor) == {"my_drive", f"drive:{engineering}"}
    for path in ("changes/startPageToken", "changes"):
        assert sorted(asked.get("driveId", "") for asked in everything.wire.asked(path)) == ["", engineering]
    for asked in everything.wire.asked("changes"):
        told = cursor[f"drive:{asked['driveId']}" if "driveId" in asked else "my_drive"]
        assert asked["pageToken"] == told.rpartition("/")[2]
        assert asked["includeCorpusRemovals"] == asked["supportsAllDrives"] == "true"
        assert asked["includeItemsFromAllDrives"] == "true"


def test_a_file_that_moves_to_another_drive(everything, opened):
    """It is told where it is now, with its new scope, and nobody says that it is gone."""
    [engineering] = everything.store.drives
    moved = everything.write("a.txt", b"a")
    source = opened(everything)
    cursor = source.cursor()

    everything.store.move(moved, engineering)
    rows, gone = told(source, cursor)

    assert rows[moved]["scope"] == f"drive:{engineering}"
    assert rows[moved]["parent_id"] == engineering
    assert gone == set()


def test_a_file_that_moves_out_of_the_endpoint(mine, shared, opened):
    """It still exists: it is told as outside, not as gone."""
    for place in (mine, shared):
        moved = place.write("a.txt", b"a")
        elsewhere = place.store.shared_drive("Elsewhere")
        source = opened(place)
        cursor = source.cursor()

        place.store.move(moved, elsewhere)
        rows, gone = told(source, cursor)

        assert rows[moved]["parent_id"] == OUTSIDE
        assert rows[moved]["scope"] == source.scopes()[0]
        assert gone == set()


def test_removed_access(mine, shared, opened):
    """What the account may not see any more is gone for it, and told by a tombstone."""
    for place in (mine, shared):
        lost = place.write("a.txt", b"a")
        source = opened(place)
        cursor = source.cursor()

        place.store.revoke(lost)
        rows, gone = told(source, cursor)

        assert gone == {lost}
        assert lost not in rows
        assert ids(source.lookup([lost], source.scopes()[0])) == []


def test_a_tombstone_names_its_time(mine, opened):
    """Rows and tombstones are in the order of Drive's clock."""
    first, second = mine.write("a.txt", b"a"), mine.write("b.txt", b"b")
    source = opened(mine)
    cursor = source.cursor()

    mine.delete("a.txt")
    mine.overwrite("b.txt", b"B")
    [delta] = source.changes(cursor)

    assert delta.batch["external_id"].to_pylist() == [second]
    assert list(delta.removed) == [first]
    assert delta.removed[first] < delta.order[0]


def test_a_renamed_drive(everything, shared, opened):
    """Its folder has a new name; a drive that is the whole endpoint is no row."""
    [engineering] = everything.store.drives
    source, alone = opened(everything), opened(shared)
    cursor, alone_at = source.cursor(), alone.cursor()

    everything.store.rename_drive(engineering, "Design")
    shared.store.rename_drive(shared.parent, "Design")

    rows, _ = told(source, cursor)
    assert rows[engineering]["name"] == "Design"
    assert rows[engineering]["parent_id"] is None
    listed = [row for page in source.list(f"drive:{engineering}") for row in page.batch.to_pylist()]
    assert listed == [rows[engineering]]
    assert told(alone, alone_at) == ({}, set())


def test_a_new_drive(everything, opened):
    """Nothing tells what is in it: a full sync must."""
    source = opened(everything)
    cursor = source.cursor()
    everything.store.shared_drive("New")

    with pytest.raises(CursorLost, match="Shared drives were added"):
        list(source.changes(cursor))


@pytest.mark.parametrize("what", ["remove_drive", "revoke"])
def test_a_drive_that_went_away(everything, opened, what):
    """That is not the deletion of all its files: a full sync and the guard decide."""
    [engineering] = everything.store.drives
    lost = everything.store.create("plan", engineering)
    source = opened(everything)
    cursor = source.cursor()

    getattr(everything.store, what)(engineering)

    with pytest.raises(CursorLost):
        list(source.changes(cursor))
    assert ids(source.lookup([lost, engineering], f"drive:{engineering}")) == []


@pytest.mark.parametrize("what", ["remove_drive", "revoke"])
def test_the_only_drive_went_away(shared, opened, what):
    """The cursor is lost, and a listing says that the drive is not there: never that it is empty."""
    shared.write("a.txt", b"a")
    source = opened(shared)
    cursor = source.cursor()

    getattr(shared.store, what)(shared.parent)

    with pytest.raises(CursorLost):
        list(source.changes(cursor))
    with pytest.raises(NotFound):
        pages(source)


def test_changes_of_drives_that_are_not_listed(mine, opened):
    """The log of the account tells of drives too. They are nothing to My Drive."""
    source = opened(mine)
    cursor = source.cursor()
    drive = mine.store.shared_drive("Other")
    mine.store.rename_drive(drive, "Another")
    mine.store.remove_drive(drive)

    assert told(source, cursor) == ({}, set())


def test_a_folder_that_moved_to_another_drive(folder, opened):
    """The token was made for another log, and is not taken for one of this."""
    source = opened(folder)
    cursor = source.cursor()
    folder.store.move(folder.parent, folder.store.shared_drive("Elsewhere"))
    folder.write("a.txt", b"a")

    with pytest.raises(CursorLost, match="another drive"):
        list(source.changes(cursor))
    assert len(ids(pages(source))) == 1
    assert told(source, source.cursor()) == ({}, set())


def test_the_feed_of_a_folder_tells_of_the_whole_drive(folder, opened):
    """The sync knows which folders are inside: rows have their real parent, null at the top."""
    source = opened(folder)
    cursor = source.cursor()
    inside = folder.write("a.txt", b"a")
    beside = folder.store.create("beside")
    folder.store.rename(folder.parent, "watched still")

    rows, _ = told(source, cursor)

    assert rows[inside]["parent_id"] is None
    assert rows[beside]["parent_id"] == folder.store.root_id
    assert set(rows) == {inside, beside}


@pytest.mark.parametrize("tokens", [{}, {"nextPageToken": "7", "newStartPageToken": "8"}])
def test_a_page_of_changes_says_whether_there_are_more(mine, opened, tokens):
    """Exactly one token: with none the changes after this page would be lost, with two some page. A listing follows."""

    def altered(path, answer):
        return {"changes": answer["changes"], **tokens} if path == "changes" else None

    source = opened(mine, alter=altered)

    with pytest.raises(CursorLost, match="whether there are more"):
        list(source.changes(source.cursor()))


def test_a_feed_that_leads_back(mine, opened):
    """It would be read for ever."""
    source = opened(mine)
    cursor = source.cursor()
    populate(mine, {f"{number:03}": b"" for number in range(30)})
    mine.plan.add(Fault.REPEAT_TOKEN, "changes.list", after=1, times=-1)

    with pytest.raises(ProtocolViolation, match="leads back"):
        list(source.changes(cursor))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"changeType": "file", "time": "2026-01-01T00:00:00Z", "removed": True},
        {"changeType": "drive", "time": "x"},
        {"changeType": "file", "fileId": 7, "file": {"name": "x"}},
    ],
)
def test_a_change_that_does_not_say_of_what(mine, opened, change):
    """Only a listing can tell what it was about."""

    def altered(path, answer):
        return {**answer, "changes": [change]} if path == "changes" else None

    source = opened(mine, alter=altered)

    with pytest.raises(CursorLost):
        list(source.changes(source.cursor()))


@pytest.mark.parametrize("lacking", ["file", "time", "fileId", "changeType", "removed"])
def test_a_change_that_lacks_something(mine, opened, lacking):
    """What is known of it suffices: its entry is looked up."""
    kept, gone = mine.write("kept", b"1"), mine.write("gone", b"2")

    def altered(path, answer):
        for change in answer.get("changes", ()):
            change.pop(lacking, None)

    source = opened(mine, alter=altered)
    cursor = source.cursor()
    mine.overwrite("kept", b"11")
    if lacking != "fileId":
        mine.delete("gone")
    rows, removed = told(source, cursor)

    assert rows[kept]["size"] == 2
    assert removed == ({gone} if lacking != "fileId" else set())


def test_the_log_of_one_drive_that_cannot_be_read(everything, opened):
    """The others tell what changed; its own cursor stays, and is gone on from when the log is back."""
    [engineering] = everything.store.drives
    for status in (403, 404, 500):
        wire = []

        def answers(request, response, status=status, wire=wire):
            bad = request.url.params.get("driveId") == engineering and "/changes" in request.url.path
            return httpx.Response(status, json={}, request=request) if bad and wire else response

        source = opened(everything, between=answers)
        cursor = source.cursor()
        wire.append(True)
        new = everything.write(f"new-{status}", b"new")
        there = everything.store.create(f"there-{status}", engineering)
        deltas = list(source.changes(cursor))

        assert [gap.scope for delta in deltas for gap in delta.gaps] == [f"drive:{engineering}"]
        assert new in ids_of(deltas)
        later = json.loads(deltas[-1].cursor)
        assert later[f"drive:{engineering}"] == json.loads(cursor)[f"drive:{engineering}"]
        assert later["my_drive"] != json.loads(cursor)["my_drive"]

        unread = source.cursor()
        assert json.loads(unread)["my_drive"]
        assert [gap.scope for delta in source.changes(unread) for gap in delta.gaps] == [f"drive:{engineering}"]
        assert [engineering in problem for problem in source.check().problems] == [True]

        wire.clear()
        assert there in told(source, deltas[-1].cursor)[0]
        with pytest.raises(CursorLost, match="can be read again"):
            list(source.changes(unread))


def ids_of(deltas):
    """Return the ids of the rows that deltas have."""
    return {external_id for delta in deltas for external_id in delta.batch["external_id"].to_pylist()}


def test_no_log_can_be_read(everything, opened):
    """That is no part of a store that fails."""
    source = opened(everything)
    cursor = source.cursor()
    everything.plan.add(Fault.SERVER_ERROR, "changes.list", times=-1)

    with pytest.raises(TemporarilyDown):
        list(source.changes(cursor))


def test_an_entry_with_several_parents(folder, opened):
    """It lies in the first one that is inside, whoever tells of it; with none told, somebody else's is where it was."""
    inside, beside = folder.write("a.txt", b"a"), folder.store.create("beside", kind="folder")
    deep = folder.write("deeper/still/b.txt", b"b")
    lacking = folder.write("c.txt", b"c")
    still = folder.store.item(deep).parent.id
    parents = {inside: [beside, folder.parent], deep: ["1unseen", beside, still], lacking: None}

    def altered(path, answer):
        for entry in [*answer.get("files", ()), *(change.get("file", {}) for change in answer.get("changes", ()))]:
            if entry.get("id") in parents:
                entry["parents"] = parents[entry["id"]]
                entry.update({"parents": [], "ownedByMe": False} if entry["parents"] is None else {})

    source = opened(folder, alter=altered)
    cursor = source.cursor()
    listed = {row["external_id"]: row for page in pages(source) for row in page.batch.to_pylist()}
    for path in ("a.txt", "deeper/still/b.txt", "c.txt"):
        folder.overwrite(path, b"new")
    rows, _ = told(source, cursor)

    for one, parent in ((inside, None), (deep, still)):
        assert rows[one]["parent_id"] == listed[one]["parent_id"] == parent
    assert rows[lacking]["parent_id"] == AS_KNOWN
    assert listed[lacking]["parent_id"] is None


def test_what_was_shared_out_of_a_drive_of_others(everything, opened):
    """It lies at the top of My Drive, with what is in it; changes are told, and what cannot be seen above it is not."""
    store = everything.store
    theirs = store.shared_drive("Theirs")
    hidden = store.create("hidden", theirs, kind="folder")
    given = store.create("given", hidden, kind="folder")
    deep = store.create("deep.txt", given, content=b"1")
    alone = store.create("alone.txt", theirs, content=b"22")
    store.revoke(theirs)
    for one in (given, alone):
        store.share(one, store.account)
    source = opened(everything)
    cursor = source.cursor()

    rows = {row["path"]: row for row in rows_in(everything, source)}
    assert {path: row["size"] for path, row in rows.items()} == {
        "given": None, "given/deep.txt": 1, "alone.txt": 2,
    }  # fmt: skip
    assert {row["scope"] for row in rows.values()} == {"my_drive"}
    [found] = [row for page in source.lookup([deep], "my_drive") for row in page.batch.to_pylist()]
    assert found["parent_id"] == given

    store.edit(deep, b"333")
    told_of, _ = told(source, cursor)
    assert (told_of[deep]["size"], told_of[deep]["parent_id"], told_of[deep]["scope"]) == (3, given, "my_drive")
    assert "of other shared drives only" in source.check().sees


def test_below_a_folder_that_is_gone(mine, opened):
    """There is nothing, for certain."""
    mine.write("a/b", b"")
    gone = mine.id_of("a")
    source = opened(mine)
    mine.delete("a")

    assert ids(source.below(gone, "my_drive")) == []


def test_lookup_tells_where_things_are(mine, shared, opened):
    """Of another drive, or of others: outside. Trashed entries exist."""
    outside = mine.store.create("there", mine.store.shared_drive("Elsewhere"))
    theirs = mine.store.create("theirs", owner="bob@example.com")
    mine.store.share(theirs, mine.store.account)
    trashed = mine.write("folder/old", b"")
    mine.trash("folder")
    source = opened(mine)

    rows = {
        row["external_id"]: row
        for page in source.lookup([outside, theirs, trashed, "1nothing"], "my_drive")
        for row in page.batch.to_pylist()
    }

    assert {external_id: row["parent_id"] for external_id, row in rows.items()} == {
        outside: OUTSIDE,
        theirs: OUTSIDE,
        trashed: mine.store.item(trashed).parent.id,
    }
    assert rows[trashed]["trashed"]


def test_the_rows_of_drives_can_be_looked_up(everything, opened):
    """They are as a listing has them."""
    [engineering] = everything.store.drives
    source = opened(everything)
    listed = [row for page in source.list(f"drive:{engineering}") for row in page.batch.to_pylist()]

    found = [row for page in source.lookup([engineering], f"drive:{engineering}") for row in page.batch.to_pylist()]

    assert found == listed
