"""An object store as a destination: what is the same in stores that heed conditions and tell an MD5."""

import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Protocol

from filesync_dagster.connectors.destination import (
    NOTHING,
    PART_SUFFIX,
    TRASH_FOLDER,
    Deletion,
    DestinationFacts,
    DestinationFile,
    FilePermissions,
    Precondition,
    Proof,
    Receipt,
    Upload,
    foreign_error,
    is_expected,
    require_announced,
    require_possible_name,
)
from filesync_dagster.connectors.object_store.listing import list_in_any_order
from filesync_dagster.connectors.object_store.store import ObjectPage, TokenStore, bytes_of, text_of
from filesync_dagster.connectors.object_store.tags import metadata_of
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.errors import ContentMismatch, Foreign, NotFound, ProtocolViolation, SourceError
from filesync_dagster.core.model import ConnectionReport, from_storable_text

SINGLE_MAX_BYTES: Final = 16 << 20
PIECE_BYTES: Final = 8 << 20
TRASH_NAMES_COUNT: Final = 10_000
COPIED_FROM: Final = "copied_from"
"""A tag of what was moved: the version that it had at its old path."""


def folder_prefix(prefix: str) -> str:
    """Return a prefix as that of a folder: what is written lies below it, never beside it."""
    return prefix if prefix.endswith("/") or not prefix else f"{prefix}/"


@dataclass(frozen=True, slots=True)
class ObjectUpload:
    """An object on its way: where to, with which metadata, and on which condition."""

    key: bytes
    upload: Upload
    metadata: Mapping[str, str]

    @property
    def expected(self) -> Precondition | None:
        """What must be there; None: whatever is."""
        return self.upload.expected


class ObjectWriter(Protocol):
    """The calls that change objects of one store. Raises SourceError: Foreign where a condition does not hold.

    What `put` and `put_pieces` were sent is checked by the store before it is there.
    """

    def head(self, key: bytes, path: str) -> DestinationFile | None:
        """Return what is told of an object; None when there is none."""
        ...

    def put(self, sending: ObjectUpload, body: bytes, md5: bytes) -> None:
        """Store an object in one request."""
        ...

    def put_pieces(self, sending: ObjectUpload, pieces: Iterator[tuple[bytes, bool]], content: ContentStream) -> None:
        """Store an object piece by piece; each comes with whether it is the last. Nothing is there before the end."""
        ...

    def copy(self, source: bytes, version: str, target: ObjectUpload) -> None:
        """Copy an object inside the store, if it has this version."""
        ...

    def delete(self, key: bytes, version: str | None) -> None:
        """Delete an object, if it has this version. Raises NotFound where none is."""
        ...

    def read(self, key: bytes, size: int) -> Iterator[bytes]:
        """Yield what is stored."""
        ...

    def files_in(self, page: ObjectPage, cut: int) -> Iterator[DestinationFile]:
        """Yield the files of a page; paths are the names from a byte on."""
        ...


class ObjectDestination:
    """Writes objects below a prefix, which is taken for a folder. All conditions are the store's own."""

    def __init__(
        self, store: TokenStore, writer: ObjectWriter, facts: DestinationFacts, what: str, workers: int
    ) -> None:
        self._store = store
        self._writer = writer
        self._facts = facts
        self._what = what
        self._workers = workers

    @property
    def facts(self) -> DestinationFacts:
        """A move is a copy inside the store; the trash costs one, too."""
        return self._facts

    def check(self) -> ConnectionReport:
        """List one object, then write an empty one and delete it."""
        started = time.monotonic()
        self._store.page(limit=1)
        latency = (time.monotonic() - started) * 1_000
        upload = Upload(path=f".probe-{secrets.token_hex(8)}{PART_SUFFIX}", size=0, expected=None)
        self._writer.put(self._sending(upload), b"", hashlib.md5(b"", usedforsecurity=False).digest())
        self._remove(upload.path, None)
        return ConnectionReport(latency, self._what, ("list objects", "write objects", "delete objects"))

    def stat(self, path: str) -> DestinationFile | None:
        """Ask for the object by itself."""
        return self._writer.head(self._key(path), path)

    def write(self, upload: Upload, content: ContentStream) -> Receipt:
        """Send a small file in one request, a large one in pieces that become an object with the last of them."""
        require_possible_name(upload.path, self.facts)
        held = bytearray()
        if upload.size is None or upload.size <= SINGLE_MAX_BYTES:
            for block in content:
                held += block
                if len(held) > SINGLE_MAX_BYTES:
                    break
            else:
                _require_whole(upload, content, len(held))
                return self._write_single(upload, bytes(held), content)
        return self._write_pieces(upload, held, content)

    def move(
        self, path: str, new_path: str, expected: Precondition | None, *, onto: Precondition | None = NOTHING
    ) -> Receipt:
        """Copy inside the store, then delete the old one if it is still the same."""
        require_possible_name(new_path, self.facts)
        old, new = self.stat(path), self.stat(new_path)
        if old is None:
            return self._moved_before(path, new, expected)
        if expected == NOTHING or not is_expected(old, expected):
            raise foreign_error(path, old, expected)
        if path == new_path:
            return _receipt(old)
        if not is_expected(new, onto) and not (new is not None and _is_copy(new, old)):
            raise foreign_error(new_path, new, onto)
        if new is None or not _is_copy(new, old):
            new = self._copy(old, new_path, onto)
        self._remove(path, old.version)
        return _receipt(new)

    def delete(self, deletions: Sequence[Deletion]) -> list[SourceError | None]:
        """Delete files side by side, each on its condition."""
        with thread_pool(self._workers, "object-delete") as pool:
            return list(pool.map(self._delete, deletions))

    def make_folder(self, path: str) -> None:
        """Do nothing: there are no folders."""

    def remove_folder(self, path: str) -> bool:
        """Do nothing: there are no folders."""
        return True

    def set_permissions(self, path: str, wanted: FilePermissions) -> FilePermissions:
        """Raise: who may read an object is up to the store."""
        raise ProtocolViolation("The permissions of an object are not set.", hint="Leave out `permissions`.")

    def list(self, below: str = "") -> Iterator[Sequence[DestinationFile]]:
        """List the names. Tags are told by `stat` only."""
        prefix = f"{self._store.prefix}{text_of(from_storable_text(below))}/" if below else self._store.prefix
        cut = len(bytes_of(self._store.prefix))
        with closing(list_in_any_order(self._store.below(prefix), None, (), self._workers)) as pages:
            for page in pages:
                if page.page.gaps:
                    raise ProtocolViolation(f"{self._store.where} listed entries without a name.")
                yield tuple(
                    found
                    for found in self._writer.files_in(page.page, cut)
                    if found.path
                    and not found.path.startswith(f"{TRASH_FOLDER}/")
                    and not found.path.endswith(PART_SUFFIX)
                )

    def close(self) -> None:
        """Leave the connections to whoever made them."""

    def _key(self, path: str) -> bytes:
        return bytes_of(self._store.prefix) + from_storable_text(path)

    def _sending(self, upload: Upload, **tags: str) -> ObjectUpload:
        return ObjectUpload(self._key(upload.path), upload, metadata_of(upload, tags))

    def _write_single(self, upload: Upload, body: bytes, content: ContentStream) -> Receipt:
        digests = content.hasher.hexdigests
        made = digests.get("md5")
        md5 = hashlib.md5(body, usedforsecurity=False).digest() if made is None else bytes.fromhex(made)
        try:
            self._writer.put(self._sending(upload, md5=md5.hex()), body, md5)
        except Foreign:
            return self._there_already(upload, len(body), md5.hex(), digests)
        return self._proved(upload, len(body), md5.hex(), digests)

    def _write_pieces(self, upload: Upload, held: bytearray, content: ContentStream) -> Receipt:
        found = self.stat(upload.path)
        if not is_expected(found, upload.expected) and (found is None or found.size != (upload.size or found.size)):
            raise foreign_error(upload.path, found, upload.expected)
        pieces = _pieces(held, content, upload)
        digests: Mapping[str, str] = {}
        try:
            self._writer.put_pieces(self._sending(upload), pieces, content)
        except Foreign:
            for _ in pieces:
                pass  # whether it is there already shows in its hash
            digests = content.hasher.hexdigests
            return self._there_already(upload, content.hasher.length, digests.get("md5"), digests)
        digests = content.hasher.hexdigests
        return self._proved(upload, content.hasher.length, digests.get("md5"), digests)

    def _proved(self, upload: Upload, size: int, md5: str | None, digests: Mapping[str, str]) -> Receipt:
        """Look at the object that was made. Raises ContentMismatch, and removes it, when it is another."""
        found = self.stat(upload.path)
        if found is None or found.size != size:
            raise ContentMismatch(f"The store does not hold {upload.path} as it was sent.")
        told = found.content_hash
        if md5 is not None and told is not None and told.startswith("md5:") and told != f"md5:{md5}":
            self._writer.delete(self._key(upload.path), found.version)
            raise ContentMismatch(f"The store does not hold what was sent of {upload.path}: it was removed.")
        if upload.readback and md5 is not None:
            return self._read_back(upload, found, md5, digests)
        return _receipt(found, digests, Proof.HASH if told == f"md5:{md5}" else Proof.SIZE)

    def _read_back(self, upload: Upload, found: DestinationFile, md5: str, digests: Mapping[str, str]) -> Receipt:
        digest = hashlib.md5(usedforsecurity=False)
        for block in self._writer.read(self._key(upload.path), found.size or 0):
            digest.update(block)
        if digest.hexdigest() != md5:
            self._writer.delete(self._key(upload.path), found.version)
            raise ContentMismatch(f"The store does not hold what was sent of {upload.path}: it was removed.")
        return _receipt(found, digests, Proof.READBACK)

    def _there_already(self, upload: Upload, size: int, md5: str | None, digests: Mapping[str, str]) -> Receipt:
        """Return the receipt of an object that has the same content: an earlier answer was lost. Raises Foreign."""
        found = self.stat(upload.path)
        if found is None or found.size != size or md5 is None or found.content_hash != f"md5:{md5}":
            raise foreign_error(upload.path, found, upload.expected)
        return _receipt(found, digests, Proof.HASH)

    def _copy(self, old: DestinationFile, path: str, onto: Precondition | None) -> DestinationFile:
        tags = {**old.tags, COPIED_FROM: old.version or ""}
        upload = Upload(path=path, size=old.size, modified_at=old.modified_at, expected=onto, tags=tags)
        try:
            self._writer.copy(self._key(old.path), old.version or "", self._sending(upload))
        except Foreign:
            made = self.stat(path)
            if made is None or not _is_copy(made, old):
                raise
        made = self.stat(path)
        if made is None or made.size != old.size or made.content_hash != old.content_hash:
            raise ContentMismatch(f"The store did not copy {old.path} to {path} as it was.")
        return made

    def _moved_before(self, path: str, new: DestinationFile | None, expected: Precondition | None) -> Receipt:
        version = None if expected is None else expected.version
        if new is not None and version is not None and version in {new.version, new.tags.get(COPIED_FROM)}:
            return _receipt(new)
        raise NotFound(f"{path} is not at the destination any more.")

    def _delete(self, deletion: Deletion) -> SourceError | None:
        try:
            require_possible_name(deletion.path, self.facts)
            found = self.stat(deletion.path)
            if found is None:
                self._remove(deletion.path, None if deletion.expected is None else deletion.expected.version)
                return None
            if deletion.expected is not None and not is_expected(found, deletion.expected):
                return foreign_error(deletion.path, found, deletion.expected)
            if deletion.trash is not None:
                self._discard(deletion, found)
            self._remove(deletion.path, found.version)
        except SourceError as error:
            return error
        return None

    def _remove(self, path: str, version: str | None) -> None:
        """Delete an object. That it is not there counts when it was asked for twice."""
        try:
            self._writer.delete(self._key(path), version)
        except (NotFound, Foreign):  # nothing there is not what was expected, either
            if self.stat(path) is not None:
                raise

    def _discard(self, deletion: Deletion, found: DestinationFile) -> None:
        path = f"{TRASH_FOLDER}/{deletion.trash}/{deletion.path}"
        for number in range(1, TRASH_NAMES_COUNT):
            name = path if number == 1 else _numbered(path, number)
            there = self.stat(name)
            if there is None:
                self._copy(found, name, NOTHING)
            if there is None or _is_copy(there, found):
                return
        raise Foreign(f"The trash has too many files with the name of {deletion.path}.")


def _pieces(held: bytearray, content: ContentStream, upload: Upload) -> Iterator[tuple[bytes, bool]]:
    """Yield a content in pieces; the last one only when the whole was proved."""
    for block in content:
        held += block
        while len(held) > PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES]), False
            del held[:PIECE_BYTES]
    _require_whole(upload, content, content.hasher.length)
    yield bytes(held), True


def _require_whole(upload: Upload, content: ContentStream, length: int) -> None:
    if not content.proved or content.hasher.length != length:
        raise ContentMismatch(f"The content of {upload.path} was not read from its beginning to its end.")
    require_announced(upload, length, content.hasher.hexdigests)


def _is_copy(new: DestinationFile, old: DestinationFile) -> bool:
    return new.size == old.size and old.version is not None and new.tags.get(COPIED_FROM) == old.version


def _receipt(found: DestinationFile, digests: Mapping[str, str] | None = None, proof: Proof = Proof.SIZE) -> Receipt:
    known = digests or {}
    name = next((name for name in ("sha256", "md5", "sha1") if name in known), None)
    content_hash = found.content_hash if name is None else f"{name}:{known[name]}"
    proved = Proof.HASH if digests is None and found.content_hash is not None else proof
    return Receipt(
        version=found.version,
        size=found.size or 0,
        content_hash=content_hash,
        proof=proved,
        internal_id=found.internal_id,
    )


def _numbered(path: str, number: int) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return f"{folder}{slash}" + (f"{stem} ({number}){dot}{ending}" if stem else f"{name} ({number})")
