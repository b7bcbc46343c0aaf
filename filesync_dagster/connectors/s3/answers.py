"""What the answers of an S3 store say: listings as columns, refusals as errors.

Everything that makes a listing untrustworthy is found here. What makes one field unreadable is not: see `rows`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from lxml import etree

from filesync_dagster.connectors.aws import errors as aws
from filesync_dagster.connectors.aws.errors import CHECK_KEYS, AwsRefusal, refusal_error
from filesync_dagster.connectors.object_store.store import ObjectPage, text_of
from filesync_dagster.connectors.rest.errors import ASK_LATER, SERVER_ERROR, ErrorTable, Meaning
from filesync_dagster.connectors.rest.fields import gap_without
from filesync_dagster.connectors.rest.xml import (
    STAND_INS,
    XmlAnswer,
    error_answer,
    find_column,
    parse_xml,
    text_finders,
)
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Throttled,
)
from filesync_dagster.core.model import ListingGap

SCOPE = ""
LIST_ROOTS = frozenset({"ListBucketResult"})
VERSION_ROOTS = frozenset({"ListVersionsResult", "ListBucketVersionsResult"})
COLUMNS = ("LastModified", "ETag", "Size", "StorageClass", "ChecksumAlgorithm", "Owner")

GRANT_LIST = "Grant s3:ListBucket on the bucket to these credentials, or use others."
CHECK_BUCKET = "Check the bucket's name, the region and endpoint_url."
TRY_PROVIDER = "If the store is not AWS, set `provider`; see the documentation for its quirks."

CODES: Final[Mapping[str, Meaning]] = {
    **aws.CODES,
    "AccessDenied": (AccessDenied, GRANT_LIST),
    "CredentialsNotSupported": (AuthenticationFailed, CHECK_KEYS),
    "AllAccessDisabled": (AccessDenied, GRANT_LIST),
    "AccountProblem": (AccessDenied, "The account has a problem that its owner must solve with the provider."),
    "InvalidPayer": (AccessDenied, "Set requester_pays to accept the cost of reading this bucket."),
    "NotSignedUp": (AccessDenied, "The account is not signed up for S3."),
    "NoSuchBucket": (NotFound, CHECK_BUCKET),
    "NoSuchKey": (NotFound, CHECK_BUCKET),
    "NoSuchVersion": (NotFound, CHECK_BUCKET),
    "NoSuchLifecycleConfiguration": (NotFound, "The bucket has no lifecycle rules."),
    "InvalidBucketName": (NotFound, CHECK_BUCKET),
    "PermanentRedirect": (NotFound, "The bucket is elsewhere: set region (or endpoint_url) to where it lives."),
    "TemporaryRedirect": (TemporarilyDown, "The bucket is new or moving; set its region if this stays."),
    "AuthorizationHeaderMalformed": (AuthenticationFailed, "Set region to the bucket's own region."),
    "IllegalLocationConstraintException": (NotFound, "Set region to the bucket's own region."),
    "SlowDown": (Throttled, ASK_LATER),
    "SlowDownRead": (Throttled, ASK_LATER),
    "BandwidthLimitExceeded": (Throttled, ASK_LATER),
    "NotImplemented": (ProtocolViolation, TRY_PROVIDER),  # a 501, which no waiting changes
    "OperationAborted": (TemporarilyDown, ASK_LATER),
}
"""What a store's error code means; codes that are not here are judged by the HTTP status."""

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    **aws.STATUSES,
    301: CODES["PermanentRedirect"],
    307: CODES["TemporaryRedirect"],
    403: (AccessDenied, GRANT_LIST),
    404: (NotFound, CHECK_BUCKET),
}

TABLE: Final = ErrorTable(CODES, STATUSES, TRY_PROVIDER)


class KeyEncoding:
    """How the keys of one store are written, as far as its answers have shown. What one shows is true of all others.

    A store that says that its keys are URL-encoded is believed unless a page proves it false: with a character that no
    encoder leaves as it is. Then a plus is a plus, as it is where the store writes a space otherwise.
    """

    def __init__(self, *, plus_is_space: bool) -> None:
        self._encoded = True
        self._plus_is_space = plus_is_space

    def decoder(self, answer: "XmlAnswer", texts: Iterable[str | None]) -> Callable[[str], bytes]:
        """Return what turns the text of a key into its bytes, in an answer that has these texts."""
        raw = _raw_mended if answer.mended else str.encode
        if (answer.text("EncodingType") or "").lower() != "url":
            return raw
        all_texts = "/".join(text for text in texts if text)
        if not PLAIN.fullmatch(all_texts):
            self._encoded = self._encoded and not UNENCODED.search(all_texts)
            self._plus_is_space = self._plus_is_space and not PLUS_IS_PLUS.search(all_texts)
        if not self._encoded:
            return raw
        return _form_decoded if self._plus_is_space else _unquoted


PLAIN = re.compile(r"[A-Za-z0-9_./+*~-]*")
UNENCODED = re.compile(r'[^!-~]|["<>\\^`{|}\[\]]|%(?![0-9A-Fa-f]{2})')
"""No encoder leaves these: what is not visible ASCII, what no URL may have, a percent sign without digits."""

PLUS_IS_PLUS = re.compile(r"%20|[$&=:@,;?#]")
"""Who writes a space like this, or leaves these, encodes a path and no form: a plus stands for itself."""


def _raw_mended(text: str) -> bytes:
    return text.translate(STAND_INS).encode()


def _unquoted(text: str) -> bytes:
    return unquote_to_bytes(text) if "%" in text else text.encode()


def _form_decoded(text: str) -> bytes:
    return _unquoted(text.replace("+", " ") if "+" in text else text)


@dataclass(frozen=True, slots=True)
class S3Version:
    """One version of a key, or a marker that it was deleted."""

    key: bytes
    modified: str
    latest: bool
    deleted: bool
    version_id: str
    etag: str | None = None
    size: str | None = None
    storage_class: str | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class VersionListing:
    """One page of a listing of versions."""

    versions: list[S3Version]
    truncated: bool
    key_marker: str | None  # as the store gave it, decoded
    version_marker: str | None
    gaps: tuple[ListingGap, ...] = field(default=())


def listing_of(body: bytes, encoding: KeyEncoding, where: str) -> ObjectPage:
    """Parse an answer to ListObjects or ListObjectsV2. Raises SourceError."""
    answer = parse_answer(body, LIST_ROOTS, where)
    find = _finders(etree.QName(answer.root).namespace)
    rows = int(find["rows"](answer.root))
    keys = find_column(find, "Key", answer.root, rows)
    said = (answer.text("KeyCount") or "").strip()
    if said.isdecimal() and int(said) > rows + len(find["prefixes"](answer.root)):
        raise ProtocolViolation(f"{where} announced {said} keys and sent {rows}.", hint=TRY_PROVIDER)
    decode = encoding.decoder(answer, keys)
    page = ObjectPage(
        keys=[decode(key or "") for key in keys],
        columns={name: find_column(find, name, answer.root, rows) for name in COLUMNS},
        truncated=_flag(answer, "IsTruncated", where),
        token=answer.text("NextContinuationToken") or _marker(answer.text("NextMarker"), decode),
    )
    return page if all(keys) else _without_keyless(page)


def prefixes_of(body: bytes, encoding: KeyEncoding, where: str) -> list[bytes]:
    """Return the common prefixes of a listing. Raises SourceError."""
    answer = parse_answer(body, LIST_ROOTS, where)
    prefixes = _finders(etree.QName(answer.root).namespace)["prefixes"](answer.root)
    decode = encoding.decoder(answer, prefixes)
    return [decode(prefix) for prefix in prefixes]


def versions_of(body: bytes, encoding: KeyEncoding, where: str) -> VersionListing:
    """Parse an answer to ListObjectVersions. Raises SourceError."""
    answer = parse_answer(body, VERSION_ROOTS, where)
    named = ((etree.QName(element).localname, element) for element in answer.root)
    entries = [
        (name == "DeleteMarker", {etree.QName(child).localname: child.text for child in element})
        for name, element in named
        if name in {"Version", "DeleteMarker"}
    ]
    decode = encoding.decoder(answer, [entry.get("Key") for _, entry in entries])
    return VersionListing(
        [_version(entry, decode, deleted=deleted) for deleted, entry in entries if entry.get("Key")],
        truncated=_flag(answer, "IsTruncated", where),
        key_marker=_marker(answer.text("NextKeyMarker"), decode),
        version_marker=answer.text("NextVersionIdMarker"),
        gaps=tuple(gap_without("a key", entry, scope=SCOPE) for _, entry in entries if not entry.get("Key")),
    )


def _flag(answer: XmlAnswer, name: str, where: str) -> bool:
    """Return a child that is true or false. Raises ProtocolViolation."""
    text = (answer.text(name) or "").strip().lower()
    if text not in {"true", "false"}:
        raise ProtocolViolation(f"{where} did not say whether the listing goes on ({name}).", hint=TRY_PROVIDER)
    return text == "true"


def _marker(text: str | None, decode: Callable[[str], bytes]) -> str | None:
    return None if text is None else text_of(decode(text))


def _without_keyless(page: ObjectPage) -> ObjectPage:
    """Return a page without the objects that have no key, which are gaps of it."""
    keyless = [row for row, key in enumerate(page.keys) if not key]
    gaps = [
        gap_without("a key", {name: column[row] for name, column in page.columns.items()}, scope=SCOPE)
        for row in keyless
    ]
    return replace(page.rows([row for row, key in enumerate(page.keys) if key]), gaps=tuple(gaps))


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> AwsRefusal:
    """Return what an answer other than 200 says; the body may be anything."""
    return _refusal(status, headers, error_answer(body))


def _refusal(status: int, headers: Mapping[str, str], answer: XmlAnswer | None) -> AwsRefusal:
    code, message, region = "", "", headers.get("x-amz-bucket-region")
    if answer is not None:
        code, message = answer.text("Code") or "", answer.text("Message") or ""
        region = region or answer.text("Region")
    return AwsRefusal(status, code, message, region, headers.get("retry-after"))


def parse_answer(body: bytes, wanted: frozenset[str], where: str, what: str = "a listing") -> XmlAnswer:
    """Return an answer. Raises what can be asked again as that: an answer may break off, or be an error with 200."""

    def error_in(answer: XmlAnswer) -> SourceError:
        return refusal_error(where, _refusal(SERVER_ERROR, {}, answer), TABLE)

    return parse_xml(body, wanted, where, what=what, hint=TRY_PROVIDER, error_in=error_in)


@cache
def _finders(namespace: str | None) -> Mapping[str, Any]:
    """Return the compiled searches for a listing in a namespace (stores differ in that too)."""
    paths = {name: name for name in ("Key", *COLUMNS)} | {"Owner": "Owner/ID"}
    prefix, ns = ("s3:", {"s3": namespace}) if namespace else ("", None)
    folders = etree.XPath(f"{prefix}CommonPrefixes/{prefix}Prefix/text()", namespaces=ns, smart_strings=False)
    return {**text_finders("Contents", paths, namespace), "prefixes": folders}


def _version(fields: Mapping[str, str | None], decode: Callable[[str], bytes], *, deleted: bool) -> S3Version:
    return S3Version(
        key=decode(fields["Key"] or ""),
        modified=fields.get("LastModified") or "",
        latest=fields.get("IsLatest") == "true",
        deleted=deleted,
        version_id=fields.get("VersionId") or "null",
        etag=fields.get("ETag"),
        size=fields.get("Size"),
        storage_class=fields.get("StorageClass"),
        checksum=fields.get("ChecksumAlgorithm"),
    )
