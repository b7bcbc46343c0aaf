"""What is special about local folders: links, odd files, ids, mounts, races and trees of extreme shape."""

import errno
import json
import os
import pwd
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from filesync_dagster.connectors.local import LocalDetails, open_local
from filesync_dagster.connectors.local.rows import _timestamps
from filesync_dagster.connectors.local.source import translate_errors
from filesync_dagster.connectors.local.statx import StatBuffer
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation, TemporarilyDown
from filesync_dagster.core.model import ChangeKind, Meter
from filesync_dagster_tests.connectors.local.fuse import HANG, faulty_folder
from filesync_dagster_tests.connectors.local.mounts import btrfs, mounted, run

AS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody").pw_uid


def source(root, prune=None, **details):
    """Return a source of a folder."""
    return open_local(LocalDetails(path=str(root), **details), Meter(), prune=prune)


def listed(root, prune=None, **details):
    """Return all rows by path, and what was unread."""
    found = list(source(root, prune, **details).list(""))
    rows = [row for page in found for row in page.batch.to_pylist()]
    by_path = {row["path"]: row for row in rows}
    assert len(rows) == len(by_path) == len({row["external_id"] for row in rows})
    return by_path, [unread for page in found for unread in page.gaps]


def metadata(row):
    """Return the metadata of a row, parsed."""
    return json.loads(row["metadata"])


def test_columns(tmp_path):
    """A file says what the file system says; a folder only what does not change with its content."""
    (tmp_path / "folder").mkdir(mode=0o750)
    file = tmp_path / "folder" / "a b.PDF"
    file.write_bytes(b"12345")
    file.chmod(0o640)
    moment = 1_700_000_000_123_456_789
    os.utime(file, ns=(moment, moment))

    rows, _ = listed(tmp_path)

    row, folder = rows["folder/a b.PDF"], rows["folder"]
    assert (row["kind"], row["size"], row["mime_type"]) == ("file", 5, "application/pdf")
    assert row["modified_at"] == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert row["version"] == f"{moment}-5"
    assert row["owner"] == pwd.getpwuid(os.geteuid()).pw_name
    assert json.loads(row["permissions"]) == {"gid": file.stat().st_gid, "mode": "0640", "uid": os.geteuid()}
    assert metadata(row) == {"changed_at": file.stat().st_ctime_ns}
    assert row["parent_id"] == folder["external_id"]
    assert (folder["kind"], folder["parent_id"], json.loads(folder["permissions"])["mode"]) == ("folder", None, "0750")
    assert [folder[column] for column in ("size", "version", "modified_at", "mime_type", "metadata")] == [None] * 5


def test_a_change_of_content_leaves_the_folders_alone(tmp_path):
    """Adding a file changes no folder's row."""
    (tmp_path / "folder").mkdir()
    before, _ = listed(tmp_path)

    (tmp_path / "folder" / "new").touch()

    after, _ = listed(tmp_path)
    assert before["folder"] == after["folder"]


def test_moving_a_folder_keeps_every_id(tmp_path):
    """A moved folder and everything below it stay who they are."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    (tmp_path / "elsewhere").mkdir()
    before, _ = listed(tmp_path)

    (tmp_path / "a").rename(tmp_path / "elsewhere" / "z")

    after, _ = listed(tmp_path)
    for old, new in (("a", "elsewhere/z"), ("a/b", "elsewhere/z/b"), ("a/b/file", "elsewhere/z/b/file")):
        assert before[old]["external_id"] == after[new]["external_id"]
    assert after["elsewhere/z"]["parent_id"] == after["elsewhere"]["external_id"]


def test_a_reused_inode_is_another_file(tmp_path):
    """Delete and create never look like a move, even when the new file gets the inode of the old one."""
    reused = False
    for attempt in range(200):
        old, new = tmp_path / f"old{attempt}", tmp_path / f"new{attempt}"
        old.touch()
        inode = old.stat().st_ino
        before, _ = listed(tmp_path)
        old.unlink()
        time.sleep(0.01)
        new.touch()
        after, _ = listed(tmp_path)
        assert before[old.name]["external_id"] != after[new.name]["external_id"]
        reused = inode == new.stat().st_ino
        if reused:
            break
    if not reused:
        pytest.skip("this file system did not reuse an inode")


def test_an_atomic_save_pairs_by_path(tmp_path):
    """An editor that replaces a file changes its id: capabilities tell the diff to pair by path."""
    (tmp_path / "a").write_text("old")
    before, _ = listed(tmp_path)
    (tmp_path / "a.new").write_text("new")
    (tmp_path / "a.new").rename(tmp_path / "a")

    after, _ = listed(tmp_path)

    assert before["a"]["external_id"] != after["a"]["external_id"]
    assert source(tmp_path).capabilities.pair_by == ("path",)
    assert source(tmp_path).capabilities.pair_as == ChangeKind.MODIFIED


def test_hard_links(tmp_path):
    """Each name of a file is an entry of its own."""
    (tmp_path / "one").write_text("x")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "one").hardlink_to(tmp_path / "one")

    rows, _ = listed(tmp_path)

    assert {"one", "two", "folder", "folder/one"} == set(rows)


def test_links_are_shortcuts(tmp_path):
    """A symbolic link is listed as one, wherever it leads."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").touch()
    targets = {"to-file": "file", "to-folder": "folder", "loop": ".", "self": "self", "dangling": "/no/such"}
    for name, target in targets.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / "raw").symlink_to(os.fsdecode(b"raw\xff"))

    rows, unread = listed(tmp_path)

    assert unread == []
    assert set(rows) == {"file", "folder", "folder/inside", "raw", *targets}
    for name, target in targets.items():
        assert (rows[name]["kind"], rows[name]["size"]) == ("shortcut", None)
        assert metadata(rows[name])["target"] == target
    assert metadata(rows["raw"])["target"] == "raw\\xff"
    assert metadata(rows["raw"])["target_hex"] == b"raw\xff".hex()


def test_followed_links(tmp_path):
    """Followed, a link is what it leads to, as an entry of its own; loops and dangling links stay links."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (root / "folder" / "inside").write_text("12")
    (outside / "far").write_text("123")
    (root / "again").symlink_to("folder")
    (root / "away").symlink_to(outside)
    (root / "file").symlink_to(outside / "far")
    (root / "folder" / "up").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "dangling").symlink_to("nothing")

    rows, unread = listed(root, follow_symlinks=True, page_size=3)

    assert unread == []
    assert {path: row["kind"] for path, row in rows.items()} == {
        "again": "folder",
        "again/inside": "file",
        "again/up": "shortcut",
        "away": "folder",
        "away/far": "file",
        "dangling": "shortcut",
        "file": "file",
        "folder": "folder",
        "folder/inside": "file",
        "folder/up": "shortcut",
        "self": "shortcut",
    }
    assert rows["file"]["size"] == 3
    assert rows["away/far"]["parent_id"] == rows["away"]["external_id"]


def test_a_followed_listing_resumes(tmp_path):
    """Checkpoints work through followed links as well."""
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    for name in "abc":
        (tmp_path / "folder" / "deep" / name).touch()
    (tmp_path / "link").symlink_to("folder")
    one_by_one = source(tmp_path, follow_symlinks=True, page_size=1)
    whole = list(one_by_one.list(""))

    for done, page in enumerate(whole, start=1):
        rest = [other.batch["path"][0].as_py() for other in one_by_one.list("", page.checkpoint)]
        assert rest == [other.batch["path"][0].as_py() for other in whole[done:]]


def test_odd_files_are_left_out(tmp_path):
    """Fifos and sockets hold no content and are not listed; nothing hangs on them."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("fifo")

    assert set(listed(tmp_path)[0]) == {"file", "link"}
    assert set(listed(tmp_path, hash="md5", follow_symlinks=True)[0]) == {"file"}


def test_names_that_are_not_utf8(tmp_path):
    """Raw names become text that differs, with the raw bytes beside it; walking and resuming go by the bytes."""
    raw = os.fsencode(tmp_path)
    Path(os.fsdecode(raw + b"/caf\xe9")).mkdir()
    for name in (b"a\xff", b"a\\xff", b"caf\xe9/\x80"):
        Path(os.fsdecode(raw + b"/" + name)).write_bytes(name)
    one_by_one = source(tmp_path, page_size=1)

    found = list(one_by_one.list(""))

    rows = [page.batch.to_pylist()[0] for page in found]
    assert sorted(row["path"] for row in rows) == ["a\\x5cxff", "a\\xff", "caf\\xe9", "caf\\xe9/\\x80"]
    assert len({row["external_id"] for row in rows}) == 4
    assert {metadata(row)["name_hex"] for row in rows if row["metadata"] and "name_hex" in row["metadata"]} == {
        b"a\xff".hex(),
        b"a\\xff".hex(),
        b"caf\xe9".hex(),
        b"\x80".hex(),
    }
    for done, page in enumerate(found, start=1):
        assert len(list(one_by_one.list("", page.checkpoint))) == len(found) - done


def unprivileged(root, **details):
    """List a folder as a user without rights; return paths and unread paths."""
    script = textwrap.dedent("""
        import json, os, sys
        from filesync_dagster.connectors.local import LocalDetails, open_local
        from filesync_dagster.core.model import Meter
        import filesync_dagster.connectors.local.source, pyarrow, zoneinfo
        uid, details = int(sys.argv[1]), json.loads(sys.argv[2])
        if os.geteuid() == 0:
            os.setgroups([]); os.setgid(uid); os.setuid(uid)
        try:
            pages = list(open_local(LocalDetails(**details), Meter()).list(""))
        except Exception as exc:
            print(json.dumps([type(exc).__name__, str(exc)]))
        else:
            print(json.dumps([[path for page in pages for path in page.batch["path"].to_pylist()],
                              [[u.scope, u.path, u.reason] for page in pages for u in page.gaps]]))
    """)
    values = json.dumps({"path": str(root), **details})
    command = [sys.executable, "-c", script, str(NOBODY), values]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.fixture
def open_folder(tmp_path):
    """Return a folder that every user can reach, closed folders in it opened again at the end."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == pwd.getpwuid(os.geteuid()).pw_name and folder.name.startswith(
            ("pytest", "test_", "popen")
        ):
            folder.chmod(0o755)
    root = tmp_path / "root"
    root.mkdir()
    yield root
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o755)


@pytest.mark.slow
def test_what_cannot_be_read_is_unread(open_folder):
    """A folder whose names, or attributes of entries, cannot be read is named as unread; the walk goes on."""
    for name in ("closed", "open", "unsearchable"):
        (open_folder / name / "deeper").mkdir(parents=True)
        for file in ("a", "b"):
            (open_folder / name / file).touch()
    (open_folder / "closed").chmod(0)
    (open_folder / "unsearchable").chmod(0o744)
    if not AS_ROOT:
        (open_folder / "unsearchable").chmod(0o444)

    paths, unread = unprivileged(open_folder)

    assert sorted(paths) == ["closed", "open", "open/a", "open/b", "open/deeper", "unsearchable"]
    assert unread == [["", "closed", "Permission denied"], ["", "unsearchable", "a: Permission denied"]]


@pytest.mark.slow
def test_a_closed_root_is_an_error(open_folder):
    """A folder that may not be read at all is refused with a sentence."""
    (open_folder / "inner").mkdir()
    (open_folder / "inner").chmod(0)

    name, sentence = unprivileged(open_folder / "inner")

    assert name == "AccessDenied"
    assert "may not be read" in sentence


@pytest.mark.slow
def test_an_unreadable_file_is_listed_without_hash(open_folder):
    """Reading attributes takes no permission on the file; only its hash is missing."""
    (open_folder / "secret").write_text("x")
    (open_folder / "secret").chmod(0)

    assert unprivileged(open_folder, hash="md5") == [["secret"], []]


def test_hashes_are_bounded(tmp_path):
    """A file larger than the limit has no hash."""
    (tmp_path / "small").write_bytes(b"123")
    (tmp_path / "large").write_bytes(b"1234")

    rows, _ = listed(tmp_path, hash="md5", hash_max_bytes=3)

    assert rows["small"]["content_hash"] == "md5:202cb962ac59075b964b07152d234b70"
    assert rows["large"]["content_hash"] is None


@pytest.mark.slow
def test_a_deep_tree(tmp_path):
    """A tree far deeper than PATH_MAX is listed to the bottom, and resumes there."""
    depth, name = 1_200, "folder"
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    deep = source(tmp_path, page_size=400)

    found = list(deep.list(""))

    assert sum(page.batch.num_rows for page in found) == depth + 1
    last = found[-1].batch.to_pylist()[-1]
    assert last["path"] == "/".join([name] * depth + ["bottom"])
    assert sum(page.batch.num_rows for page in deep.list("", found[1].checkpoint)) == depth + 1 - 800
    subprocess.run(["rm", "-rf", tmp_path / name], check=True)


def test_many_files_in_one_folder(tmp_path):
    """A huge folder comes in pages, and a listing resumes in the middle of it."""
    for number in range(20_000):
        os.close(os.open(f"{tmp_path}/{number}", os.O_CREAT | os.O_WRONLY))
    big = source(tmp_path)

    found = list(big.list(""))

    assert [page.batch.num_rows for page in found] == [5_000] * 4
    assert len({value for page in found for value in page.batch["external_id"].to_pylist()}) == 20_000
    rest = list(big.list("", found[1].checkpoint))
    assert [page.batch.num_rows for page in rest] == [5_000] * 2


def test_what_vanishes_during_the_walk_is_gone(tmp_path):
    """Files and folders that are deleted between pages are neither rows nor errors."""
    for name in "abc":
        (tmp_path / name).touch()
    for name in "xyz":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    walk = source(tmp_path, page_size=1).list("")
    found = [next(walk)]

    (tmp_path / "b").unlink()
    found.append(next(walk))
    (tmp_path / "x" / "file").unlink()
    (tmp_path / "x").rmdir()
    found += walk

    assert [page.batch["path"][0].as_py() for page in found] == ["a", "c", "y", "y/file", "z", "z/file"]
    assert [unread for page in found for unread in page.gaps] == []


def test_what_changes_its_type_during_the_walk(tmp_path):
    """A file that became a folder is walked, a folder that became a file is a file."""
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    (tmp_path / "c").mkdir()
    walk = source(tmp_path, page_size=1).list("")
    found = [next(walk)]

    (tmp_path / "b").unlink()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "inside").touch()
    (tmp_path / "c").rmdir()
    (tmp_path / "c").write_text("x")
    found += walk

    rows = {row["path"]: row["kind"] for page in found for row in page.batch.to_pylist()}
    assert rows == {"a": "file", "b": "folder", "b/inside": "file", "c": "file"}


def test_a_resumed_listing_of_a_changed_tree(tmp_path):
    """Whatever was deleted since, even the folder of the checkpoint itself, the rest of the tree is listed."""
    for folder in "bdf":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").touch()
    one_by_one = source(tmp_path, page_size=1)
    checkpoint = next(page for page in one_by_one.list("") if page.batch["path"][0].as_py() == "d/file").checkpoint

    (tmp_path / "d" / "file").unlink()
    (tmp_path / "d").rmdir()
    for folder in "ace":
        (tmp_path / folder).mkdir()

    rest = [page.batch["path"][0].as_py() for page in one_by_one.list("", checkpoint)]
    assert rest == ["e", "f", "f/file"]


def test_a_checkpoint_of_another_folder_restarts(tmp_path):
    """A position in one folder says nothing about another."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").touch()
    (page,) = source(tmp_path / "one").list("")

    assert sum(other.batch.num_rows for other in source(tmp_path / "two").list("", page.checkpoint)) == 1


def test_mounts_are_listed_and_not_entered(tmp_path):
    """Another file system below is a boundary, named by the check, unless it may be crossed."""
    with mounted(tmp_path / "mount") as mount:
        (mount / "folder").mkdir()
        (mount / "folder" / "file").touch()
        (tmp_path / "plain").touch()

        rows, unread = listed(tmp_path)
        crossed, _ = listed(tmp_path, cross_mounts=True)
        problems = source(tmp_path).check().problems

    assert unread == []
    assert set(rows) == {"mount", "plain"}
    assert metadata(rows["mount"]) == {"mount_point": True}
    assert set(crossed) == {"mount", "mount/folder", "mount/folder/file", "plain"}
    assert "@" in crossed["mount/folder/file"]["external_id"]
    assert crossed["mount/folder"]["parent_id"] == crossed["mount"]["external_id"]
    assert str(tmp_path / "mount") in problems[0]


def test_bind_mounts_do_not_share_ids(tmp_path):
    """The same folder or file mounted a second time is listed under ids of its own."""
    (tmp_path / "root" / "folder").mkdir(parents=True)
    (tmp_path / "root" / "folder" / "file").touch()
    (tmp_path / "root" / "again").mkdir()
    (tmp_path / "root" / "bound").touch()
    root = tmp_path / "root"
    with mounted(root / "again", "--bind", root / "folder"), mounted(root / "bound", "--bind", root / "folder/file"):
        rows, _ = listed(root, cross_mounts=True)

    assert set(rows) == {"again", "again/file", "bound", "folder", "folder/file"}


def test_a_subvolume_is_entered(tmp_path):
    """A subvolume has a device of its own and is part of the same file system; a snapshot of it shares no ids."""
    with btrfs(tmp_path / "image", tmp_path / "root") as root:
        run("btrfs", "subvolume", "create", root / "sub")
        (root / "sub" / "file").touch()
        run("btrfs", "subvolume", "snapshot", root / "sub", root / "copy")
        rows, unread = listed(root)
        problems = source(root).check().problems

    assert set(rows) == {"copy", "copy/file", "sub", "sub/file"}
    assert (unread, problems) == ([], ())


@pytest.mark.parametrize("fault", [errno.ENOENT, errno.ESTALE, errno.EIO])
@pytest.mark.parametrize(
    ("what", "where", "lost"),
    [
        ("names", "a", {"a/1", "a/2", "a/3"}),
        ("more names", "a", {"a/3"}),
        ("open", "a", {"a/1", "a/2", "a/3"}),
        ("stat", "a", {"a", "a/1", "a/2", "a/3"}),
        ("stat", "a/2", {"a/2"}),
        ("stat", "b", {"b"}),
    ],
)
def test_what_the_folder_above_still_lists_is_a_gap(tmp_path, fault, what, where, lost):
    """Some file systems say that what is there is not: that names the place, and the rest is listed."""
    with faulty_folder(tmp_path / "root", ["a/1", "a/2", "a/3", "b", "c/4"]) as folder:
        whole, unread = listed(tmp_path / "root")
        assert unread == []
        folder.faults[what, where] = fault

        rows, unread = listed(tmp_path / "root")

    assert set(whole) - set(rows) == lost
    assert [gap.path for gap in unread] == [where]


def test_what_comes_at_the_second_look_is_listed(tmp_path):
    """A file that could not be found for a moment, and can now, is no gap."""
    with faulty_folder(tmp_path / "root", ["a", "b", "c"]) as folder:
        folder.faults["stat", "b"] = [errno.ENOENT, errno.ENOENT]

        rows, unread = listed(tmp_path / "root")

    assert (set(rows), unread) == ({"a", "b", "c"}, [])


@pytest.mark.parametrize("what", ["names", "stat"])
def test_what_is_gone_at_the_second_look_is_no_gap(tmp_path, what):
    """A folder that was removed after its name was read is neither a row below nor an error."""
    with faulty_folder(tmp_path / "root", ["a/1", "b"]) as folder:
        folder.faults[what, "a"] = errno.ENOENT
        folder.vanishing = "a"

        rows, unread = listed(tmp_path / "root")

    assert unread == []
    assert set(rows) - {"a"} == {"b"}


@pytest.mark.parametrize("fault", [errno.EACCES, errno.ESTALE])
@pytest.mark.parametrize("target", ["a", "b"])
def test_a_followed_link_that_cannot_be_looked_through_is_a_gap(tmp_path, fault, target):
    """It is not known whether it leads to a file or a folder, so it is neither listed nor absent."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "share" / target)
    with faulty_folder(tmp_path / "share", ["a/1", "b"]) as folder:
        folder.faults["stat", target] = fault

        rows, unread = listed(root, follow_symlinks=True)

    assert rows == {}
    assert [gap.path for gap in unread] == ["link"]


def test_the_canary(tmp_path):
    """Without the file that proves the right disk is mounted, nothing is listed."""
    guarded = source(tmp_path, must_contain=".mounted")
    for call in (lambda: list(guarded.list("")), guarded.check):
        with pytest.raises(NotFound, match="does not contain"):
            call()

    (tmp_path / ".mounted").touch()

    assert sum(page.batch.num_rows for page in guarded.list("")) == 1
    assert guarded.check().problems == ()


def test_a_file_is_not_a_folder(tmp_path):
    """A root that is a file is refused with a sentence."""
    (tmp_path / "file").touch()

    with pytest.raises(NotFound, match="is not a folder"):
        list(source(tmp_path / "file").list(""))


def test_a_link_to_the_root_is_followed(tmp_path):
    """The configured path may be a link, whatever happens to links below."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    (tmp_path / "link").symlink_to("folder")

    assert set(listed(tmp_path / "link")[0]) == {"file"}


def test_pruned_folders_are_not_entered(tmp_path):
    """A pruned folder is listed, costs no read, and poisons nothing."""
    for folder in ("keep", "skip"):
        (tmp_path / folder / "deep").mkdir(parents=True)
    pruned = source(tmp_path, prune=lambda path: path == "skip")

    found = list(pruned.list(""))

    assert [path for page in found for path in page.batch["path"].to_pylist()] == ["keep", "keep/deep", "skip"]
    assert [unread for page in found for unread in page.gaps] == []
    assert pruned._meter.api_calls == 3


def test_moments_beyond_the_calendar_are_unknown():
    """A time that no database can hold is null, not garbage."""
    raw = StatBuffer(3).columns(3)
    raw["mtime_s"] = [2**40, -(2**60), -1]

    assert _timestamps(raw, "mtime", known=np.ones(3, bool)).to_pylist() == [
        None,
        None,
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOENT, NotFound),
        (errno.ENOTDIR, NotFound),
        (errno.ELOOP, NotFound),
        (errno.EACCES, AccessDenied),
        (errno.EPERM, AccessDenied),
        (errno.EIO, TemporarilyDown),
        (errno.ESTALE, TemporarilyDown),
        (errno.ENOTCONN, TemporarilyDown),
        (errno.EINVAL, ProtocolViolation),
        (None, ProtocolViolation),
    ],
)
def test_errors_of_the_root(number, expected):
    """Whatever the system says about the root becomes one of our errors, with a hint."""
    error = translate_errors(OSError(number, "why") if number else OSError("why"), b"/data")

    assert type(error) is expected
    assert "/data" in error.message
    assert error.hint


@pytest.mark.parametrize(
    "details",
    [{}, {"path": ""}, {"path": "a\x00b"}, {"path": "/", "hash": "crc"}, {"path": "/", "pth": 1}, {"path": 1}],
)
def test_bad_details(details):
    """Settings that make no sense are refused."""
    with pytest.raises(ValidationError):
        LocalDetails.model_validate(details)


def test_every_setting_is_described():
    """The configuration reference has a sentence for each setting."""
    assert all(field.description for field in LocalDetails.model_fields.values())


@pytest.mark.parametrize(
    ("what", "where", "lost"),
    [
        ("names", "a", {"a/1", "a/2", "a/3"}),
        ("more names", "a", {"a/1", "a/2", "a/3"}),
        ("stat", "a/2", {"a/2"}),
        ("stat", "b", {"b"}),
    ],
)
def test_a_place_that_hangs_is_a_gap(tmp_path, what, where, lost):
    """What gives no answer is left out and named; everything else is listed."""
    with faulty_folder(tmp_path / "root", ["a/1", "a/2", "a/3", "b", "c/4"]) as folder:
        whole, _ = listed(tmp_path / "root")
        folder.faults[what, where] = HANG

        rows, unread = listed(tmp_path / "root", page_size=1, answer_timeout_seconds=0.3)

    assert set(whole) - set(rows) - {"a"} == lost
    assert [gap.path for gap in unread] == [where]


def test_a_root_that_hangs_is_an_error(tmp_path):
    """Listing and checking it end with a sentence."""
    with faulty_folder(tmp_path / "root", ["a"]) as folder:
        folder.faults["names", ""] = HANG
        hanging = source(tmp_path / "root", answer_timeout_seconds=0.2)

        with pytest.raises(TemporarilyDown, match="no answer for"):
            list(hanging.list(""))
        with pytest.raises(TemporarilyDown, match="no answer for"):
            hanging.check()


@pytest.mark.slow
def test_too_many_places_that_hang_are_an_error(tmp_path):
    """A file system that is down is not asked about each of its folders."""
    names = [f"{number}/file" for number in range(6)]
    with faulty_folder(tmp_path / "root", names) as folder:
        folder.faults = {("names", str(number)): HANG for number in range(6)}

        with pytest.raises(TemporarilyDown):
            list(source(tmp_path / "root", answer_timeout_seconds=0.1).list(""))


def test_whoever_waits_for_a_page_can_stop(tmp_path):
    """While a folder hangs, empty pages come; closing the listing then does not wait for the deadline."""
    with faulty_folder(tmp_path / "root", ["a/1"]) as folder:
        folder.faults["names", "a"] = HANG
        walk = source(tmp_path / "root", answer_timeout_seconds=10).list("")

        page = next(walk)
        walk.close()

    assert (page.batch.num_rows, page.checkpoint, page.gaps) == (0, None, ())
