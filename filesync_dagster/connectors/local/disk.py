"""Steps that change a folder: renames that lose nothing, and the writing down of both for good.

Linux renames onto nothing, or exchanges two names, in one step. Elsewhere, and on file systems that cannot, a link
does the first, and the second is left to the caller.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from filesync_dagster.connectors.local.folder_sync import FolderSync

_NOREPLACE, _EXCHANGE = 1, 2
_UNABLE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EMLINK, *_UNABLE})


class Spot(NamedTuple):
    """A name in an open folder."""

    folder: int  # a file descriptor
    name: bytes

    def stat(self) -> os.stat_result | None:
        """Return what is there, a link as itself; None when nothing is. Raises OSError."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None


class Disk:
    """What a destination asks of the file system. `native=False` does without what only Linux has."""

    def __init__(self, *, native: bool = True) -> None:
        self._native = native
        self._folder_sync = FolderSync(self.sync)

    def sync(self, descriptor: int) -> None:
        """Write a file or a folder down, so that a power cut cannot undo it. Raises OSError."""
        os.fsync(descriptor)

    def sync_folder(self, descriptor: int) -> None:
        """Write the names in a folder down, so that a power cut cannot undo what was done to them. Raises OSError."""
        self._folder_sync(descriptor)

    def rename(self, old: Spot, new: Spot) -> None:
        """Rename onto nothing. Raises FileExistsError when something is there, and OSError."""
        if not self._renamed(old, new, _NOREPLACE):
            _rename_by_link(old, new)

    def replace(self, old: Spot, new: Spot) -> None:
        """Rename onto whatever is there. Raises OSError."""
        os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)

    def exchange(self, one: Spot, other: Spot) -> bool:
        """Give each of two the name of the other; False where that cannot be done in one step. Raises OSError."""
        return self._renamed(one, other, _EXCHANGE)

    def remove(self, spot: Spot) -> None:
        """Remove a file. Raises OSError."""
        os.unlink(spot.name, dir_fd=spot.folder)

    def _renamed(self, old: Spot, new: Spot, flag: int) -> bool:
        function = _renameat2() if self._native else None
        if function is None:
            return False
        if function(old.folder, old.name, new.folder, new.name, flag) == 0:
            return True
        number = ctypes.get_errno()
        if number in _UNABLE:
            return False
        raise OSError(number, os.strerror(number))


def _rename_by_link(old: Spot, new: Spot) -> None:
    """Rename onto nothing by a second name, or where there are none (folders, FAT), after a look."""
    found = old.stat()
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    try:
        os.link(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if new.stat() is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)
    else:
        os.unlink(old.name, dir_fd=old.folder)


@cache
def _renameat2() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2  # glibc since 2.28
    except AttributeError:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int
    return function
