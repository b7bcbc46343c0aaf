"""How it is known that an object is what was sent: its ETag, what is read of it again, or its size."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from filesync_dagster.connectors.destination import DestinationFile, Proof, Receipt, Upload
from filesync_dagster.connectors.s3.metadata import encrypts_apart, etag_in, file_of
from filesync_dagster.connectors.s3.objects import ObjectCalls, RequestBody
from filesync_dagster.connectors.s3.quirks import Quirks
from filesync_dagster.connectors.s3.rows import MD5
from filesync_dagster.core.errors import ContentMismatch, TemporarilyDown

SENT: Final = ("sha256", "md5", "sha1")
"""Which hash a receipt tells, in this order."""


class ObjectProof:
    """Looks at objects of one bucket."""

    def __init__(self, objects: ObjectCalls, quirks: Quirks) -> None:
        self._objects = objects
        self._etag_is_md5 = quirks.etag_is_md5

    def file(self, path: str, key: bytes) -> DestinationFile | None:
        """Return what is told of an object; None when there is none."""
        headers = self._objects.head(key)
        return None if headers is None else self.file_in(path, headers)

    def file_in(self, path: str, headers: Mapping[str, str]) -> DestinationFile:
        """Return what an answer to HEAD tells."""
        return file_of(path, headers, etag_is_md5=self._etag_is_md5)

    def listed_file(self, path: str, etag: str | None, size: int | None, moment: datetime | None) -> DestinationFile:
        """Return what a listing tells of an object."""
        is_md5 = etag is not None and self._etag_is_md5 and MD5.fullmatch(etag)
        content_hash = f"md5:{etag.lower()}" if etag is not None and is_md5 else None
        return DestinationFile(path=path, size=size, version=etag, content_hash=content_hash, modified_at=moment)

    def has(self, found: DestinationFile, upload: Upload, sending: RequestBody) -> bool:
        """Tell whether an object has the content that was to be sent."""
        if found.size != len(sending.body):
            return False
        if found.content_hash is not None:
            return found.content_hash == f"md5:{sending.md5.hex()}"
        return found.tags.get("md5") == sending.md5.hex() and all(
            found.tags.get(name) == value for name, value in upload.tags.items()
        )

    def receipt(self, found: DestinationFile, digests: Mapping[str, str] | None = None) -> Receipt:
        """Return the receipt of an object that is as it should be."""
        return Receipt(
            version=found.version,
            size=found.size or 0,
            content_hash=told_hash(digests or {}) or found.content_hash,
            proof=Proof.HASH if found.content_hash is not None else Proof.SIZE,
            internal_id=found.internal_id,
        )

    def of_single(
        self, upload: Upload, key: bytes, headers: Mapping[str, str], sending: RequestBody, digests: Mapping[str, str]
    ) -> Receipt:
        """Return the receipt of a body that was sent in one request. Raises ContentMismatch, and removes it then."""
        etag, wanted = etag_in(headers), sending.md5.hex()
        receipt = Receipt(
            version=etag,
            size=len(sending.body),
            content_hash=told_hash({"md5": wanted, **digests}),
            proof=Proof.HASH,
            internal_id=headers.get("x-amz-version-id"),
        )
        if etag is not None and etag.lower() == wanted:
            return receipt
        found = self.file(upload.path, key)
        if etag is None and found is not None and self.has(found, upload, sending):
            return replace(receipt, version=found.version, proof=self.receipt(found).proof)
        if etag is None or found is None or found.version != etag:
            raise TemporarilyDown(f"{upload.path} is not there as it was written: it is to be written again.")
        told = self._etag_is_md5 and MD5.fullmatch(etag) and not encrypts_apart(headers)
        if found.size != receipt.size or ((told or upload.readback) and self.read_back(key, found) != wanted):
            self.remove_wrong(key)
            raise ContentMismatch(f"The store does not hold what was sent of {upload.path}: it was removed.")
        return replace(receipt, proof=Proof.READBACK if told or upload.readback else Proof.SIZE)

    def read_back(self, key: bytes, found: DestinationFile) -> str:
        """Return the MD5 of an object as it is read again."""
        digest = hashlib.md5(usedforsecurity=False)
        for block in self._objects.read_ranges(key, found.version or "", found.size or 0):
            digest.update(block)
        return digest.hexdigest()

    def remove_wrong(self, key: bytes) -> None:
        """Remove an object that holds something else than was sent."""
        self._objects.ask("DELETE", key)


def told_hash(digests: Mapping[str, str]) -> str | None:
    """Return the hash that a receipt tells."""
    return next((f"{name}:{digests[name]}" for name in SENT if name in digests), None)
