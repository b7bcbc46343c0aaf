"""What is Box's own about events: doubled, disordered, old, dropped without a word, and only hints."""

from datetime import timedelta

import httpx
import orjson
import pytest

from filesync_dagster.core import clock
from filesync_dagster.core.errors import CursorLost, NotFound
from filesync_dagster.simulators.box.events import STREAMING
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing.rows import TREE, follow_feed, many, pages, populate, rows

LOOK_UPS = ("/files/", "/folders/4", "/web_links/")


def listed(source):
    """Return the rows of a listing as they come."""
    return [row for page in pages(source) for row in page.batch.to_pylist()]


def told(source, cursor):
    """Return the names that changes tell, and the ids of what is gone."""
    deltas = list(source.changes(cursor))
    assert not any(delta.gaps for delta in deltas)
    names = {str(name) for delta in deltas for name in delta.batch["name"].to_pylist()}
    return names, {one for delta in deltas for one in delta.removed}


def look_ups(place):
    """Return the requests for single items."""
    return [request for part in LOOK_UPS for request in place.wire.asked(part) if "/items" not in request.url.path]


def same(place, source, before, cursor):
    """Assert that the feed leads to what a listing finds."""
    found = follow_feed(place, source, before, cursor)
    assert [(r["external_id"], r["path"], r["version"]) for r in found] == [
        (r["external_id"], r["path"], r["version"]) for r in rows(place, source)
    ]


def test_an_item_is_looked_up_once(box, opened):
    """However many events name it, doubled and in any order."""
    box.write("a.txt", b"a")
    source = opened(box)
    cursor, before = source.cursor(), listed(source)
    for content in (b"b", b"c", b"d"):
        box.overwrite("a.txt", content)
    box.plan.add(Fault.DUPLICATE_CHANGE, times=-1)
    box.plan.add(Fault.REORDER_CHANGES, times=-1)

    names, removed = told(source, cursor)

    assert (names, removed, len(look_ups(box))) == ({"a.txt"}, set(), 1)
    same(box, source, before, cursor)


def test_looking_at_a_file_costs_nothing(box, opened):
    """An event after which nothing is different is no hint."""
    made = box.write("a.txt", b"a")
    source = opened(box)
    cursor = source.cursor()
    box.store.preview(made)

    assert told(source, cursor) == (set(), set())
    assert look_ups(box) == []


@pytest.mark.parametrize("kind", ["enterprise", "user"])
def test_an_old_answer_is_not_believed(box, opened, kind):
    """One that knows less than the event is asked for again; the enterprise's events do not tell."""
    made = box.write("a.txt", b"a")
    old = []

    def instead(request):
        if f"/files/{made.removeprefix('file_')}" not in request.url.path or len(old) > 1:
            return None
        old.append(request)
        state = {"type": "file", "id": made.removeprefix("file_"), "sequence_id": "0", "etag": "0", "name": "old"}
        return httpx.Response(200, content=orjson.dumps({**state, "parent": {"id": "0"}}))

    user = {"box_user_id": box.simulator.application.user_id} if kind == "user" else {}
    source = opened(box, instead=instead, **user)
    cursor = source.cursor()
    box.rename("a.txt", "new.txt")

    names, _ = told(source, cursor)

    assert names == ({"new.txt"} if kind == "user" else {"old"})


def test_an_empty_chunk_is_not_the_end(box, opened):
    """The position tells: while it moves there may be more."""
    source = opened(box)
    cursor, before = source.cursor(), listed(source)
    populate(box, many(10))
    for fault in (Fault.EMPTY_PAGE, Fault.SHORT_PAGE):
        box.plan.add(fault, "get_events")

    same(box, source, before, cursor)


def test_positions_without_an_end(box, opened):
    """A stream that is always empty and always moves on ends all the same, with the last position."""
    source = opened(box)
    cursor = source.cursor()
    box.write("a.txt", b"a")
    box.plan.add(Fault.EMPTY_PAGE, "get_events", times=-1)

    nothing = list(source.changes(cursor))
    box.plan.clear()

    assert box.simulator.counts["get_events"] < 10
    assert told(source, nothing[-1].cursor)[0] == {"a.txt"}


@pytest.mark.parametrize(("kind", "days"), [("enterprise", 14), ("user", 21)])
def test_a_gap_in_the_retention(box, opened, kind, days):
    """Box says nothing of what it dropped: what was last read so long ago is lost, and before that it is not."""
    user = {"box_user_id": box.simulator.application.user_id} if kind == "user" else {}
    source = opened(box, **user)
    with clock.set_back(timedelta(days=days)):
        lost = source.cursor()
    with clock.set_back(timedelta(days=days - 3)):
        good = source.cursor()
    box.write("a.txt", b"a")

    assert told(source, good)[0] == {"a.txt"}
    with pytest.raises(CursorLost, match=f"keeps them for {days} days"):
        list(source.changes(lost))


def test_a_quiet_stream_is_noted_as_read(box, opened):
    """Once a day, so that a cursor that stands still does not grow old; and not at each sync."""
    source = opened(box)
    with clock.set_back(timedelta(days=11)):
        cursor = source.cursor()

    after = list(source.changes(cursor))[-1].cursor

    assert after != cursor
    assert list(source.changes(after))[-1].cursor == after
    with clock.set_back(timedelta(days=-10)):
        assert list(source.changes(after))


def test_without_the_scope_the_own_events_are_followed(box, opened):
    """They tell of all that the account sees."""
    box.simulator.tokens.reads_events = False
    populate(box, TREE)
    source = opened(box)
    cursor, before = source.cursor(), listed(source)
    box.rename("folder", "moved")

    assert STREAMING not in cursor
    same(box, source, before, cursor)


def test_a_scope_that_was_taken_away(box, opened):
    """The enterprise's position is lost; the full sync that follows begins with the account's own events."""
    source = opened(box)
    cursor = source.cursor()
    box.simulator.tokens.reads_events = False
    box.simulator.issuer.expire_all()
    again = opened(box)

    with pytest.raises(CursorLost):
        list(again.changes(cursor))
    assert STREAMING not in again.cursor()


def test_access_comes_and_goes(shared, opened):
    """A folder to which the account is invited comes with all that it holds; without the invitation it is gone."""
    shared.write("deep/a.txt", b"a")
    shared.top = ""
    source = opened(shared)
    cursor, before = source.cursor(), listed(source)
    shared.store.unshare(shared.parent, shared.store.account)

    names, removed = told(source, cursor)
    assert (names, removed) == (set(), {shared.parent})
    same(shared, source, before, cursor)

    cursor, before = source.cursor(), listed(source)
    assert before == []
    shared.store.share(shared.parent, shared.store.account)
    same(shared, source, before, cursor)
    assert len(listed(source)) == 3


def test_what_was_shared_alone(shared, opened):
    """A file whose folder Box does not tell lies at the top."""
    shared.top = ""

    def instead(request):
        if "/files/" not in request.url.path:
            return None
        answer = InProcess(shared.simulator).handle_request(request).read()
        return httpx.Response(200, content=orjson.dumps({**orjson.loads(answer), "parent": None}))

    source = opened(shared, instead=instead)
    cursor, before = source.cursor(), listed(source)
    alone = shared.store.create("alone.txt", owner="zoe@example.com", content=b"x")
    shared.store.share(alone, shared.store.account)

    same(shared, source, before, cursor)
    assert "alone.txt" in {row["path"] for row in rows(shared, source)}


def test_what_everybody_else_does_is_no_change(box, opened):
    """The enterprise's events tell of items that the account does not see: they are gone, as far as it knows."""
    source = opened(box)
    cursor = source.cursor()
    theirs = box.store.create("theirs", owner="zoe@example.com", content=b"x")

    assert told(source, cursor) == (set(), {theirs})


def test_what_moves_out_of_the_folder(folder, opened):
    """It is told with where it lies now, which is not in the endpoint; what moves in comes with what it holds."""
    populate(folder, {"in/a.txt": b"a"})
    outside = folder.store.create("outside", kind="folder")
    folder.store.create("b.txt", folder.store.create("out", outside, kind="folder"), content=b"b")
    source = opened(folder)
    cursor, before = source.cursor(), listed(source)
    folder.store.move(folder.id_of("in"), outside)
    folder.store.move(next(c.id for c in folder.store.entry(outside).children if c.name == "out"), folder.parent)

    same(folder, source, before, cursor)
    assert {row["path"] for row in rows(folder, source)} == {"out", "out/b.txt"}


def test_the_folder_that_is_listed_goes(folder, opened):
    """That is an error, not a removal of everything."""
    populate(folder, TREE)
    source = opened(folder)
    cursor = source.cursor()
    folder.store.trash(folder.parent)

    with pytest.raises(NotFound):
        list(source.changes(cursor))


def test_an_item_that_cannot_be_looked_up(box, opened):
    """It is a gap, the others are told, and the cursor stays."""
    bad, _ = box.write("bad.txt", b"x"), box.write("good.txt", b"x")
    source = opened(box)
    cursor = source.cursor()
    box.overwrite("bad.txt", b"y")
    box.overwrite("good.txt", b"y")
    box.plan.add(Fault.DENY, "get_file", part=bad.removeprefix("file_"), times=-1)

    deltas = list(source.changes(cursor))

    assert [bad in gap.reason for delta in deltas for gap in delta.gaps] == [True]
    assert {name for delta in deltas for name in delta.batch["name"].to_pylist()} == {"good.txt"}
    assert deltas[-1].cursor == cursor


def test_permissions_that_are_recorded_from_now_on(box, opened):
    """No event tells those of what did not change: a full sync follows."""
    cursor = opened(box).cursor()

    with pytest.raises(CursorLost, match="Permissions"):
        list(opened(box, include_permissions=True).changes(cursor))


def test_what_changes_cost(box, opened):
    """As many calls as something changed, whatever there is; a quiet sync is one call."""
    calls = []
    for count in (10, 2000):
        box.store.bulk(count, per_folder=500, seed=count)
        made = [box.store.create(f"{count} {number}") for number in range(100)]
        source = opened(box, page_size=1000)
        cursor = source.cursor()
        for one in made:
            box.store.edit(one, b"new")
        box.wire.requests.clear()
        after = list(source.changes(cursor))[-1].cursor
        calls.append(len(box.wire.requests))
        box.wire.requests.clear()
        list(source.changes(after))
        assert len(box.wire.requests) == 1

    assert calls == [102, 102]
