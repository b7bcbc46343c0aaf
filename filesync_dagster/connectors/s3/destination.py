"""A bucket as a destination."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, TypeAlias

import httpx

from filesync_dagster.connectors.base import ContentSource
from filesync_dagster.connectors.destination import (
    NOTHING,
    PART_SUFFIX,
    TRASH_FOLDER,
    Deletion,
    DestinationFacts,
    DestinationFile,
    FilePermissions,
    Part,
    Precondition,
    Receipt,
    Upload,
    foreign_error,
    is_expected,
    require_announced,
    require_possible_name,
)
from filesync_dagster.connectors.object_store.destination import folder_prefix
from filesync_dagster.connectors.object_store.listing import list_objects
from filesync_dagster.connectors.object_store.store import ObjectPage, text_of
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.rest.fields import instants_of, sizes_of
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.connectors.s3.bucket import S3Bucket
from filesync_dagster.connectors.s3.deletions import delete_objects
from filesync_dagster.connectors.s3.details import S3Details
from filesync_dagster.connectors.s3.metadata import etag_in, metadata_headers
from filesync_dagster.connectors.s3.multipart import SINGLE_MAX_BYTES, MultipartUploads
from filesync_dagster.connectors.s3.objects import ObjectCalls, RequestBody
from filesync_dagster.connectors.s3.proof import ObjectProof
from filesync_dagster.connectors.s3.quirks import quirks_for
from filesync_dagster.connectors.s3.server_copy import CopySource, ServerCopies
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.connectors.s3.transport import Transport
from filesync_dagster.core.content import DIGESTS, ContentStream, FileEntry
from filesync_dagster.core.errors import (
    ContentMismatch,
    Foreign,
    NotFound,
    ProtocolViolation,
    SourceError,
)
from filesync_dagster.core.model import ConnectionReport, Meter, from_storable_text, to_storable_text

KEY_MAX_BYTES: Final = 1_024
OBJECT_MAX_BYTES: Final = 5 << 40
TRASH_NAMES_COUNT: Final = 10_000
Parts: TypeAlias = list[Part]  # in a class that has a method of this name


class S3Destination:
    """Writes objects below a prefix, which is taken for a folder. A version is an ETag.

    What the store itself refuses (`If-Match`) is believed where its row of `quirks` says so; elsewhere a look goes
    just before, and two who write the same key at the same moment are not kept apart.
    `wire` replaces the network, and `policy` the patience, in tests.
    """

    def __init__(
        self,
        details: S3Details,
        meter: Meter,
        *,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        quirks = quirks_for(details.provider, details.endpoint_url)
        self._details = details
        self._quirks = quirks
        self._prefix = folder_prefix(details.prefix)
        self._transport = Transport(details, quirks, meter, policy, wire)
        self._bucket = S3Bucket(self._transport, quirks, self._prefix, details.page_size, owners=False)
        self._objects = ObjectCalls(self._transport)
        self._proof = ObjectProof(self._objects, quirks)
        self._multipart = MultipartUploads(self._objects, self._proof)
        self._copies = ServerCopies(self._objects, self._proof, self._multipart, details.bucket)

    @property
    def facts(self) -> DestinationFacts:
        """A move is a copy inside the store; the trash costs one, too."""
        return DestinationFacts(
            atomic_replace=True,
            rename=False,
            server_copy=True,
            resumable=True,
            folders=False,
            conditional=self._quirks.conditional_writes,
            permissions=False,
            trash=False,
            lists=True,
            hashes=("md5",),
            max_path_bytes=KEY_MAX_BYTES - len(self._prefix.encode()),
            max_size=OBJECT_MAX_BYTES,
            keeps_dots=True,
        )

    def check(self) -> ConnectionReport:
        """List one key, and begin an upload that is given up at once: it leaves no object, nor a version of one."""
        started = time.monotonic()
        self._bucket.page(limit=1)
        latency = (time.monotonic() - started) * 1_000
        upload = Upload(path=f".probe-{secrets.token_hex(8)}{PART_SUFFIX}", size=None)
        self._multipart.abort(self._multipart.begin(self._key(upload.path), upload))
        below = f", keys below {self._prefix}" if self._prefix else ""
        sees = f"bucket {self._details.bucket} in {self._transport.region}{below}"
        return ConnectionReport(latency, sees, ("list objects", "write objects"))

    def stat(self, path: str) -> DestinationFile | None:
        """Ask for the object by itself: a listing has no tags."""
        return self._proof.file(path, self._key(path))

    def write(self, upload: Upload, content: ContentStream) -> Receipt:
        """Send a small file in one request, a large one in parts that become an object when all of them are there."""
        require_possible_name(upload.path, self.facts)
        if upload.size is not None and upload.size > SINGLE_MAX_BYTES:
            return self._write_parts(upload, b"", content)
        held = bytearray()
        for block in content:
            held += block
            if len(held) > SINGLE_MAX_BYTES:
                return self._write_parts(upload, bytes(held), content)
        _require_whole(upload, content, len(held))
        return self._write_single(upload, bytes(held), content)

    def move(
        self, path: str, new_path: str, expected: Precondition | None, *, onto: Precondition | None = NOTHING
    ) -> Receipt:
        """Copy inside the store, look at both, then delete the old one."""
        require_possible_name(new_path, self.facts)
        old, new = self.stat(path), self.stat(new_path)
        if old is None:
            return self._copies.made_before(path, new, expected)
        if expected == NOTHING or not is_expected(old, expected):
            raise foreign_error(path, old, expected)
        if path == new_path:
            return self._proof.receipt(old)
        if is_expected(new, onto):
            receipt = self._copies.copy_within(old, self._key(path), new_path, self._key(new_path))
        elif new is not None and self._copies.is_copy(new, old):  # made before the answer was lost
            receipt = self._proof.receipt(new)
        else:
            raise foreign_error(new_path, new, onto)
        for error in delete_objects(self._objects, [self._key(path)]).values():
            raise error
        return receipt

    def delete(self, deletions: Sequence[Deletion]) -> list[SourceError | None]:
        """Look at those of which something is expected, side by side, then delete all that may go, 1,000 at a time."""
        with thread_pool(self._details.list_workers, "s3-delete") as pool:
            ended = enumerate(pool.map(self._may_delete, deletions))
            errors = {number: error for number, error in ended if error is not None}
        keys = {n: self._key(one.path) for n, one in enumerate(deletions) if n not in errors}
        try:
            failed = delete_objects(self._objects, list(keys.values()))
        except SourceError as error:
            failed = dict.fromkeys(keys.values(), error)
        errors |= {number: failed[key] for number, key in keys.items() if key in failed}
        return [errors.get(number) for number in range(len(deletions))]

    def make_folder(self, path: str) -> None:
        """Do nothing: a bucket has no folders."""

    def remove_folder(self, path: str) -> bool:
        """Do nothing: a bucket has no folders."""
        return True

    def set_permissions(self, path: str, wanted: FilePermissions) -> FilePermissions:
        """Raise: who may read an object is up to the bucket."""
        raise ProtocolViolation("The permissions of an object are not set.", hint="Leave out `permissions`.")

    def list(self, below: str = "") -> Iterator[Sequence[DestinationFile]]:
        """List the keys, in ranges side by side. Tags are told by `stat` only."""
        prefix = f"{self._prefix}{text_of(from_storable_text(below))}/" if below else self._prefix
        with closing(list_objects(self._bucket.below(prefix), None, (), self._details.list_workers)) as pages:
            for page in pages:
                if page.page.gaps:
                    raise ProtocolViolation(f"{self._transport.where} listed entries without a key.")
                yield tuple(self._files(page.page))

    def resumable_from(self) -> int:
        """More than goes in one request."""
        return SINGLE_MAX_BYTES + 1

    def begin(self, upload: Upload) -> dict[str, Any]:
        """Begin an upload of several parts."""
        require_possible_name(upload.path, self.facts)
        return self._multipart.begin(self._key(upload.path), upload)

    def parts(self, upload: Upload, resume: Mapping[str, Any]) -> Parts | None:
        """Ask for the list of parts."""
        return self._multipart.parts(resume)

    def put_part(self, upload: Upload, resume: Mapping[str, Any], number: int, content: ContentStream) -> Part:
        """Send one part; at most 128 MiB of all parts are held at a time."""
        return self._multipart.put_stream(resume, number, content)

    def complete(self, upload: Upload, resume: Mapping[str, Any], parts: Sequence[Part]) -> Receipt:
        """Make an object of the parts, if the store has them as they were sent."""
        digests = {name: value for name, value in upload.tags.items() if name in DIGESTS}
        return self._multipart.complete(upload, resume, parts, self._condition(upload), digests)

    def abort(self, upload: Upload, resume: Mapping[str, Any]) -> None:
        """Forget an upload and its parts."""
        self._multipart.abort(resume)

    def can_copy(self, source: ContentSource) -> bool:
        """Whether a source is a bucket of the same store, asked with the same credentials."""
        return isinstance(source, S3Source) and source.transport.identity.tenant == self._transport.identity.tenant

    def copy(self, source: ContentSource, entry: FileEntry, upload: Upload) -> Receipt:
        """Copy an object inside the store, and look at both sides afterwards."""
        if not isinstance(source, S3Source):
            raise ProtocolViolation(f"{entry.path} is not in a bucket: it cannot be copied inside the store.")
        require_possible_name(upload.path, self.facts)
        objects = ObjectCalls(source.transport)
        origin = CopySource.of(source.transport.bucket, entry)
        original = self._copies.original(objects, origin, entry)
        key = self._key(upload.path)
        found = self._proof.file(upload.path, key)
        if not is_expected(found, upload.expected):
            if found is None or not self._copies.is_copy(found, original):
                raise foreign_error(upload.path, found, upload.expected)
            return self._proof.receipt(found)
        return self._copies.copy_from(objects, origin, original, upload, key)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _key(self, path: str) -> bytes:
        return self._prefix.encode() + from_storable_text(path)

    def _write_single(self, upload: Upload, body: bytes, content: ContentStream) -> Receipt:
        key, sending = self._key(upload.path), RequestBody.of_content(body, content)
        headers = metadata_headers(upload, md5=sending.md5.hex()) | self._condition(upload)
        if upload.expected is not None and not self._quirks.conditional_writes:
            found = self._proof.file(upload.path, key)
            if not is_expected(found, upload.expected):
                return self._there_already(upload, found, sending, content)
        try:
            answer = self._objects.ask("PUT", key, None, headers, sending)
        except (Foreign, NotFound) as error:
            found = self._proof.file(upload.path, key)
            if isinstance(error, NotFound) and upload.expected in {None, NOTHING}:
                raise
            return self._there_already(upload, found, sending, content)
        return self._proof.of_single(upload, key, answer.headers, sending, content.hasher.hexdigests)

    def _condition(self, upload: Upload) -> dict[str, str]:
        if upload.expected is None:
            return {}
        version = upload.expected.version
        return {"if-none-match": "*"} if version is None else {"if-match": f'"{version}"'}

    def _there_already(
        self, upload: Upload, found: DestinationFile | None, sending: RequestBody, content: ContentStream
    ) -> Receipt:
        """Return the receipt of an object that has the same content: an earlier answer was lost. Raises Foreign."""
        if found is None or not self._proof.has(found, upload, sending):
            raise foreign_error(upload.path, found, upload.expected)
        return self._proof.receipt(found, content.hasher.hexdigests)

    def _write_parts(self, upload: Upload, begin: bytes, content: ContentStream) -> Receipt:
        key = self._key(upload.path)
        found = self._proof.file(upload.path, key)
        if not is_expected(found, upload.expected) and (found is None or found.size != (upload.size or found.size)):
            raise foreign_error(upload.path, found, upload.expected)
        resume = self._multipart.begin(key, upload)
        try:
            parts = self._multipart.put_all(resume, begin, content)
            length = sum(part.size for part in parts)
            _require_whole(upload, content, length)
            return self._multipart.complete(upload, resume, parts, self._condition(upload), content.hasher.hexdigests)
        except BaseException:
            self._multipart.abort_quietly(resume)
            raise

    def _may_delete(self, deletion: Deletion) -> SourceError | None:
        """Return why something may not be deleted; put a copy of it into the trash first, where that is wanted."""
        try:
            require_possible_name(deletion.path, self.facts)
            if deletion.expected is None and deletion.trash is None:
                return None
            found = self.stat(deletion.path)
            if found is None:
                return None
            if deletion.expected == NOTHING or not is_expected(found, deletion.expected):
                return foreign_error(deletion.path, found, deletion.expected)
            if deletion.trash is not None:
                self._discard(deletion, found)
        except SourceError as error:
            return error
        return None

    def _discard(self, deletion: Deletion, found: DestinationFile) -> None:
        path = f"{TRASH_FOLDER}/{deletion.trash}/{deletion.path}"
        for number in range(1, TRASH_NAMES_COUNT):
            name = path if number == 1 else _numbered(path, number)
            there = self.stat(name)
            if there is not None and not self._copies.is_copy(there, found):
                continue
            if there is None:
                self._copies.copy_within(found, self._key(deletion.path), name, self._key(name))
            return
        raise Foreign(f"The trash has too many files with the name of {deletion.path}.")

    def _files(self, page: ObjectPage) -> Iterator[DestinationFile]:
        cut = len(self._prefix.encode())
        told = page.columns
        sizes, moments = _values(sizes_of(told["Size"])), _values(instants_of(told["LastModified"]))
        for key, etag, size, moment in zip(page.keys, told["ETag"], sizes, moments, strict=True):
            path = to_storable_text(key[cut:])
            if path and not path.startswith(f"{TRASH_FOLDER}/") and not path.endswith(PART_SUFFIX):
                yield self._proof.listed_file(path, etag_in({"etag": etag or ""}), size, moment)


def _require_whole(upload: Upload, content: ContentStream, length: int) -> None:
    if not content.proved or content.hasher.length != length:
        raise ContentMismatch(f"The content of {upload.path} was not read from its beginning to its end.")
    require_announced(upload, length, content.hasher.hexdigests)


def _values(column: Any) -> Sequence[Any]:
    """Return a column as Python values, be it one of Arrow or not."""
    return column if isinstance(column, list) else column.to_pylist()


def _numbered(path: str, number: int) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return f"{folder}{slash}" + (f"{stem} ({number}){dot}{ending}" if stem else f"{name} ({number})")
