"""What the answers of the blob service say: listings as columns, refusals as errors."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote_to_bytes

from lxml import etree

from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.errors import (
    ASK_LATER,
    CHECK_CLOCK,
    BadRequest,
    ErrorTable,
    Meaning,
    error_for,
)
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
    SourceError,
    TemporarilyDown,
    Throttled,
)

SCOPE: Final = ""
LISTING: Final = frozenset({"EnumerationResults"})
CHECK_KEY: Final = "Check account and account_key (or the connection string, the signature, the app registration)."
CHECK_SAS: Final = "Make a new shared access signature: this one is expired, or not for this container."
GRANT: Final = (
    "Give these credentials the role Storage Blob Data Reader on the container, or a signature that may read and list. "
    "A firewall of the account refuses in the same words."
)
CHECK_CONTAINER: Final = "Check account, base_url and the name of the container."
REPORT: Final = "The service changed something, or this is an error of ours: please report it."

CODES: Final[Mapping[str, Meaning]] = {
    "AuthenticationFailed": (AuthenticationFailed, CHECK_KEY),
    "InvalidAuthenticationInfo": (AuthenticationFailed, CHECK_KEY),
    "NoAuthenticationInformation": (AuthenticationFailed, CHECK_KEY),
    "AuthorizationFailure": (AccessDenied, GRANT),
    "AuthorizationPermissionMismatch": (AccessDenied, GRANT),
    "AuthorizationProtocolMismatch": (AccessDenied, "The signature is for https only."),
    "AuthorizationResourceTypeMismatch": (AccessDenied, CHECK_SAS),
    "AuthorizationServiceMismatch": (AccessDenied, CHECK_SAS),
    "AuthorizationSourceIPMismatch": (AccessDenied, "The signature is for another address of the network."),
    "InsufficientAccountPermissions": (AccessDenied, GRANT),
    "AccountIsDisabled": (AccessDenied, "The account is disabled: its owner must solve that with Azure."),
    "KeyBasedAuthenticationNotPermitted": (AccessDenied, "The account takes no keys: use an app registration."),
    "PublicAccessNotPermitted": (AccessDenied, "The account has no public containers: give credentials."),
    "ContainerNotFound": (NotFound, CHECK_CONTAINER),
    "ContainerBeingDeleted": (NotFound, CHECK_CONTAINER),
    "ContainerDisabled": (AccessDenied, GRANT),
    "ResourceNotFound": (NotFound, CHECK_CONTAINER),
    "InvalidUri": (NotFound, CHECK_CONTAINER),
    "InvalidResourceName": (NotFound, CHECK_CONTAINER),
    "BlobNotFound": (NotFound, CHECK_CONTAINER),
    "ServerBusy": (Throttled, ASK_LATER),
    "OperationTimedOut": (TemporarilyDown, ASK_LATER),
    "InternalError": (TemporarilyDown, ASK_LATER),
    "AccountBeingCreated": (TemporarilyDown, ASK_LATER),
}
"""What the service's code means; codes that are not here are judged by the HTTP status."""

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    400: (BadRequest, REPORT),
    401: (AuthenticationFailed, CHECK_KEY),
    403: (AccessDenied, GRANT),
    404: (NotFound, CHECK_CONTAINER),
    503: (Throttled, ASK_LATER),
}

TABLE: Final = ErrorTable(CODES, STATUSES, REPORT)
SKEWED: Final = re.compile(
    r"date header too old|Signed expiry time .* must be after|not valid in the specified time", re.IGNORECASE
)

PROPERTIES: Final = (
    "Creation-Time", "Last-Modified", "Etag", "Content-Length", "Content-Type", "Content-MD5", "BlobType",
    "AccessTier", "ResourceType",
)  # fmt: skip
PATHS: Final = {name: f"Properties/{name}" for name in PROPERTIES} | {"Name": "Name", "VersionId": "VersionId"}
FIND: Final = text_finders("Blobs/Blob", PATHS)
FIND_ENCODED: Final = etree.XPath("boolean(Blobs/Blob/Name[@Encoded])")


def listing_of(body: bytes, where: str) -> ObjectPage:
    """Parse an answer to List Blobs. Raises SourceError."""
    answer = _parsed(body, where)
    rows = int(FIND["rows"](answer.root))
    columns = {name: find_column(FIND, name, answer.root, rows) for name in PATHS}
    if FIND_ENCODED(answer.root):
        keys = [_key(element, answer) for element in answer.root.iterfind("Blobs/Blob/Name")]
    else:
        keys = [_mended(name or "", answer).encode() for name in columns["Name"]]
    token = answer.text("NextMarker")
    page = ObjectPage(keys, columns, truncated=token is not None, token=token)
    return page if all(keys) and len(keys) == rows else _without_nameless(page, answer)


def prefixes_of(body: bytes, where: str) -> list[bytes]:
    """Return the common prefixes of a listing. Raises SourceError."""
    answer = _parsed(body, where)
    return [_key(element, answer) for element in answer.root.iterfind("Blobs/BlobPrefix/Name")]


def refusal_error(
    where: str, status: int, headers: Mapping[str, str], body: bytes, table: ErrorTable = TABLE
) -> SourceError:
    """Return the error for an answer that refuses; the body may be anything."""
    answer = error_answer(body)
    code = headers.get("x-ms-error-code") or (answer and answer.text("Code")) or ""
    message = (answer and answer.text("Message")) or ""
    detail = (answer and answer.text("AuthenticationErrorDetail")) or ""
    said = message.partition("\n")[0]
    error = error_for(where, status, table, code=code, message=said, retry_after=headers.get("retry-after"))
    if SKEWED.search(detail) or SKEWED.search(message):
        error.hint = f"{CHECK_SAS} Or: {CHECK_CLOCK}"
    return error


def _parsed(body: bytes, where: str) -> XmlAnswer:
    def error_in(answer: XmlAnswer) -> SourceError:
        return error_for(where, 500, TABLE, code=answer.text("Code") or "", message=answer.text("Message") or "")

    return parse_xml(body, LISTING, where, what="a listing", hint=REPORT, error_in=error_in)


def _mended(text: str, answer: XmlAnswer) -> str:
    return text.translate(STAND_INS) if answer.mended else text


def _key(element: etree._Element, answer: XmlAnswer) -> bytes:
    """Return a name; one that XML cannot hold comes percent-encoded, and says so."""
    text = _mended(element.text or "", answer)
    return unquote_to_bytes(text) if element.get("Encoded") == "true" else text.encode()


def _without_nameless(page: ObjectPage, answer: XmlAnswer) -> ObjectPage:
    """Return a page without the blobs that have no name, which are gaps of it."""
    elements = answer.root.findall("Blobs/Blob")
    names = [element.find("Name") for element in elements]
    keys = [b"" if name is None else _key(name, answer) for name in names]
    gaps = [
        gap_without("a name", {child.tag: child.text for child in element.iter() if child.text}, scope=SCOPE)
        for element, key in zip(elements, keys, strict=True)
        if not key
    ]
    whole = replace(page, keys=keys)
    return replace(whole.rows([row for row, key in enumerate(keys) if key]), gaps=tuple(gaps))
