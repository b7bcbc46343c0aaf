"""What goes wrong with one call, as Autodesk would show it."""

from typing import Any

from filesync_dagster.simulators.autodesk.refusals import (
    ApsRefusal,
    bad_input,
    broken,
    expired_token,
    forbidden,
    not_found,
    throttle_answer,
)
from filesync_dagster.simulators.kit.fault_injection import CallFaults, retry_after
from filesync_dagster.simulators.kit.faults import Fault, Rule
from filesync_dagster.simulators.kit.service import AUTHORIZED
from filesync_dagster.simulators.kit.wire import Answer

LISTING = AUTHORIZED | {Fault.SHORT_ANSWER}
PAGED = LISTING | {Fault.SHORT_PAGE, Fault.EMPTY_PAGE, Fault.REPEAT_TOKEN, Fault.REPEAT_PAGE}
FAULTS = PAGED | {Fault.INCOMPLETE}
"""All of them: there are no cursors and no change feed here, and the numbers of pages do not expire."""
RETRY_AFTER_SECONDS = 1.0
SERVER_ERRORS = 500


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


class ApsFaults(CallFaults):
    """The faults of one call."""

    def entries_to_serve(self, entries: int) -> int:
        """Return how many of the entries of a page are served; the others come later."""
        if self.rule(Fault.EMPTY_PAGE):
            return 0
        rule = self.rule(Fault.SHORT_PAGE)
        return max(1, min(entries - 1, round(entries * (1 - rule.share)))) if rule and entries else entries

    def corrupt(self, document: dict[str, Any]) -> None:
        """Change a document into one that lies."""
        rule = self.rule(Fault.SHORT_ANSWER)
        if rule and isinstance(document.get("data"), list):
            document["data"] = self.lose(document["data"], rule)
            tips = {_tip(found) for found in document["data"]}
            if "included" in document:
                document["included"] = [found for found in document["included"] if found["id"] in tips]
        if self.rule(Fault.REPEAT_TOKEN) and "page%5Bnumber%5D" in document["links"]["self"]["href"]:
            document["links"]["next"] = document["links"]["self"]
        rule = self.rule(Fault.INCOMPLETE)
        if rule and "included" in document:
            document["included"] = self.lose(document["included"], rule)
        elif rule and isinstance(document.get("data"), list):
            _lose_a_region(document)


def _tip(resource: dict[str, Any]) -> object:
    return resource["relationships"].get("tip", {}).get("data", {}).get("id")


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
        "AboutLink": None,
        "Source": None,
        "meta": None,
    }
    document["meta"] = {"warnings": [warning]}
