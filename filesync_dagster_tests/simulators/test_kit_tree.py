"""The store that simulators are made of: entries, parents, trash, access, logs, pages, histories."""

import random

import pytest

from filesync_dagster.simulators.kit.bulk import fill
from filesync_dagster.simulators.kit.clock import Clock
from filesync_dagster.simulators.kit.journal import ChangeLog
from filesync_dagster.simulators.kit.mutations import mutate
from filesync_dagster.simulators.kit.paging import PageTokens
from filesync_dagster.simulators.kit.tree import TreeEntry, TreeStore


class Shelf(TreeStore[TreeEntry]):
    """A store with one folder at its top."""

    entry_type = TreeEntry

    def __init__(self, seed=0):
        super().__init__(seed)
        self.root = self.top("shelf", "root", owner=self.account)


@pytest.fixture
def store():
    """Return an empty store."""
    return Shelf()


def told(log):
    """Return the ids that a log tells of, in order."""
    return [entry.id for entry in log.since(log.first)]


def test_what_is_in_the_trash_or_lost_with_a_folder_comes_back_with_it(store):
    """What is below follows, and the log tells of the folder alone."""
    folder = store.add("folder", store.root, is_folder=True)
    file = store.add("a.txt", folder, content=b"abc")
    end = store.log.end
    store.trash(folder.id)
    assert (file.trashed, store.listing("root")) == (True, {})
    store.restore(folder.id)
    store.revoke(folder.id)
    assert (file.seen, store.listing("root")) == (False, {})
    store.share(folder.id, store.account)
    assert store.listing("root") == {"folder/a.txt": 3}
    assert {entry.id for entry in store.log.since(end)} == {folder.id}


def test_an_entry_of_several_folders_lives_as_long_as_one_of_them(store):
    """It is trashed with all of them, and moved out of all of them."""
    one, two = (store.add(name, store.root, is_folder=True) for name in ("one", "two"))
    file = store.add("a.txt", one)
    store.add_parent(file.id, two.id)
    store.trash(one.id)
    assert not file.trashed
    store.delete(one.id)
    assert (file.gone, file.parents, file.path()) == (False, (two,), "two/a.txt")
    store.move(file.id, "root")
    assert (file.parents, two.children) == ((store.root,), [])
    store.remove_parent(file.id, "root")
    assert (file.parents, file.id in store.entries) == ((), True)


def test_folders_can_contain_each_other(store):
    """Nothing that walks up or down goes round for ever."""
    outer = store.add("outer", store.root, is_folder=True)
    inner = store.add("inner", outer, is_folder=True)
    store.add_parent(outer.id, inner.id)
    store.remove_parent(outer.id, "root")
    assert {entry.name for entry in outer.below()} == {"outer", "inner"}
    assert [entry.name for entry in inner.above()] == ["inner", "outer"]
    assert inner.path()
    assert store.listing("root") == {}


def test_a_log_keeps_the_newest_of_each_or_every_entry(store):
    """A feed of states, or a stream of events; what is lost is lost, and a reader may wait."""
    newest, every = ChangeLog(), ChangeLog(100, every=True)
    for log in (newest, every):
        for name in ("a", "b", "a"):
            log.add(name, 1)
    assert (told(newest), told(every)) == (["b", "a"], ["a", "b", "a"])
    every.lose(next(iter(every.since(101))))
    assert told(every) == ["a", "a"]
    assert every.wait(102, 0)
    assert not every.wait(103, 0)


@pytest.mark.parametrize("token", ["nonsense", "fHw=", "MS4yLjM="])
def test_a_page_token_is_good_for_one_question_and_a_while(token):
    """It is opaque, and a fresh one for each turn."""
    clock = Clock()
    tokens = PageTokens(clock, "~", lifetime_seconds=60)
    assert tokens.read("", "files") == (0, 0)
    assert tokens.read(tokens.write("files", 7, 2), "files") == (7, 2)
    assert len({tokens.write("files", 7, turn) for turn in range(3)}) == 3
    written = tokens.write("files", 7)
    with pytest.raises(ValueError, match="another question"):
        tokens.read(written, "folders")
    clock.advance(61)
    with pytest.raises(ValueError, match="expired"):
        tokens.read(written, "files")
    with pytest.raises(ValueError, match=r"."):
        tokens.read(token, "files")


def test_the_same_seed_is_the_same_history():
    """Ids, names and times included, so that a failure can be run again."""

    def world(seed):
        store, dice = Shelf(3), random.Random(seed)
        fill(store, store.root, 40, per_folder=10)
        actions = [mutate(store, dice, [store.root], list(store.entries.values())) for _ in range(60)]
        rows = [(entry.id, entry.path(), entry.version, entry.modified) for entry in store.entries.values()]
        return actions, rows, told(store.log)

    assert world(1) == world(1)
    assert world(1) != world(2)
    assert len(set(world(1)[0])) > 4
