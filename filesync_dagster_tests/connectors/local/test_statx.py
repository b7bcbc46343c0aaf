"""Attributes come from the kernel's own call where it has one, and from Python's everywhere."""

import errno
import os

import numpy as np
import pytest

from filesync_dagster.connectors.local.statx import StatBuffer, has_birth, nanoseconds


@pytest.fixture(params=[True, False], ids=["kernel", "portable"])
def buffer(request):
    """Return a buffer of two slots that reads in either way."""
    return StatBuffer(2, native=request.param)


@pytest.fixture
def folder(tmp_path):
    """Return an open folder with a file and a link to it."""
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_both_ways_agree_with_stat(buffer, folder):
    """Every attribute is what os.stat says."""
    assert buffer.fill(1, folder, b"file") == 0

    expected = os.stat("file", dir_fd=folder)
    row = buffer.columns(2)[1:]
    assert (row["mode"][0], row["ino"][0], row["nlink"][0]) == (expected.st_mode, expected.st_ino, expected.st_nlink)
    assert (row["uid"][0], row["gid"][0], row["size"][0]) == (expected.st_uid, expected.st_gid, expected.st_size)
    assert nanoseconds(row, "mtime")[0] == expected.st_mtime_ns
    assert nanoseconds(row, "ctime")[0] == expected.st_ctime_ns
    assert buffer.file_type(1) == 8
    assert buffer.one(1).ino == expected.st_ino
    assert buffer.one(1).mode == expected.st_mode
    assert (buffer.one(1).birth is not None) == has_birth(row)[0]


def test_links_and_folders(buffer, folder):
    """A link is itself unless followed; an empty name is the folder."""
    assert buffer.fill(0, folder, b"link") == 0
    assert buffer.file_type(0) == 10
    assert buffer.fill(0, folder, b"link", follow=True) == 0
    assert buffer.file_type(0) == 8
    assert buffer.fill(0, folder, b"") == 0
    assert buffer.file_type(0) == 4
    assert buffer.one(0).ino == os.fstat(folder).st_ino


def test_what_is_not_there(buffer, folder):
    """The error number comes back, nothing is raised."""
    assert buffer.fill(0, folder, b"absent") == errno.ENOENT


def test_a_birth_time_of_1970_is_none():
    """Some file systems claim a birth time and give zero."""
    buffer = StatBuffer(1)
    row = buffer.columns(1)
    row["mask"] = 0x0FFF
    assert not has_birth(row)[0]
    assert buffer.one(0).birth is None

    row["btime_ns"] = np.uint32(1)
    assert has_birth(row)[0]
    assert buffer.one(0).birth == 1
