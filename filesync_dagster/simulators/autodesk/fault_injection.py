"""What goes wrong with one call, as Autodesk would show it."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from filesync_dagster.simulators.autodesk.refusals import broken, forbidden, throttle_answer
from filesync_dagster.simulators.kit.faults import Fault, Rule
from filesync_dagster.simulators.kit.wire import Answer

ANYWHERE = frozenset({Fault.THROTTLE, Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.DISCONNECT, Fault.GARBAGE, Fault.MUTATE})
"""What can happen to any call, and to one for a token."""
AUTHORIZED = ANYWHERE | {Fault.EXPIRE_TOKEN, Fault.DENY}
LISTING = AUTHORIZED | {Fault.SHORT_ANSWER}
PAGED = LISTING | {Fault.SHORT_PAGE, Fault.EMPTY_PAGE, Fault.REPEAT_TOKEN}
FAULTS = PAGED | {Fault.INCOMPLETE}
"""All of them: there are no cursors and no change feed here, and the numbers of pages do not expire."""
RETRY_AFTER_SECONDS = 1.0
UNAVAILABLE = 503


@dataclass(frozen=True)
class Misfortune:
    """The rules that struck a call."""

    rules: Sequence[Rule]
    random: random.Random

    def rule(self, fault: Fault) -> Rule | None:
        """Return the rule of a fault, None if that does not happen."""
        return next((rule for rule in self.rules if rule.fault is fault), None)

    def instead(self) -> Answer | None:
        """Return what comes in place of any answer."""
        if self.rule(Fault.TIMEOUT):
            return Answer(fault="timeout")
        if self.rule(Fault.DISCONNECT):
            return Answer(fault="disconnect")
        rule = self.rule(Fault.THROTTLE)
        if rule:
            wait = RETRY_AFTER_SECONDS if rule.seconds is None else rule.seconds
            return throttle_answer(wait, time.time() if rule.dated else None)
        rule = self.rule(Fault.SERVER_ERROR)
        return broken(rule.status or UNAVAILABLE) if rule else None

    def deny(self) -> None:
        """Raise the refusal, if that is what happens."""
        rule = self.rule(Fault.DENY)
        if rule:
            raise forbidden(rule.reason or "You don't have permission to access this resource.")

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
            self._lose(document["data"], rule.share)
            tips = {_tip(found) for found in document["data"]}
            if "included" in document:
                document["included"] = [found for found in document["included"] if found["id"] in tips]
        if self.rule(Fault.REPEAT_TOKEN) and "page%5Bnumber%5D" in document["links"]["self"]["href"]:
            document["links"]["next"] = document["links"]["self"]
        rule = self.rule(Fault.INCOMPLETE)
        if rule and "included" in document:
            self._lose(document["included"], rule.share)
        elif rule and isinstance(document.get("data"), list):
            _lose_a_region(document)

    def truncate(self, answer: Answer) -> Answer:
        """Return an answer as it arrives: perhaps only half of it."""
        return replace(answer, body=answer.body[: len(answer.body) // 2]) if self.rule(Fault.GARBAGE) else answer

    def _lose(self, entries: list[Any], share: float) -> None:
        for _ in range(min(len(entries), max(1, round(len(entries) * share)))):
            entries.pop(self.random.randrange(len(entries)))


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
