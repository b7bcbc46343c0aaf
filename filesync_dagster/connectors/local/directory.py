"""The names in an open directory, as the kernel tells them.

The C library takes ENOENT in the middle of a directory for its end, because a removed directory answers so. Network
and union file systems answer so for what is there, and then most of a folder would be missing silently. So Linux is
asked directly; elsewhere the C library has to be believed.
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Callable, Iterator
from functools import cache

from filesync_dagster.core.errors import NotFound

FOLDER, LINK, UNKNOWN = 4, 10, 0
"""Types of entries; UNKNOWN: this file system does not tell them with the names."""

_BUFFER_BYTES = 1 << 16
_HEADER = struct.Struct("=QqHB")  # inode, offset, length of the record, type; then the name, ended by NUL
_OWN_NAMES = (b".", b"..")


def read_names(directory: int) -> Iterator[tuple[bytes, int]]:
    """Yield the name and the type of each entry. Raises OSError wherever the directory could not be read further."""
    getdents = _getdents()
    if getdents is None:
        yield from _scan(directory)
        return
    buffer = ctypes.create_string_buffer(_BUFFER_BYTES)
    unpack, header = _HEADER.unpack_from, _HEADER.size
    while True:
        size = getdents(directory, buffer, _BUFFER_BYTES)
        if size < 0:
            number = ctypes.get_errno()
            if number == errno.EINTR:
                continue
            raise OSError(number, os.strerror(number))
        if size == 0:
            return
        records, at = ctypes.string_at(buffer, size), 0
        while at < size:
            _, _, length, kind = unpack(records, at)
            name = records[at + header : records.index(b"\x00", at + header)]
            if name not in _OWN_NAMES:
                yield name, kind
            at += length


def names_of(directory: int) -> set[bytes]:
    """Return the names in an open directory, read once more from its beginning. Raises OSError."""
    again = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        return {name for name, _ in read_names(again)}
    finally:
        os.close(again)


def _scan(directory: int) -> Iterator[tuple[bytes, int]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            kind = FOLDER if entry.is_dir(follow_symlinks=False) else LINK if entry.is_symlink() else -1
            yield os.fsencode(entry.name), kind


@cache
def _getdents() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).getdents64  # glibc since 2.30, and musl
    except AttributeError:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
    function.restype = ctypes.c_ssize_t
    return function


def require_canary(directory: int, canary: str | None, shown: str) -> None:
    """Raise NotFound unless an open directory, told as `shown`, has the file that proves it to be the right one."""
    if canary is None:
        return
    try:
        os.stat(os.fsencode(canary), dir_fd=directory)
    except OSError as error:
        raise NotFound(
            f"The folder {shown} does not contain {canary!r}, so it is not the right one.",
            hint="Mount the disk or share, or correct `must_contain`.",
        ) from error
