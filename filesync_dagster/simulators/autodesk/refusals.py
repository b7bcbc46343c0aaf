"""What Autodesk says when it does not do what was asked: the bodies of the service itself, and of its gateway."""

import orjson

from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Answer

JSON_API = "application/vnd.api+json"
JSON = "application/json"
MORE = "https://aps.autodesk.com/en/docs/oauth/v2/developers_guide/error_handling/"


class ApsRefusal(Refusal):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, code: str, title: str, detail: str) -> None:
        super().__init__(status, code, detail)
        self.title = title

    def answer(self, error_id: str) -> Answer:
        """Return the JSON:API document of it."""
        error = {
            "id": error_id,
            "status": str(self.status),
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
        }
        body = {"jsonapi": {"version": "1.0"}, "errors": [error]}
        return Answer(self.status, orjson.dumps(body), {"content-type": JSON_API})


class GatewayRefusal(Refusal):
    """A refusal of the gateway before the service: about tokens and quotas."""

    def answer(self) -> Answer:
        """Return it as the gateway sends it."""
        return gateway(self.status, self.code, self.detail)


def bad_input(detail: str) -> ApsRefusal:
    """Refuse what is asked the wrong way."""
    return ApsRefusal(400, "BAD_INPUT", "One or more input values in the request were bad", detail)


def forbidden(detail: str = "You don't have permission to access this resource.") -> ApsRefusal:
    """Refuse what this account may not see."""
    return ApsRefusal(403, "FORBIDDEN", "Permission denied", detail)


def no_user() -> ApsRefusal:
    """Refuse what needs a person's token."""
    return ApsRefusal(403, "USER_NOT_AUTHENTICATED", "User not authenticated", "The user could not be authenticated.")


def not_found(what: str) -> ApsRefusal:
    """Refuse what is not there."""
    return ApsRefusal(404, "NOT_FOUND", "The specified resource was not found", f"{what} does not exist.")


def conflict(detail: str) -> ApsRefusal:
    """Refuse what would be there twice."""
    return ApsRefusal(409, "CONFLICT", "The specified resource already exists", detail)


def gateway(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer of the gateway before the service: about tokens and quotas."""
    body = {"developerMessage": message, "userMessage": "", "errorCode": code, "more info": MORE}
    return Answer(status, orjson.dumps(body), {"content-type": JSON, **(headers or {})})


def expired_token() -> GatewayRefusal:
    """Refuse a token that is not, or no longer, good."""
    return GatewayRefusal(401, "AUTH-006", "The token has expired or is invalid")


def throttle_answer(retry_after: dict[str, str]) -> Answer:
    """Answer to too many calls."""
    return gateway(429, "ERR-001", "Quota limit exceeded.", retry_after)


def broken(status: int) -> Answer:
    """Answer of a server in trouble: JSON if the service still speaks, else what a load balancer says."""
    if status == 500:  # noqa: PLR2004 - the one error that the service itself reports
        return ApsRefusal(500, "INTERNAL_SERVER_ERROR", "Internal server error", "Unexpected error.").answer("")
    page = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    return Answer(status, page.encode(), {"content-type": "text/html"})
