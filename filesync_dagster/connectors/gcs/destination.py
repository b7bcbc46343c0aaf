"""A bucket of Google Cloud Storage as a destination. A version is a generation."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson

from filesync_dagster.connectors.destination import DestinationFacts, DestinationFile, Precondition
from filesync_dagster.connectors.gcs.bucket import GcsBucket
from filesync_dagster.connectors.gcs.credentials import WRITE
from filesync_dagster.connectors.gcs.details import GcsDetails
from filesync_dagster.connectors.gcs.errors import REASONS, REPORT, STATUSES, refusal_error
from filesync_dagster.connectors.gcs.rows import hash_of
from filesync_dagster.connectors.gcs.transport import GcsTransport, object_path
from filesync_dagster.connectors.object_store.destination import ObjectDestination, ObjectUpload, folder_prefix
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.object_store.tags import with_tags
from filesync_dagster.connectors.rest.errors import ErrorTable
from filesync_dagster.connectors.rest.fields import instant_of, instants_of, size_of, sizes_of, text_of
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.errors import (
    AccessDenied,
    ContentMismatch,
    Foreign,
    NotFound,
    ProtocolViolation,
    TemporarilyDown,
)
from filesync_dagster.core.model import Meter, to_storable_text

FIELDS: Final = "name,generation,size,md5Hash,crc32c,updated,metadata,contentType"
NAME_MAX_BYTES: Final = 1_024
OBJECT_MAX_BYTES: Final = 5 << 40
RANGE_BYTES: Final = 8 << 20
INCOMPLETE: Final = 308  # of a session: send more
GRANT: Final = (
    "Give the account the role Storage Object User on the bucket. A retention policy or a hold may refuse, too."
)

WRITE_TABLE: Final = ErrorTable(
    {**REASONS, "invalid": (ContentMismatch, "It came there otherwise than it was sent: it is sent again.")},
    {
        **STATUSES,
        403: (AccessDenied, GRANT),
        404: (NotFound, "It is not there any more, or the bucket is none."),
        410: (TemporarilyDown, "The upload is begun anew."),
        412: (Foreign, "Somebody else writes there at this moment."),
    },
    REPORT,
    codeless=frozenset({404, 412}),
)
"""What a refusal of a change means."""


class GcsDestination(ObjectDestination):
    """Writes objects below a prefix, each on condition of the generation that is there."""

    def __init__(
        self,
        details: GcsDetails,
        meter: Meter,
        *,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = GcsTransport(details, meter, policy, wire, WRITE)
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
            forbidden_characters="\r\n",
            keeps_dots=True,
        )
        below = f", names below {prefix}" if prefix else ""
        super().__init__(
            GcsBucket(self._transport, prefix, details.page_size),
            GcsWriter(self._transport),
            facts,
            f"bucket {details.bucket}{below}",
            details.list_workers,
        )

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class GcsWriter:
    """The calls that change objects of one bucket. Thread-safe."""

    def __init__(self, transport: GcsTransport) -> None:
        self._transport = transport

    def head(self, key: bytes, path: str) -> DestinationFile | None:
        """Return what is told of an object; None when there is none."""
        told = self._transport.object(key, FIELDS, table=WRITE_TABLE)
        return None if told is None else _file(path, told)

    def put(self, sending: ObjectUpload, body: bytes, md5: bytes) -> None:
        """Store an object in one request, with its description before it."""
        mark = b"filesync-" + md5.hex().encode()
        described = orjson.dumps(_resource(sending, md5Hash=b64encode(md5).decode()))
        content = b"\r\n".join(
            [
                b"--" + mark,
                b"content-type: application/json; charset=utf-8",
                b"",
                described,
                b"--" + mark,
                b"content-type: " + (sending.upload.mime_type or "application/octet-stream").encode("ascii", "ignore"),
                b"",
                body,
                b"--" + mark + b"--",
                b"",
            ]
        )
        headers = {"content-type": f"multipart/related; boundary={mark.decode()}"}
        self._ask(
            "POST", self._transport.upload_url, _condition(sending.expected, uploadType="multipart"), headers, content
        )

    def put_pieces(self, sending: ObjectUpload, pieces: Iterator[tuple[bytes, bool]], content: ContentStream) -> None:
        """Store an object by a session: it takes chunks one after another, and each may be sent again."""
        headers = {"content-type": "application/json; charset=utf-8"}
        query = _condition(sending.expected, uploadType="resumable")
        answer = self._ask("POST", self._transport.upload_url, query, headers, orjson.dumps(_resource(sending)))
        session = answer.headers.get("location", "")
        if not session.startswith(self._transport.upload_url):
            raise ProtocolViolation(f"{self._transport.where} began an upload at another address.", hint=REPORT)
        try:
            at = 0
            for piece, last in pieces:
                self._put_chunk(session, at, piece, last=last)
                at += len(piece)
        except BaseException:
            self._cancel(session)
            raise

    def _put_chunk(self, session: str, at: int, piece: bytes, *, last: bool) -> None:
        end = at + len(piece)
        told = {"content-range": f"bytes {at}-{end - 1}/{end if last else '*'}"}
        answer = self._ask("PUT", session, {}, told, piece)
        if not last and (answer.status_code != INCOMPLETE or answer.headers.get("range") != f"bytes=0-{end - 1}"):
            raise ContentMismatch(f"{self._transport.where} does not hold what was sent up to {end:,}.")

    def copy(self, source: bytes, version: str, target: ObjectUpload) -> None:
        """Copy an object inside the bucket, in as many calls as that takes."""
        place = f"{self._transport.url_of(source)}/rewriteTo/b/{quote(self._transport.bucket, safe='')}"
        query = _condition(target.expected, ifSourceGenerationMatch=version)
        described = self._transport.object(source, FIELDS, table=WRITE_TABLE) or {}
        kind = {"contentType": described["contentType"]} if described.get("contentType") else {}
        body = orjson.dumps({**kind, "metadata": dict(target.metadata)})
        while True:
            answer = self._ask("POST", f"{place}{object_path(target.key)}", query, JSON, body)
            told = orjson.loads(answer.content)
            if told.get("done") is True:
                return
            if not isinstance(told.get("rewriteToken"), str) or told["rewriteToken"] == query.get("rewriteToken"):
                raise ProtocolViolation(f"{self._transport.where} does not go on with a copy.", hint=REPORT)
            query = {**query, "rewriteToken": told["rewriteToken"]}

    def delete(self, key: bytes, version: str | None) -> None:
        """Delete an object, if it has this generation."""
        self._ask("DELETE", self._transport.url_of(key), {"ifGenerationMatch": version} if version else {})

    def read(self, key: bytes, size: int) -> Iterator[bytes]:
        """Yield what is stored."""
        for start in range(0, size, RANGE_BYTES):
            headers = {"range": f"bytes={start}-{min(start + RANGE_BYTES, size) - 1}"}
            yield self._ask("GET", self._transport.url_of(key), {"alt": "media"}, headers).content

    def files_in(self, page: ObjectPage, cut: int) -> Iterator[DestinationFile]:
        """Yield the files of a page."""
        told = page.columns
        sizes, moments = sizes_of(told["size"]).to_pylist(), instants_of(told["updated"]).to_pylist()
        for row, key in enumerate(page.keys):
            yield DestinationFile(
                path=to_storable_text(key[cut:]),
                size=sizes[row],
                version=text_of(told["generation"][row]),
                content_hash=hash_of(told["md5Hash"][row], told["crc32c"][row]),
                modified_at=moments[row],
            )

    def _cancel(self, session: str) -> None:
        try:
            self._transport.send("DELETE", session, {})
        except Exception:  # noqa: BLE001 - it is forgotten after a week in any case, and another error is on its way
            return

    def _ask(
        self,
        method: str,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> httpx.Response:
        """Return the answer to one request, if it is a success. Repeats what can be repeated; raises SourceError."""

        def once() -> httpx.Response:
            answer = self._transport.send(method, url, query, headers, body)
            if answer.is_success or answer.status_code == INCOMPLETE:
                return answer
            raise refusal_error(self._transport.where, answer.status_code, answer.headers, answer.content, WRITE_TABLE)

        return self._transport.calls(once)


JSON: Final = {"content-type": "application/json; charset=utf-8"}


def _condition(expected: Precondition | None, **query: str) -> dict[str, str]:
    if expected is None:
        return query
    return {**query, "ifGenerationMatch": expected.version or "0"}


def _resource(sending: ObjectUpload, **more: str) -> dict[str, Any]:
    kind = {"contentType": sending.upload.mime_type} if sending.upload.mime_type else {}
    name = sending.key.decode("utf-8", "surrogateescape")
    return {"name": name, "metadata": dict(sending.metadata), **kind, **more}


def _file(path: str, told: Mapping[str, Any]) -> DestinationFile:
    metadata = told.get("metadata")
    found = DestinationFile(
        path=path,
        size=size_of(told.get("size")),
        version=text_of(told.get("generation")),
        content_hash=hash_of(told.get("md5Hash"), told.get("crc32c")),
        modified_at=instant_of(told.get("updated")),
    )
    return with_tags(found, metadata if isinstance(metadata, Mapping) else {})
