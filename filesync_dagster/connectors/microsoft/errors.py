"""The border: what Graph, or the token service before it, may answer becomes our error tree here and nowhere else."""

from collections.abc import Mapping
from typing import Any, Final

from filesync_dagster.connectors.rest.errors import ASK_LATER, CHECK_CLOCK, BadRequest, ErrorTable, Forbidden, Meaning
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Throttled,
)

CHECK_CREDENTIALS = (
    "Check tenant_id, client_id and client_secret (or certificate_file) of the app registration: a secret expires, and "
    "what is shown as its id is not the secret."
)
CHECK_TENANT = "Check tenant_id, and authority_url where the tenant is in a sovereign cloud."
CHECK_PLACE = "Check site_url or site_id, drive or drive_id, user and folder_path, and that the app may see it."
GRANT = (
    "Give the app the application permission Sites.Selected and grant it the site, or Sites.Read.All (SharePoint), or "
    "Files.Read.All (OneDrive), with an administrator's consent: see docs/microsoft.md."
)
UNLOCK = "An administrator, or a retention policy, locked it: it can be read again when that is lifted."
FULL_SYNC = "A full sync follows."
NEXT_SYNC = "The next sync tells what it is now."
REPORT = "Microsoft changed something, or this is an error of ours: please report it."

CODES: Final[Mapping[str, Meaning]] = {
    "InvalidAuthenticationToken": (AuthenticationFailed, CHECK_CREDENTIALS),
    "unauthenticated": (AuthenticationFailed, CHECK_CREDENTIALS),
    "invalid_client": (AuthenticationFailed, CHECK_CREDENTIALS),
    "unauthorized_client": (AuthenticationFailed, CHECK_CREDENTIALS),
    "invalid_scope": (AuthenticationFailed, CHECK_TENANT),
    "Authorization_RequestDenied": (AccessDenied, GRANT),
    "activityLimitReached": (Throttled, ASK_LATER),
    "TooManyRequests": (Throttled, ASK_LATER),
    "tooManyRequests": (Throttled, ASK_LATER),
    "resourceLocked": (Forbidden, UNLOCK),
    "itemNotFound": (NotFound, CHECK_PLACE),
    "ResourceNotFound": (NotFound, CHECK_PLACE),
    "generalException": (TemporarilyDown, ASK_LATER),
}
"""What a code means whatever the status; others are judged by the status and by what was asked."""

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    400: (BadRequest, REPORT),
    401: (AuthenticationFailed, CHECK_CREDENTIALS),
    403: (Forbidden, GRANT),
    404: (NotFound, CHECK_PLACE),
    410: (BadRequest, FULL_SYNC),  # the token of a delta, or of a page of it, is too old
    423: (Forbidden, UNLOCK),
    503: (Throttled, ASK_LATER),  # Graph's other way to say so
    509: (Throttled, ASK_LATER),
    ("token", 400): (AuthenticationFailed, CHECK_TENANT),
}

TABLE: Final = ErrorTable(CODES, STATUSES, REPORT, codeless=frozenset({400, 410, 429, 503, 504, 509}))


def read_refusal(body: Any) -> tuple[str, str]:
    """Return the code and the message of a refusal: of Graph's, or of the token service's."""
    error = body["error"]
    if isinstance(error, str):
        said = str(body.get("error_description", "")).splitlines()
        return error, said[0] if said else ""
    return str(error.get("code") or ""), str(error.get("message") or "")


def require_no_refusal(answer: Mapping[str, Any], where: str) -> None:
    """Raise for an answer whose status says that all is well, and whose body does not."""
    if isinstance(answer.get("error"), dict):
        code, message = read_refusal(answer)
        raise TemporarilyDown(f"{where} answered {code}: {message.rstrip('.')}.", hint=ASK_LATER)


def explain_clock(error: SourceError) -> SourceError:
    """Return an error of the token service, with the hint that the clock is wrong where it says so."""
    if "AADSTS700024" in error.message:
        error.hint = CHECK_CLOCK
    return error


def concerns_account(error: SourceError) -> bool:
    """Whether an error is about all that the app may do, and not about one item or drive."""
    return isinstance(error, AccessDenied) and not isinstance(error, Forbidden)


def odd_answer(where: str, what: str) -> ProtocolViolation:
    """Return the error for an answer that lacks something."""
    return ProtocolViolation(f"{where} sent an answer without {what}.", hint=REPORT)
