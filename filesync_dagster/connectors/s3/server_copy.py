"""Copies inside a store: no byte of them passes here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote

import httpx

from filesync_dagster.connectors.destination import DestinationFile, Part, Precondition, Receipt, Upload
from filesync_dagster.connectors.object_store.tags import encode_value
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.s3.metadata import FIELD, etag_in, metadata_headers
from filesync_dagster.connectors.s3.multipart import PARTS_AT_ONCE_COUNT, MultipartUploads
from filesync_dagster.connectors.s3.objects import ObjectCalls
from filesync_dagster.connectors.s3.proof import ObjectProof
from filesync_dagster.connectors.s3.transport import SAFE
from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import ContentMismatch, Foreign, NotFound, StaleSource
from filesync_dagster.core.model import from_storable_text

COPY_MAX_BYTES: Final = 5 << 30
RANGE_BYTES: Final = 1 << 30
COPIED_FROM: Final = "copied_from"
"""A tag of copies whose ETag is another than that of the original: it has that one."""

KEPT: Final = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language")


@dataclass(frozen=True, slots=True)
class CopySource:
    """An object that is to be copied, as it must be then."""

    bucket: str
    key: bytes
    etag: str
    size: int

    @classmethod
    def of(cls, bucket: str, entry: FileEntry) -> Self:
        """Return the object of an entry of the inventory."""
        return cls(bucket, from_storable_text(entry.external_id), entry.version or "", entry.size or 0)

    @property
    def headers(self) -> dict[str, str]:
        """What names it in a request."""
        path = quote(self.bucket.encode() + b"/" + self.key, safe=SAFE + "/")
        return {"x-amz-copy-source": f"/{path}", "x-amz-copy-source-if-match": f'"{self.etag}"'}


class ServerCopies:
    """Makes copies in one bucket. Thread-safe.

    Stores ignore what a copy is conditional on, so both sides are looked at afterwards.
    """

    def __init__(self, objects: ObjectCalls, proof: ObjectProof, multipart: MultipartUploads, bucket: str) -> None:
        self._objects = objects
        self._proof = proof
        self._multipart = multipart
        self._bucket = bucket

    def copy_within(self, found: DestinationFile, key: bytes, new_path: str, new_key: bytes) -> Receipt:
        """Copy an object of this bucket, with its metadata. Raises Foreign when it changes meanwhile."""
        source = CopySource(self._bucket, key, found.version or "", found.size or 0)
        headers: dict[str, str] = {}
        if found.content_hash is None or source.size > COPY_MAX_BYTES:
            told = self._objects.head(key) or httpx.Headers()
            headers = {name: told[name] for name in KEPT if name in told}
            headers |= {name.lower(): value for name, value in told.items() if name.lower().startswith("x-amz-meta-")}
            headers[FIELD + COPIED_FROM.replace("_", "-")] = encode_value(source.etag)
        self._copy(source, new_key, headers)
        receipt = self._require_copy(source, new_path, new_key, found)
        if self._etag(self._objects, key) != source.etag:
            self._proof.remove_wrong(new_key)
            raise Foreign(f"{found.path} was changed at the destination by somebody else: it was left alone.")
        return receipt

    def original(self, objects: ObjectCalls, source: CopySource, entry: FileEntry) -> DestinationFile:
        """Return what is told of an object that is to be copied. Raises StaleSource when it is another one by now."""
        headers = objects.head(source.key)
        if headers is None or etag_in(headers) != source.etag or headers.get("content-length") != str(source.size):
            raise StaleSource(f"{entry.path} is another version by now.", hint="The next sync tells what it is.")
        return self._proof.file_in(entry.path, headers)

    def copy_from(
        self, objects: ObjectCalls, source: CopySource, original: DestinationFile, upload: Upload, new_key: bytes
    ) -> Receipt:
        """Copy an object of another bucket (or prefix) of the same store. Raises StaleSource when it is another one."""
        headers = metadata_headers(upload, **{COPIED_FROM: source.etag})
        self._copy(source, new_key, {"content-type": "binary/octet-stream", **headers})
        receipt = self._require_copy(source, upload.path, new_key, original)
        if self._etag(objects, source.key) != source.etag:
            self._proof.remove_wrong(new_key)
            raise StaleSource(f"{upload.path} changed while it was copied.", hint="The next sync tells what it is now.")
        return receipt

    def made_before(self, path: str, new: DestinationFile | None, expected: Precondition | None) -> Receipt:
        """Return the receipt of a move whose old path is free. Raises NotFound when the new one is of another file."""
        version = None if expected is None else expected.version
        if new is not None and version is not None and version in {new.version, new.tags.get(COPIED_FROM)}:
            return self._proof.receipt(new)
        raise NotFound(f"{path} is not at the destination any more.")

    def is_copy(self, new: DestinationFile, old: DestinationFile) -> bool:
        """Tell whether one object was copied from another."""
        if new.size != old.size or old.version is None:
            return False
        return new.tags.get(COPIED_FROM) == old.version or (new.version == old.version and new.tags == old.tags)

    def _copy(self, source: CopySource, key: bytes, headers: Mapping[str, str]) -> None:
        if source.size > COPY_MAX_BYTES:
            self._copy_ranges(source, key, headers)
            return
        directive = {"x-amz-metadata-directive": "REPLACE"} if headers else {}
        self._objects.result("PUT", key, "CopyObjectResult", None, {**source.headers, **directive, **headers})

    def _copy_ranges(self, source: CopySource, key: bytes, headers: Mapping[str, str]) -> None:
        resume = self._multipart.begin_with(key, headers) | {"part_size": RANGE_BYTES}
        try:
            with thread_pool(PARTS_AT_ONCE_COUNT, "s3-copy") as pool:
                count = -(-source.size // RANGE_BYTES)
                parts = list(pool.map(lambda number: self._copy_range(source, resume, number), range(1, count + 1)))
            self._multipart.join(resume, parts)
        except BaseException:
            self._multipart.abort_quietly(resume)
            raise

    def _copy_range(self, source: CopySource, resume: Mapping[str, str | int], number: int) -> Part:
        start = (number - 1) * RANGE_BYTES
        size = min(RANGE_BYTES, source.size - start)
        headers = {**source.headers, "x-amz-copy-source-range": f"bytes={start}-{start + size - 1}"}
        query = {"partNumber": str(number), "uploadId": str(resume["upload_id"])}
        key = from_storable_text(str(resume["key"]))
        answer, _ = self._objects.result("PUT", key, "CopyPartResult", query, headers)
        return Part(number, start, size, etag_in({"etag": answer.text("ETag") or ""}) or "")

    def _require_copy(self, source: CopySource, path: str, key: bytes, original: DestinationFile) -> Receipt:
        """Return the receipt of a copy. Raises ContentMismatch for one that is none, and removes it."""
        made = self._proof.file(path, key)
        if made is None:
            raise ContentMismatch(f"The store did not make the copy {path}.")
        differs = None not in {made.content_hash, original.content_hash} and made.content_hash != original.content_hash
        if made.size != source.size or differs:
            self._proof.remove_wrong(key)
            raise ContentMismatch(f"The store did not copy {path} as it was: the copy was removed.")
        return self._proof.receipt(made)

    def _etag(self, objects: ObjectCalls, key: bytes) -> str | None:
        return etag_in(objects.head(key) or {})
