import threading
import time
from contextlib import closing

import pytest

from filesync_dagster.connectors.rest.crawl import (
    FolderPage,
    FolderTree,
    crawl_tree,
    run_bounded,
    side_by_side,
    thread_pool,
)
from filesync_dagster.connectors.rest.errors import BadRequest, Forbidden
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    TemporarilyDown,
    Throttled,
    Unreachable,
)

TREE = {"top": ["a", "b", "x1"], "a": ["c", "x2", "x3"], "b": [], "c": [f"y{n}" for n in range(7)]}


def tree(errors=None, read_pages=None):
    """Return TREE with two entries a page; `errors` are raised in turn for a folder."""
    errors = errors or {}

    def read(branch, stopped):
        if read_pages is not None:
            read_pages.append((branch.folder, branch.token))
        if errors.get(branch.folder):
            raise errors[branch.folder].pop(0)
        at = int(branch.token or 0)
        entries, more = TREE[branch.folder][at : at + 2], at + 2 < len(TREE[branch.folder])
        return FolderPage(entries, [(e, e.upper()) for e in entries if e in TREE], str(at + 2) if more else None)

    return FolderTree("Box", "scope", "top", read, lambda folder: folder == "a")


def crawl(found, checkpoint=None, workers=4):
    """Return the pages of a tree."""
    return list(crawl_tree(found, "top", checkpoint, workers=workers, page_size=3, name="test"))


def entries(pages):
    """Return all entries of pages, sorted."""
    return sorted(entry for page in pages for entry in page.entries)


EVERYTHING = sorted(entry for children in TREE.values() for entry in children)


@pytest.mark.parametrize("workers", [1, 4])
def test_every_entry_comes_once(workers):
    """With the folder that it lies in, in pages as large as wanted."""
    pages = crawl(tree(), workers=workers)

    assert entries(pages) == EVERYTHING
    assert all(
        entry in TREE[folder] for page in pages for entry, folder in zip(page.entries, page.folders, strict=True)
    )
    assert max(len(page.entries) for page in pages) <= 3


def test_every_checkpoint_is_gone_on_from():
    """By what is left, and by less than all of it."""
    pages, asked = crawl(tree(), workers=1), []
    for done, page in enumerate(pages, start=1):
        asked.clear()
        rest = crawl(tree(read_pages=asked), page.checkpoint)
        assert sorted(entries(pages[:done]) + entries(rest)) == EVERYTHING
    assert asked == []
    assert entries(crawl(tree(), "nonsense")) == EVERYTHING


def test_a_folder_that_is_refused_is_a_gap():
    """So is one that is there after all; one that is gone is nothing, and the top is an error."""
    pages = crawl(tree({"a": [Forbidden("No.")], "b": [NotFound("Gone.")]}))
    gaps = [(gap.path, gap.reason) for page in pages for gap in page.gaps]
    assert gaps == [("A", "No.")]
    assert entries(pages) == ["a", "b", "x1"]

    gaps = [gap for page in crawl(tree({"a": [NotFound("Gone.")]})) for gap in page.gaps]
    assert [gap.reason for gap in gaps] == ["Box did not find it, and then it did."]
    with pytest.raises(Forbidden):
        crawl(tree({"top": [Forbidden("No.")]}))


def test_a_page_token_that_is_refused_begins_its_folder_anew():
    """A few times; a first page that is refused is a gap."""
    found = tree()
    read, failed = found.read, []

    def forgetful(branch, stopped):
        if branch.folder == "c" and branch.token == "4" and len(failed) < 2:
            failed.append(branch)
            raise BadRequest("The token is old.")
        return read(branch, stopped)

    pages = crawl(FolderTree("Box", "scope", "top", forgetful, found.exists))
    assert len(failed) == 2
    assert sorted(set(entries(pages))) == EVERYTHING
    assert [gap.path for page in crawl(tree({"c": [BadRequest("No.")]})) for gap in page.gaps] == ["A/C"]


@pytest.mark.parametrize("error", [TemporarilyDown("Down."), ProtocolViolation("Odd."), BadRequest("No.")])
def test_a_folder_that_fails_is_a_gap(error):
    """The rest is listed; but when the top does not answer either, it is the store that failed, and no folder."""
    asked = []
    pages = crawl(tree({"a": [error], "c": [error]}, asked))
    assert [(gap.path, gap.reason) for page in pages for gap in page.gaps] == [("A", error.message)]
    assert entries(pages) == ["a", "b", "x1"]

    with pytest.raises(type(error)):
        crawl(tree({"top": [error]}))

    def down(branch, stopped):
        if before:
            raise TemporarilyDown("All of it.")
        before.append(branch)
        return FolderPage(["a", "b"], [("a", "A"), ("b", "B")], None)

    before = []
    with pytest.raises(TemporarilyDown, match="All of it"):
        crawl(FolderTree("Box", "scope", "top", down, bool))


def test_a_folder_without_an_end_is_a_gap():
    """Its pages bring nothing new; the rest of the tree is listed."""
    found, turns = tree(), iter(range(10_000))

    def read(branch, stopped):
        if branch.folder == "b":
            return FolderPage(["z1", "z2"], [], str(next(turns)))
        return found.read(branch, stopped)

    pages = crawl(FolderTree("Box", "scope", "top", read, found.exists))

    [gap] = [gap for page in pages for gap in page.gaps]
    assert gap.path == "B"
    assert "repeats itself" in gap.reason
    assert set(entries(pages)) == {*EVERYTHING, "z1", "z2"}


def test_credentials_are_no_folder():
    """Nor is the network: such an error ends the listing."""
    for error in (AuthenticationFailed("No."), Unreachable("Nobody."), Throttled("Later."), AccessDenied("No.")):
        with pytest.raises(type(error)):
            crawl(tree({"a": [error]}))


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_calls_than_workers(workers):
    """And what fails, fails in the caller's thread, after all threads ended."""
    running, most, left = [], [], list(range(20))
    before = threading.active_count()

    def call(task, stopped):
        running.append(task)
        most.append(len(running))
        time.sleep(0.005)
        running.remove(task)
        if task == 5:
            raise TemporarilyDown("five")
        return task

    answers = {}
    for task, answer in run_bounded(lambda: left.pop() if left else None, call, workers, "test"):
        answers[task] = answer.exception() or answer.result()
    assert max(most) <= workers
    assert sorted(answers) == list(range(20))
    assert isinstance(answers[5], TemporarilyDown)

    left = list(range(20))
    with closing(run_bounded(lambda: left.pop() if left else None, call, workers, "test")) as some:
        next(some)
    assert threading.active_count() <= before


def test_streams_side_by_side():
    """Each in its own order; an error in one stops all."""
    stop = threading.Event()
    found = list(side_by_side([iter(range(n, n + 5)) for n in (0, 100, 200)], 2, stop, "test"))
    assert sorted(found) == [*range(5), *range(100, 105), *range(200, 205)]
    assert [n for n in found if n < 100] == [*range(5)]

    def broken():
        yield 1
        raise TemporarilyDown("down")

    with pytest.raises(TemporarilyDown):
        list(side_by_side([broken(), iter(range(10_000))], 2, threading.Event(), "test"))


def test_one_thread_is_none():
    """The work is done where it is wanted."""
    with thread_pool(1, "test") as pool:
        assert list(pool.map(lambda _: threading.get_ident(), range(3))) == [threading.get_ident()] * 3
