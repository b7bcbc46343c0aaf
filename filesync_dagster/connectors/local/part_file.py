"""A file that is being written: under a name of its own beside the final one, until it is whole and written down."""

import errno
import mmap
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from filesync_dagster.connectors.destination import PART_SUFFIX, Upload, require_announced
from filesync_dagster.connectors.local.disk import Disk, Spot
from filesync_dagster.connectors.local.tags import write_tags
from filesync_dagster.connectors.local.target import nanoseconds_of
from filesync_dagster.connectors.local.write_errors import full_error, write_border
from filesync_dagster.core.content import BLOCK_BYTES, ContentStream, Hasher
from filesync_dagster.core.errors import ContentMismatch

ROOM_CHECKED_FROM_BYTES = 1 << 20
"""A file as large as this is not begun where there is no room for it."""


class UnfinishedFile:
    """One file on its way, open. `finish` makes it whole; renaming it is the caller's."""

    def __init__(self, spot: Spot, descriptor: int, disk: Disk, upload: Upload) -> None:
        self.spot = spot
        self.descriptor = descriptor
        self.digest = ""  # SHA-256 of what was written
        self._disk = disk
        self._upload = upload

    @classmethod
    @contextmanager
    def create(cls, final: Spot, disk: Disk, upload: Upload) -> Iterator[Self]:
        """Yield one beside its final name; it goes afterwards unless it has been renamed."""
        spot = Spot(final.folder, f".{secrets.token_hex(8)}{PART_SUFFIX}".encode())
        replaced = final.stat()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(spot.name, flags, 0o666, dir_fd=spot.folder)
        try:
            if replaced is not None and stat.S_ISREG(replaced.st_mode):
                _take_over_owner(descriptor, replaced)
            yield cls(spot, descriptor, disk, upload)
        finally:
            os.close(descriptor)
            remove_quietly(disk, spot)

    def fill(self, content: ContentStream) -> int:
        """Write a content, all of it; return its length. Raises SourceError when it is not what was announced."""
        path, size = self._upload.path, self._upload.size
        self._require_room(size)
        hasher = content.hasher if "sha256" in content.hasher.hexdigests else None
        own = Hasher() if hasher is not None else Hasher("sha256")
        for block in content:
            own.update(block)
            with write_border(path, size):
                _write_all(self.descriptor, block)
        if not content.proved or (hasher is not None and own.length != hasher.length):
            raise ContentMismatch(f"The content of {path} was not read from its beginning to its end.")
        require_announced(self._upload, own.length, content.hasher.hexdigests)
        self.digest = (hasher or own).hexdigest("sha256")
        return own.length

    def finish(self, upload: Upload) -> None:
        """Give it its time and tags, and write it down for good. Raises OSError."""
        if upload.modified_at is not None:
            moment = nanoseconds_of(upload.modified_at)
            os.utime(self.descriptor, ns=(moment, moment))
        write_tags(self.descriptor, {**upload.tags, "sha256": self.digest})
        self._disk.sync(self.descriptor)

    def read_back(self) -> str:
        """Return the SHA-256 of what the disk has, read past the page cache where that can be. Raises OSError."""
        return digest_of(self.spot, self.descriptor)

    def _require_room(self, size: int | None) -> None:
        if size is None or size < ROOM_CHECKED_FROM_BYTES:
            return
        with write_border(self._upload.path, size):
            space = os.fstatvfs(self.descriptor)
        free = space.f_bavail * space.f_frsize
        if space.f_blocks and free < size:
            raise full_error(self._upload.path, size, f"{free:,} bytes are free")


def remove_quietly(disk: Disk, spot: Spot) -> None:
    """Remove an unfinished file, if it is there and can be removed."""
    try:
        disk.remove(spot)
    except OSError:  # renamed, most often; else maintenance removes it one day
        return


def digest_of(spot: Spot, descriptor: int) -> str:
    """Return the SHA-256 of a file as the disk has it: read directly, or after its pages were dropped."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        reader = os.open(spot.name, flags | getattr(os, "O_DIRECT", 0), dir_fd=spot.folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # what file systems answer that cannot
            raise
        reader = os.open(spot.name, flags, dir_fd=spot.folder)
    hasher = Hasher("sha256")
    try:
        with mmap.mmap(-1, BLOCK_BYTES) as aligned:
            while count := os.readv(reader, [aligned]):
                hasher.update(aligned[:count])
    finally:
        os.close(reader)
    return hasher.hexdigest("sha256")


def _write_all(descriptor: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _take_over_owner(descriptor: int, replaced: os.stat_result) -> None:
    """Let no more people read it than the file that it replaces."""
    opened = os.fstat(descriptor)
    if (opened.st_uid, opened.st_gid) != (replaced.st_uid, replaced.st_gid):
        try:
            os.fchown(descriptor, replaced.st_uid, replaced.st_gid)
        except PermissionError:  # only root may: it is ours from now on, and of our group what all others may as well
            mode = stat.S_IMODE(replaced.st_mode) & 0o777
            os.fchmod(descriptor, (mode & 0o707) | (mode & (mode << 3) & 0o070))
            return
    os.fchmod(descriptor, stat.S_IMODE(replaced.st_mode))
