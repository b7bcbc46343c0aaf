"""The content of files: streams of blocks with a bound, hashed on the way, proved at their end.

A source opens a file at the version that the inventory has (`ContentSource.open`); what came is believed only when its
length, its hash where the store has told one, and the version after the last block are as they must be.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from filesync_dagster.core.digests import PLAIN, hexdigest_of, is_known, new_digest
from filesync_dagster.core.errors import ContentMismatch, NoContent
from filesync_dagster.core.model import Kind

BLOCK_BYTES: Final = 1 << 20
"""The largest block of a stream: what one stream may hold in memory at a time, but for what its transport has."""

DIGESTS: Final = PLAIN
"""Hashes of a whole content that tags of files may tell."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file as the inventory has it: the fields of FILE_SCHEMA that reading its content needs."""

    external_id: str
    path: str
    kind: str = "file"  # a Kind
    scope: str = ""
    size: int | None = None  # bytes; None: the store does not tell
    mime_type: str | None = None
    modified_at: datetime | None = None
    version: str | None = None
    content_hash: str | None = None  # "md5:…", "sha256:…"
    permissions: str | None = None  # canonical JSON
    owner: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the entry of a row of FILE_SCHEMA or FILES_SCHEMA, whose metadata is JSON text."""
        import json

        known = {name: row[name] for name in cls.__dataclass_fields__ if name in row and name != "metadata"}
        return cls(**known, metadata=json.loads(row.get("metadata") or "{}") or {})


def whole_hash(content_hash: str | None) -> tuple[str, str] | None:
    """Return algorithm and hexadecimal digest of a hash that is one of the whole content; None where it is not.

    >>> whole_hash("md5:9E107D9D372BB6826BD81D3542A419D6")
    ('md5', '9e107d9d372bb6826bd81d3542a419d6')
    >>> whole_hash("etag:abc-2"), whole_hash(None)
    (None, None)
    """
    algorithm, _, told = (content_hash or "").partition(":")
    digest = hexdigest_of(algorithm, told)
    whole = is_known(algorithm) and len(digest) == new_digest(algorithm).digest_size * 2
    return (algorithm, digest) if whole else None


class Hasher:
    """Several hashes over the same blocks."""

    def __init__(self, *algorithms: str) -> None:
        self._digests = {name: new_digest(name) for name in dict.fromkeys(algorithms)}
        self.length = 0

    def update(self, block: bytes | memoryview) -> None:
        """Take one block."""
        self.length += len(block)
        for digest in self._digests.values():
            digest.update(block)

    def hexdigest(self, algorithm: str) -> str:
        """Return one digest of all that was taken."""
        return self._digests[algorithm].hexdigest()

    @property
    def hexdigests(self) -> dict[str, str]:
        """All digests by algorithm."""
        return {name: digest.hexdigest() for name, digest in self._digests.items()}


class ContentStream(io.RawIOBase):
    """The content of one file at one version, read once, forwards. Iterating gives blocks of up to BLOCK_BYTES.

    It is a binary file, so that libraries can read it. The last block comes only after the proof: the length, the hash
    of the whole where the store told one, and `confirm`, which raises StaleSource when the file is another by now.
    A block of an error, a short or a wrong content raises SourceError instead of ending. `doubt` is asked about what
    came wrong: it is `confirm` for stores where that costs a request which a good content needs not.
    """

    def __init__(
        self,
        blocks: Iterator[bytes],
        *,
        what: str,
        size: int | None,
        mime_type: str | None = None,
        content_hash: str | None = None,
        confirm: Callable[[], None] | None = None,
        doubt: Callable[[], None] | None = None,
        release: Callable[[], None] | None = None,
        algorithms: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self._what = what
        self._expected = whole_hash(content_hash)
        wanted = (*algorithms, self._expected[0]) if self._expected else algorithms
        self.size = size
        self.mime_type = mime_type
        self.hasher = Hasher(*wanted)
        self._confirm = confirm
        self._doubt = doubt or confirm
        self._releases = [] if release is None else [release]
        self._blocks = self._proved(_bounded(blocks))
        self._rest = memoryview(b"")
        self._watch: Callable[[int], None] | None = None
        self.proved = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks that are left. Raises SourceError."""
        if self._rest:
            rest, self._rest = bytes(self._rest), memoryview(b"")
            yield rest
        yield from self._blocks

    def watch(self, watch: Callable[[int], None]) -> None:
        """Let somebody know of each block before it is given: how many bytes. What that raises ends the stream."""
        self._watch = watch

    def hash_also(self, *algorithms: str) -> None:
        """Compute these hashes too. Before the first block is read."""
        expected = (self._expected[0],) if self._expected else ()
        self.hasher = Hasher(*expected, *algorithms)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the next block goes; 0 at the end. Raises SourceError."""
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        if not self.closed:
            super().close()
            while self._releases:
                self._releases.pop(0)()

    def on_close(self, release: Callable[[], None]) -> None:
        """Have something called when it is closed, after what it holds itself was let go of."""
        self._releases.append(release)

    def _proved(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Hold each block back until the next is there, so that the last one is given only with the proof."""
        held: bytes | None = None
        for block in blocks:
            if held is not None:
                yield held
            if self._watch is not None:
                self._watch(len(block))
            self.hasher.update(block)
            if self.size is not None and self.hasher.length > self.size:
                raise self._mismatch(f"more than the {self.size:,} bytes that it should have came")
            held = block
        self._prove()
        if held is not None:
            yield held

    def _prove(self) -> None:
        if self._confirm is not None:
            self._confirm()
        if self.size is not None and self.hasher.length != self.size:
            raise self._mismatch(f"{self.hasher.length:,} of {self.size:,} bytes came")
        if self._expected is not None:
            algorithm, digest = self._expected
            if self.hasher.hexdigest(algorithm) != digest:
                raise self._mismatch(f"its {algorithm} is not the one that the store tells")
        self.proved = True

    def _mismatch(self, why: str) -> ContentMismatch:
        if self._doubt is not None:
            self._doubt()
        return ContentMismatch(f"The content of {self._what} did not come as it is: {why}.")


def _bounded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of at most BLOCK_BYTES, none of them empty."""
    for block in blocks:
        if len(block) <= BLOCK_BYTES:
            if block:
                yield block
            continue
        view = memoryview(block)
        for start in range(0, len(view), BLOCK_BYTES):
            yield bytes(view[start : start + BLOCK_BYTES])


@dataclass(frozen=True, slots=True)
class ByteSpan:
    """Which bytes of a file are wanted: from `start` up to `end`, None where its size is not known."""

    start: int
    end: int | None
    whole: bool

    @classmethod
    def of(cls, size: int | None, offset: int = 0, length: int | None = None) -> Self:
        """Return the bytes from an offset on that a file of this size has.

        >>> ByteSpan.of(10), ByteSpan.of(10, 4, 100)
        (ByteSpan(start=0, end=10, whole=True), ByteSpan(start=4, end=10, whole=False))
        """
        if offset < 0 or (length is not None and length < 0):
            raise ValueError("a part of a file begins at an offset of 0 or more, and has a length of 0 or more")
        if size is None:
            return cls(offset, None if length is None else offset + length, offset == 0 and length is None)
        start = min(offset, size)
        end = size if length is None else min(start + length, size)
        return cls(start, end, start == 0 and end == size)

    @property
    def size(self) -> int | None:
        """How many bytes that is."""
        return None if self.end is None else self.end - self.start


def require_file(entry: FileEntry, *, export: str | None = None) -> None:
    """Raise NoContent for an entry that has no bytes to read: a folder, a shortcut, a document without an export."""
    if entry.kind == Kind.FILE or (entry.kind == Kind.DOCUMENT and export is not None):
        return
    if entry.kind == Kind.DOCUMENT:
        raise NoContent(
            f"{entry.path} is a document of the store's own kind, which has no bytes.",
            hint="Name a format to export it to, such as pdf.",
        )
    raise NoContent(f"{entry.path} is a {entry.kind}, which has no content.")
