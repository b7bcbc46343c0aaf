"""Where stored files live: a folder, or a prefix of an object store. A key is the path below it."""

import time
import uuid
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import pyarrow.fs as pafs

from filesync_dagster.errors import StorageError
from filesync_dagster.snapshots.disk import make_folder, publish, synced

BLOCK = 8 << 20
SAID_BY_URL = ("region", "scheme", "endpoint_override")


class Root(Protocol):
    """Stores whole files under keys. Raises what its transport raises; the store translates."""

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

    def get(self, key: str, to: Path) -> None:
        """Copy the file of a key to a local path. Raises FileNotFoundError."""
        ...

    def exists(self, key: str) -> bool:
        """Tell whether there is a file under a key."""
        ...

    def delete(self, key: str) -> None:
        """Delete a file; nothing happens when there is none."""
        ...

    def walk(self, folder: str) -> Iterator[tuple[str, float]]:
        """Yield every key below a folder, with its age in seconds."""
        ...


class FolderRoot:
    """A folder of a local disk. Its URIs are absolute paths, which any tool opens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def uri(self, key: str) -> str:  # noqa: D102  # the protocol says it
        return str(self.folder / key)

    def key(self, uri: str) -> str | None:  # noqa: D102  # the protocol says it
        path = Path(uri)
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else None

    def scratch(self, key: str) -> Path:  # noqa: D102  # the protocol says it
        final = self.folder / key
        make_folder(final.parent)
        return final.with_name(scratch_name(final.name))

    def put(self, written: Path, key: str) -> None:  # noqa: D102  # the protocol says it
        publish(written, self.folder / key)

    def get(self, key: str, to: Path) -> None:
        """Not needed: files of a folder are used where they are."""
        raise FileExistsError(self.folder / key)

    def exists(self, key: str) -> bool:  # noqa: D102  # the protocol says it
        return (self.folder / key).is_file()

    def delete(self, key: str) -> None:  # noqa: D102  # the protocol says it
        path = self.folder / key
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            synced(path.parent)

    def walk(self, folder: str) -> Iterator[tuple[str, float]]:  # noqa: D102  # the protocol says it
        now = time.time()
        for path in (self.folder / folder).rglob("*"):
            try:
                if path.is_file():
                    yield path.relative_to(self.folder).as_posix(), now - path.stat().st_mtime
            except FileNotFoundError:
                continue  # another process was faster


class ObjectRoot:
    """A prefix of an object store, as pyarrow.fs reaches it. Its URIs leave the query out."""

    def __init__(self, url: str, scratch: Path, options: Mapping[str, str]) -> None:
        self._url = url
        self._scratch = scratch
        self._options = dict(options)
        parts = urlsplit(url)
        self._base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")

    @cached_property
    def _place(self) -> tuple[pafs.FileSystem, str]:
        if self._options and self._base.startswith("s3://"):
            said = dict(parse_qsl(urlsplit(self._url).query))
            keywords: dict[str, Any] = {name: said[name] for name in SAID_BY_URL if name in said}
            return pafs.S3FileSystem(**{**keywords, **self._options}), self._base.removeprefix("s3://")
        filesystem, path = pafs.FileSystem.from_uri(self._url)
        return filesystem, path.rstrip("/")

    def _at(self, key: str) -> tuple[pafs.FileSystem, str]:
        filesystem, path = self._place
        return filesystem, f"{path}/{key}"

    def uri(self, key: str) -> str:  # noqa: D102  # the protocol says it
        return f"{self._base}/{key}"

    def key(self, uri: str) -> str | None:  # noqa: D102  # the protocol says it
        return uri.removeprefix(f"{self._base}/") if uri.startswith(f"{self._base}/") else None

    def scratch(self, key: str) -> Path:  # noqa: D102  # the protocol says it
        make_folder(self._scratch)
        return self._scratch / scratch_name(Path(key).name)

    def put(self, written: Path, key: str) -> None:
        """Upload a file. An object appears when its upload is complete, never before."""
        filesystem, path = self._at(key)
        try:
            with written.open("rb") as source, filesystem.open_output_stream(path) as target:
                while block := source.read(BLOCK):
                    target.write(block)
            self._check_size(path, written.stat().st_size)
        except BaseException:
            # Leaving the stream completes the upload, even of half a file.
            self.delete(key)
            raise

    def _check_size(self, path: str, expected: int) -> None:
        stored = self._place[0].get_file_info(path).size
        if stored != expected:
            raise StorageError(f"{path} was stored with {stored} bytes instead of {expected}.", hint="Run it again.")

    def get(self, key: str, to: Path) -> None:  # noqa: D102  # the protocol says it
        filesystem, path = self._at(key)
        with filesystem.open_input_stream(path) as source, to.open("wb") as target:
            while block := source.read(BLOCK):
                target.write(block)

    def exists(self, key: str) -> bool:  # noqa: D102  # the protocol says it
        filesystem, path = self._at(key)
        return bool(filesystem.get_file_info(path).type == pafs.FileType.File)

    def delete(self, key: str) -> None:  # noqa: D102  # the protocol says it
        filesystem, path = self._at(key)
        try:
            filesystem.delete_file(path)
        except FileNotFoundError:
            return

    def walk(self, folder: str) -> Iterator[tuple[str, float]]:  # noqa: D102  # the protocol says it
        filesystem, path = self._at(folder)
        selector = pafs.FileSelector(path, allow_not_found=True, recursive=True)
        for info in filesystem.get_file_info(selector):
            if info.type == pafs.FileType.File:
                key = f"{folder}{info.path.removeprefix(path)}"
                yield key, time.time() - info.mtime.timestamp() if info.mtime else 0.0


def root_at(place: str, cache: Path, options: Mapping[str, str]) -> Root:
    """Return the root that a setting names: a path, a file:// URL or an object store's URL. No I/O."""
    scheme = urlsplit(place).scheme
    if scheme in {"", "file"} or len(scheme) == 1:
        return FolderRoot(Path(urlsplit(place).path if scheme == "file" else place).expanduser())
    return ObjectRoot(place, cache / "uploads", options)


def scratch_name(name: str) -> str:
    """Return a temporary name, of this writer only, that `is_scratch` knows."""
    return f".{name}.{uuid.uuid4().hex[:12]}.tmp"


def is_scratch(name: str) -> bool:
    """Tell whether a file has a name by `scratch_name`."""
    return name.startswith(".") and name.endswith(".tmp")
