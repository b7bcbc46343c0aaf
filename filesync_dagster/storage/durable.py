"""Durable names on a disk: a file or folder is there whole after a crash, or not at all."""

import errno
import os
from pathlib import Path


def publish(written: Path, final: Path) -> None:
    """Give a complete file its final name, durably: after a crash it is there whole, or not at all."""
    sync_file(written)
    written.replace(final)
    sync_file(final.parent)


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Make a folder and those above it, durably. `private`: nobody but their owner may enter."""
    for made in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
        made.mkdir(mode=0o700 if private else 0o777, exist_ok=True)
        sync_file(made.parent)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def sync_file(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
