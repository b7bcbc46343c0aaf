"""Where files lie: below a root that no path leaves, not through `..` and not through a symbolic link."""

import hashlib
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filesync_dagster.simulators.kit.refusals import Refusal

STATE_FOLDER: Final = ".file_manager"
MAX_NAME_BYTES: Final = 255
BLOCK_BYTES: Final = 1 << 20


class ReceivedFile:
    """A file that is being received: hashed, and under no name that anybody asked for."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / uuid.uuid4().hex
        self.size = 0
        self._digest = hashlib.sha256()
        self._file = self.path.open("xb")

    def write(self, block: bytes) -> None:
        """Take some of its content."""
        self._file.write(block)
        self._digest.update(block)
        self.size += len(block)

    def close(self) -> None:
        """Take note that it is whole."""
        self._file.close()

    def discard(self) -> None:
        """Forget it, unless it was published."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Its hash, in hexadecimal digits."""
        return self._digest.hexdigest()


def names_of(path: str) -> tuple[str, ...]:
    """Return the names in a path, of which one leading slash does not count. Raises Refusal for one that cannot be.

    >>> names_of("/a/b.txt")
    ('a', 'b.txt')
    """
    names = tuple(path.removeprefix("/").split("/"))
    sizes = [len(name.encode("utf-8", "surrogateescape")) for name in names]
    if any(name in {"", ".", ".."} or "\0" in name for name in names) or max(sizes) > MAX_NAME_BYTES:
        raise Refusal(400, "bad_path", "Invalid file_path")
    if names[0] == STATE_FOLDER:
        raise Refusal(400, "bad_path", f"Invalid file_path: {STATE_FOLDER} is the server's own")
    return names


class StorageFolder:
    """The files below a root. Not thread-safe."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / STATE_FOLDER / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for left in self._incoming.iterdir():
            left.unlink()

    def receive_file(self) -> ReceivedFile:
        """Return where the content of a file goes that comes now."""
        return ReceivedFile(self._incoming)

    def stat(self, path: str) -> os.stat_result | None:
        """Return what the disk says of a file; None when there is none."""
        *above, name = names_of(path)
        with suppress(FileNotFoundError, Refusal), self._folder(above) as folder:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            return found if stat.S_ISREG(found.st_mode) else None
        return None

    def publish(self, incoming: ReceivedFile, path: str) -> os.stat_result:
        """Give a received file its name, in place of a file that has it."""
        incoming.close()
        return self._rename(str(incoming.path), None, path)

    def move(self, path: str, new_path: str) -> os.stat_result:
        """Give a file another path, which is free."""
        *above, name = names_of(path)
        with self._folder(above) as folder:
            found = self._rename(name, folder, new_path)
        self._prune(above)
        return found

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that are empty without it."""
        *above, name = names_of(path)
        with self._folder(above) as folder:
            os.unlink(name, dir_fd=folder)
        self._prune(above)

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Yield every file: its path, and what the disk says of it."""
        for folder, folders, names in os.walk(self.root):
            if Path(folder) == self.root:
                folders[:] = [name for name in folders if name != STATE_FOLDER]
            for name in names:
                found = (Path(folder) / name).lstat()
                if stat.S_ISREG(found.st_mode):
                    yield (Path(folder) / name).relative_to(self.root).as_posix(), found

    def sha256(self, path: str) -> str:
        """Return the hash of a file."""
        with (self.root / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _rename(self, name: str, folder: int | None, path: str) -> os.stat_result:
        *above, new_name = names_of(path)
        with self._folder(above, make=True) as target:
            try:
                os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=target)
            except IsADirectoryError as error:
                raise Refusal(409, "folder", f"{path} is a folder") from error
            return os.stat(new_name, dir_fd=target, follow_symlinks=False)

    @contextmanager
    def _folder(self, names: list[str], *, make: bool = False) -> Iterator[int]:
        """Open a folder below the root, name by name, so that no link leads out of it."""
        current = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in names:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=current)
                try:
                    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
                except NotADirectoryError as error:  # of a link, too
                    raise Refusal(409, "file", f"{name} is not a folder") from error
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)

    def _prune(self, names: list[str]) -> None:
        """Remove folders that are empty, the lowest first."""
        for end in range(len(names), 0, -1):
            try:
                with self._folder(names[: end - 1]) as folder:
                    os.rmdir(names[end - 1], dir_fd=folder)
            except OSError:  # it holds something else
                return
