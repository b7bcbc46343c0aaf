"""What was not seen because a mount or a link changed is not gone."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest

from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.connectors.local.fuse import HANG, faulty_folder
from filesync_dagster_tests.connectors.local.mounts import mounted, run


def assert_a_gap(place, where, known, times=2):
    """Sync: the place is named, nothing is removed, and a second sync changes nothing either."""
    for _ in range(times):
        result = place.sync()
        assert result.status is SyncStatus.PARTIAL
        assert any(warning.startswith(f"{where} could not be read") for warning in result.warnings), result.warnings
        assert (result.files_removed, result.files_left_scope, result.files_added) == (0, 0, 0)
        assert place.ids() == known
    assert place.journal() == []


@pytest.mark.parametrize("cross_mounts", [False, True])
@pytest.mark.parametrize("source", ["tmpfs", "bind"])
def test_a_mount_over_a_folder_with_files(inventory, cross_mounts, source):
    """What it hides stays; and is there, as it was, when it is unmounted."""
    place = inventory(cross_mounts=cross_mounts)
    place.fill(20)
    place.fill(12, "proj")
    (place.docs / "empty").mkdir()
    place.sync()
    known = place.ids()

    with mounted(place.docs / "proj", *(["--bind", place.docs / "empty"] if source == "bind" else [])):
        assert_a_gap(place, "proj", known)
        (place.docs / "03").unlink()  # its place could as well be behind the mount
        assert_a_gap(place, "proj", known, 1)

    result = place.sync()
    assert (result.status, result.files_removed, result.files_added) == (SyncStatus.COMPLETED, 1, 0)
    assert place.ids() == {path: known[path] for path in known if path != "03"}


@pytest.mark.parametrize("removed", [False, True])
def test_a_mount_that_vanished(inventory, removed):
    """What was behind it stays, even when the folder that it was mounted on is gone too."""
    place = inventory(cross_mounts=True)
    place.fill(20)
    with mounted(place.beside), ExitStack() as stack:
        stack.enter_context(mounted(place.docs / "proj", "--bind", place.beside))
        place.fill(12, "proj/deep")
        place.sync()
        known = place.ids()
        stack.close()
        if removed:
            (place.docs / "proj").rmdir()

        assert_a_gap(place, "proj", known)

        with mounted(place.docs / "proj", "--bind", place.beside):
            assert place.sync().status is SyncStatus.COMPLETED
            assert place.ids() == known
    assert place.journal() == []


def test_a_mount_on_a_mount(inventory):
    """The lower one is hidden: what it has stays, and what the upper one has does not come in its place."""
    place = inventory(cross_mounts=True)
    place.fill(5)
    with mounted(place.docs / "proj"):
        place.fill(12, "proj")
        place.sync()
        known = place.ids()
        with mounted(place.docs / "proj"):
            (place.docs / "proj" / "other").touch()
            assert_a_gap(place, "proj", known)
        assert place.sync().status is SyncStatus.COMPLETED
        assert place.ids() == known


def test_an_excluded_mount_is_no_gap(inventory):
    """Whoever knows that it is gone says so with a filter: its files leave the scope."""
    place = inventory(cross_mounts=True)
    place.fill(20)
    with mounted(place.docs / "proj"):
        place.fill(3, "proj")
        place.sync()
    assert place.sync().status is SyncStatus.PARTIAL

    place.configure(filters={"exclude": ["proj/**"]})
    result = place.sync()

    assert (result.status, result.files_left_scope, result.files_removed) == (SyncStatus.COMPLETED, 3, 0)


def test_a_copy_on_another_disk_takes_the_place(inventory):
    """Files that were copied to what is mounted there now are the same files: nothing was modified."""
    place = inventory(cross_mounts=True)
    place.fill(20)
    place.fill(12, "proj")
    place.sync()
    known = place.paths()
    with mounted(place.beside):
        run("cp", "-a", f"{place.docs}/proj/.", place.beside)
        with mounted(place.docs / "proj", "--bind", place.beside):
            result = place.sync()
            assert (result.status, result.counts.updated, result.counts.removed) == (SyncStatus.COMPLETED, 0, 0)
            assert place.paths() == known
            assert place.sync().files_processed == 32


@pytest.mark.parametrize("target", ["a folder", "a file"])
def test_a_followed_link_that_dangles_now(inventory, target):
    """What it led to is what stands there, until the link is removed."""
    place = inventory(follow_symlinks=True)
    place.fill(5)
    place.beside.mkdir()
    (place.beside / "folder").mkdir()
    for name in "abc":
        (place.beside / "folder" / name).touch()
    led_to = place.beside / "folder" if target == "a folder" else place.beside / "folder" / "a"
    (place.docs / "link").symlink_to(led_to)
    place.sync()
    known = place.ids()

    led_to.rename(place.beside / "away")
    assert_a_gap(place, "link", known)

    (place.beside / "away").rename(led_to)
    assert place.sync().status is SyncStatus.COMPLETED
    assert place.ids() == known
    (place.docs / "link").unlink()
    assert place.sync().files_removed == (3 if target == "a folder" else 1)


def test_a_followed_link_to_a_disk_that_is_not_mounted(inventory):
    """The link leads to an empty folder then: what was there stays."""
    place = inventory(follow_symlinks=True)
    place.fill(5)
    (place.docs / "link").symlink_to(place.beside)
    with mounted(place.beside):
        for name in "abc":
            (place.beside / name).touch()
        place.sync()
        known = place.ids()
    assert_a_gap(place, "link", known)


@pytest.mark.parametrize("fault", [errno.ENOENT, errno.ESTALE])
@pytest.mark.parametrize("what", ["names", "more names", "open", "stat"])
def test_a_file_system_that_denies_what_is_there(inventory, fault, what):
    """Nothing below the folder that could not be read is removed."""
    place = inventory()
    with faulty_folder(place.docs, [f"proj/{number:02}" for number in range(6)] + ["a", "b"]) as folder:
        place.sync()
        known = place.ids()
        folder.faults[what, "proj"] = fault
        assert_a_gap(place, "proj", known, 1)
        folder.faults.clear()
        assert place.sync().status is SyncStatus.COMPLETED


def test_a_file_that_is_saved_anew_beside_a_gap_is_there_once(inventory):
    """An editor's new file takes the place of the old one, whatever else could not be read."""
    place = inventory()
    place.fill(5)
    place.fill(3, "proj")
    place.sync()
    with mounted(place.docs / "proj"):
        (place.docs / "new").write_text("longer than before")
        (place.docs / "new").rename(place.docs / "03")
        result = place.sync()

    assert (result.status, result.files_updated, result.files_total) == (SyncStatus.PARTIAL, 1, 8)
    assert len(place.paths()) == len(set(place.paths()))


def test_a_folder_that_was_really_removed(inventory):
    """Absence counts where the folder above was read and no boundary changed."""
    place = inventory(cross_mounts=True, follow_symlinks=True)
    place.fill(20)
    place.fill(5, "proj")
    place.sync()

    shutil.rmtree(place.docs / "proj")

    result = place.sync()
    assert (result.status, result.files_removed) == (SyncStatus.COMPLETED, 5)


def test_a_root_that_is_another_disk_is_held(inventory):
    """An empty file system over the folder itself, or a link in its place, removes nothing before somebody says so."""
    place = inventory()
    place.fill(20)
    place.sync()
    known = place.ids()

    with mounted(place.docs):
        assert place.filesync.sync("docs").status is SyncStatus.HELD
    place.docs.rename(place.beside)
    place.docs.symlink_to(place.beside.parent / "project")
    assert place.filesync.sync("docs").status is SyncStatus.HELD
    assert place.ids() == known


def test_a_mount_over_a_file(inventory):
    """The file is another one while it lasts, and itself again afterwards; it is never gone."""
    place = inventory()
    place.fill(20)
    place.sync()

    with mounted(place.docs / "03", "--bind", place.docs / "12"):
        assert place.sync().files_removed == 0
        assert len(place.paths()) == 20
    assert place.sync().files_removed == 0
    assert {change for change, _ in place.journal()} <= {"modified"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_a_sync_of_a_folder_that_hangs(inventory, number):
    """The deadline is far away, and nobody waits for it."""
    place = inventory()
    command = [sys.executable, "-m", "filesync_dagster.cli", "--config", str(place.project.config), "sync", "docs"]
    with faulty_folder(place.docs, ["a/1", "b"]) as folder:
        folder.faults["names", "a"] = HANG
        environment = {**os.environ, **place.project.variables}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert folder.hung.wait(60)

        process.send_signal(number)

        _, said = process.communicate(timeout=50)
    assert process.returncode == 130
    assert "Interrupted" in said
