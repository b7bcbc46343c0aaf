"""What Dropbox may say instead of what was asked: the tags of an error, from the outside in, and statuses."""

from collections.abc import Mapping
from typing import Any, Final

from filesync_dagster.connectors.rest.errors import ASK_LATER, CHECK_ADDRESS, BadRequest, ErrorTable, Forbidden, Meaning
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NoContent,
    NotFound,
    ProtocolViolation,
    StaleSource,
    Throttled,
)

CHECK_CREDENTIALS = "Check app_key, app_secret and refresh_token; an access_token lasts for four hours only."
CHECK_PATH = "Check path (and namespace_id): it must be a folder that the app's user may see."
CHECK_ROOT = (
    "Check namespace_id: `filesync test` without it names the namespace that the account has now. An administrator may "
    "have changed the team's space, or the account lost its access."
)
CHECK_MEMBER = "Check select_user and select_admin: an active member of the team, by the id that begins with dbmid:."
SCOPES = "Give the app the permissions that docs/dropbox.md names, and sign in again: tokens have those of their day."
SHARE = "Share it with the account that asks, or leave it out by a filter."
CHECK_REQUEST = (
    "The app of a team needs select_user or select_admin; an app with access to its own folder only has no other root: "
    "leave out namespace_id. Where it says something else, this is an error of ours: please report it."
)
NEXT_SYNC = "The next sync tells what it is now."
OUR_FAULT = "Dropbox changed something, or this is an error of ours: please report it."


class NothingThere(NotFound):
    """There is nothing at a path, or under an id: Dropbox's own word, and no other answer that is like it."""


RESET: Meaning = (BadRequest, "The cursor is not good any more: everything is listed anew.")
GONE: Meaning = (NothingThere, CHECK_PATH)

CODES: Final[Mapping[str, Meaning]] = {
    "reset": RESET,
    "path/not_found": GONE,
    "path/not_folder": GONE,
    "path/malformed_path": GONE,
    "path/restricted_content": (Forbidden, SHARE),
    "path/locked": (Forbidden, SHARE),
    "user_error/not_found": GONE,
    "access_error/no_permission": (Forbidden, SHARE),
    "not_a_member": (Forbidden, SHARE),
    "unmounted": (Forbidden, SHARE),
    "invalid_id": GONE,
    "expired_access_token": (AuthenticationFailed, CHECK_CREDENTIALS),
    "invalid_access_token": (AuthenticationFailed, CHECK_CREDENTIALS),
    "missing_scope": (AccessDenied, SCOPES),
    "route_access_denied": (AccessDenied, SCOPES),
    "invalid_select_user": (AccessDenied, CHECK_MEMBER),
    "invalid_select_admin": (AccessDenied, CHECK_MEMBER),
    "user_suspended": (AccessDenied, CHECK_MEMBER),
    "team_access_denied": (AccessDenied, CHECK_MEMBER),
    "too_many_requests": (Throttled, ASK_LATER),
    "too_many_write_operations": (Throttled, ASK_LATER),
    "invalid_grant": (AuthenticationFailed, CHECK_CREDENTIALS),
    "invalid_client": (AuthenticationFailed, CHECK_CREDENTIALS),
}
STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    400: (BadRequest, CHECK_REQUEST),
    ("token", 400): (AuthenticationFailed, CHECK_CREDENTIALS),
    401: (AuthenticationFailed, CHECK_CREDENTIALS),
    ("token", 403): (AuthenticationFailed, CHECK_CREDENTIALS),
    403: (Forbidden, SHARE),
    404: (ProtocolViolation, CHECK_ADDRESS),  # Dropbox says 409 of what is not there: something else answers
    422: (NotFound, CHECK_ROOT),  # of the header that names a root
}
WAIT_AT: Final = ("error", "retry_after")

TABLE: Final = ErrorTable(CODES, STATUSES, OUR_FAULT, frozenset(range(500, 600)), names_status=True, wait_at=WAIT_AT)
CONTENT_TABLE: Final = ErrorTable(
    {
        **CODES,
        "path/not_found": (StaleSource, NEXT_SYNC),
        "path/not_file": (StaleSource, NEXT_SYNC),
        "unsupported_file": (NoContent, "It is a document of its own kind: name a format to export it to."),
        "path/unsupported_content_type": (NoContent, "Dropbox gives no bytes of it."),
        "non_exportable": (NoContent, "Only documents such as Paper's can be exported."),
        "invalid_export_format": (NoContent, "Its metadata names the formats that it can be exported to."),
    },
    {**STATUSES, 416: (StaleSource, NEXT_SYNC)},
    OUR_FAULT,
    frozenset(range(500, 600)),
    names_status=True,
    wait_at=WAIT_AT,
)
"""What a refusal of one file's content means."""


def read_refusal(body: dict[str, Any]) -> tuple[str, str]:
    """Return the tags of an error, with slashes between, and what else it says."""
    error = body.get("error")
    if isinstance(error, str):  # of the token service
        return error, str(body.get("error_description", ""))
    summary = str(body.get("error_summary", "")).rstrip("./")
    if isinstance(error, dict) and isinstance(error.get("reason"), dict):
        return str(error["reason"].get(".tag", summary)), ""
    code = summary if summary in CODES else next((one for one in CODES if summary.startswith(f"{one}/")), summary)
    return code, _text_of(body, error)


def _text_of(body: Mapping[str, Any], error: object) -> str:
    """Return what an error says in words; of a wrong root, which the account has now; of a scope, which it needs."""
    found = error if isinstance(error, dict) else {}
    root = found.get("invalid_root")
    if isinstance(root, dict) and root.get("root_namespace_id"):
        return f"the root of the account is namespace {root['root_namespace_id']} now"
    if found.get("required_scope"):
        return f"it needs {found['required_scope']}"
    text = body.get("user_message")
    return str(text.get("text", "")) if isinstance(text, dict) else ""
