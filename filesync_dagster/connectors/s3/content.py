"""The content of an object: of the ETag that the inventory has, or none.

Some stores ignore `If-Match`, so the ETag of every answer is compared as well.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from filesync_dagster.connectors.rest.content import RangedContent, range_header, size_told
from filesync_dagster.connectors.rest.errors import ErrorTable, Meaning
from filesync_dagster.connectors.rest.fields import instant_of
from filesync_dagster.connectors.s3.answers import CODES, STATUSES, TRY_PROVIDER
from filesync_dagster.connectors.s3.quirks import Quirks
from filesync_dagster.connectors.s3.rows import etag_of
from filesync_dagster.connectors.s3.transport import SAFE, Transport
from filesync_dagster.core.content import ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import (
    AccessDenied,
    ContentMismatch,
    NoContent,
    ProtocolViolation,
    StaleSource,
)
from filesync_dagster.core.model import from_storable_text

NEXT_SYNC: Final = "The next sync tells what it is now."
GRANT_GET: Final = (
    "Grant s3:GetObject to these credentials (and kms:Decrypt where a key of KMS encrypts it); where whoever reads "
    "pays, set requester_pays."
)
GONE: Final[Meaning] = (StaleSource, NEXT_SYNC)
ARCHIVED: Final = "It is archived: restore it first (S3 Glacier), or leave it out by a filter."
CUSTOMER_KEY: Final = "If it is encrypted with a key that only its owner has (SSE-C), filesync cannot read it."

OBJECT_TABLE: Final = ErrorTable(
    codes={
        **CODES,
        "AccessDenied": (AccessDenied, GRANT_GET),
        "NoSuchKey": GONE,
        "NoSuchVersion": GONE,
        "PreconditionFailed": GONE,
        "InvalidRange": GONE,
        "MethodNotAllowed": GONE,  # a version that is a marker of deletion
        "InvalidObjectState": (NoContent, ARCHIVED),
        "InvalidRequest": (NoContent, CUSTOMER_KEY),
        "KMS.DisabledException": (AccessDenied, "Its key in KMS is disabled: enable it."),
        "KMS.NotFoundException": (AccessDenied, "Its key in KMS is gone."),
    },
    statuses={
        **STATUSES,
        403: (AccessDenied, GRANT_GET),
        404: GONE,
        405: GONE,
        412: GONE,
        416: GONE,
    },
    unknown_hint=TRY_PROVIDER,
)
"""What a refusal of one object means."""

NO_MD5: Final = frozenset({"aws:kms", "aws:kms:dsse"})
"""Encryptions whose ETags look like an MD5 and are none."""


def open_object(
    transport: Transport, quirks: Quirks, entry: FileEntry, offset: int, length: int | None
) -> ContentStream:
    """Return the content of an object, or a part of it. Raises SourceError."""
    require_file(entry)
    found = _Object(transport, quirks, entry, ByteSpan.of(entry.size, offset, length))
    content = RangedContent(
        transport.calls, found.ask, where=found.where, start=found.span.start, end=found.span.end,
        clipped=not found.span.whole,
    )  # fmt: skip
    content.open()
    proved = found.hashed is not None or quirks.atomic_reads
    return ContentStream(
        content.blocks(),
        what=found.where,
        size=found.span.size,
        mime_type=entry.mime_type,
        content_hash=found.hashed,
        confirm=None if proved else found.confirm,
        doubt=found.confirm,
        release=content.close,
    )


class _Object:
    """One object that is asked for, and what its answers have told."""

    def __init__(self, transport: Transport, quirks: Quirks, entry: FileEntry, span: ByteSpan) -> None:
        self.span = span
        self.where = f"The object {entry.path} of bucket {transport.bucket}"
        self.hashed = entry.content_hash if span.whole else None
        self._transport = transport
        self._entry = entry
        self._key = from_storable_text(entry.external_id)
        version_id = entry.metadata.get("version_id")
        self._query = f"versionId={quote(version_id, safe=SAFE)}" if isinstance(version_id, str) else ""
        self._version = entry.version
        self._headers = {"accept-encoding": "gzip" if quirks.transcodes else "identity"}
        if entry.version is not None:
            self._headers["if-match"] = f'"{entry.version}"'

    def ask(self, offset: int) -> Download:
        """Return an answer that has the object from an offset on. Raises SourceError."""
        headers = {**self._headers, **range_header(offset, self.span.end, self._entry.size)}
        answer = self._transport.download(self._key, self._query, headers, OBJECT_TABLE, self.where)
        try:
            self._require_same(answer.headers)
            self._require_size(size_told(answer))
        except BaseException:
            answer.close()
            raise
        self._note_encryption(answer.headers)
        return answer

    def confirm(self) -> None:
        """Raise StaleSource when the object is another by now."""
        self._require_same(self._transport.head(self._key, self._query, OBJECT_TABLE, self.where))

    def _require_size(self, told: int | None) -> None:
        listed = self._entry.size
        if told is not None and listed is not None and told != listed:
            raise ContentMismatch(f"{self.where} has {told:,} bytes by the answer, and {listed:,} by its listing.")

    def _require_same(self, told: Mapping[str, str]) -> None:
        etag = etag_of(told.get("etag"))
        if self._version is None:
            self._require_same_time(told)
            self._version = etag  # of all further answers
        elif etag is None:
            raise ProtocolViolation(f"{self.where} came without its ETag.", hint=TRY_PROVIDER)
        elif etag != self._version:
            raise StaleSource(f"{self.where} is another one by now (ETag {etag}, not {self._version}).", hint=NEXT_SYNC)

    def _require_same_time(self, told: Mapping[str, str]) -> None:
        listed, now = self._entry.modified_at, instant_of(told.get("last-modified"))
        if listed is not None and now is not None and abs((now - listed).total_seconds()) >= 1:
            raise StaleSource(f"{self.where} was written again, on {now.isoformat()}.", hint=NEXT_SYNC)

    def _note_encryption(self, told: Mapping[str, str]) -> None:
        customer = told.get("x-amz-server-side-encryption-customer-algorithm")
        if customer or told.get("x-amz-server-side-encryption") in NO_MD5:
            self.hashed = None
