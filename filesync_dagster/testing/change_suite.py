"""What every source that can tell what changed must do: the executable half of `IncrementalSource`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import pytest

from filesync_dagster.connectors.base import IncrementalSource, Source
from filesync_dagster.core.errors import CursorLost
from filesync_dagster.core.model import Delta, Meter
from filesync_dagster.core.schemas import ENTRY_FIELDS
from filesync_dagster.testing.rows import TREE, Row, follow_feed, ids, many, pages, populate, rows
from filesync_dagster.testing.suite import PlaceSuite

ACTIONS: Final[Mapping[str, Callable[[Any], object]]] = {
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
TRASH: Final[Mapping[str, Callable[[Any], object]]] = {
    "a trashed file": lambda place: place.trash("folder/b.txt"),
    "a trashed folder": lambda place: place.trash("folder"),
    "a restored file": lambda place: (place.trash("folder/b.txt"), place.restore("folder/b.txt")),
}


class ChangeSuite(PlaceSuite):
    """Tests of `IncrementalSource`, for the place of a subclass; of others they are skipped."""

    @pytest.fixture
    def feed(self, source: Source) -> IncrementalSource:
        """Return a source of the place that can tell what changed."""
        if not isinstance(source, IncrementalSource):
            pytest.skip("this source cannot tell what changed")
        return source

    def test_nothing_changed(self, place: Any, feed: IncrementalSource) -> None:
        """There is a delta, with a cursor, and nothing in it."""
        populate(place, TREE)
        pages(feed)

        deltas = list(feed.changes(feed.cursor()))

        assert deltas
        assert _changed_ids(deltas) == set()
        assert _changed_ids(feed.changes(deltas[-1].cursor)) == set()

    @pytest.mark.parametrize("what", [*ACTIONS, *TRASH])
    def test_each_kind_of_change_is_told(self, place: Any, feed: IncrementalSource, what: str) -> None:
        """A listing, led by the feed, arrives at what a listing afterwards finds."""
        if what in TRASH and not hasattr(place, "trash"):
            pytest.skip("this place has no trash")
        if what in getattr(place, "untold", ()):
            pytest.skip("this store does not tell of it: only a full listing finds it")
        populate(place, TREE)
        cursor, before = feed.cursor(), _list_rows(feed)

        {**ACTIONS, **TRASH}[what](place)

        assert _entries(follow_feed(place, feed, before, cursor)) == _entries(rows(place, feed))

    @pytest.mark.parametrize("path", ["folder/b.txt", "folder"])
    def test_what_comes_back_from_the_trash_is_told(self, place: Any, feed: IncrementalSource, path: str) -> None:
        """Neither time nor content changes when something is restored, and yet it is told."""
        if not hasattr(place, "trash"):
            pytest.skip("this place has no trash")
        populate(place, TREE)
        place.trash(path)
        cursor, before = feed.cursor(), _list_rows(feed)

        place.restore(path)

        assert _entries(follow_feed(place, feed, before, cursor)) == _entries(rows(place, feed))

    def test_what_happens_during_a_listing_is_told_afterwards(self, place: Any, feed: IncrementalSource) -> None:
        """A cursor taken before a listing covers all of it: what the listing missed, or saw too early."""
        populate(place, many(30))
        cursor = feed.cursor()

        listing = feed.list(feed.scopes()[0])
        before = next(listing).batch.to_pylist()
        place.write("late.txt", b"late")
        place.write("f1/late.txt", b"late")
        place.rename("f2", "f3/moved")
        place.delete("f4/004.txt")
        before += [row for page in listing for row in page.batch.to_pylist()]

        assert _entries(follow_feed(place, feed, before, cursor)) == _entries(rows(place, feed))

    def test_more_changes_than_a_page_has(self, place: Any, feed: IncrementalSource) -> None:
        """All pages of the feed are read."""
        cursor, before = feed.cursor(), _list_rows(feed)

        populate(place, many(45))

        assert _entries(follow_feed(place, feed, before, cursor)) == _entries(rows(place, feed))

    def test_the_new_cursor_goes_on(self, place: Any, feed: IncrementalSource) -> None:
        """What comes after it is told, whoever asks; from the last one on there is nothing."""
        populate(place, TREE)
        cursor = feed.cursor()
        place.overwrite("a.txt", b"A")
        first = list(feed.changes(cursor))
        before = _list_rows(feed)
        place.overwrite("folder/b.txt", b"BB")

        with_another = place.open(Meter())
        second = list(with_another.changes(first[-1].cursor))
        after = follow_feed(place, with_another, before, first[-1].cursor)
        with_another.close()

        assert _changed_ids(first)
        assert _changed_ids(second)
        assert not _changed_ids(feed.changes(second[-1].cursor))
        assert _entries(after) == _entries(rows(place, feed))

    @pytest.mark.parametrize("cursor", ["", "nonsense", "null", "[]", "{}", '"text"', "7", '{"elsewhere":"1"}'])
    def test_what_is_no_cursor_is_lost(self, place: Any, feed: IncrementalSource, cursor: str) -> None:
        """Nothing starts from now."""
        populate(place, TREE)

        with pytest.raises(CursorLost) as lost:
            list(feed.changes(cursor))

        assert lost.value.message

    def test_below_a_folder(self, place: Any, feed: IncrementalSource) -> None:
        """What is below a folder is what a listing has there, the folder itself left out."""
        populate(place, TREE | many(30))
        found = rows(place, feed)
        raw = {row["external_id"]: row for row in _list_rows(feed)}
        [folder] = [row for row in found if row["path"] == "folder"]
        wanted = {row["external_id"] for row in found if row["path"].startswith("folder/")}

        below = [row for page in feed.below(folder["external_id"], folder["scope"]) for row in page.batch.to_pylist()]

        assert len(below) == len(wanted) == 5
        assert {row["external_id"]: row for row in below} == {external_id: raw[external_id] for external_id in wanted}

    def test_below_a_folder_with_nothing_in_it(self, place: Any, feed: IncrementalSource) -> None:
        """It is empty, which is no error."""
        populate(place, {"folder/a": b"a"})
        [folder] = [row for row in rows(place, feed) if row["path"] == "folder"]
        place.delete("folder/a")

        assert ids(feed.below(folder["external_id"], folder["scope"])) == []

    def test_lookup(self, place: Any, feed: IncrementalSource) -> None:
        """Entries that exist are as a listing has them; what is gone is left out."""
        populate(place, TREE | many(30))
        found = {row["path"]: row for row in rows(place, feed)}
        raw = {row["external_id"]: row for row in _list_rows(feed)}
        place.delete("other/b.txt")
        asked = [row["external_id"] for row in found.values()]

        known = [row for page in feed.lookup(asked, feed.scopes()[0]) for row in page.batch.to_pylist()]

        assert {row["external_id"]: row for row in known} == {
            external_id: row for external_id, row in raw.items()
            if external_id in asked and external_id != found["other/b.txt"]["external_id"]
        }  # fmt: skip
        assert len(known) == len(asked) - 1

    def test_nothing_is_looked_up(self, place: Any, feed: IncrementalSource) -> None:
        """Asked for nothing, there is nothing."""
        assert ids(feed.lookup([], feed.scopes()[0])) == []

    def test_a_quiet_feed_is_cheap(self, place: Any) -> None:
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


def _list_rows(source: Source) -> list[Row]:
    """Return the rows of the first scope as they come."""
    return [row for page in pages(source) for row in page.batch.to_pylist()]


def _entries(found: Iterable[Row]) -> list[Row]:
    """Return rows without their hashes, which depend on what was derived."""
    return [{field.name: row[field.name] for field in ENTRY_FIELDS} for row in found]


def _changed_ids(deltas: Iterable[Delta]) -> set[str]:
    """Return the ids of all that deltas tell of."""
    return {str(i) for delta in deltas for i in [*delta.batch["external_id"].to_pylist(), *delta.removed]}
