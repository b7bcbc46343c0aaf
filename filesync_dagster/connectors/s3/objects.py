"""Calls about single objects of a bucket that change them, or tell of them."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx

from filesync_dagster.connectors.aws.errors import AwsRefusal, refusal_error
from filesync_dagster.connectors.rest.errors import ASK_LATER, ErrorTable, Meaning
from filesync_dagster.connectors.rest.xml import XmlAnswer
from filesync_dagster.connectors.s3.answers import CODES, STATUSES, TRY_PROVIDER, parse_answer, refusal_of
from filesync_dagster.connectors.s3.transport import SAFE, Transport
from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.errors import (
    AccessDenied,
    ContentMismatch,
    DestinationFull,
    Foreign,
    NameImpossible,
    NoContent,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
)

GRANT_PUT: Final = (
    "Grant s3:ListBucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload below the "
    "prefix. An object lock, a bucket policy or a key of KMS may refuse as well."
)
CHANGED: Final[Meaning] = (Foreign, "Somebody else writes there at this moment.")
NO_ROOM: Final[Meaning] = (DestinationFull, "Free some space there, or raise the quota.")
GONE: Final[Meaning] = (NotFound, "It is not there any more.")
WRONG_ON_THE_WAY: Final[Meaning] = (ContentMismatch, "It came there otherwise than it was sent: it is sent again.")

WRITE_TABLE: Final = ErrorTable(
    codes={
        **CODES,
        "AccessDenied": (AccessDenied, GRANT_PUT),
        "AllAccessDisabled": (AccessDenied, GRANT_PUT),
        "MethodNotAllowed": (AccessDenied, GRANT_PUT),
        "PreconditionFailed": CHANGED,
        "ConditionalRequestConflict": (TemporarilyDown, ASK_LATER),
        "NoSuchKey": GONE,
        "NoSuchUpload": GONE,
        "BadDigest": WRONG_ON_THE_WAY,
        "InvalidDigest": WRONG_ON_THE_WAY,
        "XAmzContentSHA256Mismatch": WRONG_ON_THE_WAY,
        "IncompleteBody": WRONG_ON_THE_WAY,
        "InvalidPart": WRONG_ON_THE_WAY,
        "InvalidObjectState": (NoContent, "It is archived: restore it first, or leave it out by a filter."),
        "KeyTooLongError": (NameImpossible, "A key has at most 1,024 bytes, its prefix included."),
        "EntityTooLarge": (DestinationFull, "The store takes no file of this size."),
        "QuotaExceeded": NO_ROOM,
        "InsufficientStorage": NO_ROOM,
        "NotEnoughSpace": NO_ROOM,
        "XMinioStorageFull": NO_ROOM,
        "XMinioAdminBucketQuotaExceeded": NO_ROOM,
    },
    statuses={**STATUSES, 403: (AccessDenied, GRANT_PUT), 404: GONE, 412: CHANGED, 507: NO_ROOM},
    unknown_hint=TRY_PROVIDER,
)
"""What a refusal of a change means."""

LONG_ANSWER_SECONDS: Final = 900.0
"""For copies and for putting parts together, in which a store may say nothing for minutes."""

RANGE_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The body of a request, whose hashes are known."""

    body: bytes
    md5: bytes

    @classmethod
    def of(cls, body: bytes) -> "RequestBody":
        """Return a body with its hash."""
        return cls(body, hashlib.md5(body, usedforsecurity=False).digest())

    @classmethod
    def of_content(cls, body: bytes, content: ContentStream) -> "RequestBody":
        """Return what a content was, with the MD5 made on the way: what happened to it since is noticed."""
        made = content.hasher.hexdigests.get("md5")
        return cls.of(body) if made is None else cls(body, bytes.fromhex(made))


class ObjectCalls:
    """Makes signed requests about objects of one bucket. Thread-safe."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def where(self) -> str:
        """The bucket and the address, for messages."""
        return self._transport.where

    def ask(
        self,
        method: str,
        key: bytes,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        sending: RequestBody | None = None,
        *,
        patient: bool = False,
    ) -> httpx.Response:
        """Return the answer to one request, if it is a success. Repeats what can be repeated; raises SourceError."""
        asked = "&".join(f"{name}={quote(value, safe=SAFE)}" for name, value in sorted((query or {}).items()))
        body = b"" if sending is None else sending.body
        given = dict(headers or {})
        if sending is not None:
            given["content-md5"] = b64encode(sending.md5).decode()

        def once() -> httpx.Response | None:
            answer = self._transport.send(
                method, key, asked, given, body, seconds=LONG_ANSWER_SECONDS if patient else None
            )
            if answer.is_success:
                return answer
            refusal = refusal_of(answer.status_code, answer.headers, answer.content)
            if self._transport.moves_to(refusal):
                return None
            raise self._error(refusal, key)

        while (answer := self._transport.calls(once)) is None:
            pass  # once more, where the bucket turned out to be
        return answer

    def result(
        self,
        method: str,
        key: bytes,
        root: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        sending: RequestBody | None = None,
    ) -> tuple[XmlAnswer, httpx.Response]:
        """Return an answer that is XML with a certain root. An error that comes with 200 is one."""
        word = root.removesuffix("Result")
        roots = frozenset({root, word, f"{word}Response"})  # as rclone and moto spell some
        # What the store did may be told by an error in its answer: then it is asked once more, as after a 5xx.
        tries = self._transport.calls.policy.attempts
        for attempt in range(1, tries + 1):
            answer = self.ask(method, key, query, headers, sending, patient=True)
            try:
                return parse_answer(answer.content.strip(), roots, self.where, "an answer"), answer
            except SourceError as error:
                refusal = refusal_of(answer.status_code, answer.headers, answer.content.strip())
                told = self._error(AwsRefusal(500, refusal.code, refusal.message), key) if refusal.code else error
                if attempt == tries or not told.retryable:
                    raise told from error
        raise AssertionError  # the last attempt raises

    def head(self, key: bytes) -> httpx.Headers | None:
        """Return what is told of an object; None when there is none."""
        try:
            return self.ask("HEAD", key).headers
        except NotFound:
            return None
        except (AccessDenied, ProtocolViolation):
            # An answer to HEAD has no room for the reason: credentials that expired look like any other refusal.
            try:
                self.ask("GET", key, None, {"range": "bytes=0-0"})
            except NotFound:
                return None
            return self.ask("HEAD", key).headers

    def read_ranges(self, key: bytes, etag: str, size: int) -> Iterator[bytes]:
        """Yield the content of an object in pieces. Raises Foreign when it becomes another one meanwhile."""
        for start in range(0, size, RANGE_BYTES):
            wanted = min(RANGE_BYTES, size - start)
            headers = {"range": f"bytes={start}-{start + wanted - 1}", "if-match": f'"{etag}"'}
            answer = self.ask("GET", key, None, headers)
            if len(answer.content) != wanted:
                raise ProtocolViolation(f"{self.where} sent {len(answer.content):,} bytes of {wanted:,}.")
            yield answer.content

    def _error(self, refusal: AwsRefusal, key: bytes) -> SourceError:
        name = key.decode("utf-8", "replace")
        return refusal_error(f"{self.where}, object {name}" if name else self.where, refusal, WRITE_TABLE)
