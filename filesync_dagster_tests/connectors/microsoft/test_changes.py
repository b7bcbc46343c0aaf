"""What is special about the deltas of Microsoft Graph."""

import json

import pytest

from filesync_dagster.core.errors import CursorLost, NotFound
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.microsoft.refusals import RESYNC_CODES
from filesync_dagster.testing.rows import follow_feed, populate, rows


def list_rows(source):
    """Return the rows of the first scope."""
    return [row for page in source.list(source.scopes()[0]) for row in page.batch.to_pylist()]


def told(source, cursor):
    """Return the names that deltas tell, and the ids that they say are gone."""
    deltas = list(source.changes(cursor))
    return {name for delta in deltas for name in delta.batch["name"].to_pylist()}, {
        one for delta in deltas for one in delta.removed
    }


def test_the_last_word_on_an_item_is_true(mine, opened):
    """Whatever came before it on the page: an older name, or that it was gone."""
    populate(mine, {"a.txt": b"a", "b.txt": b"b"})
    ids = {name: mine.id_of(name) for name in ("a.txt", "b.txt")}

    def alter(request, answer):
        if "feed." in str(request.url):
            stale = [{**entry, "name": f"old {entry['name']}"} for entry in answer["value"] if entry.get("file")]
            gone = [{"id": ids["b.txt"], "deleted": {}}]
            answer["value"] = [*stale, *gone, *answer["value"]]

    source = opened(mine, alter=alter)
    cursor, before = source.cursor(), list_rows(source)
    mine.overwrite("a.txt", b"A")
    mine.rename("b.txt", "new b.txt")
    found = follow_feed(mine, source, before, cursor)
    assert {row["path"] for row in found} == {"a.txt", "new b.txt"}


def test_a_tombstone_says_nothing_but_the_id(mine, opened):
    """That of a folder stands for all that was in it."""
    populate(mine, {"folder/deeper/a.txt": b"a", "b.txt": b"b"})
    source = opened(mine)
    cursor, before = source.cursor(), list_rows(source)
    gone = mine.id_of("folder")
    mine.delete("folder")
    assert told(source, cursor) == (set(), {gone})
    assert [row["path"] for row in follow_feed(mine, source, before, cursor)] == ["b.txt"]


@pytest.mark.parametrize("code", [*RESYNC_CODES, "resyncRequired"])
def test_a_link_that_is_too_old_is_a_lost_cursor(mine, opened, code):
    """Nothing begins with now: the sync lists everything."""
    source = opened(mine)
    cursor = source.cursor()
    mine.write("missed.txt", b"x")
    mine.plan.add(Fault.LOSE_CURSOR, "items.delta", reason=code)
    with pytest.raises(CursorLost):
        list(source.changes(cursor))
    assert [row["path"] for row in rows(mine, source)] == ["missed.txt"]


def test_a_link_is_kept_whole(mine, opened):
    """As Graph gave it: its parameters are Graph's own business."""
    links = []

    def alter(request, answer):
        if "@odata.deltaLink" in answer:
            answer["@odata.deltaLink"] += "&state=opaque%2Bone"
            links.append(answer["@odata.deltaLink"])

    source = opened(mine, alter=alter)
    cursor = source.cursor()
    [kept] = json.loads(cursor).values()
    assert kept["link"] == links[0]
    [delta] = source.changes(cursor)
    assert mine.wire.requests[-1].url.params["state"] == "opaque+one"
    assert next(iter(json.loads(delta.cursor).values()))["link"] == links[1]


@pytest.mark.parametrize("name", ["mine", "folder", "library"])
def test_a_quiet_drive_costs_three_calls_at_most(request, opened, name):
    """Of a site with libraries it is one for the site and one for each."""
    place = request.getfixturevalue(name)
    source = opened(place)
    cursor = source.cursor()
    place.wire.requests.clear()
    list(source.changes(cursor))
    assert len(place.wire.requests) <= 3


@pytest.mark.parametrize("files", [10, 3_000])
def test_changes_cost_what_changed(mine, opened, files):
    """A hundred of them cost as many calls in a small drive as in a large one."""
    mine.store.bulk(files, parent=mine.parent)
    meter = Meter()
    source = mine.opened(meter, page_size=200, **mine.details)
    cursor = source.cursor()
    populate(mine, {f"new/{number}.txt": b"" for number in range(100)})
    before = meter.api_calls
    list(source.changes(cursor))
    source.close()
    assert meter.api_calls - before == 2


def test_a_library_with_another_name_is_told(site, opened):
    """Graph's deltas do not."""
    source = opened(site)
    cursor = source.cursor()
    site.store.rename_library(site.drive, "B Plans")
    assert told(source, cursor) == ({"B Plans"}, set())
    [row, *_] = [row for delta in source.changes(cursor) for row in delta.batch.to_pylist()]
    assert row in [row for page in source.list(row["scope"]) for row in page.batch.to_pylist()]
    [*_, last] = source.changes(cursor)
    assert told(source, last.cursor) == (set(), set())


@pytest.mark.parametrize("change", ["added", "removed"])
def test_other_libraries_need_a_listing(site, opened, change):
    """What is in them no delta told."""
    source = opened(site)
    cursor = source.cursor()
    if change == "added":
        site.store.library("More")
    else:
        site.store.remove_library(site.add_scope())
    with pytest.raises(CursorLost, match="Libraries were added or went away"):
        list(source.changes(cursor))


def test_a_site_without_libraries_removes_nothing(site, opened):
    """The library that is listed went away: that is an error, not an empty inventory."""
    source = opened(site)
    gone = site.store.sites[site.store.site_id].drives
    cursor = source.cursor()
    for drive in [*gone]:
        site.store.remove_library(drive)
    with pytest.raises(CursorLost):
        list(source.changes(cursor))
    with pytest.raises(NotFound):
        source.list(f"drive:{site.drive}").__next__()


def test_a_folder_that_was_moved_is_not_there(folder, opened):
    """It is asked for by its path, and nothing in it counts as gone."""
    populate(folder, {"a.txt": b"a"})
    source = opened(folder)
    cursor = source.cursor()
    folder.store.rename(folder.parent, "elsewhere")
    with pytest.raises(NotFound, match="has no folder above/Wa tched"):
        list(source.changes(cursor))


def test_what_leaves_a_folder_is_told(folder, opened):
    """It is in no folder of the endpoint any more; what comes in is read with what it holds."""
    populate(folder, {"a.txt": b"a", "b.txt": b"b"})
    source = opened(folder)
    cursor, before = source.cursor(), list_rows(source)
    top = folder.store.drives[folder.drive].root
    outside = next(child for child in top.children if child.name == "other")
    folder.store.move(folder.id_of("a.txt"), outside.id)
    folder.store.move(outside.id, folder.parent)
    assert {row["path"] for row in follow_feed(folder, source, before, cursor)} == {
        "b.txt", "other", "other/a.txt", "other/not here",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["mine", "folder"])
def test_deltas_without_ctags(request, opened, name):
    """Some drives tell them elsewhere only: a row is the same whichever way it came."""
    place = request.getfixturevalue(name)
    place.store.delta_tells_ctags = False
    populate(place, {"a.txt": b"a", "folder/b.txt": b"b"})
    source = opened(place)
    cursor, before = source.cursor(), list_rows(source)
    place.overwrite("a.txt", b"A")
    place.rename("folder", "renamed")
    asked = [row["external_id"] for row in before]
    followed = follow_feed(place, source, before, cursor)
    listed = rows(place, source)
    found = [row for page in source.lookup(asked, source.scopes()[0]) for row in page.batch.to_pylist()]
    assert followed == [{**row, "fingerprint": one["fingerprint"]} for row, one in zip(listed, followed, strict=True)]
    assert {row["external_id"]: row["version"] for row in found} == {
        row["external_id"]: row["version"] for row in listed
    }
