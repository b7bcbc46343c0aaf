"""What OSErrors mean where a file is written."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from filesync_dagster.core.errors import (
    AccessDenied,
    DestinationFull,
    Foreign,
    NameImpossible,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
)

MEANINGS: Final[Mapping[type[SourceError], tuple[tuple[int, ...], str]]] = {
    AccessDenied: (
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "Grant this user write permission on it and on its folder, or mount the file system for writing.",
    ),
    NotFound: ((errno.ENOENT,), ""),
    NameImpossible: (
        (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
        "The file system cannot hold this name: rename it, or leave it out by a filter.",
    ),
    Foreign: (
        (errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY),
        "A link, or something of another kind, is in the way: nothing is written through it.",
    ),
    TemporarilyDown: (
        (
            errno.EIO,
            errno.ESTALE,
            errno.ENOTCONN,
            errno.ETIMEDOUT,
            errno.EHOSTDOWN,
            errno.EMFILE,
            errno.ENFILE,
            errno.EBUSY,
            errno.ETXTBSY,
            errno.EAGAIN,
        ),
        "Check the disk or the connection to the share.",
    ),
}
FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def write_border(path: str, needed: int | None = None) -> Iterator[None]:
    """Turn OSErrors about one path into our errors. `needed`: the bytes that were to be written."""
    try:
        yield
    except OSError as error:
        raise write_error(error, path, needed) from error


def write_error(error: OSError, path: str, needed: int | None = None) -> SourceError:
    """Return the error of ours for an OSError about one path."""
    number = error.errno or errno.EIO
    if number in FULL:
        return full_error(path, needed, os.strerror(number))
    for kind, (numbers, hint) in MEANINGS.items():
        if number in numbers:
            return kind(f"{path} could not be written or read at the destination ({os.strerror(number)}).", hint=hint)
    return ProtocolViolation(f"{path} could not be written at the destination ({os.strerror(number)}).")


def full_error(path: str, needed: int | None, why: str) -> DestinationFull:
    """Return the error for a file that has no room."""
    size = "" if needed is None else f", which needs {needed:,} bytes"
    return DestinationFull(
        f"The destination has no room for {path}{size} ({why}).",
        hint="Free some space, or raise the quota: what was written of it is removed.",
    )
