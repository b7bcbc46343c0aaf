"""What refusals of the JSON API mean."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from filesync_dagster.connectors.object_store.content import NEXT_SYNC
from filesync_dagster.connectors.rest.errors import ASK_LATER, BadRequest, ErrorTable, Meaning, error_for
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NoContent,
    NotFound,
    SourceError,
    StaleSource,
    TemporarilyDown,
    Throttled,
)

CHECK_CREDENTIALS: Final = "Check the service account's key."
GRANT: Final = (
    "Give the account the role Storage Object Viewer on the bucket (and Storage Legacy Bucket Reader, to see whether "
    "it keeps the past)."
)
CHECK_BUCKET: Final = "Check the name of the bucket."
REPORT: Final = "Google changed something, or this is an error of ours: please report it."

REASONS: Final[Mapping[str, Meaning]] = {
    "rateLimitExceeded": (Throttled, ASK_LATER),
    "userRateLimitExceeded": (Throttled, ASK_LATER),
    "quotaExceeded": (AccessDenied, "Raise the quota of the project in the Google Cloud console."),
    "accountDisabled": (AccessDenied, "The account or its billing is disabled: its owner must solve that with Google."),
    "userProjectMissing": (AccessDenied, "Whoever asks pays: set user_project."),
    "accessNotConfigured": (AccessDenied, "Enable the Cloud Storage API in the project of the credentials."),
    "authError": (AuthenticationFailed, CHECK_CREDENTIALS),
    "backendError": (TemporarilyDown, ASK_LATER),
    "internalError": (TemporarilyDown, ASK_LATER),
}
"""What Google's reason means; reasons that are not here are judged by the HTTP status."""

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    400: (BadRequest, REPORT),
    401: (AuthenticationFailed, CHECK_CREDENTIALS),
    403: (AccessDenied, GRANT),
    404: (NotFound, CHECK_BUCKET),
}

TABLE: Final = ErrorTable(REASONS, STATUSES, REPORT, codeless=frozenset({404, 412}))

GONE: Final[Meaning] = (StaleSource, NEXT_SYNC)
CONTENT_TABLE: Final = ErrorTable(
    {**REASONS, "customerEncryptionKeyIsMissing": (NoContent, "It is encrypted with a key that only its owner has.")},
    {**STATUSES, 304: GONE, 404: GONE, 412: GONE, 416: GONE},
    REPORT,
    codeless=frozenset({404, 412, 416}),
)
"""What a refusal of one object means."""


def refusal_error(
    where: str, status: int, headers: Mapping[str, str], body: bytes, table: ErrorTable = TABLE
) -> SourceError:
    """Return the error for an answer that refuses; the body may be anything."""
    reason, message = _reason_in(body)
    return error_for(where, status, table, code=reason, message=message, retry_after=headers.get("retry-after"))


def _reason_in(body: bytes) -> tuple[str, str]:
    try:
        error: Any = orjson.loads(body)["error"]
        reasons = [detail["reason"] for detail in error.get("errors") or () if detail.get("reason")]
        return reasons[0] if reasons else "", str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""
