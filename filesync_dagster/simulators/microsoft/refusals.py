"""What Graph, and the token service before it, say when they do not do what was asked."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from filesync_dagster.simulators.kit.fault_injection import retry_after
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault, Rule
from filesync_dagster.simulators.kit.journal import FEED_FAULTS
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import AUTHORIZED
from filesync_dagster.simulators.kit.wire import Answer

JSON: Final = {"content-type": "application/json"}
CODES: Final[Mapping[int, str]] = {
    400: "invalidRequest",
    401: "InvalidAuthenticationToken",
    403: "accessDenied",
    404: "itemNotFound",
    409: "nameAlreadyExists",
    410: "resyncRequired",
    423: "resourceLocked",
    429: "activityLimitReached",
    500: "generalException",
    503: "serviceNotAvailable",
    504: "gatewayTimeout",
    509: "bandwidthLimitExceeded",
}
RESYNC_CODES: Final = ("resyncChangesApplyDifferences", "resyncChangesUploadDifferences")
PAGE_FAULTS: Final = frozenset({Fault.SHORT_PAGE, Fault.EMPTY_PAGE, Fault.REPEAT_PAGE, Fault.REPEAT_TOKEN})
FAULTS: Final = (
    AUTHORIZED | CONTENT_FAULTS | FEED_FAULTS | PAGE_FAULTS | {Fault.EXPIRE_PAGE, Fault.LOSE_CURSOR, Fault.SHORT_ANSWER}
)
"""What can go wrong with Graph."""


class GraphRefusal(Refusal):
    """A refusal of Graph, with headers of its own."""

    def __init__(self, status: int, code: str = "", detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, code or CODES.get(status, "generalException"), detail or "The plan says so.")
        self.headers = headers or {}


class OauthRefusal(Refusal):
    """A refusal of the token service, which words it as OAuth does."""


def word(refusal: Refusal, request_id: str, date: str) -> Answer:
    """Return a refusal as it is sent."""
    body: dict[str, Any] = {"error": refusal.code, "error_description": refusal.detail, "correlation_id": request_id}
    headers: Mapping[str, str] = {}
    if not isinstance(refusal, OauthRefusal):
        told = {"date": date, "request-id": request_id, "client-request-id": request_id}
        body = {"error": {"code": refusal.code, "message": refusal.detail, "innerError": told}}
        headers = getattr(refusal, "headers", {})
    return Answer(refusal.status, orjson.dumps(body), {**JSON, **headers})


def refusal_of(rule: Rule, status: int | None) -> GraphRefusal:
    """Return the refusal that a rule asks for."""
    if rule.fault is Fault.THROTTLE:
        return GraphRefusal(status or 429, rule.reason or "", "Too many requests.", retry_after(rule))
    return GraphRefusal(status or 503, rule.reason or "", headers=retry_after(rule))


def not_found() -> GraphRefusal:
    """Return the refusal of what is not there."""
    return GraphRefusal(404, "itemNotFound", "The resource could not be found.")


def resync(location: str, code: str) -> GraphRefusal:
    """Return the refusal of a token that is too old, with the address of a fresh enumeration."""
    return GraphRefusal(410, code, "Resync required.", {"location": location})
