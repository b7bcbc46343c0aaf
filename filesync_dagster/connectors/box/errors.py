"""The table: what Box may say instead of what was asked. No message holds a secret."""

from typing import Any, Final

from filesync_dagster.connectors.rest.errors import CHECK_CLOCK, BadRequest, ErrorTable, Forbidden, concerns_clock
from filesync_dagster.core.errors import AccessDenied, AuthenticationFailed, NotFound, SourceError, Throttled

CHECK_CLIENT = "Check client_id and client_secret (Developer Console, the app, Configuration)."
AUTHORIZE = (
    "An admin must authorize the app (Admin Console, Integrations, Platform Apps Manager), anew after each change of "
    "its scopes. Also check enterprise_id, or box_user_id and that the app may generate user access tokens."
)
CHECK_KEY = "Generate a new key pair for the app (Developer Console, Configuration) and use the JSON that it downloads."
CHECK_ID = (
    "Check folder_id (the number in the folder's address), that it is not in the trash, and that the account was "
    "invited to it: `filesync test` names the account."
)
INVITE = "Invite the account to the folder as a viewer: `filesync test` names it."
GRANT_SCOPE = "Give the app the scope that is missing (Developer Console, Configuration), and authorize it anew."
GRANT_EVENTS = (
    "Give the app the scope `Manage enterprise properties` and authorize it anew, so that it may read the enterprise's "
    "events. Until then the account's own events are followed."
)
NEXT_SYNC = "The next sync tells what it is now."
REPORT = "The inventory was left as it was. If this stays, report it with the message."
GONE_ON = "Ask again: the next sync begins there."

TABLE: Final = ErrorTable(
    codes={
        "rate_limit_exceeded": (Throttled, GONE_ON),
        "trashed": (NotFound, CHECK_ID),
        "insufficient_scope": (AccessDenied, GRANT_SCOPE),
        "invalid_client": (AuthenticationFailed, CHECK_CLIENT),
        "unauthorized_client": (AuthenticationFailed, AUTHORIZE),
        "invalid_grant": (AuthenticationFailed, AUTHORIZE),
    },
    statuses={
        400: (BadRequest, REPORT),
        401: (AuthenticationFailed, AUTHORIZE),
        403: (Forbidden, INVITE),
        404: (NotFound, CHECK_ID),
        ("token", 400): (AuthenticationFailed, AUTHORIZE),
        ("token", 403): (AuthenticationFailed, AUTHORIZE),
    },
    unknown_hint=REPORT,
    codeless=frozenset({429}),
    names_status=True,
)


def read_refusal(body: dict[str, Any]) -> tuple[str, str]:
    """Return the code and the message of a refusal, of the API or of the token service."""
    if "error" in body:
        return str(body["error"]), str(body.get("error_description", ""))
    return str(body["code"]), str(body.get("message", ""))


def with_clock_hint(error: SourceError) -> SourceError:
    """Return an error of the token service, with the hint that helps where a time is what it refused."""
    if isinstance(error, AuthenticationFailed) and concerns_clock(error.message):
        error.hint = CHECK_CLOCK
    return error
