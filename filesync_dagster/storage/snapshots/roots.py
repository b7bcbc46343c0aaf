"""Where stored files live: a folder, or (s3_root) a prefix of a bucket. A key is the path below it."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from filesync_dagster.storage.durable import make_folder, publish, sync_file


class Root(Protocol):
    """Stores whole files under keys. Raises OSError, which the store translates, or StorageError."""

    def uri(self, key: str) -> str:
        """Return what others call the file of a key."""
        ...

    def key(self, uri: str) -> str | None:
        """Return the key of a file of this root, or None."""
        ...

    def scratch(self, key: str) -> Path:
        """Return where to write, on a local disk, what `put` will store."""
        ...

    def put(self, written: Path, key: str) -> None:
        """Store a complete local file: afterwards the key has all of it, or what it had before."""
        ...

    def create(self, key: str, text: str) -> None:
        """Store a small file unless the key has one: of several that try, one does."""
        ...

    def read(self, key: str) -> str:
        """Return the text of a small file. Raises FileNotFoundError."""
        ...

    def get(self, key: str, to: Path) -> None:
        """Copy the file of a key to a local path. Raises FileNotFoundError."""
        ...

    def exists(self, key: str) -> bool:
        """Tell whether there is a file under a key."""
        ...

    def delete(self, key: str) -> None:
        """Delete a file; nothing happens when there is none."""
        ...

    def move(self, key: str, to: str) -> None:
        """Give a file another key. Nothing happens when there is none."""
        ...

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder."""
        ...

    def walk(self, folder: str) -> Iterator[tuple[str, float]]:
        """Yield every key below a folder, with its age in seconds."""
        ...

    def check(self) -> int | None:
        """Find out whether files can be stored; return how many bytes are free, where that is known."""
        ...


class FolderRoot:
    """A folder of a local disk. Its URIs are absolute paths, which any tool opens."""

    def __init__(self, folder: Path, *, private: bool = True) -> None:
        """`private`: what is made can be read by its owner only; else as the umask has it."""
        self.folder = folder.absolute()
        self._private = private

    def uri(self, key: str) -> str:  # noqa: D102  # the protocol says it
        return str(self.folder / key)

    def key(self, uri: str) -> str | None:  # noqa: D102  # the protocol says it
        path = Path(uri)
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else None

    def scratch(self, key: str) -> Path:  # noqa: D102  # the protocol says it
        final = self.folder / key
        make_folder(final.parent, private=self._private)
        return final.with_name(scratch_name(final.name))

    def put(self, written: Path, key: str) -> None:  # noqa: D102  # the protocol says it
        if self._private:
            written.chmod(0o600)
        publish(written, self.folder / key)

    def create(self, key: str, text: str) -> None:  # noqa: D102  # the protocol says it
        written = self.scratch(key)
        try:
            written.write_text(text)
            if self._private:
                written.chmod(0o600)
            with suppress(FileExistsError):
                os.link(written, self.folder / key)
        except OSError as exc:
            if exc.errno not in {errno.EPERM, errno.ENOTSUP, errno.EMLINK}:
                raise
            with suppress(FileExistsError), (self.folder / key).open("x") as file:  # a disk without hard links
                file.write(text)
        finally:
            written.unlink(missing_ok=True)

    def read(self, key: str) -> str:  # noqa: D102  # the protocol says it
        return (self.folder / key).read_text()

    def get(self, key: str, to: Path) -> None:
        """Not needed: files of a folder are used where they are."""
        raise FileExistsError(self.folder / key)

    def exists(self, key: str) -> bool:  # noqa: D102  # the protocol says it
        return (self.folder / key).is_file()

    def delete(self, key: str) -> None:  # noqa: D102  # the protocol says it
        path = self.folder / key
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_file(path.parent)

    def move(self, key: str, to: str) -> None:  # noqa: D102  # the protocol says it
        path, final = self.folder / key, self.folder / to
        make_folder(final.parent, private=self._private)
        with suppress(FileNotFoundError):  # another process was faster
            publish(path, final)
            sync_file(path.parent)

    def folders(self, folder: str) -> list[str]:  # noqa: D102  # the protocol says it
        place = self.folder / folder
        return sorted(path.name for path in place.iterdir() if path.is_dir()) if place.is_dir() else []

    def walk(self, folder: str) -> Iterator[tuple[str, float]]:  # noqa: D102  # the protocol says it
        now = time.time()
        for path in (self.folder / folder).rglob("*"):
            try:
                if path.is_file():
                    yield path.relative_to(self.folder).as_posix(), now - path.stat().st_mtime
            except FileNotFoundError:
                continue  # another process was faster

    def check(self) -> int | None:  # noqa: D102  # the protocol says it
        make_folder(self.folder, private=self._private)
        probe = self.folder / scratch_name("check")
        probe.touch()
        probe.unlink()
        return shutil.disk_usage(self.folder).free


def scratch_name(name: str) -> str:
    """Return a temporary name, of this writer only, that `is_scratch` knows."""
    return f".{name}.{uuid.uuid4().hex[:12]}.tmp"


def is_scratch(name: str) -> bool:
    """Tell whether a file has a name by `scratch_name`."""
    return name.startswith(".") and name.endswith(".tmp")
