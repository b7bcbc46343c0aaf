"""Files that get their names together, once all of them are whole and on the disk."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from filesync_dagster.core.errors import NotWritable, OutOfSpace, StorageError

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class ExportFile:
    """A written file: `sha256` in hexadecimal digits, `size` in bytes."""

    name: str
    path: Path
    size: int
    sha256: str


class ExportFolder:
    """A hidden folder in the folder where files are to be. It goes with what is in it, unless they are published."""

    def __init__(self, folder: Path) -> None:
        self._final = folder
        self._made: list[Path] = []  # folders that were not there before, the outermost first
        self._hidden: Path | None = None
        self._names: list[str] = []

    def __enter__(self) -> Self:
        with disk_errors(self._final):
            for missing in reversed([f for f in (self._final, *self._final.parents) if not f.exists()]):
                missing.mkdir()
                self._made.append(missing)
            self._hidden = Path(tempfile.mkdtemp(prefix=".export-", dir=self._final))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._hidden is not None:
            shutil.rmtree(self._hidden, ignore_errors=True)
        if kind is not None:
            for folder in reversed(self._made):
                with suppress(OSError):  # somebody put something there meanwhile
                    folder.rmdir()

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Yield a new file to write to; it is on the disk afterwards. Raises OutOfSpace, NotWritable, StorageError."""
        assert self._hidden is not None
        self._names.append(name)
        with disk_errors(self._final / name), (self._hidden / name).open("xb", buffering=BLOCK_BYTES) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def measure(self, name: str) -> ExportFile:
        """Return what a written file will be once it is published."""
        assert self._hidden is not None
        digest = hashlib.sha256()
        with disk_errors(self._final / name), (self._hidden / name).open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
            size = file.tell()
        return ExportFile(name, self._final / name, size, digest.hexdigest())

    def publish(self) -> None:
        """Give the files their names, in the order in which they were made, durably."""
        assert self._hidden is not None
        named: list[Path] = []
        with disk_errors(self._final):
            try:
                for name in self._names:
                    (self._hidden / name).replace(self._final / name)
                    named.append(self._final / name)
                for folder in dict.fromkeys([self._final, *(made.parent for made in self._made)]):
                    _sync_folder(folder)
            except BaseException:
                for path in named:
                    path.unlink(missing_ok=True)
                raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Raise OutOfSpace, NotWritable or StorageError for what a disk does not do."""
    try:
        yield
    except OSError as error:
        why = f"Writing {place}: {error.strerror or error}"
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise OutOfSpace(f"{why}.", hint="Make room, or export fewer rows.") from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise NotWritable(f"{why}.") from error
        raise StorageError(f"{why}.") from error
