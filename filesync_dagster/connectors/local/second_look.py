"""The second look at what seems to be gone: "not there" is believed only when the folder above lists it no longer."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from filesync_dagster.connectors.local import directory
from filesync_dagster.connectors.local.rows import WalkFrame
from filesync_dagster.connectors.local.statx import StatBuffer

_PATH_MAX_BYTES = 4_000  # bytes of path per system call; Linux takes 4,095, macOS 1,023


def is_absent(root_fd: int, stack: Sequence[WalkFrame], frame: WalkFrame, name: bytes) -> bool:
    """Tell whether the folder of a frame, read again, has the name no longer. What cannot be told is not absent.

    `stack` has the frames from the root on, `root_fd` is open on it.
    """
    try:
        with locate(root_fd, frame.rel) as (base, tail):
            again = os.open(tail or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=base)
    except OSError as exc:
        return exc.errno in {errno.ENOENT, errno.ENOTDIR} and is_gone(root_fd, stack, frame)
    try:
        require_same(again, frame)
        return name not in directory.names_of(again)
    except OSError:
        return False
    finally:
        os.close(again)


def is_gone(root_fd: int, stack: Sequence[WalkFrame], frame: WalkFrame) -> bool:
    """Tell whether the folder of a frame was removed: the folder above, or one above that, lists it no longer."""
    above, _, name = frame.rel.rpartition(b"/")
    depth = above.count(b"/") + 1 if above else 0
    return bool(frame.rel) and is_absent(root_fd, stack, stack[depth], name)


def require_same(opened: int, frame: WalkFrame) -> None:
    """Raise OSError when an open directory is not what was looked at: something was mounted or moved in between."""
    held = StatBuffer(1)
    failed = held.fill(0, opened, b"")
    found = held.one(0)
    if failed or (found.dev, found.ino, found.mnt) != (frame.dev, frame.ino, frame.mnt):
        raise OSError(failed or errno.ESTALE, os.strerror(failed or errno.ESTALE))


@contextmanager
def locate(root_fd: int, rel: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield an open folder and a path below it, short enough for one system call, that lead to `rel`."""
    base = root_fd
    try:
        while len(rel) > _PATH_MAX_BYTES:
            cut = rel.rindex(b"/", 0, _PATH_MAX_BYTES)
            deeper = os.open(rel[:cut], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=base)
            if base != root_fd:
                os.close(base)
            base, rel = deeper, rel[cut + 1 :]
        yield base, rel
    finally:
        if base != root_fd:
            os.close(base)
