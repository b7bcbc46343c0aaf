import json

import pytest

from filesync_dagster.core.errors import CursorLost, NotFound, ProtocolViolation
from filesync_dagster.core.model import OUTSIDE
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import ids, pages, populate


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
        assert ("driveId" in asked) == ("includeItemsFromAllDrives" in asked)


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
    """Exactly one token: with none the changes after this page would be lost, with two some page."""

    def altered(path, answer):
        return {"changes": answer["changes"], **tokens} if path == "changes" else None

    source = opened(mine, alter=altered)

    with pytest.raises(ProtocolViolation, match="whether there are more"):
        list(source.changes(source.cursor()))


def test_a_feed_that_leads_back(mine, opened):
    """It would be read for ever."""
    source = opened(mine)
    cursor = source.cursor()
    populate(mine, {f"{number:03}": b"" for number in range(30)})
    mine.plan.add(Fault.REPEAT_TOKEN, "changes.list", after=1, times=-1)

    with pytest.raises(ProtocolViolation, match="leads back"):
        list(source.changes(cursor))


@pytest.mark.parametrize("change", [{}, {"changeType": "file", "fileId": "x"}, {"changeType": "drive", "time": "x"}])
def test_a_change_that_cannot_be_read(mine, opened, change):
    """Nothing is concluded from it."""

    def altered(path, answer):
        return {**answer, "changes": [change]} if path == "changes" else None

    source = opened(mine, alter=altered)

    with pytest.raises(ProtocolViolation, match="cannot be read"):
        list(source.changes(source.cursor()))


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
