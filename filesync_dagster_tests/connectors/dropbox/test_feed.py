"""What a feed of paths leads to."""

import pytest

from filesync_dagster.connectors.dropbox import changes
from filesync_dagster.connectors.dropbox.changes import ChangedPaths
from filesync_dagster.core.errors import CursorLost, NotFound
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import follow_feed, many, pages, populate


def listed(source):
    """Return the rows of a listing as they come."""
    return [row for page in pages(source) for row in page.batch.to_pylist()]


def paths(place, source, before, cursor):
    """Return the paths that the feed leads to from those rows."""
    return sorted(row["path"] for row in follow_feed(place, source, before, cursor))


def entry(tag, path, entry_id="id:x"):
    """Return an entry of a feed."""
    return {".tag": tag, "path_lower": path, "name": path.rpartition("/")[2], "id": entry_id}


ORDERS = (
    ([("file", "/a", "id:1"), ("deleted", "/a", "")], [], ["/a"]),
    ([("deleted", "/a", ""), ("file", "/a", "id:1")], ["/a"], []),
    ([("deleted", "/a", ""), ("file", "/b", "id:1")], ["/b"], ["/a"]),
    ([("file", "/a/b/c", "id:1"), ("deleted", "/a", "")], [], ["/a"]),
    ([("deleted", "/a", ""), ("file", "/a/b/c", "id:1")], ["/a/b/c"], ["/a"]),
    ([("file", "/a/b", "id:1"), ("file", "/a", "id:2")], ["/a"], []),
    ([("file", "/a/b", "id:1"), ("folder", "/a", "id:2")], ["/a"], []),
    ([("folder", "/a", "id:1"), ("folder", "/a/b", "id:2"), ("file", "/ab", "id:3")], ["/a", "/ab"], []),
)


@pytest.mark.parametrize(("told", "there", "gone"), ORDERS)
def test_the_order_counts(told, there, gone):
    """A deleted path takes along what is below it, a file takes the place of all that was there, a folder of none."""
    changed = ChangedPaths()
    changed.take([entry(*one) for one in told])
    assert [one["path_lower"] for one in changed.outermost()] == there
    assert changed.deleted == gone


def test_more_changes_than_a_listing_costs_are_a_matter_for_a_listing(monkeypatch):
    """They are not kept in memory either."""
    monkeypatch.setattr(changes, "PATHS_MAX", 3)
    with pytest.raises(CursorLost, match="More than 3 paths"):
        ChangedPaths().take([entry("file", f"/{number}") for number in range(4)])


def test_what_a_folder_lost_before_it_moved_is_gone(place, opened):
    """The feed tells of its old path, where nothing is any more, and of what is at its new one."""
    populate(place, {"a/b/gone.txt": b"1", "a/b/stays.txt": b"2", "c/d.txt": b"3"})
    source = opened(place)
    cursor, before = source.cursor(), listed(source)
    place.delete("a/b/gone.txt")
    place.rename("a/b", "c/b")
    assert paths(place, source, before, cursor) == ["a", "c", "c/b", "c/b/stays.txt", "c/d.txt"]


def test_a_file_in_the_place_of_another(place, opened):
    """No deletion is told of what it replaced, and yet that is gone."""
    populate(place, {"a.txt": b"1", "b.txt": b"2"})
    source = opened(place)
    cursor, before = source.cursor(), listed(source)
    place.delete("a.txt")
    place.rename("b.txt", "a.txt")
    found = follow_feed(place, source, before, cursor)
    assert [(row["path"], row["size"]) for row in found] == [("a.txt", 1)]
    assert found[0]["external_id"] == next(row["external_id"] for row in before if row["name"] == "b.txt")


def test_a_cursor_that_was_reset_is_lost(place, opened):
    """Nothing is read from now on."""
    source = opened(place)
    cursor = source.cursor()
    place.plan.add(Fault.LOSE_CURSOR)
    with pytest.raises(CursorLost, match="reset"):
        list(source.changes(cursor))


@pytest.mark.parametrize("what", ["gone", "renamed"])
def test_a_root_that_is_gone_has_no_changes(folder, opened, what):
    """That is no deletion of all that was in it."""
    folder.write("a.txt", b"1")
    source = opened(folder)
    cursor = source.cursor()
    if what == "gone":
        folder.store.delete(folder.parent)
    else:
        folder.store.rename(folder.parent, "elsewhere")
    with pytest.raises(NotFound) as gone:
        list(source.changes(cursor))
    assert "path" in gone.value.hint


def test_a_root_that_was_made_anew_is_listed_anew(folder, opened):
    """Nobody tells of what was in the old one."""
    folder.write("a.txt", b"1")
    source = opened(folder)
    cursor = source.cursor()
    above = folder.store.entry(folder.parent).parent.id
    folder.store.delete(folder.parent)
    folder.store.create("Watched", above, kind="folder")
    with pytest.raises(CursorLost, match="made anew"):
        list(source.changes(cursor))


def test_an_empty_page_is_not_the_last(place, opened):
    """Only has_more says so."""
    populate(place, many(25))
    source = opened(place)
    cursor, before = source.cursor(), listed(source)
    populate(place, {f"late {number}": b"" for number in range(12)})
    place.plan.add(Fault.EMPTY_PAGE, "files/list_folder/continue", times=2)
    assert len(paths(place, source, before, cursor)) == len(before) + 12


def test_what_changed_in_a_mounted_folder_is_told(namespace, opened):
    """By a cursor of its own: that of the namespace leaves it out."""
    namespace.write("a.txt", b"1")
    source = opened(namespace)
    cursor, before = source.cursor(), listed(source)
    namespace.write("b/new.txt", b"2")
    namespace.delete("a.txt")
    assert paths(namespace, source, before, cursor) == ["b", "b/new.txt"]


def test_a_folder_that_is_mounted_later_is_a_matter_for_a_listing(namespace, opened):
    """Its changes would not be told."""
    source = opened(namespace)
    cursor = source.cursor()
    namespace.store.share_folder(
        namespace.store.create("New", namespace.store.entry(namespace.parent).parent.id, kind="folder")
    )
    with pytest.raises(CursorLost, match="mounted"):
        list(source.changes(cursor))


def test_a_quiet_sync_costs_a_request_for_each_namespace(place, folder, namespace, opened):
    """And one for the token."""
    for watched, cost in ((place, 1), (folder, 1), (namespace, 2)):
        cursor = opened(watched).cursor()
        meter = Meter()
        list(opened(watched, meter=meter).changes(cursor))
        assert meter.api_calls == cost


def test_changes_cost_the_same_in_a_large_store(opened, place):
    """A hundred of them, in folders that are as large."""
    costs = []
    for count in (200, 4000):
        watched = type(place)()
        watched.store.bulk(count, per_folder=20)
        source = opened(watched, page_size=2000)
        cursor = source.cursor()
        files = [one for one in watched.store.ordered if not one.is_folder][:200:2]
        for number, one in enumerate(files):
            (watched.store.delete, watched.store.edit)[number % 2](one.id)
        meter = Meter()
        assert list(opened(watched, page_size=2000, meter=meter).changes(cursor))[-1].spots
        costs.append(meter.api_calls)
    assert costs[0] == costs[1] <= 20
