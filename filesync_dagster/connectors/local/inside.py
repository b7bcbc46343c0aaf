"""What is inside an entry: the target of a link, the hash of a file."""

import hashlib
import os
import stat

from filesync_dagster.connectors.local.deadline import Pulse

_HASH_CHUNK_BYTES = 1 << 20


def read_target(base: int, name: bytes) -> bytes | None:
    """Where a symbolic link leads; None when it cannot be read."""
    try:
        return os.readlink(name, dir_fd=base)
    except OSError:
        return None


def digest_file(base: int, name: bytes, algorithm: str, most: int, *, follow: bool, pulse: Pulse) -> str | None:
    """The hash of a regular file's content; None when it cannot be read or is larger than `most` bytes."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        with open(name, "rb", opener=lambda path, _: os.open(path, flags, dir_fd=base)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > most:
                return None
            digest = hashlib.new(algorithm, usedforsecurity=False)
            while chunk := file.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
                pulse.beats += 1
            return digest.hexdigest()
    except OSError:
        return None
