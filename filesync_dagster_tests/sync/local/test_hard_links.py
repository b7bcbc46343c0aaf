"""A file with several names: each name keeps its id, and what happens to one says nothing of the others."""

import os
import shutil
import time

import pytest
import xxhash

from filesync_dagster.connectors.local import rows, walk
from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.connectors.local.mounts import mounted, run


@pytest.fixture
def place(inventory):
    """Return an inventory of twenty files in one folder, once synced."""
    place = inventory()
    place.fill(20, "docs")
    place.sync()
    return place


def assert_quiet(place):
    """A sync of what was synced before changes nothing."""
    before, journal = place.ids(), place.journal()
    result = place.sync()
    assert (result.status, result.counts.updated, result.counts.moved) == (SyncStatus.COMPLETED, 0, 0)
    assert (place.ids(), place.journal()) == (before, journal)


@pytest.mark.parametrize("snap", ["../beside", "a-snap", "z-snap"])
def test_a_backup_of_hard_links(place, snap):
    """Second names, inside or outside, before or after in order, change no id and modify nothing."""
    before = place.ids()

    run("cp", "-al", place.docs / "docs", place.docs / snap)
    result = place.sync()

    assert (result.status, result.counts.updated, result.counts.moved) == (SyncStatus.COMPLETED, 0, 0)
    assert result.files_added == (0 if snap.startswith("..") else 20)
    assert {path: place.ids()[path] for path in before} == before
    assert_quiet(place)
    shutil.rmtree(place.docs / snap)
    result = place.sync()
    assert (result.counts.updated, result.files_removed) == (0, 0 if snap.startswith("..") else 20)
    assert place.ids() == before
    assert_quiet(place)


def test_the_first_name_goes(place):
    """The name that is left keeps the id that it had as a second one."""
    run("cp", "-al", place.docs / "docs", place.docs / "snap")
    place.sync()
    before = place.ids()

    (place.docs / "docs" / "03").unlink()
    result = place.sync()

    assert (result.files_removed, result.counts.moved, result.counts.updated) == (1, 0, 0)
    assert place.journal()[-1] == ("removed", "docs/03")
    assert place.ids() == {path: before[path] for path in before if path != "docs/03"}
    assert_quiet(place)


@pytest.mark.parametrize("snap", ["../beside", "snap"])
def test_a_folder_of_linked_files_is_one_move(place, snap):
    """Whether it is renamed or put elsewhere, everything below goes along."""
    run("cp", "-al", place.docs / "docs", place.docs / snap)
    place.sync()
    before = place.ids()
    (place.docs / "deep").mkdir()
    (place.docs / "docs").rename(place.docs / "deep" / "moved")

    result = place.sync()

    assert (result.counts.moved, result.files_added, result.files_removed) == (1, 0, 0)
    assert result.files_repathed == 20
    assert sorted(place.ids().values()) == sorted([*before.values(), place.ids()["deep"]])
    assert_quiet(place)


def test_a_linked_file_is_renamed(place):
    """It is one move, of that name alone; a new file under its old name is another one."""
    run("cp", "-al", place.docs / "docs", place.docs / "snap")
    place.sync()
    before = place.ids()
    (place.docs / "docs" / "03").rename(place.docs / "docs" / "three")

    result = place.sync()

    assert (result.counts.moved, result.counts.updated, result.files_added) == (1, 0, 0)
    assert place.ids()["docs/three"] == before["docs/03"]
    (place.docs / "docs" / "03").hardlink_to(place.docs / "docs" / "three")
    result = place.sync()
    assert (result.counts.moved, result.counts.updated, result.files_added) == (0, 0, 1)
    assert place.ids()["docs/three"] == before["docs/03"] != place.ids()["docs/03"]
    assert_quiet(place)


def test_the_same_owner_again_is_not_held(place):
    """It moves the change time of every file: nothing that a guard should stop."""
    run("chown", "-R", str(os.geteuid()), place.docs)

    assert place.sync().status is SyncStatus.COMPLETED
    assert_quiet(place)


def test_a_hash_that_says_equal(inventory):
    """With hashes, a time that moves is no modification at all; another content is, even if every time stays."""
    place = inventory(hash="md5")
    place.fill(20, "docs")
    place.sync()
    time.sleep(0.02)
    run("chown", "-R", str(os.geteuid()), place.docs)
    os.utime(place.docs / "docs" / "07", ns=(10**18, 10**18))
    assert place.sync().counts.updated == 0
    assert place.journal() == []
    file = place.docs / "docs" / "05"
    times = file.stat()
    file.write_bytes(file.read_bytes()[::-1])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert place.sync().counts.updated == 1
    assert place.journal() == [("modified", "docs/05")]


def test_a_mode_that_changes_is_that(place):
    """What explains a new change time is what is said of it."""
    run("chmod", "-R", "g+w,u+x", place.docs / "docs")

    place.configure(guard={"hold_when_all_changed": False})
    place.sync()

    assert {change for change, _ in place.journal()} == {"permissions_changed"}


def test_a_copy_that_takes_the_place_of_the_folder(place):
    """`cp -a` keeps what matters: new ids and times of birth are no modification."""
    before = place.paths()
    run("cp", "-a", place.docs / "docs", place.docs / "copy")
    shutil.rmtree(place.docs / "docs")
    (place.docs / "copy").rename(place.docs / "docs")

    result = place.sync()

    assert (result.status, result.counts.updated, result.counts.moved) == (SyncStatus.COMPLETED, 0, 0)
    assert (place.paths(), place.journal()) == (before, [])
    assert_quiet(place)


def test_a_copy_of_everything_on_a_new_disk(place):
    """The root is another file system now; a file that was changed on the way is the one that is modified."""
    run("cp", "-a", f"{place.docs}/.", place.beside)
    (place.beside / "docs" / "04").write_text("changed on the way")
    with mounted(place.docs):
        run("cp", "-a", f"{place.beside}/.", place.docs)
        result = place.sync()
        assert (result.status, result.counts.updated, result.files_removed) == (SyncStatus.COMPLETED, 1, 0)
        assert place.journal() == [("modified", "docs/04")]
        assert_quiet(place)


def test_ids_of_an_earlier_version_are_kept(inventory, monkeypatch):
    """It told names of one file apart by their paths: nothing is reported for it, once or ever."""

    def earlier_id(parent, name, found, *, followed=False):
        whole = entry_id(parent, name, found, followed=followed)
        marked = f"#{xxhash.xxh3_64_hexdigest(parent.child(name))}"
        return whole.partition("#")[0] + (marked if "#" in whole else "")

    place, entry_id = inventory(follow_symlinks=True), rows.entry_id
    place.fill(20, "docs")
    run("cp", "-al", place.docs / "docs", place.docs / "snap")
    place.beside.mkdir()
    (place.beside / "far").touch()
    (place.docs / "link").symlink_to(place.beside)
    with monkeypatch.context() as patch:
        patch.setattr(rows, "entry_id", earlier_id)
        patch.setattr(walk, "entry_id", earlier_id)
        place.sync()
        known = place.ids()

    assert_quiet(place)
    assert place.ids() == known
    (place.docs / "docs").rename(place.docs / "moved")
    assert place.sync().counts.moved == 1
    assert_quiet(place)
