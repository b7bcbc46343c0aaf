"""The tus protocol 1.0.0 (core, creation, termination, checksum, expiration), as what is answered to what is asked.

https://tus.io/protocols/resumable-upload. Headers in, a status and headers out: whoever has a web server serves it.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Final

from filesync_dagster.storage.database.uploads import UploadRecord
from filesync_dagster.tables.uploads.errors import UploadError
from filesync_dagster.tables.uploads.receive import UploadStore

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,termination,checksum,expiration"
ALGORITHMS: Final = ("sha1", "sha256", "md5")
PIECE_TYPE: Final = "application/offset+octet-stream"
METADATA_MAX_LETTERS = 8192
NUMBER_MAX_DIGITS = 18


@dataclass(frozen=True)
class TusAnswer:
    """What is answered: no answer of the protocol has a body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_version(self) -> dict[str, str]:
        """Return all headers."""
        return {"Tus-Resumable": VERSION, "Cache-Control": "no-store", **self.headers}


def options(store: UploadStore) -> TusAnswer:
    """Answer OPTIONS: what is spoken here."""
    return TusAnswer(
        204,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(store.max_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


def create(store: UploadStore, headers: Mapping[str, str], owner: str, base: str) -> TusAnswer:
    """Answer POST: begin an upload; `base` is the address of uploads. Raises UploadError."""
    check_version(headers)
    if "upload-defer-length" in headers:
        raise UploadError("Uploads whose length comes later are not taken.", code="bad_request")
    size = _number(headers, "upload-length")
    details = metadata(headers.get("upload-metadata", ""))
    name = details.get("filename") or details.get("name")
    if not name:
        raise UploadError("Upload-Metadata has no filename.", code="bad_request", field="filename")
    record = store.create(name, size, owner, {"metadata": details})
    return TusAnswer(201, {"Location": f"{base}/{record.id}", **_expiry(record)})


def head(store: UploadStore, upload_id: str, headers: Mapping[str, str]) -> TusAnswer:
    """Answer HEAD: how far an upload is. Raises UploadError."""
    check_version(headers)
    record = store.get(upload_id)
    found = {"Upload-Offset": str(record.received), **_expiry(record)}
    return TusAnswer(200, found | ({"Upload-Length": str(record.size)} if record.size is not None else {}))


def piece(headers: Mapping[str, str]) -> tuple[int, tuple[str, bytes] | None]:
    """Return where a piece of PATCH begins, and its checksum. Raises UploadError."""
    check_version(headers)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != PIECE_TYPE:
        raise UploadError(f"A piece is of type {PIECE_TYPE}.", code="content")
    return _number(headers, "upload-offset"), _checksum(headers.get("upload-checksum"))


def answer_piece(store: UploadStore, upload_id: str) -> TusAnswer:
    """Answer PATCH once the piece is there; the last one has the upload judged. Raises UploadError."""
    record = store.get(upload_id)
    if record.state in {"receiving", "scanning"} and record.received == record.size:
        record = store.finish(upload_id)
    return TusAnswer(204, {"Upload-Offset": str(record.received), **_expiry(record)})


def check_version(headers: Mapping[str, str]) -> None:
    """Raise UploadError for whoever speaks another version."""
    if headers.get("tus-resumable") != VERSION:
        raise UploadError(f"Tus-Resumable is not {VERSION}.", code="protocol")


def metadata(text: str) -> dict[str, str]:
    """Return what a client says of its file. Raises UploadError.

    >>> metadata("filename YS5jc3Y=,is_secret")
    {'filename': 'a.csv', 'is_secret': ''}
    """
    found: dict[str, str] = {}
    if len(text) > METADATA_MAX_LETTERS:
        raise UploadError("Upload-Metadata is too long.", code="bad_request")
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise UploadError(f"Upload-Metadata {key[:40]!r} is no text in Base64.", code="bad_request") from None
    return found


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > NUMBER_MAX_DIGITS:
        raise UploadError(f"{name.title()} is no number.", code="bad_request", field=name)
    return int(text)


def _checksum(text: str | None) -> tuple[str, bytes] | None:
    if text is None:
        return None
    algorithm, _, value = text.strip().partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm not in ALGORITHMS or len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        known = ", ".join(ALGORITHMS)
        raise UploadError(f"Upload-Checksum is none of {known} in Base64.", code="bad_request")
    return algorithm, digest


def _expiry(record: UploadRecord) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(record.expires_at, usegmt=True)}
