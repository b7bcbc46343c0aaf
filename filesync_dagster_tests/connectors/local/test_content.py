"""Contents of local files: what only a file system has. The rest is in the contract suite."""

import os
import threading
from pathlib import Path

import pytest

from filesync_dagster.connectors.local import content as local_content
from filesync_dagster.core.content import BLOCK_BYTES, FileEntry
from filesync_dagster.core.errors import AccessDenied, NotFound, StaleSource, TemporarilyDown
from filesync_dagster.core.model import Meter
from filesync_dagster_tests.connectors.local.place import LocalPlace


def entry(place, path):
    """Return what a listing has of a file."""
    source = place.open(Meter())
    rows = [row for page in source.list("") for row in page.batch.to_pylist()]
    return FileEntry.from_row(next(row for row in rows if row["path"] == path))


def read(place, listed):
    """Return what is read of a file."""
    with place.open(Meter()).open(listed) as stream:
        return b"".join(stream)


@pytest.fixture
def place(tmp_path):
    """Return a folder with a file in folders."""
    made = LocalPlace(tmp_path)
    made.write("a/b/c.txt", b"inside")
    return made


def test_a_symbolic_link_in_the_way_is_not_followed(place, tmp_path):
    """Whoever swaps a folder or a file for a link out of the root is not obeyed, though the file is the same."""
    listed = entry(place, "a/b/c.txt")
    outside = tmp_path / "outside"
    (place.root / "a/b").rename(outside)
    (place.root / "a/b").symlink_to(outside)
    with pytest.raises(StaleSource):
        read(place, listed)

    (place.root / "a/b").unlink()
    (place.root / "a/b").mkdir()
    (place.root / "a/b/c.txt").symlink_to(outside / "c.txt")
    with pytest.raises(StaleSource):
        read(place, listed)


def test_links_are_followed_where_they_are_listed_so(tmp_path):
    """With follow_symlinks what a link leads to is the file."""
    place = LocalPlace(tmp_path, follow_symlinks=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.txt").write_bytes(b"linked")
    (place.root / "folder").symlink_to(tmp_path / "elsewhere")
    (place.root / "file.txt").symlink_to(tmp_path / "elsewhere/x.txt")

    assert read(place, entry(place, "folder/x.txt")) == b"linked"
    assert read(place, entry(place, "file.txt")) == b"linked"


def test_another_file_with_its_time_and_size_is_another_one(place):
    """Whoever moves a copy over a file, times and all, is found by the inode."""
    listed = entry(place, "a/b/c.txt")
    file = place.root / "a/b/c.txt"
    times = file.stat()
    copy = place.root / "copy"
    copy.write_bytes(b"INSIDE")
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    copy.rename(file)

    with pytest.raises(StaleSource, match="not the one that was listed"):
        read(place, listed)


def test_a_file_that_grows_is_stale(place):
    """What was there at first is not given as if it were all."""
    place.write("log.txt", b"x" * (2 * BLOCK_BYTES))
    listed = entry(place, "log.txt")

    with place.open(Meter()).open(listed) as stream:
        blocks = iter(stream)
        next(blocks)
        with (place.root / "log.txt").open("ab") as log:
            log.write(b"more")
        with pytest.raises(StaleSource, match="written to while it was read"):
            next(blocks)


def test_what_stands_in_its_place_is_stale(place):
    """A folder, or a fifo, which nobody waits for."""
    listed = entry(place, "a/b/c.txt")
    (place.root / "a/b/c.txt").unlink()
    (place.root / "a/b/c.txt").mkdir()
    with pytest.raises(StaleSource):
        read(place, listed)
    (place.root / "a/b/c.txt").rmdir()
    os.mkfifo(place.root / "a/b/c.txt")
    with pytest.raises(StaleSource):
        read(place, listed)


def test_a_root_that_is_not_the_right_one_is_no_stale_file(tmp_path):
    """A disk that is not mounted says nothing about its files."""
    place = LocalPlace(tmp_path, must_contain=".mounted")
    place.write(".mounted", b"")
    place.write("a.txt", b"a")
    listed = entry(place, "a.txt")
    (place.root / ".mounted").unlink()

    with pytest.raises(NotFound):
        read(place, listed)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(place):
    """It is named."""
    listed = entry(place, "a/b/c.txt")
    (place.root / "a/b/c.txt").chmod(0)
    with pytest.raises((AccessDenied, StaleSource)):  # the mode changed, too
        read(place, listed)


def test_a_file_system_that_hangs_is_waited_for_so_long(place, monkeypatch):
    """Then the reading ends with an error that passes; what the file system answers later is let go of."""
    listed = entry(place, "a/b/c.txt")
    hangs, opened = threading.Event(), []
    place._details["answer_timeout_seconds"] = 0.2
    ask = local_content.state_of

    def hang(descriptor):
        opened.append(descriptor)
        hangs.wait(10)
        return ask(descriptor)

    monkeypatch.setattr(local_content, "state_of", hang)
    before = len([*Path("/proc/self/fd").iterdir()])
    with pytest.raises(TemporarilyDown):
        read(place, listed)
    hangs.set()
    for thread in threading.enumerate():
        if thread.name == "local-answer":
            thread.join(10)

    assert opened
    assert len([*Path("/proc/self/fd").iterdir()]) <= before
