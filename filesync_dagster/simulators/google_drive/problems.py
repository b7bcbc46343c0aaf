"""Errors as Google words them: `{"error": {"code", "message", "errors": [{"domain", "reason", "message", …}]}}`."""

import orjson

from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Answer

JSON = {"content-type": "application/json; charset=UTF-8"}

UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
ANONYMOUS = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)


class DriveRefusal(Refusal):
    """A request that Drive does not fulfil. `grpc_status` is the name of the status that newer answers have too."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        location: str | None = None,
        location_type: str = "parameter",
        grpc_status: str | None = None,
        short: str | None = None,
        domain: str = "global",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, reason, message)
        detail = {"message": short or message, "domain": domain, "reason": reason}
        if location:
            detail |= {"location": location, "locationType": location_type}
        self.body: dict[str, object] = {"code": status, "message": message, "errors": [detail]}
        if grpc_status:
            self.body["status"] = grpc_status
        self.headers = headers or {}

    def answer(self) -> Answer:
        """Return the refusal as Drive sends it."""
        return Answer(self.status, orjson.dumps({"error": self.body}), JSON | self.headers)


def invalid(parameter: str, message: str = "Invalid Value") -> DriveRefusal:
    """A parameter has a value that is not accepted."""
    return DriveRefusal(400, "invalid", message, location=parameter)


def bad_request(message: str) -> DriveRefusal:
    """The request contradicts itself, or the state of the file."""
    return DriveRefusal(400, "badRequest", message)


def required_parameter(parameter: str, message: str | None = None) -> DriveRefusal:
    """A parameter is missing."""
    return DriveRefusal(400, "required", message or f"Required parameter: {parameter}", location=parameter)


def unknown_field(mask: str) -> DriveRefusal:
    """`fields` names something that the answer does not have."""
    return DriveRefusal(400, "invalidParameter", f"Invalid field selection {mask}", location="fields")


def file_not_found(file_id: str) -> DriveRefusal:
    """There is no such file, or this account may not know of it."""
    return DriveRefusal(404, "notFound", f"File not found: {file_id}.", location="fileId")


def drive_not_found(drive_id: str) -> DriveRefusal:
    """There is no such shared drive, or this account is not a member."""
    return DriveRefusal(404, "notFound", f"Shared drive not found: {drive_id}", location="driveId")


def permission_not_found(permission_id: str) -> DriveRefusal:
    """The file has no such permission."""
    return DriveRefusal(404, "notFound", f"Permission not found: {permission_id}.", location="permissionId")


def forbidden(file_id: str) -> DriveRefusal:
    """The account may see the file, but not do this."""
    message = f"The user does not have sufficient permissions for file {file_id}."
    return DriveRefusal(403, "insufficientFilePermissions", message)


def not_writable(message: str = "The resource body includes fields which are not directly writable.") -> DriveRefusal:
    """The body names fields that nobody can set."""
    return DriveRefusal(403, "fieldNotWritable", message)


def bad_token() -> DriveRefusal:
    """The access token is unknown or expired."""
    return DriveRefusal(
        401,
        "authError",
        UNAUTHENTICATED,
        location="Authorization",
        location_type="header",
        grpc_status="UNAUTHENTICATED",
        short="Invalid Credentials",
    )


def no_token() -> DriveRefusal:
    """Nobody is asking."""
    return DriveRefusal(403, "forbidden", ANONYMOUS, grpc_status="PERMISSION_DENIED")


def scope_too_small() -> DriveRefusal:
    """The access token was minted for scopes that do not allow this method."""
    return DriveRefusal(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        grpc_status="PERMISSION_DENIED",
        short="Insufficient Permission",
    )


RATE_LIMITS = {
    "userRateLimitExceeded": "User Rate Limit Exceeded",
    "rateLimitExceeded": "Rate Limit Exceeded",
    "sharingRateLimitExceeded": 'Rate limit exceeded. User message: "These item(s) could not be shared"',
    "dailyLimitExceeded": "Daily Limit Exceeded",
    "quotaExceeded": "Quota exceeded",
}


def throttle_refusal(status: int, reason: str | None, headers: dict[str, str]) -> DriveRefusal:
    """Too many calls: 403 with a reason, or 429."""
    reason = reason or {403: "userRateLimitExceeded"}.get(status, "rateLimitExceeded")
    message = RATE_LIMITS.get(reason, "Rate Limit Exceeded")
    return DriveRefusal(status, reason, message, domain="usageLimits", headers=headers)


def server_error(status: int) -> DriveRefusal:
    """Something is wrong at Google."""
    reason, message = {
        500: ("internalError", "Internal Error"),
        502: ("badGateway", "Bad Gateway"),
        504: ("gatewayTimeout", "Gateway Timeout"),
    }.get(status, ("backendError", "The service is currently unavailable."))
    return DriveRefusal(status, reason, message)
