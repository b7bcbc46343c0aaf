"""What a change feed says, in every order and from every scope, and what becomes of its cursor."""

import pytest

from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.model import AS_KNOWN, ListingGap, SyncMode, SyncStatus
from filesync_dagster_tests.sync.model.scripted import Script, ScriptedSource, delta, row, scripted
from filesync_dagster_tests.sync.projects import Project, live


@pytest.fixture
def script():
    """Return a script with two folders, one in each scope, and a file in each."""
    rows = [row("f1", kind="folder"), row("a", "f1")]
    rows += [row("f2", kind="folder", scope="two"), row("b", "f2", scope="two")]
    script = Script(rows)
    with scripted(script):
        yield script


@pytest.fixture
def filesync(script, tmp_path):
    """Return a filesync that knows what is there."""
    guard = {"max_removed": 1, "max_removed_percent": 100, "hold_when_empty": False}
    with Project(tmp_path, {"name": "e", "type": "script", "endpoint_details": {}, "guard": guard}).open() as filesync:
        assert filesync.sync("e").status is SyncStatus.COMPLETED
        yield filesync


def paths(filesync):
    """Return the paths of all live entries."""
    return sorted(found["path"] for found in live(filesync, "e"))


def told(filesync, status=SyncStatus.COMPLETED):
    """Sync incrementally."""
    result = filesync.sync("e")
    assert (result.status, result.mode) == (status, SyncMode.INCREMENTAL), result
    return result


def test_the_cursor_is_older_than_the_listing(script, filesync):
    """What happens while a listing runs may be missing in it; the feed tells it afterwards."""
    told(filesync)
    assert script.cursors == ["begin"]


@pytest.mark.parametrize("later_first", [True, False])
def test_the_highest_order_is_true_whatever_comes_first(script, filesync, later_first):
    """Feeds are told out of order; what they say is dated."""
    words = [("older", 1), ("newer", 2)]
    words = words[::-1] if later_first else words
    script.deltas = [delta("one", row("a", "f1", name=name), order=(at,)) for name, at in words]
    told(filesync)
    assert paths(filesync) == ["f1", "f1/newer", "f2", "f2/b"]


@pytest.mark.parametrize(("removed_at", "left"), [(1, True), (3, False)])
def test_the_order_of_a_tombstone_counts_too(script, filesync, removed_at, left):
    """A file that was deleted and came back is there, though its deletion is heard last; and the reverse."""
    script.deltas = [delta("one", row("a", "f1", name="again"), order=(2,)), delta("one", removed={"a": removed_at})]
    told(filesync)
    assert ("f1/again" in paths(filesync)) is left


def test_a_tombstone_of_another_scope_is_no_news(script, filesync):
    """That an entry is not in one scope says nothing of the one in which it is known."""
    script.deltas = [delta("two", removed={"a": 1}), delta("one", removed={"b": 1})]
    told(filesync)
    assert paths(filesync) == ["f1", "f1/a", "f2", "f2/b"]


def test_a_word_from_another_scope_does_not_hide_a_tombstone(script, filesync):
    """That an entry is nowhere in one scope is no news; that it is gone from the one in which it is known is."""
    script.deltas = [delta("one", row("b", ""), order=(2,)), delta("two", removed={"b": 1})]
    assert told(filesync).counts.removed == 1
    assert paths(filesync) == ["f1", "f1/a", "f2"]


@pytest.mark.parametrize("there", [True, False])
def test_what_was_told_of_a_folder_that_is_gone_by_now_is_asked_for(script, filesync, there):
    """It may be elsewhere since: a new file, and one that was known."""
    script.rows = [row("a", "f2"), row("new", "f2")] * there + [row("f2", kind="folder", scope="two")]
    script.deltas = [delta("one", row("a", "f1", version="2"), row("new", "f1")), delta("one", removed={"f1": 1})]
    told(filesync)
    assert paths(filesync) == ["f2", *(["f2/a"] * there), "f2/b", *(["f2/new"] * there)]


@pytest.mark.parametrize("gone_first", [True, False])
def test_a_move_between_scopes_is_a_move(script, filesync, gone_first):
    """One scope says that it is gone, the other that it came: whatever is heard first, it is there."""
    gone, came = delta("one", removed={"a": 5}), delta("two", row("a", "f2", scope="two"), order=(4,))
    script.deltas = [gone, came] if gone_first else [came, gone]
    result = told(filesync)
    assert (result.counts.moved, result.counts.added, result.counts.removed) == (1, 0, 0)
    assert paths(filesync) == ["f1", "f2", "f2/a", "f2/b"]


def test_an_unread_part_keeps_the_cursor(script, filesync):
    """What could not be read is told again; what was read is there."""
    gap = ListingGap("one", "f1", "It was not to be read.")
    script.deltas = [delta("two", row("c", "f2", scope="two")), delta("one", gaps=(gap,))]
    told(filesync, SyncStatus.PARTIAL)
    assert "f2/c" in paths(filesync)
    script.deltas = []
    told(filesync)
    told(filesync)
    assert script.cursors == ["begin", "begin", "later"]


def test_a_folder_that_came_in_and_cannot_be_read_is_a_matter_for_a_full_sync(script, filesync):
    """Once it is known, nobody would enter it again."""
    script.rows += [row("f3", kind="folder"), row("c", "f3")]
    script.deltas = [delta("one", row("f3", kind="folder"))]
    script.unread = (ListingGap("one", "f3", "It was not to be read."),)
    result = filesync.sync("e")
    assert (result.status, result.mode) == (SyncStatus.COMPLETED, SyncMode.FULL)
    assert "f3/c" in paths(filesync)


def test_a_held_sync_keeps_the_cursor_until_it_is_approved(script, filesync):
    """Rejected, it is as if nobody had listened."""
    script.deltas = [delta("one", removed={"a": 1}), delta("two", removed={"b": 1})]
    script.rows = [each for each in script.rows if each["kind"] == "folder"]
    told(filesync, SyncStatus.HELD)
    filesync.reject("e")
    told(filesync, SyncStatus.HELD)
    filesync.approve("e")
    assert paths(filesync) == ["f1", "f2"]
    script.deltas = []
    told(filesync)
    assert script.cursors == ["begin", "begin", "later"]


@pytest.mark.parametrize("there", [True, False])
def test_what_is_missing_from_a_folder_that_was_read_is_asked_for(script, filesync, there):
    """It may have gone elsewhere: only what nobody finds is removed."""
    script.rows = [each for each in script.rows if each["external_id"] != "a"]
    script.rows += [row("a", "f2", scope="one")] * there
    script.deltas = [delta("one", read=("f1",))]
    result = told(filesync)
    assert (result.counts.moved, result.counts.removed) == ((1, 0) if there else (0, 1))


def circle(*more):
    """Return two folders that contain each other, each with a file in it."""
    return [
        row("x", "y", kind="folder"), row("y", "x", kind="folder"), row("in-x", "x"), row("in-y", "y"), *more,
    ]  # fmt: skip


AROUND = ["f1", "f1/a", "f2", "f2/b", "x", "x/in-x", "x/y", "x/y/in-y"]


def names_circle(result):
    """Whether a warning names the folder that was hung at the top."""
    return any("contain each other" in warning and "x" in warning for warning in result.warnings)


def test_folders_that_contain_each_other_are_hung_at_the_top(script, filesync):
    """Nothing in them vanishes, whoever tells of it, and the same sync twice changes nothing."""
    script.rows += circle()
    first = filesync.sync("e", full=True)
    assert (first.status, first.counts.added) == (SyncStatus.COMPLETED, 2)
    assert names_circle(first)
    assert paths(filesync) == AROUND

    again = filesync.sync("e", full=True)
    assert (again.counts.added, again.counts.moved, again.counts.removed, again.counts.repathed) == (0, 0, 0, 0)
    assert names_circle(again)

    for words in (circle()[:1], circle()[1:2], circle()[2:], circle()):
        script.deltas = [delta("one", *words)]
        assert told(filesync).counts.moved == 0
        assert paths(filesync) == AROUND


def test_a_folder_that_moves_into_itself(script, filesync):
    """Nor do files that were known before go with it; when it comes out again, all is as it was."""
    script.rows += [row("x", kind="folder"), row("y", "x", kind="folder"), row("in-x", "x"), row("in-y", "y")]
    filesync.sync("e", full=True)
    assert paths(filesync) == AROUND

    script.deltas = [delta("one", circle()[0])]
    result = told(filesync)
    assert (result.counts.removed, result.counts.left_scope) == (0, 0)
    assert names_circle(result)
    assert paths(filesync) == AROUND

    script.deltas = [delta("one", row("x", "f1", kind="folder"))]
    assert not names_circle(told(filesync))
    assert "f1/x/y/in-y" in paths(filesync)


def test_a_feed_that_cannot_be_understood_is_a_matter_for_a_full_sync(script, filesync, monkeypatch):
    """Every incremental sync would fail until the next reconcile; a listing does without the feed."""

    def nonsense(source, cursor):
        yield delta("one")
        raise ProtocolViolation("The store told nonsense.")

    monkeypatch.setattr(ScriptedSource, "changes", nonsense)
    script.rows += [row("c", "f1")]
    result = filesync.sync("e")
    assert (result.status, result.mode) == (SyncStatus.COMPLETED, SyncMode.FULL)
    assert "f1/c" in paths(filesync)


def test_an_entry_whose_place_was_not_told_is_where_it_was(script, filesync):
    """A store that does not say in which folder an entry is has not moved it; unknown entries are elsewhere."""
    script.deltas = [delta("one", row("a", AS_KNOWN, size=9), row("z", AS_KNOWN))]
    result = told(filesync)
    assert (result.counts.updated, result.counts.left_scope, result.counts.added) == (1, 0, 0)
    assert paths(filesync) == ["f1", "f1/a", "f2", "f2/b"]
    script.deltas = [delta("one", row("a", "f1", size=9))]
    assert told(filesync).counts.updated == 0
