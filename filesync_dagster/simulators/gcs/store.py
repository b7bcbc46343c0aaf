"""Buckets as people see them: objects, their generations, and what of them is kept after a deletion."""

import hashlib
import random
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from filesync_dagster.simulators.gcs.pubsub import PubSub
from filesync_dagster.simulators.kit.clock import Clock
from filesync_dagster.simulators.kit.refusals import Refusal

BUCKET = "simulated-bucket"
ACTIONS = ("write", "delete", "rename", "advance")
SOFT_DELETE_SECONDS = 7 * 86_400
FOLDER_FILES = 100


@dataclass(slots=True)
class StoredObject:
    """One generation of an object. Times are in milliseconds; `deleted` is when it was live no longer."""

    name: str
    generation: int
    content: bytes
    created: int
    updated: int
    metageneration: int = 1
    md5: bytes | None = None
    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "STANDARD"
    size: int = 0
    deleted: int | None = None
    soft_deleted: int | None = None


class StoredBucket:
    """One bucket: the generations of each name, the youngest last; `soft` are those that are gone but kept."""

    def __init__(self, name: str, created: int) -> None:
        self.name = name
        self.created = created
        self.versioned = False
        self.soft_delete_seconds = SOFT_DELETE_SECONDS
        self.names: list[bytes] = []  # that have generations, in the order of a listing
        self.objects: dict[str, list[StoredObject]] = {}
        self.soft: list[StoredObject] = []

    def live(self, name: str) -> StoredObject | None:
        """Return the generation of a name that is live."""
        found = self.objects.get(name)
        return found[-1] if found and found[-1].deleted is None else None

    def after(self, begin: bytes, *, versions: bool, soft: bool) -> Iterator[StoredObject]:
        """Yield what a listing has from a name on."""
        if soft:
            kept = sorted(self.soft, key=lambda one: (one.name.encode(), one.generation))
            yield from (one for one in kept if one.name.encode() >= begin)
            return
        for number in range(bisect_left(self.names, begin), len(self.names)):
            generations = self.objects[self.names[number].decode()]
            yield from generations if versions else (one for one in generations[-1:] if one.deleted is None)

    def add(self, added: StoredObject) -> None:
        """Take a generation that is the youngest of its name."""
        if added.name not in self.objects:
            insort(self.names, added.name.encode())
            self.objects[added.name] = []
        self.objects[added.name].append(added)

    def end(self, name: str, now: int) -> None:
        """Let the live generation of a name be live no longer; keep it, for as long as the bucket keeps such."""
        found = self.live(name)
        if found is None:
            return
        found.deleted = now
        if not self.versioned:
            self.remove(found, now)

    def remove(self, gone: StoredObject, now: int) -> None:
        """Remove a generation for good, or to what is soft-deleted."""
        self.objects[gone.name].remove(gone)
        if not self.objects[gone.name]:
            del self.objects[gone.name]
            del self.names[bisect_left(self.names, gone.name.encode())]
        if self.soft_delete_seconds:
            self.soft.append(replace(gone, deleted=gone.deleted or now, soft_deleted=now))


class GcsStore:
    """All buckets of a project. Thread-safe under `lock`."""

    def __init__(self, seed: int = 0) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.dice = random.Random(seed)  # noqa: S311 - sizes, not secrets
        self.buckets: dict[str, StoredBucket] = {}
        self.sessions: dict[str, Any] = {}  # uploads that are not finished
        self.pubsub = PubSub()
        self.announce: Callable[..., None] | None = None  # publishes what happens to objects
        self.make_bucket(BUCKET)

    def make_bucket(self, name: str) -> StoredBucket:
        """Make a bucket."""
        made = self.buckets[name] = StoredBucket(name, self.clock.tick())
        return made

    def bucket(self, name: str) -> StoredBucket:
        """Return a bucket. Raises Refusal."""
        if name not in self.buckets:
            raise Refusal(404, "notFound", "The specified bucket does not exist.")
        return self.buckets[name]

    def put(self, name: str, content: bytes = b"", bucket: str = BUCKET, **facts: Any) -> StoredObject:
        """Write an object: its name has a generation more."""
        with self.lock:
            now = self.clock.tick()
            self.end(bucket, name, now, overwritten_by=now * 1000)
            facts.setdefault("md5", hashlib.md5(content, usedforsecurity=False).digest())
            made = StoredObject(name, now * 1000, content, now, now, size=len(content), **facts)
            self.bucket(bucket).add(made)
            self.tell("OBJECT_FINALIZE", bucket, made, now)
            return made

    def end(self, bucket: str, name: str, now: int, overwritten_by: int | None = None) -> None:
        """Let the live generation of a name be live no longer, and tell of it."""
        found = self.bucket(bucket)
        gone = found.live(name)
        found.end(name, now)
        if gone is not None:
            more = {} if overwritten_by is None else {"overwrittenByGeneration": str(overwritten_by)}
            self.tell("OBJECT_ARCHIVE" if found.versioned else "OBJECT_DELETE", bucket, gone, now, **more)

    def tell(self, kind: str, bucket: str, changed: StoredObject, now: int, **more: str) -> None:
        """Tell of what happened to an object, where somebody wants to know."""
        if self.announce is not None:
            self.announce(kind, bucket, changed, now, **more)

    def write(self, name: str, content: bytes = b"", bucket: str = BUCKET) -> str:
        """Write an object, and return its generation."""
        return str(self.put(name, content, bucket).generation)

    def delete(self, name: str, bucket: str = BUCKET) -> None:
        """Delete an object. Raises KeyError."""
        with self.lock:
            if self.bucket(bucket).live(name) is None:
                raise KeyError(name)
            self.end(bucket, name, self.clock.tick())

    def rename(self, old: str, new: str, bucket: str = BUCKET) -> None:
        """Copy an object to another name, then delete it: the store knows nothing else."""
        with self.lock:
            found = self.bucket(bucket).live(old)
            if found is None:
                raise KeyError(old)
            self.put(new, found.content, bucket, content_type=found.content_type, md5=found.md5)
            self.delete(old, bucket)

    def compose(self, name: str, parts: list[str], bucket: str = BUCKET) -> StoredObject:
        """Make an object of others: it has no MD5."""
        with self.lock:
            found = [self.bucket(bucket).live(part) for part in parts]
            content = b"".join(part.content for part in found if part is not None)
            return self.put(name, content, bucket, md5=None)

    def touch(self, name: str, metadata: Mapping[str, str], bucket: str = BUCKET) -> None:
        """Change the metadata of an object: it has a metageneration more."""
        with self.lock:
            found = self.bucket(bucket).live(name)
            if found is None:
                raise KeyError(name)
            found.metadata, found.updated = dict(metadata), self.clock.tick()
            found.metageneration += 1
            self.tell("OBJECT_METADATA_UPDATE", bucket, found, found.updated)

    def advance(self, seconds: float) -> None:
        """Let time pass; what was soft-deleted long enough ago is gone for good."""
        with self.lock:
            self.clock.advance(seconds)
            for bucket in self.buckets.values():
                oldest = self.clock.now - bucket.soft_delete_seconds * 1000
                bucket.soft = [one for one in bucket.soft if (one.soft_deleted or 0) > oldest]

    def listing(self, bucket: str = BUCKET) -> dict[str, int]:
        """Return what a person sees: the size of each object."""
        with self.lock:
            return {one.name: one.size for one in self.bucket(bucket).after(b"", versions=False, soft=False)}

    def bulk(self, count: int, seed: int = 0) -> None:
        """Fill the bucket with so many objects, whose contents are not kept."""
        dice = random.Random(seed)  # noqa: S311 - sizes, not secrets
        for number in range(count):
            name = f"folder-{number // FOLDER_FILES:05}/drawing {number:07}.dwg"
            made = self.put(name, md5=hashlib.md5(name.encode(), usedforsecurity=False).digest())
            made.size = int(dice.paretovariate(0.6) * 1000)


def crc32c_of(content: bytes) -> int:
    """Return the checksum that Google has of each content."""
    try:
        import google_crc32c
    except ImportError:
        table, value = _crc_table(), 0xFFFFFFFF
        for byte in content:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        return value ^ 0xFFFFFFFF
    found: int = google_crc32c.value(content)
    return found


@lru_cache(maxsize=1)
def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table
