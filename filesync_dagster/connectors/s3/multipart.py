"""Large objects: sent in parts, which the store keeps when we die, and made one object at the end."""

import hashlib
import io
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from filesync_dagster.connectors.destination import (
    DestinationFile,
    Part,
    Proof,
    Receipt,
    Upload,
    foreign_error,
    is_expected,
)
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.s3.metadata import encrypts_apart, etag_in, metadata_headers
from filesync_dagster.connectors.s3.objects import ObjectCalls, RequestBody
from filesync_dagster.connectors.s3.proof import ObjectProof, told_hash
from filesync_dagster.connectors.s3.rows import MD5
from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.errors import ContentMismatch, NotFound, ProtocolViolation, SourceError
from filesync_dagster.core.model import from_storable_text, to_storable_text

if TYPE_CHECKING:
    from concurrent.futures import Future

SINGLE_MAX_BYTES: Final = 16 << 20
PART_MIN_BYTES: Final = 8 << 20
PARTS_AIM_COUNT: Final = 9_000
PARTS_MAX_COUNT: Final = 10_000
PARTS_AT_ONCE_COUNT: Final = 4  # of one file
HELD_MAX_BYTES: Final = 128 << 20  # of all files
MEBIBYTE: Final = 1 << 20
PAGE_PARTS_COUNT: Final = 1_000

Resume = Mapping[str, Any]


def part_size_of(size: int | None) -> int:
    """Return how large the parts of a file are.

    >>> part_size_of(20 << 20) >> 20, part_size_of(5 << 40) >> 20, part_size_of(None) >> 20
    (8, 583, 8)
    """
    wanted = -(-(size or 0) // PARTS_AIM_COUNT)
    return max(PART_MIN_BYTES, -(-wanted // MEBIBYTE) * MEBIBYTE)


def etag_of_parts(etags: Sequence[str]) -> str | None:
    """Return the ETag of an object of such parts; None where those are no MD5s."""
    if not all(MD5.fullmatch(etag) for etag in etags):
        return None
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


class MultipartUploads:
    """The uploads in parts to one bucket. Thread-safe."""

    def __init__(self, objects: ObjectCalls, proof: ObjectProof) -> None:
        self._objects = objects
        self._proof = proof
        self._room = _ByteRoom(HELD_MAX_BYTES)

    def begin(self, key: bytes, upload: Upload) -> dict[str, Any]:
        """Begin an upload; return what finds it again."""
        return self.begin_with(key, metadata_headers(upload)) | {"part_size": part_size_of(upload.size)}

    def begin_with(self, key: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Begin an upload with the headers of its object."""
        answer, _ = self._objects.result("POST", key, "InitiateMultipartUploadResult", {"uploads": ""}, headers)
        upload_id = answer.text("UploadId")
        if upload_id is None:
            raise ProtocolViolation(f"{self._objects.where} began an upload without a name for it.")
        return {"upload_id": upload_id, "key": to_storable_text(key)}

    def put_part(self, resume: Resume, number: int, sending: RequestBody) -> Part:
        """Send one part. Raises ContentMismatch when the store has another one."""
        query = {"partNumber": str(number), "uploadId": resume["upload_id"]}
        answer = self._objects.ask("PUT", _key_of(resume), query, None, sending)
        etag = etag_in(answer.headers) or ""
        if MD5.fullmatch(etag) and etag.lower() != sending.md5.hex() and not encrypts_apart(answer.headers):
            raise ContentMismatch(f"{self._objects.where} does not hold part {number} as it was sent.")
        return Part(number, (number - 1) * int(resume["part_size"]), len(sending.body), etag)

    def put_stream(self, resume: Resume, number: int, content: ContentStream) -> Part:
        """Send one part as it is read: held in memory, for it may have to be sent again."""
        size = int(resume["part_size"])
        with self._room.take(min(size, content.size or size)):
            body = _read_all(content)
            if not content.proved:
                raise ContentMismatch(f"Part {number} was not read to its end.")
            return self.put_part(resume, number, RequestBody.of_content(body, content))

    def put_all(self, resume: Resume, begin: bytes, content: ContentStream) -> list[Part]:
        """Send a whole content, whose beginning was read already, some parts at a time."""
        parts: list[Part] = []
        sent: deque[Future[Part]] = deque()
        size = int(resume["part_size"])
        with thread_pool(PARTS_AT_ONCE_COUNT, "s3-part") as pool:
            for number, body in enumerate(_pieces(begin, content, size), start=1):
                if number > PARTS_MAX_COUNT:
                    raise ContentMismatch(f"More than {PARTS_MAX_COUNT:,} parts of {size:,} bytes came.")
                if len(sent) == PARTS_AT_ONCE_COUNT:
                    parts.append(sent.popleft().result())
                sent.append(pool.submit(self._put_held, resume, number, body))
            parts += [future.result() for future in sent]
        return parts

    def parts(self, resume: Resume) -> list[Part] | None:
        """Return the parts that the store has; None when it does not know the upload."""
        found: dict[int, Part] = {}
        marker = "0"
        size = int(resume.get("part_size", 0))
        while True:
            query = {"uploadId": resume["upload_id"], "max-parts": str(PAGE_PARTS_COUNT), "part-number-marker": marker}
            try:
                answer, _ = self._objects.result("GET", _key_of(resume), "ListPartsResult", query)
            except NotFound:
                return None
            for element in answer.root:
                if etree.QName(element).localname == "Part":
                    part = _part({etree.QName(child).localname: child.text or "" for child in element}, size)
                    found[part.number] = part
            following = answer.text("NextPartNumberMarker") or ""
            if (answer.text("IsTruncated") or "").strip().lower() != "true":
                return [found[number] for number in sorted(found)]
            if not following.isdecimal() or int(following) <= int(marker):
                raise ProtocolViolation(
                    f"{self._objects.where} cut a list of parts short without saying how it goes on."
                )
            marker = following

    def complete(
        self,
        upload: Upload,
        resume: Resume,
        parts: Sequence[Part],
        condition: Mapping[str, str],
        digests: Mapping[str, str],
    ) -> Receipt:
        """Make an object of the parts. What the store has counts, not what was noted of it."""
        key = _key_of(resume)
        etag = etag_of_parts([part.etag for part in parts])
        found = self._proof.file(upload.path, key)
        if not is_expected(found, upload.expected):
            return self._there_already(upload, found, parts, etag, digests)
        self._require_parts(upload, resume, parts)
        try:
            self.join(resume, parts, condition)
        except NotFound:  # it was completed, and the answer lost; or somebody gave it up
            found = self._proof.file(upload.path, key)
            if found is None or not _is_of(found, upload, parts, etag, digests):
                raise
        return self._receipt(upload, key, parts, etag, digests)

    def join(self, resume: Resume, parts: Sequence[Part], condition: Mapping[str, str] | None = None) -> None:
        """Make an object of parts. Raises NotFound when the upload is not known any more."""
        request = etree.Element("CompleteMultipartUpload", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
        for part in parts:
            element = etree.SubElement(request, "Part")
            etree.SubElement(element, "PartNumber").text = str(part.number)
            etree.SubElement(element, "ETag").text = f'"{part.etag}"'
        body = etree.tostring(request, xml_declaration=True, encoding="UTF-8")
        query = {"uploadId": resume["upload_id"]}
        root = "CompleteMultipartUploadResult"
        self._objects.result("POST", _key_of(resume), root, query, condition, sending=RequestBody.of(body))

    def abort(self, resume: Resume) -> None:
        """Forget an upload and its parts."""
        try:
            self._objects.ask("DELETE", _key_of(resume), {"uploadId": resume["upload_id"]})
        except NotFound:
            return

    def abort_quietly(self, resume: Resume) -> None:
        """Forget an upload if that can be done now; else maintenance does it."""
        try:
            self.abort(resume)
        except (SourceError, KeyboardInterrupt):
            return

    def _put_held(self, resume: Resume, number: int, body: bytes) -> Part:
        with self._room.take(len(body)):
            return self.put_part(resume, number, RequestBody.of(body))

    def _require_parts(self, upload: Upload, resume: Resume, parts: Sequence[Part]) -> None:
        there = self.parts(resume)
        if there is None:
            raise NotFound(f"The upload of {upload.path} is not known any more.", hint="It is begun anew.")
        known = {part.number: (part.etag, part.size) for part in there}
        wanted = {part.number: (part.etag, part.size) for part in parts}
        length = sum(part.size for part in parts)
        if known != wanted or list(wanted) != list(range(1, len(wanted) + 1)) or length != (upload.size or length):
            raise ContentMismatch(f"The store does not hold the parts of {upload.path} as they were sent.")

    def _there_already(
        self,
        upload: Upload,
        found: DestinationFile | None,
        parts: Sequence[Part],
        etag: str | None,
        digests: Mapping[str, str],
    ) -> Receipt:
        if found is None or not _is_of(found, upload, parts, etag, digests):
            raise foreign_error(upload.path, found, upload.expected)
        proved = found.version == etag or _is_whole(found, digests)
        return replace(self._proof.receipt(found, digests), proof=Proof.HASH if proved else Proof.SIZE)

    def _receipt(
        self, upload: Upload, key: bytes, parts: Sequence[Part], etag: str | None, digests: Mapping[str, str]
    ) -> Receipt:
        """Look at the object that was made. Raises ContentMismatch, and removes it when it is none of these parts."""
        found = self._proof.file(upload.path, key)
        length = sum(part.size for part in parts)
        if found is None or found.size != length:
            raise ContentMismatch(f"The store does not hold {upload.path} as it was sent.")
        receipt = replace(self._proof.receipt(found), content_hash=told_hash(digests), proof=Proof.SIZE)
        if (etag is not None and found.version == etag) or _is_whole(found, digests):
            return replace(receipt, proof=Proof.HASH)
        wrong = found.content_hash is not None and "md5" in digests
        if "md5" not in digests or not (upload.readback or wrong):
            return receipt
        if self._proof.read_back(key, found) != digests["md5"]:
            self._proof.remove_wrong(key)
            raise ContentMismatch(f"The store does not hold what was sent of {upload.path}: it was removed.")
        return replace(receipt, proof=Proof.READBACK)


class _ByteRoom:
    """Room for so many bytes; whoever wants more than there is waits. One that wants more than all has it alone."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def take(self, wanted: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + wanted <= self._size)
            self._used += wanted
        try:
            yield
        finally:
            with self._changed:
                self._used -= wanted
                self._changed.notify_all()


def _read_all(content: ContentStream) -> bytes:
    """Return a content, held once: `BytesIO` gives away what it has, where joining blocks would copy them."""
    held = io.BytesIO()
    for block in content:
        held.write(block)
    return held.getvalue()


def _pieces(begin: bytes, content: ContentStream, size: int) -> Iterator[bytes]:
    held = bytearray(begin)
    for block in content:
        held += block
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    while held:
        yield bytes(held[:size])
        del held[:size]


def _is_of(
    found: DestinationFile, upload: Upload, parts: Sequence[Part], etag: str | None, digests: Mapping[str, str]
) -> bool:
    """Tell whether an object was made of these parts before. Some stores give it the MD5 of the whole as ETag."""
    if found.size != sum(part.size for part in parts):
        return False
    ours = bool(upload.tags) and all(found.tags.get(name) == value for name, value in upload.tags.items())
    return (etag is not None and found.version == etag) or _is_whole(found, digests) or ours


def _is_whole(found: DestinationFile, digests: Mapping[str, str]) -> bool:
    return "md5" in digests and found.content_hash == f"md5:{digests['md5']}"


def _key_of(resume: Resume) -> bytes:
    return from_storable_text(resume["key"])


def _part(told: Mapping[str, str], size: int) -> Part:
    number = int(told["PartNumber"])
    return Part(number, (number - 1) * size, int(told["Size"]), etag_in({"etag": told.get("ETag", "")}) or "")
