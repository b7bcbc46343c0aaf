"""The content of a blob: of the ETag that the inventory has, or none."""

from collections.abc import Mapping
from typing import Final

from filesync_dagster.connectors.azure_blob.answers import CODES, GRANT, REPORT, STATUSES
from filesync_dagster.connectors.azure_blob.rows import etag_of
from filesync_dagster.connectors.azure_blob.transport import BlobTransport
from filesync_dagster.connectors.object_store.content import NEXT_SYNC, ObjectReading
from filesync_dagster.connectors.rest.errors import ErrorTable, Meaning
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import AccessDenied, NoContent, ProtocolViolation, StaleSource
from filesync_dagster.core.model import from_storable_text

GONE: Final[Meaning] = (StaleSource, NEXT_SYNC)
ARCHIVED: Final = "It is archived: rehydrate it first, or leave it out by a filter."

BLOB_TABLE: Final = ErrorTable(
    codes={
        **CODES,
        "BlobNotFound": GONE,
        "ResourceNotFound": GONE,
        "ConditionNotMet": GONE,
        "TargetConditionNotMet": GONE,
        "InvalidRange": GONE,
        "BlobArchived": (NoContent, ARCHIVED),
        "BlobBeingRehydrated": (NoContent, ARCHIVED),
        "BlobUsesCustomerSpecifiedEncryption": (NoContent, "It is encrypted with a key that only its owner has."),
    },
    statuses={**STATUSES, 403: (AccessDenied, GRANT), 404: GONE, 412: GONE, 416: GONE},
    unknown_hint=REPORT,
)
"""What a refusal of one blob means."""


def open_blob(transport: BlobTransport, entry: FileEntry, offset: int, length: int | None) -> ContentStream:
    """Return the content of a blob, or a part of it. Raises SourceError."""
    key, etag = from_storable_text(entry.external_id), etag_of(entry.version)
    where = f"The blob {entry.path} of container {transport.container}"
    wanted = {"accept-encoding": "identity"} | ({} if etag is None else {"if-match": f'"{etag}"'})

    def require_same(told: Mapping[str, str]) -> None:
        now = etag_of(told.get("etag"))
        if now is None:
            raise ProtocolViolation(f"{where} came without its ETag.", hint=REPORT)
        if etag is not None and now != etag:
            raise StaleSource(f"{where} is another one by now (ETag {now}, not {etag}).", hint=NEXT_SYNC)

    return ObjectReading(
        transport.calls,
        entry,
        where,
        ask=lambda part: transport.download(key, {}, {**wanted, **part}, BLOB_TABLE, where),
        require_same=require_same,
        confirm=lambda: require_same(transport.head(key, {}, BLOB_TABLE, where)),
    ).open(offset, length)
