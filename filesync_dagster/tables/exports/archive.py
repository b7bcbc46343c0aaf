"""Zip archives of several files, the same bytes for the same contents."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

LEVEL = 1  # of deflate: two thirds of the size, a sixth of the time of the usual 6


@contextmanager
def new_archive(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """Yield an archive to write to."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        yield archive


@contextmanager
def new_member(archive: zipfile.ZipFile, name: str, *, large: bool = True) -> Iterator[BinaryIO]:
    """Yield a file of the archive to write to. `large`: it may have more than 2 GiB."""
    with archive.open(name, "w", force_zip64=large) as member:  # dated 1980, as ZipInfo is by itself
        yield cast("BinaryIO", member)


def add_file(archive: zipfile.ZipFile, name: str, content: bytes | str) -> None:
    """Add a small file to the archive."""
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
