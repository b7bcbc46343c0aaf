"""The border: what Autodesk may answer becomes our error tree here and nowhere else.

Its services have four shapes of error bodies (JSON:API, the API gateway's, OAuth's, warnings in `meta`) and document
neither 429 nor 5xx, so the status decides, and a code only where it says more. No message holds a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from filesync_dagster.connectors.rest.answers import parse_json
from filesync_dagster.connectors.rest.errors import CHECK_CLOCK, ErrorTable, Meaning, concerns_clock, error_for
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    SourceError,
    StaleSource,
    TemporarilyDown,
)

CHECK_CLIENT = "Check client_id and client_secret: both are on the app's page at https://aps.autodesk.com/myapps."
CHECK_KEY = "Check service_account_id, key_id and private_key, and that the key is enabled."
ENABLE_API = "Enable the Data Management API and the Autodesk Construction Cloud API for the app at aps.autodesk.com."
INTEGRATE = (
    "Add the app as a custom integration in ACC Account Admin (Settings, Custom integrations, with its client id); "
    "a secure service account must also be a member of the project."
)
GRANT_FOLDER = "Give the app's user or service account at least View permission on the folder."
CHECK_HUB = "Check hub_id: `b.` and the id of the account. The app must be a custom integration of that account."
CHECK_PROJECT = "Check project_ids and hub_id: the project must be active in that hub, and its id begin with `b.`."
NO_PERMISSIONS = "Only folders of ACC and BIM 360 tell their permissions, while they are there."
GRANT_DOWNLOAD = "Give the app's user or service account at least View and Download permission on the folder."
NEXT_SYNC = "The next sync tells what it is now."
GONE = "It was deleted or moved away while it was read."
REPORT = "The inventory was left as it was. If this stays, report it with the message."


CODES: Final[Mapping[str, Meaning]] = {
    "invalid_client": (AuthenticationFailed, CHECK_CLIENT),
    "unauthorized_client": (AuthenticationFailed, CHECK_CLIENT),
    "invalid_grant": (AuthenticationFailed, CHECK_KEY),
    "invalid_scope": (AccessDenied, ENABLE_API),
    "AUTH-001": (AccessDenied, ENABLE_API),  # the client id may not use this API
    "AUTH-003": (AuthenticationFailed, CHECK_CLIENT),
    "AUTH-006": (AuthenticationFailed, CHECK_CLIENT),  # the access token is invalid or has expired
    "AUTH-010": (AccessDenied, ENABLE_API),  # the token lacks the scope
}
"""What an error code means whatever the status; others are judged by the status and by what was asked."""

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    401: (AuthenticationFailed, CHECK_CLIENT),
    403: (AccessDenied, INTEGRATE),
    404: (NotFound, CHECK_PROJECT),
    410: (NotFound, GONE),
    ("token", 400): (AuthenticationFailed, CHECK_CLIENT),
    ("token", 403): (AuthenticationFailed, CHECK_CLIENT),
    ("assertion", 400): (AuthenticationFailed, CHECK_KEY),
    ("assertion", 403): (AuthenticationFailed, CHECK_KEY),
    ("hubs", 404): (NotFound, CHECK_HUB),
    ("projects", 400): (NotFound, CHECK_HUB),  # not even the shape of an id
    ("projects", 404): (NotFound, CHECK_HUB),
    ("topFolders", 400): (NotFound, CHECK_PROJECT),
    ("contents", 403): (AccessDenied, GRANT_FOLDER),
    ("contents", 404): (NotFound, GONE),
    ("folders", 403): (AccessDenied, GRANT_FOLDER),
    ("folders", 404): (NotFound, GONE),
    ("items", 403): (AccessDenied, GRANT_FOLDER),
    ("items", 404): (NotFound, GONE),
    ("objects", 403): (AccessDenied, GRANT_DOWNLOAD),
    ("objects", 404): (StaleSource, NEXT_SYNC),
    ("permissions", 400): (NotFound, NO_PERMISSIONS),
    ("permissions", 403): (AccessDenied, GRANT_FOLDER),
    ("permissions", 404): (NotFound, NO_PERMISSIONS),
}
"""What a status means: for one kind of call, or for any."""

TABLE: Final = ErrorTable(CODES, STATUSES, REPORT, codeless=frozenset({429, 503}), names_status=True)


@dataclass(frozen=True, slots=True)
class AutodeskRefusal:
    """What an error body says."""

    code: str = ""
    message: str = ""


def document(answer: httpx.Response, where: str) -> dict[str, Any]:
    """Return the JSON object of a good answer. Raises ProtocolViolation."""
    found = parse_json(answer.content, where)
    if not isinstance(found, dict):
        raise _unexpected(answer, where, "a JSON object")
    return found


def objects(answer: httpx.Response, where: str) -> list[dict[str, Any]]:
    """Return the JSON list of objects of a good answer. Raises ProtocolViolation."""
    found = parse_json(answer.content, where)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _unexpected(answer, where, "a JSON list of objects")
    return found


def refusal_error(where: str, call: str, answer: httpx.Response) -> SourceError:
    """Return the error for an answer that is not 200; `call` is the kind of call, `where` names it for the message."""
    refusal = refusal_of(answer.content)
    error = error_for(
        where,
        answer.status_code,
        TABLE,
        code=refusal.code,
        message=refusal.message,
        call=call,
        retry_after=answer.headers.get("retry-after"),
    )
    if call == "assertion" and concerns_clock(refusal.message):
        error.hint = CHECK_CLOCK
    return error


def refusal_of(body: bytes) -> AutodeskRefusal:
    """Return what the body of an error says, whichever of Autodesk's services wrote it; the body may be anything."""
    try:
        found = parse_json(body, "")
    except TemporarilyDown:
        found = None
    if not isinstance(found, dict):
        return AutodeskRefusal()
    for listed in (found.get("errors"), _mapping(found.get("meta")).get("warnings")):
        if isinstance(listed, list) and listed:
            first = _mapping(listed[0])
            return AutodeskRefusal(
                _text(first, "code", "ErrorCode"), _text(first, "detail", "Detail", "title", "Title")
            )
    return AutodeskRefusal(
        _text(found, "errorCode", "error"), _text(found, "error_description", "developerMessage", "reason", "detail")
    )


def _unexpected(answer: httpx.Response, where: str, what: str) -> ProtocolViolation:
    kind = answer.headers.get("content-type", "no content type")
    return ProtocolViolation(f"{where} sent something that is not {what} ({kind}).", hint=REPORT)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(found: Mapping[str, Any], *names: str) -> str:
    return next((found[name] for name in names if isinstance(found.get(name), str) and found[name]), "")
