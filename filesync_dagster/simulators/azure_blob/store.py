"""Containers and blobs, and what people do with them."""

import hashlib
import random
import threading
from base64 import b64encode
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from filesync_dagster.simulators.kit.clock import Clock
from filesync_dagster.simulators.kit.refusals import Refusal

CONTAINER = "simulated"
FOLDER_FILES = 100
ACTIONS = frozenset({"container", "write", "rename", "delete", "bulk", "advance"})
"""What may be asked for of a store that is served over HTTP."""


@dataclass
class StoredBlob:
    """A block blob. Times are milliseconds of the store's clock."""

    name: str
    content: bytes
    created: int
    modified: int
    size: int
    etag: str
    content_type: str = "application/octet-stream"
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def md5(self) -> str:
        """The hash of the content in Base64; of a blob that was made in bulk, one that is made up."""
        content = self.content if len(self.content) == self.size else f"{self.name}:{self.etag}".encode()
        return b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


class StoredContainer:
    """Blobs by name, in the order of a listing: that of the bytes of their names."""

    def __init__(self, name: str, created: int) -> None:
        self.name = name
        self.created = created
        self.blobs: dict[str, StoredBlob] = {}
        self._names: list[bytes] = []

    def add(self, blob: StoredBlob) -> None:
        """Take a blob in place of what has its name."""
        if blob.name not in self.blobs:
            insort(self._names, blob.name.encode())
        self.blobs[blob.name] = blob

    def remove(self, name: str) -> StoredBlob:
        """Remove a blob. Raises Refusal."""
        if name not in self.blobs:
            raise Refusal(404, "BlobNotFound", "The specified blob does not exist.")
        del self._names[bisect_left(self._names, name.encode())]
        return self.blobs.pop(name)

    def begin(self, begin: bytes = b"") -> Iterator[StoredBlob]:
        """Yield the blobs from a name on."""
        for number in range(bisect_left(self._names, begin), len(self._names)):
            yield self.blobs[self._names[number].decode()]


class AzureBlobStore:
    """All containers of an account. Thread-safe under `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.containers: dict[str, StoredContainer] = {}
        self.container(CONTAINER)

    def find(self, container: str) -> StoredContainer:
        """Return a container. Raises Refusal."""
        if container not in self.containers:
            raise Refusal(404, "ContainerNotFound", "The specified container does not exist.")
        return self.containers[container]

    def container(self, name: str) -> None:
        """Create a container, unless there is one."""
        with self.lock:
            self.containers.setdefault(name, StoredContainer(name, self.clock.tick()))

    def write(
        self,
        name: str,
        content: bytes = b"",
        container: str = CONTAINER,
        content_type: str = "application/octet-stream",
        metadata: dict[str, str] | None = None,
    ) -> str:
        """Write a blob, new or not, and return its etag."""
        with self.lock:
            home, now = self.find(container), self.clock.tick()
            before = home.blobs.get(name)
            etag = f'"0x{0x8DE000000000000 + now:X}"'
            created = before.created if before else now
            home.add(StoredBlob(name, content, created, now, len(content), etag, content_type, metadata or {}))
            return etag

    def rename(self, old: str, new: str, container: str = CONTAINER) -> None:
        """Copy a blob to another name and remove it: the store knows nothing else."""
        with self.lock:
            found = self.find(container).remove(old)
            self.write(new, found.content, container, found.content_type, found.metadata)

    def delete(self, name: str, container: str = CONTAINER) -> None:
        """Delete a blob for good."""
        with self.lock:
            self.find(container).remove(name)
            self.clock.tick()

    def bulk(self, count: int, seed: int = 0, container: str = CONTAINER) -> None:
        """Fill a container with so many blobs, whose contents are not kept."""
        dice = random.Random(seed)  # noqa: S311 - sizes, not secrets
        with self.lock:
            for number in range(count):
                name = f"folder-{number // FOLDER_FILES:05}/drawing {number:07}.dwg"
                self.write(name, container=container)
                self.find(container).blobs[name].size = int(dice.paretovariate(0.6) * 1000)

    def advance(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self.clock.advance(seconds)

    def listing(self, container: str = CONTAINER) -> dict[str, int]:
        """Return what a person sees: the size of each blob."""
        with self.lock:
            return {blob.name: blob.size for blob in self.find(container).begin()}
