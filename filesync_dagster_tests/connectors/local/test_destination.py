"""The destination of a local folder: what only a file system can do to it."""

import os
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.connectors.destination import NOTHING, PART_SUFFIX, Deletion, FilePermissions, Precondition
from filesync_dagster.connectors.local import CONNECTOR, LocalDetails
from filesync_dagster.connectors.local.destination import LocalDestination, numbered_name
from filesync_dagster.connectors.local.disk import Disk
from filesync_dagster.connectors.local.permissions import mode_of
from filesync_dagster.core.errors import AccessDenied, ContentMismatch, Foreign, NotFound, SourceError
from filesync_dagster.core.model import Meter, from_storable_text
from filesync_dagster.testing.destination_place import list_paths, pattern, put
from filesync_dagster_tests.connectors.local.mounts import mounted, run

OLD, NEW = b"old", b"new and longer"


class RecordedDisk(Disk):
    """A disk that writes down the steps that it is asked for, and does them."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def sync(self, descriptor):
        kind = "folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"  # noqa: PTH112
        super().sync(descriptor)
        self.steps.append(f"sync {kind}")

    def rename(self, old, new):
        super().rename(old, new)
        self.steps.append("rename")

    def exchange(self, one, other):
        done = super().exchange(one, other)
        self.steps.append("exchange" if done else "no exchange")
        return done

    def remove(self, spot):
        super().remove(spot)
        self.steps.append("remove")


class InterruptedDisk(Disk):
    """A disk on which somebody else does something just before a step."""

    def __init__(self, step, meanwhile):
        super().__init__()
        self._step = step
        self.meanwhile = meanwhile

    def rename(self, old, new):
        self._interrupt("rename")
        super().rename(old, new)

    def exchange(self, one, other):
        self._interrupt("exchange")
        return super().exchange(one, other)

    def _interrupt(self, step):
        if step == self._step:
            self._step = None
            self.meanwhile()


def opened(root, disk=None, **details):
    """Return the destination of a folder."""
    root.mkdir(exist_ok=True)
    return LocalDestination(LocalDetails(path=str(root), **details), Meter(), disk=disk)


def test_the_connector_opens_it(tmp_path):
    """Lazily, from the details of the endpoint."""
    destination = CONNECTOR.open_destination(LocalDetails(path=str(tmp_path)), Meter())

    assert isinstance(destination, LocalDestination)


def test_what_is_published_is_written_down_before_and_after(tmp_path):
    """The file before it has its name, the folder when it has; so no power cut leaves an empty file of that name."""
    disk = RecordedDisk()
    destination = opened(tmp_path, disk)

    version = put(destination, "a", OLD).version
    assert disk.steps == ["sync file", "rename", "sync folder"]

    disk.steps.clear()
    version = put(destination, "a", NEW, Precondition(version)).version
    assert disk.steps == ["sync file", "exchange", "sync folder", "remove"]

    disk.steps.clear()
    destination.move("a", "f/b", Precondition(version))
    assert disk.steps == ["sync folder", "rename", "sync folder", "sync folder"]  # f; then both

    disk.steps.clear()
    destination.delete([Deletion("f/b")])
    assert disk.steps == ["remove", "sync folder"]


@pytest.mark.parametrize("link", ["f", "f/g"])
def test_a_link_on_the_way_is_not_followed(tmp_path, link):
    """Whatever it points to, be it inside: nothing is written, moved or deleted through it."""
    outside = tmp_path / "outside"
    (outside / "g").mkdir(parents=True)
    (outside / "g" / "theirs").write_bytes(OLD)
    (outside / "theirs").write_bytes(OLD)
    destination = opened(tmp_path / "root")
    put(destination, "ours", OLD)
    (tmp_path / "root" / link).parent.mkdir(exist_ok=True)
    (tmp_path / "root" / link).symlink_to(outside)

    for path in (f"{link}/new", f"{link}/g/new", f"{link}/theirs"):
        with pytest.raises(Foreign):
            put(destination, path, NEW, None)
        with pytest.raises(Foreign):
            destination.move("ours", path, None, onto=None)
    with pytest.raises(Foreign):
        destination.make_folder(f"{link}/made")
    with pytest.raises(Foreign):
        destination.set_permissions(f"{link}/theirs", FilePermissions("rwxrwxrwx"))
    assert [type(error) for error in destination.delete([Deletion(f"{link}/theirs")])] == [Foreign]
    assert not destination.remove_folder(f"{link}")

    assert destination.stat(f"{link}/theirs") is None
    assert sorted(str(path.relative_to(outside)) for path in outside.rglob("*")) == ["g", "g/theirs", "theirs"]
    assert (outside / "theirs").read_bytes() == OLD


def test_a_link_in_the_place_of_a_file(tmp_path):
    """It is somebody else's: it is not replaced, not written through, and not deleted."""
    outside = tmp_path / "outside"
    outside.write_bytes(OLD)
    destination = opened(tmp_path / "root")
    (tmp_path / "root" / "a").symlink_to(outside)

    for expected in (NOTHING, None, Precondition("x")):
        with pytest.raises(Foreign):
            put(destination, "a", NEW, expected)
        assert [type(error) for error in destination.delete([Deletion("a", expected)])] == [Foreign]

    assert outside.read_bytes() == OLD
    assert (tmp_path / "root" / "a").is_symlink()
    assert list_paths(destination) == set()


@pytest.mark.parametrize("replaces", [False, True])
def test_who_writes_at_the_last_moment(tmp_path, replaces):
    """Between the last look and the rename: what came is not lost."""
    root = tmp_path / "root"
    disk = InterruptedDisk("exchange" if replaces else "rename", lambda: (root / "a").write_bytes(b"a stranger's"))
    version = put(opened(root), "a", OLD).version if replaces else None

    with pytest.raises(Foreign):
        put(opened(root, disk), "a", NEW, Precondition(version))

    assert (root / "a").read_bytes() == b"a stranger's"
    assert [path.name for path in root.iterdir()] == ["a"]


def test_who_comes_to_the_target_of_a_move(tmp_path):
    """Likewise: both stay."""
    root = tmp_path / "root"
    put(opened(root), "a", OLD)
    destination = opened(root, InterruptedDisk("rename", lambda: (root / "b").write_bytes(b"a stranger's")))

    with pytest.raises(Foreign):
        destination.move("a", "b", None)

    assert ((root / "a").read_bytes(), (root / "b").read_bytes()) == (OLD, b"a stranger's")


def test_a_version_is_of_the_content(tmp_path):
    """It stays through renames and changes of permission, and not through a change of content in place."""
    destination = opened(tmp_path)
    version = put(destination, "a", OLD).version
    (tmp_path / "a").chmod(0o600)
    os.link(tmp_path / "a", tmp_path / "second name")
    assert destination.stat("a").version == version

    time.sleep(0.02)
    (tmp_path / "a").write_bytes(b"dlo")

    assert destination.stat("a").version != version


def test_a_file_keeps_who_may_read_it(tmp_path):
    """A private file that is replaced is private, also while it is written."""
    destination = opened(tmp_path)
    version = put(destination, "a", OLD).version
    (tmp_path / "a").chmod(0o600)

    put(destination, "a", NEW, Precondition(version))

    assert destination.stat("a").permissions == "rw-------"


def test_the_disk_holds_something_else(tmp_path):
    """Reading back finds it, and nothing is published."""

    class Lossy(Disk):
        def sync(self, descriptor):
            os.pwrite(descriptor, b"X", 0)
            super().sync(descriptor)

    destination = opened(tmp_path, Lossy())

    with pytest.raises(ContentMismatch):
        put(destination, "a", pattern(5000), readback=True)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_moves_with_all_that_is_in_it(tmp_path):
    """In one rename."""
    disk = RecordedDisk()
    destination = opened(tmp_path, disk)
    for number in range(20):
        put(destination, f"old/f/{number}", b"x")
    disk.steps.clear()

    destination.move("old", "new/name", None)

    assert list_paths(destination) == {f"new/name/f/{number}" for number in range(20)}
    assert disk.steps.count("rename") == 1
    with pytest.raises(SourceError):
        destination.move("new", "new/name/inside", None)
    assert len(list_paths(destination)) == 20


def test_the_wrong_disk(tmp_path):
    """Without the file that proves it, nothing is written, and nothing is taken to be deleted."""
    destination = opened(tmp_path, must_contain=".mounted")

    with pytest.raises(NotFound):
        put(destination, "a", NEW)
    with pytest.raises(NotFound):
        destination.stat("a")
    with pytest.raises(NotFound):
        list(destination.list())
    assert [type(error) for error in destination.delete([Deletion("a")])] == [NotFound]
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_room_for_tags(tmp_path):
    """The content is what counts."""
    destination = opened(tmp_path)

    put(destination, "a", NEW, tags={"source_id": "x" * 100_000})

    assert (tmp_path / "a").read_bytes() == NEW
    assert destination.stat("a").tags == {}


def test_a_file_system_that_is_mounted_for_reading(tmp_path):
    """It is said so."""
    with mounted(tmp_path / "small") as point:
        run("mount", "-o", "remount,ro", point)
        with pytest.raises(AccessDenied):
            opened(point).check()
        with pytest.raises(AccessDenied):
            put(opened(point), "a", NEW)


def test_parts_are_left_out_of_listings(tmp_path):
    """And so is the trash."""
    destination = opened(tmp_path)
    (tmp_path / f".0{PART_SUFFIX}").write_bytes(b"half")
    (tmp_path / ".filesync-trash").mkdir()
    (tmp_path / ".filesync-trash" / "a").write_bytes(b"gone")

    assert list(destination.list()) == []


def test_a_file_system_that_does_not_tell_case(tmp_path):
    """Names that differ in case are one; a change of case alone is made, and nothing is lost."""
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    made = subprocess.run(["mkfs.ext4", "-q", "-O", "casefold", str(image)], check=False, capture_output=True)
    if made.returncode:
        pytest.skip("no file system without case can be made here")
    with mounted(tmp_path / "folded", "-o", "loop", image) as point:
        root = point / "root"
        root.mkdir()
        run("chattr", "+F", root)
        destination = opened(root)
        assert destination.check().warnings
        assert not destination.facts.case_sensitive
        version = put(destination, "Plan.dwg", OLD).version
        with pytest.raises(Foreign):
            put(destination, "PLAN.DWG", NEW)

        receipt = destination.move("Plan.dwg", "plan.DWG", Precondition(version))

        assert [path.name for path in root.iterdir()] == ["plan.DWG"]
        assert (receipt.version, (root / "plan.DWG").read_bytes()) == (version, OLD)


@given(st.integers(0, 0o7777))
def test_letters_are_what_the_system_shows(mode):
    """For every mode."""
    import stat

    assert mode_of(stat.filemode(stat.S_IFREG | mode)[1:]) == mode


@pytest.mark.slow
@given(st.text(min_size=1, max_size=200).filter(lambda name: "/" not in name and "\0" not in name), st.integers(2, 999))
def test_names_in_the_trash_are_names(name, number):
    """However long they are, different from the first one, and with the same ending where there is room."""
    raw = from_storable_text(name)[:255]

    found = numbered_name(raw, number)

    assert len(found) <= 255
    assert found != raw
    assert b" (%d)" % number in found
