"""Refusals and faults: what Autodesk, or the gateway before it, says instead of an answer, and answers that lie."""

from typing import Any

import orjson

from filesync_dagster.simulators.kit.fault_injection import CallFaults, retry_after
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault, Rule
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import AUTHORIZED
from filesync_dagster.simulators.kit.wire import Answer

JSON_API = "application/vnd.api+json"
JSON = "application/json"
MORE = "https://aps.autodesk.com/en/docs/oauth/v2/developers_guide/error_handling/"
LISTING = AUTHORIZED | {Fault.SHORT_ANSWER}
PAGED = LISTING | {Fault.SHORT_PAGE, Fault.EMPTY_PAGE, Fault.REPEAT_TOKEN, Fault.REPEAT_PAGE}
FAULTS = PAGED | {Fault.INCOMPLETE} | CONTENT_FAULTS
"""All of them: there are no cursors and no change feed here, and the numbers of pages do not expire."""
RETRY_AFTER_SECONDS = 1.0
SERVER_ERRORS = 500


class ApsRefusal(Refusal):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, code: str, title: str, detail: str) -> None:
        super().__init__(status, code, detail)
        self.title = title

    def answer(self, error_id: str) -> Answer:
        """Return the JSON:API document of it."""
        error = {"id": error_id, "status": str(self.status), "code": self.code, "title": self.title}
        body = {"jsonapi": {"version": "1.0"}, "errors": [{**error, "detail": self.detail}]}
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


def refuse(rule: Rule, status: int | None) -> Answer:
    """Return the answer to a rule that refuses."""
    if rule.fault is Fault.THROTTLE or status == 429:  # noqa: PLR2004 - its own body
        return throttle_answer(retry_after(rule, RETRY_AFTER_SECONDS))
    if status is None or status >= SERVER_ERRORS:
        return broken(status or 503)
    if status == 401:  # noqa: PLR2004 - the gateway's
        return expired_token().answer()
    known = {400: bad_input("The request is invalid."), 403: forbidden(), 404: not_found("The resource")}
    other = ApsRefusal(status, rule.reason or "ERROR", "The request failed", "It was not done.")
    return known.get(status, other).answer("")


def corrupt(document: Any, faults: CallFaults) -> None:
    """Change a document into one that lies, if the plan wants it."""
    rule = faults.rule(Fault.SHORT_ANSWER)
    if rule and isinstance(document.get("data"), list):
        document["data"] = faults.lose(document["data"], rule)
        tips = {found["relationships"].get("tip", {}).get("data", {}).get("id") for found in document["data"]}
        if "included" in document:
            document["included"] = [found for found in document["included"] if found["id"] in tips]
    if faults.rule(Fault.REPEAT_TOKEN) and "page%5Bnumber%5D" in document["links"]["self"]["href"]:
        document["links"]["next"] = document["links"]["self"]
    rule = faults.rule(Fault.INCOMPLETE)
    if rule and "included" in document:
        document["included"] = faults.lose(document["included"], rule)
    elif rule and isinstance(document.get("data"), list):
        _lose_a_region(document)


def _lose_a_region(document: dict[str, Any]) -> None:
    """Hubs are asked for in every region; one that does not answer is a warning, and its hubs are missing."""
    regions = [hub["attributes"]["region"] for hub in document["data"] if hub["type"] == "hubs"]
    lost = regions[-1] if regions else "EMEA"
    document["data"] = [hub for hub in document["data"] if hub["attributes"].get("region") != lost]
    warning = {
        "Id": None,
        "HttpStatusCode": "403",
        "ErrorCode": "BIM360DM_ERROR",
        "Title": f"Unable to get hubs from BIM360DM {lost}.",
        "Detail": "You don't have permission to access this API",
        **dict.fromkeys(("AboutLink", "Source", "meta")),
    }
    document["meta"] = {"warnings": [warning]}
