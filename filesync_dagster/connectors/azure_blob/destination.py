"""A container as a destination. A version is an ETag."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

import httpx
from lxml import etree

from filesync_dagster.connectors.azure_blob.answers import CODES, REPORT, STATUSES, refusal_error
from filesync_dagster.connectors.azure_blob.container import BlobContainer
from filesync_dagster.connectors.azure_blob.details import AzureBlobDetails
from filesync_dagster.connectors.azure_blob.rows import etag_of, md5_of
from filesync_dagster.connectors.azure_blob.transport import BlobTransport
from filesync_dagster.connectors.destination import DestinationFacts, DestinationFile, Precondition
from filesync_dagster.connectors.object_store.destination import ObjectDestination, ObjectUpload, folder_prefix
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.object_store.tags import with_tags
from filesync_dagster.connectors.rest.errors import ASK_LATER, ErrorTable, Meaning
from filesync_dagster.connectors.rest.fields import instant_of, instants_of, size_of, sizes_of
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.errors import (
    AccessDenied,
    ContentMismatch,
    Foreign,
    NotFound,
    TemporarilyDown,
)
from filesync_dagster.core.model import Meter, to_storable_text

META: Final = "x-ms-meta-"
NAME_MAX_BYTES: Final = 1_024
OBJECT_MAX_BYTES: Final = 50_000 * (8 << 20)  # so many blocks of a piece each
RANGE_BYTES: Final = 8 << 20
COPY_SECONDS: Final = 900.0
CHANGED: Final[Meaning] = (Foreign, "Somebody else writes there at this moment.")
GONE: Final[Meaning] = (NotFound, "It is not there any more, or the container is none.")
SENT_WRONG: Final[Meaning] = (ContentMismatch, "It came there otherwise than it was sent: it is sent again.")
GRANT: Final = (
    "Give these credentials the role Storage Blob Data Contributor on the container, or a signature that may read, "
    "write, delete and list. A lease or an immutability policy may refuse, too."
)
WRITE_TABLE: Final = ErrorTable(
    {
        **CODES,
        "AuthorizationFailure": (AccessDenied, GRANT),
        "AuthorizationPermissionMismatch": (AccessDenied, GRANT),
        "BlobNotFound": GONE,
        "ResourceNotFound": GONE,
        "ConditionNotMet": CHANGED,
        "TargetConditionNotMet": CHANGED,
        "SourceConditionNotMet": CHANGED,
        "BlobAlreadyExists": CHANGED,
        "UnauthorizedBlobOverwrite": CHANGED,
        "Md5Mismatch": SENT_WRONG,
        "InvalidMd5": SENT_WRONG,
        "LeaseIdMissing": (AccessDenied, "It is leased: whoever has the lease must give it up."),
        "PendingCopyOperation": (TemporarilyDown, ASK_LATER),
    },
    {**STATUSES, 403: (AccessDenied, GRANT), 404: GONE, 412: CHANGED},
    REPORT,
)
"""What a refusal of a change means."""


class AzureBlobDestination(ObjectDestination):
    """Writes block blobs below a prefix, each on condition of the ETag that is there."""

    def __init__(
        self,
        details: AzureBlobDetails,
        meter: Meter,
        *,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = BlobTransport(details, meter, policy, wire)
        prefix = folder_prefix(details.prefix)
        facts = DestinationFacts(
            atomic_replace=True,
            rename=False,
            server_copy=False,
            resumable=False,
            folders=False,
            conditional=True,
            permissions=False,
            trash=False,
            lists=True,
            hashes=("md5",),
            max_path_bytes=NAME_MAX_BYTES - len(prefix.encode()),
            max_size=OBJECT_MAX_BYTES,
            forbidden_characters="\\",  # the service makes a slash of it
            forbidden_endings=".",  # the service leaves it out
        )
        below = f", names below {prefix}" if prefix else ""
        super().__init__(
            BlobContainer(self._transport, prefix, details.page_size),
            BlobWriter(self._transport),
            facts,
            f"container {details.container}{below}",
            details.list_workers,
        )

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class BlobWriter:
    """The calls that change blobs of one container. Thread-safe."""

    def __init__(self, transport: BlobTransport) -> None:
        self._transport = transport

    def head(self, key: bytes, path: str) -> DestinationFile | None:
        """Return what is told of a blob; None when there is none."""
        try:
            return _file(path, self._ask("HEAD", key).headers)
        except NotFound:
            return None

    def put(self, sending: ObjectUpload, body: bytes, md5: bytes) -> None:
        """Store a blob in one request."""
        digest = b64encode(md5).decode()
        headers = {"x-ms-blob-type": "BlockBlob", "content-md5": digest, "x-ms-blob-content-md5": digest}
        self._ask("PUT", sending.key, {}, {**headers, **_headers(sending)}, body)

    def put_pieces(self, sending: ObjectUpload, pieces: Iterator[tuple[bytes, bool]], content: ContentStream) -> None:
        """Store a blob in blocks, each with its hash, then the list of them. Blocks without a list go after a week."""
        root = etree.Element("BlockList")
        for number, (piece, _) in enumerate(pieces):
            block = b64encode(b"filesync-%08d" % number).decode()
            digest = b64encode(hashlib.md5(piece, usedforsecurity=False).digest()).decode()
            self._ask("PUT", sending.key, {"comp": "block", "blockid": block}, {"content-md5": digest}, piece)
            etree.SubElement(root, "Uncommitted").text = block
        md5 = content.hasher.hexdigests.get("md5")
        whole = {} if md5 is None else {"x-ms-blob-content-md5": b64encode(bytes.fromhex(md5)).decode()}
        body = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        self._ask("PUT", sending.key, {"comp": "blocklist"}, {**whole, **_headers(sending)}, body)

    def copy(self, source: bytes, version: str, target: ObjectUpload) -> None:
        """Copy a blob inside the container; what is not done at once is waited for."""
        headers = {
            "x-ms-copy-source": self._transport.address_of(source),
            "x-ms-source-if-match": f'"{version}"',
            **_condition(target.expected),
            **_metadata(target),
        }
        answer = self._ask("PUT", target.key, {}, headers, seconds=COPY_SECONDS)

        def require_end() -> None:
            told = self._ask("HEAD", target.key).headers.get("x-ms-copy-status", "success")
            if told == "pending":
                raise TemporarilyDown(f"{self._transport.where} has not finished a copy.", hint=ASK_LATER)

        if answer.headers.get("x-ms-copy-status", "success") != "success":
            self._transport.calls(require_end)

    def delete(self, key: bytes, version: str | None) -> None:
        """Delete a blob, if it has this ETag, with its snapshots."""
        condition = {} if version is None else {"if-match": f'"{version}"'}
        self._ask("DELETE", key, {}, {"x-ms-delete-snapshots": "include", **condition})

    def read(self, key: bytes, size: int) -> Iterator[bytes]:
        """Yield what is stored."""
        for start in range(0, size, RANGE_BYTES):
            headers = {"range": f"bytes={start}-{min(start + RANGE_BYTES, size) - 1}"}
            yield self._ask("GET", key, {}, headers).content

    def files_in(self, page: ObjectPage, cut: int) -> Iterator[DestinationFile]:
        """Yield the files of a page; folders of a hierarchical namespace are none."""
        told = page.columns
        sizes = sizes_of(told["Content-Length"]).to_pylist()
        moments = instants_of(told["Last-Modified"]).to_pylist()
        for row, key in enumerate(page.keys):
            if told["ResourceType"][row] != "directory":
                yield DestinationFile(
                    path=to_storable_text(key[cut:]),
                    size=sizes[row],
                    version=etag_of(told["Etag"][row]),
                    content_hash=md5_of(told["Content-MD5"][row]),
                    modified_at=moments[row],
                )

    def _ask(
        self,
        method: str,
        key: bytes,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        seconds: float | None = None,
    ) -> httpx.Response:
        """Return the answer to one request, if it is a success. Repeats what can be repeated; raises SourceError."""

        def once() -> httpx.Response:
            answer = self._transport.send(method, key, query or {}, headers or {}, body, seconds=seconds)
            if answer.is_success:
                return answer
            said = b"" if method == "HEAD" else answer.content
            raise refusal_error(self._transport.where, answer.status_code, answer.headers, said, WRITE_TABLE)

        return self._transport.calls(once)


def _headers(sending: ObjectUpload) -> dict[str, str]:
    kind = (
        {"x-ms-blob-content-type": quote(sending.upload.mime_type, safe="/;=+ .-\"'_")}
        if sending.upload.mime_type
        else {}
    )
    return {**kind, **_condition(sending.expected), **_metadata(sending)}


def _metadata(sending: ObjectUpload) -> dict[str, str]:
    return {META + name: value for name, value in sending.metadata.items()}


def _condition(expected: Precondition | None) -> dict[str, str]:
    if expected is None:
        return {}
    return {"if-none-match": "*"} if expected.version is None else {"if-match": f'"{expected.version}"'}


def _file(path: str, told: Mapping[str, str]) -> DestinationFile:
    found = DestinationFile(
        path=path,
        size=size_of(told.get("content-length")),
        version=etag_of(told.get("etag")),
        content_hash=md5_of(told.get("content-md5")),
        internal_id=told.get("x-ms-version-id"),
        modified_at=instant_of(told.get("last-modified")),
    )
    metadata = {name.lower().removeprefix(META): value for name, value in told.items() if name.lower().startswith(META)}
    return with_tags(found, metadata)
