"""Files on disks: the one border where their errors become ours, and what tells one file from another."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import xxhash

from filesync_dagster.core.errors import NotWritable, OutOfSpace, StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

# DuckDB and the object stores tell a number in words only.
SAYS_FULL = (*(os.strerror(number) for number in FULL), "max_temp_directory_size")
SAYS_FORBIDDEN = (*(os.strerror(number) for number in FORBIDDEN), "ACCESS_DENIED", "AccessDenied", "HTTP status 403")


@contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Translate what disks, DuckDB and Arrow raise. `doing` is said of the attempt: "writing the snapshot x".

    Raises OutOfSpace (disk, quota or DuckDB's space for temporary files), NotWritable or StorageError.
    """
    try:
        yield
    except (OSError, duckdb.OperationalError, pa.ArrowException) as exc:
        raise _translated(exc, doing) from exc


def _translated(exc: Exception, doing: str) -> StorageError:
    number = exc.errno if isinstance(exc, OSError) else None
    said = str(exc)
    if number in FULL or any(words in said for words in SAYS_FULL):
        return OutOfSpace(
            f"No room was left on the device while {doing}.",
            hint="Free some space, then run it again; nothing is lost.",
        )
    if number in FORBIDDEN or any(words in said for words in SAYS_FORBIDDEN):
        return NotWritable(
            f"Writing was refused while {doing}: {_first_line(said)}", hint="Check the permissions, then run it again."
        )
    if isinstance(exc, duckdb.OutOfMemoryException):
        return StorageError(f"The memory limit was too low while {doing}.", hint="Raise memory_limit in the settings.")
    return StorageError(f"Something failed while {doing}: {_first_line(said)}")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def digest_of(path: Path) -> str:
    """Return what tells a file from every other one, and from itself with a bit flipped."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()
