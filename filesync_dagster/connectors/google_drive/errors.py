"""The border: what Google's client, google-auth or an answer of Drive may raise becomes our error tree here.

No message holds a secret: only Google's own reason and message, and what was asked for.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import googleapiclient.errors
import orjson

from filesync_dagster.connectors.rest.errors import (
    ASK_LATER,
    BadRequest,
    ErrorTable,
    Forbidden,
    Meaning,
    error_for,
)
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NoContent,
    NotFound,
    ProtocolViolation,
    SourceError,
    StaleSource,
    TemporarilyDown,
    Throttled,
)

CHECK_CREDENTIALS = "Check the service account's key (or client_id, client_secret and refresh_token)."
CHECK_DELEGATION = (
    "Give the service account domain-wide delegation (Admin console, Security, API controls): its client id, with the "
    "scopes that docs/google-drive.md names. It counts after some minutes. Also check subject."
)
CHECK_SUBJECT = (
    "Check subject: it must be the primary address of an active user of the Workspace domain that the service account "
    "has domain-wide delegation for; an alias, a group or a suspended user is none."
)
SHARE = "Share the folder (or the shared drive) with the account that asks: it must see it."
CHECK_ID = "Check folder_id and drive_id, and that the account that asks may see it."
JOIN = (
    "Make the account that asks a member of the shared drive: to others Drive does not list it, nor tell what changes "
    "there, though a folder in it may be shared with them."
)
ASK_FOR_MORE = "Raise the quota of the project in the Google Cloud console, or sync less often."
ENABLE = "Enable the Google Drive API in the project of the credentials."
SCOPES = "Grant the scopes that docs/google-drive.md names; include_shared needs drive.readonly."
OUR_FAULT = "Google changed something, or this is an error of ours: please report it."

UNKNOWN_SHARED_DRIVE = "Shared drive not found"

REASONS: Final[Mapping[str, Meaning]] = {
    "rateLimitExceeded": (Throttled, ASK_LATER),
    "userRateLimitExceeded": (Throttled, ASK_LATER),
    "sharingRateLimitExceeded": (Throttled, ASK_LATER),
    "dailyLimitExceeded": (AccessDenied, ASK_FOR_MORE),  # good again tomorrow: waiting for that would hang the sync
    "dailyLimitExceededUnreg": (AccessDenied, ASK_FOR_MORE),
    "quotaExceeded": (AccessDenied, ASK_FOR_MORE),
    "insufficientPermissions": (AccessDenied, SCOPES),
    "insufficientScopes": (AccessDenied, SCOPES),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": (AccessDenied, SCOPES),
    "accessNotConfigured": (AccessDenied, ENABLE),
    "SERVICE_DISABLED": (AccessDenied, ENABLE),
    "domainPolicy": (AccessDenied, "The administrators of the domain have disabled Drive apps: ask them."),
    "insufficientFilePermissions": (Forbidden, SHARE),
    "authError": (AuthenticationFailed, CHECK_CREDENTIALS),
    "notFound": (NotFound, CHECK_ID),
}
"""What Google's reason means; reasons that are not here are judged by the HTTP status."""

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    400: (BadRequest, OUR_FAULT),
    401: (AuthenticationFailed, CHECK_CREDENTIALS),
    403: (Forbidden, SHARE),
    404: (NotFound, CHECK_ID),
    410: (NotFound, CHECK_ID),
}

NEXT_SYNC = "The next sync tells what it is now."
NO_DOWNLOAD = "Its owner lets nobody download, copy or print it: ask for that, or leave it out by a filter."
CONTENT_REASONS: Final[Mapping[str, Meaning]] = {
    **REASONS,
    "notFound": (StaleSource, NEXT_SYNC),
    "cannotDownloadFile": (Forbidden, NO_DOWNLOAD),
    "cannotExportFile": (Forbidden, NO_DOWNLOAD),
    "cannotDownloadAbusiveFile": (Forbidden, "Google holds it for malware or spam, and gives it to its owner only."),
    "downloadQuotaExceeded": (Forbidden, "It was downloaded too often: Google gives it again after a day."),
    "fileNotDownloadable": (NoContent, "It is a document of Google's own: name a format to export it to."),
    "fileNotExportable": (NoContent, "Only documents of Google's own can be exported."),
    "exportSizeLimitExceeded": (NoContent, "Google exports documents of up to 10 MB only."),
    "requestedRangeNotSatisfiable": (StaleSource, NEXT_SYNC),
}
CONTENT_TABLE: Final = ErrorTable(
    CONTENT_REASONS,
    {**STATUSES, 404: (StaleSource, NEXT_SYNC), 410: (StaleSource, NEXT_SYNC), 416: (StaleSource, NEXT_SYNC)},
    OUR_FAULT,
    codeless=frozenset(range(500, 600)),
)
"""What a refusal of one file's content means."""

# A reason of a 5xx only repeats the status, and a 400 is about the request whatever its reason.
TABLE: Final = ErrorTable(REASONS, STATUSES, OUR_FAULT, codeless=frozenset({400, *range(500, 600)}))

CLIENT: Final[Mapping[type[Exception], type[SourceError]]] = {
    googleapiclient.errors.Error: ProtocolViolation,
    googleapiclient.errors.HttpError: ProtocolViolation,  # judged by its answer first
    googleapiclient.errors.BatchError: ProtocolViolation,
    googleapiclient.errors.ResumableUploadError: ProtocolViolation,
    googleapiclient.errors.InvalidJsonError: TemporarilyDown,
    googleapiclient.errors.InvalidChunkSizeError: ProtocolViolation,
    googleapiclient.errors.InvalidNotificationError: ProtocolViolation,
    googleapiclient.errors.MediaUploadSizeError: ProtocolViolation,
    googleapiclient.errors.UnacceptableMimeTypeError: ProtocolViolation,
    googleapiclient.errors.UnexpectedBodyError: ProtocolViolation,
    googleapiclient.errors.UnexpectedMethodError: ProtocolViolation,
    googleapiclient.errors.UnknownApiNameOrVersion: ProtocolViolation,
    googleapiclient.errors.UnknownFileType: ProtocolViolation,
    googleapiclient.errors.UnknownLinkType: ProtocolViolation,
}
"""Every exception of google-api-python-client; a test fails when it grows another."""


TOKEN_HINTS: Final[Mapping[str, str]] = {
    "unauthorized_client": CHECK_DELEGATION,  # the account may speak for nobody, or not with these scopes
    "access_denied": CHECK_DELEGATION,
    "invalid email or user id": CHECK_SUBJECT,
    "not a valid email": CHECK_SUBJECT,
    "invalid impersonation": CHECK_SUBJECT,
    "invalid principal": CHECK_SUBJECT,
    "account has been deleted": CHECK_SUBJECT,
    "user is suspended": CHECK_SUBJECT,
}
"""What Google's token service says, and what to do about it."""


@contextmanager
def drive_border(where: str) -> Iterator[None]:
    """Turn what Google's client raises into our errors; `where` names what was asked, for the message."""
    try:
        yield
    except googleapiclient.errors.HttpError as exc:
        raise refusal_error(where, exc.resp.status, exc.content or b"", exc.resp) from exc
    except googleapiclient.errors.Error as exc:
        kind = next((CLIENT[c] for c in type(exc).__mro__ if c in CLIENT), ProtocolViolation)
        raise kind(f"{where}: {str(exc).rstrip('.')}.", hint=OUR_FAULT) from exc


def refusal_error(where: str, status: int, body: bytes, headers: Mapping[str, str]) -> SourceError:
    """Return the error for an answer that refuses."""
    reason, message = _reason_in(body)
    error = error_for(where, status, TABLE, code=reason, message=message, retry_after=headers.get("retry-after"))
    if isinstance(error, NotFound) and message.startswith(UNKNOWN_SHARED_DRIVE):
        error.hint = JOIN
    return error


def content_refusal(where: str, status: int, body: bytes, headers: Mapping[str, str]) -> SourceError:
    """Return the error for an answer that refuses a content."""
    reason, message = _reason_in(body)
    return error_for(where, status, CONTENT_TABLE, code=reason, message=message, retry_after=headers.get("retry-after"))


def status_in(answer: Mapping[str, Any]) -> int:
    """Return the HTTP status that the body of a refusal names; that of an outage if it names none."""
    code = answer["error"].get("code")
    return code if isinstance(code, int) else 503


def concerns_account(error: SourceError) -> bool:
    """Whether an error is about all that the account may do, and not about one entry or drive."""
    return isinstance(error, AccessDenied) and not isinstance(error, Forbidden)


def _reason_in(body: bytes) -> tuple[str, str]:
    """Return Google's reason and message; the body may be anything."""
    try:
        error: Any = orjson.loads(body)["error"]
        details = [*(error.get("errors") or ()), *(error.get("details") or ())]
        reasons = [detail["reason"] for detail in details if detail.get("reason")]
        return next((r for r in reasons if r in REASONS), reasons[0] if reasons else ""), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""
