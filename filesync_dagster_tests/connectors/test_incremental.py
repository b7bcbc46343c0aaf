"""What every source that can tell what changed must do: the executable half of `IncrementalSource`."""

import pytest

from filesync_dagster.connectors.base import IncrementalSource
from filesync_dagster.core.errors import CursorLost
from filesync_dagster.core.model import ENTRY_FIELDS, Meter
from filesync_dagster_tests.connectors.conftest import SIMULATED
from filesync_dagster_tests.connectors.places import TREE, followed, ids, many, pages, populate, rows


@pytest.fixture(params=list(SIMULATED))
def place(request):
    """Return an empty place of each kind, one after the other."""
    return SIMULATED[request.param](request)


@pytest.fixture
def source(place, source):
    """Return a source of each place that can tell what changed."""
    if not isinstance(source, IncrementalSource):
        pytest.skip("this source cannot tell what changed")
    return source


def listed(source):
    """Return the rows of the first scope as they come."""
    return [row for page in pages(source) for row in page.batch.to_pylist()]


def entries(found):
    """Return rows without their hashes, which depend on what was derived."""
    return [{field.name: row[field.name] for field in ENTRY_FIELDS} for row in found]


def told(deltas):
    """Return the ids of all that deltas tell of."""
    return {i for delta in deltas for i in [*delta.batch["external_id"].to_pylist(), *delta.removed]}


def test_nothing_changed(place, source):
    """There is a delta, with a cursor, and nothing in it."""
    populate(place, TREE)
    pages(source)

    deltas = list(source.changes(source.cursor()))

    assert deltas
    assert told(deltas) == set()
    assert told(source.changes(deltas[-1].cursor)) == set()


ACTIONS = {
    "a new file": lambda place: place.write("folder/new.txt", b"new"),
    "a new file at the top": lambda place: place.write("new.txt", b"new"),
    "a new file in new folders": lambda place: place.write("new/newer/new.txt", b"new"),
    "new content": lambda place: place.overwrite("folder/c.PDF", b"CCC"),
    "a renamed file": lambda place: place.rename("folder/b.txt", "folder/renamed.txt"),
    "a moved file": lambda place: place.rename("folder/b.txt", "other/deeper/renamed.txt"),
    "a file moved to the top": lambda place: place.rename("folder/b.txt", "renamed.txt"),
    "a renamed folder": lambda place: place.rename("folder", "renamed"),
    "a moved folder": lambda place: place.rename("folder", "other/moved"),
    "a folder moved to the top": lambda place: place.rename("folder/deeper", "deeper"),
    "a deleted file": lambda place: place.delete("folder/b.txt"),
    "a deleted folder": lambda place: place.delete("folder"),
    "a deleted and rewritten file": lambda place: (place.delete("a.txt"), place.write("a.txt", b"other")),
    "a file that came and went": lambda place: (place.write("new.txt", b"new"), place.delete("new.txt")),
    "much at once": lambda place: (
        place.rename("folder", "other/moved"),
        place.write("other/moved/new.txt", b"new"),
        place.delete("other/moved/c.PDF"),
        place.overwrite("a.txt", b"A"),
    ),
}
TRASH = {
    "a trashed file": lambda place: place.trash("folder/b.txt"),
    "a trashed folder": lambda place: place.trash("folder"),
    "a restored file": lambda place: (place.trash("folder/b.txt"), place.restore("folder/b.txt")),
}


@pytest.mark.parametrize("what", [*ACTIONS, *TRASH])
def test_each_kind_of_change_is_told(place, source, what):
    """A listing, led by the feed, arrives at what a listing afterwards finds."""
    if what in TRASH and not hasattr(place, "trash"):
        pytest.skip("this place has no trash")
    if what in getattr(place, "untold", ()):
        pytest.skip("this store does not tell of it: only a full listing finds it")
    populate(place, TREE)
    cursor, before = source.cursor(), listed(source)

    (ACTIONS | TRASH)[what](place)

    assert entries(followed(place, source, before, cursor)) == entries(rows(place, source))


@pytest.mark.parametrize("path", ["folder/b.txt", "folder"])
def test_what_comes_back_from_the_trash_is_told(place, source, path):
    """Neither time nor content changes when something is restored, and yet it is told."""
    if not hasattr(place, "trash"):
        pytest.skip("this place has no trash")
    populate(place, TREE)
    place.trash(path)
    cursor, before = source.cursor(), listed(source)

    place.restore(path)

    assert entries(followed(place, source, before, cursor)) == entries(rows(place, source))


def test_what_happens_during_a_listing_is_told_afterwards(place, source):
    """A cursor taken before a listing covers all of it: what the listing missed, or saw too early."""
    populate(place, many(30))
    cursor = source.cursor()

    listing = source.list(source.scopes()[0])
    before = next(listing).batch.to_pylist()
    place.write("late.txt", b"late")
    place.write("f1/late.txt", b"late")
    place.rename("f2", "f3/moved")
    place.delete("f4/004.txt")
    before += [row for page in listing for row in page.batch.to_pylist()]

    assert entries(followed(place, source, before, cursor)) == entries(rows(place, source))


def test_more_changes_than_a_page_has(place, source):
    """All pages of the feed are read."""
    cursor, before = source.cursor(), listed(source)

    populate(place, many(45))

    assert entries(followed(place, source, before, cursor)) == entries(rows(place, source))


def test_the_new_cursor_goes_on(place, source):
    """What comes after it is told, whoever asks; from the last one on there is nothing."""
    populate(place, TREE)
    cursor = source.cursor()
    place.overwrite("a.txt", b"A")
    first = list(source.changes(cursor))
    before = listed(source)
    place.overwrite("folder/b.txt", b"BB")

    with_another = place.open(Meter())
    second = list(with_another.changes(first[-1].cursor))
    after = followed(place, with_another, before, first[-1].cursor)
    with_another.close()

    assert told(first)
    assert told(second)
    assert not told(source.changes(second[-1].cursor))
    assert entries(after) == entries(rows(place, source))


@pytest.mark.parametrize("cursor", ["", "nonsense", "null", "[]", "{}", '"text"', "7", '{"elsewhere":"1"}'])
def test_what_is_no_cursor_is_lost(place, source, cursor):
    """Nothing starts from now."""
    populate(place, TREE)

    with pytest.raises(CursorLost) as lost:
        list(source.changes(cursor))

    assert lost.value.message


def test_below_a_folder(place, source):
    """What is below a folder is what a listing has there, the folder itself left out."""
    populate(place, TREE | many(30))
    found = rows(place, source)
    raw = {row["external_id"]: row for row in listed(source)}
    [folder] = [row for row in found if row["path"] == "folder"]
    wanted = {row["external_id"] for row in found if row["path"].startswith("folder/")}

    below = [row for page in source.below(folder["external_id"], folder["scope"]) for row in page.batch.to_pylist()]

    assert len(below) == len(wanted) == 5
    assert {row["external_id"]: row for row in below} == {external_id: raw[external_id] for external_id in wanted}


def test_below_a_folder_with_nothing_in_it(place, source):
    """It is empty, which is no error."""
    populate(place, {"folder/a": b"a"})
    [folder] = [row for row in rows(place, source) if row["path"] == "folder"]
    place.delete("folder/a")

    assert ids(source.below(folder["external_id"], folder["scope"])) == []


def test_lookup(place, source):
    """Entries that exist are as a listing has them; what is gone is left out."""
    populate(place, TREE | many(30))
    found = {row["path"]: row for row in rows(place, source)}
    raw = {row["external_id"]: row for row in listed(source)}
    place.delete("other/b.txt")
    asked = [row["external_id"] for row in found.values()]

    known = [row for page in source.lookup(asked, source.scopes()[0]) for row in page.batch.to_pylist()]

    assert {row["external_id"]: row for row in known} == {
        external_id: row for external_id, row in raw.items()
        if external_id in asked and external_id != found["other/b.txt"]["external_id"]
    }  # fmt: skip
    assert len(known) == len(asked) - 1


def test_nothing_is_looked_up(place, source):
    """Asked for nothing, there is nothing."""
    assert ids(source.lookup([], source.scopes()[0])) == []


def test_a_quiet_feed_is_cheap(place):
    """What it costs to learn that nothing happened does not depend on how much there is."""
    meters = []
    for count in (1, 60):
        populate(place, {f"{count}/{path}": content for path, content in many(count).items()})
        meters.append(Meter())
        source = place.open(meters[-1])
        if not isinstance(source, IncrementalSource):
            pytest.skip("this source cannot tell what changed")
        pages(source)
        cursor, before = source.cursor(), meters[-1].api_calls
        list(source.changes(cursor))
        meters[-1].api_calls -= before
        source.close()

    assert 0 < meters[1].api_calls <= meters[0].api_calls
