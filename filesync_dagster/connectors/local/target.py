"""The folder that a local destination writes below: entered step by step, never through a link."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filesync_dagster.connectors.destination import DestinationFile
from filesync_dagster.connectors.local import LocalDetails
from filesync_dagster.connectors.local.directory import require_canary
from filesync_dagster.connectors.local.disk import Disk, Spot
from filesync_dagster.connectors.local.mounts import lasting_inodes
from filesync_dagster.connectors.local.rows import user_name
from filesync_dagster.connectors.local.source import translate_errors
from filesync_dagster.connectors.local.statx import StatBuffer
from filesync_dagster.connectors.local.tags import read_tags
from filesync_dagster.connectors.local.write_errors import write_border
from filesync_dagster.core.model import from_storable_text, to_storable_text

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TargetFolder:
    """The root of a destination. Opened anew for each step: what is mounted over it meanwhile is another one."""

    def __init__(self, details: LocalDetails, disk: Disk) -> None:
        self._details = details
        self._disk = disk
        self._root = os.fsencode(Path(details.path).absolute())
        self._lasting: bool | None = None

    @property
    def shown(self) -> str:
        """Its path, for messages."""
        return to_storable_text(self._root)

    @contextmanager
    def open(self) -> Iterator[int]:
        """Yield the open root. Raises SourceError."""
        try:
            root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise translate_errors(error, self._root) from error
        try:
            require_canary(root, self._details.must_contain, self.shown)
            if self._lasting is None:
                buffer = StatBuffer(1)
                buffer.fill(0, root, b"")
                self._lasting = lasting_inodes(buffer.one(0).mnt)
            yield root
        finally:
            os.close(root)

    @contextmanager
    def spot(self, path: str, *, make: bool = False) -> Iterator[Spot]:
        """Yield where a path is, its folder open; made where it is not there and `make`. Raises SourceError."""
        with self.open() as root, write_border(path):
            names = [from_storable_text(name) for name in path.split("/")]
            folder = self._enter(root, names[:-1], make=make)
            try:
                yield Spot(folder, names[-1])
            finally:
                os.close(folder)

    @contextmanager
    def folder(self, path: str, *, make: bool = False) -> Iterator[int]:
        """Yield a folder, open; the root for an empty path. Raises SourceError."""
        with self.open() as root, write_border(path):
            names = [from_storable_text(name) for name in path.split("/")] if path else []
            folder = self._enter(root, names, make=make)
            try:
                yield folder
            finally:
                os.close(folder)

    def version(self, found: os.stat_result) -> str:
        """Return what tells a content: it stays when the file is renamed, or its permissions change."""
        inode = f"{found.st_ino:x}-" if self._lasting else ""
        return f"{inode}{found.st_mtime_ns:x}-{found.st_size:x}"

    def describe(self, path: str, spot: Spot, found: os.stat_result, *, details: bool = True) -> DestinationFile:
        """Return what is told of what is at a spot. `details`: owner and group by name."""
        regular = stat.S_ISREG(found.st_mode)
        kind = "folder" if stat.S_ISDIR(found.st_mode) else "file" if regular else "other"
        return DestinationFile(
            path=path,
            kind=kind,
            size=found.st_size if regular else None,
            version=self.version(found) if regular else None,
            modified_at=_EPOCH + timedelta(microseconds=found.st_mtime_ns // 1_000),
            tags=self._tags(spot, found) if regular else {},
            permissions=stat.filemode(found.st_mode)[1:],
            owner=user_name(found.st_uid) if details else str(found.st_uid),
            group=group_name(found.st_gid) if details else str(found.st_gid),
        )

    def _enter(self, root: int, names: list[bytes], *, make: bool) -> int:
        """Return the folder below an open one, open. Raises OSError: ENOTDIR or ELOOP for a link on the way."""
        folder = os.dup(root)
        try:
            for name in names:
                below = self._enter_one(folder, name, make=make)
                os.close(folder)
                folder = below
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _enter_one(self, folder: int, name: bytes, *, make: bool) -> int:
        try:
            return os.open(name, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            if not make:
                raise
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:  # another thread was quicker
            pass
        else:
            self._disk.sync_folder(folder)
        return os.open(name, _FOLDER, dir_fd=folder)

    def _tags(self, spot: Spot, found: os.stat_result) -> dict[str, str]:
        try:
            file = os.open(spot.name, _LOOK, dir_fd=spot.folder)
        except OSError:
            return {}
        try:
            opened = os.fstat(file)
            same = (opened.st_dev, opened.st_ino) == (found.st_dev, found.st_ino)
            return read_tags(descriptor_path(file), found) if same else {}
        finally:
            os.close(file)


def descriptor_path(descriptor: int) -> int | str:
    """Return what names an open file to calls that cannot take one that was opened without reading it."""
    return f"/proc/self/fd/{descriptor}" if hasattr(os, "O_PATH") else descriptor


def group_name(number: int) -> str:
    """Return the name of a group, the number where it has none."""
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def nanoseconds_of(moment: datetime) -> int:
    """Return a moment as nanoseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
