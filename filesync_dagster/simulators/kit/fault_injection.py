"""What goes wrong with one call: instead of its answer, or with the answer on its way. The same for every provider."""

import json
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

from filesync_dagster.simulators.kit.control import PORTAL_PATH
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.wire import Answer, Cut, Drip, Request

REFUSALS: Final = frozenset({Fault.THROTTLE, Fault.SERVER_ERROR, Fault.REFUSE, Fault.ERROR_IN_BODY})
"""What comes in the provider's own words."""
ANYWHERE: Final = REFUSALS | {
    Fault.TIMEOUT, Fault.DISCONNECT, Fault.GARBAGE, Fault.DRIP_HEADERS, Fault.DRIP_BODY, Fault.GZIP_BOMB,
    Fault.CAPTIVE_PORTAL, Fault.PATCH_ENTRY,
}  # fmt: skip
"""What can happen to any call of any provider."""
STATUSES: Final = {Fault.SERVER_ERROR: 503, Fault.REFUSE: 404, Fault.ERROR_IN_BODY: 503}
DRIP_INTERVAL_SECONDS = 1.0
BOMB_BLOCK_BYTES = 2**20

Entry = TypeVar("Entry")


@dataclass
class CallFaults:
    """The faults of one call. `refuse` returns the provider's answer to a rule that refuses, of a status if it is told.

    `distort` is for an answer that is there, `instead` for one that takes its place.
    """

    plan: FaultPlan
    operation: str
    request: Request
    refuse: Callable[[Rule, int | None], Answer]
    rules: list[Rule] = field(default_factory=list)

    def strike(self, able: Collection[Fault]) -> set[Fault]:
        """Ask the plan which of these faults happen to this call, and return them."""
        struck = self.plan.strike(self.operation, set(able) - {Fault.PATCH_ENTRY}, self.request)
        self.rules += struck
        return {rule.fault for rule in struck}

    def rule(self, *faults: Fault) -> Rule | None:
        """Return the rule that struck this call with one of the faults."""
        return next((rule for rule in self.rules if rule.fault in faults), None)

    def instead(self) -> Answer | None:
        """Return what comes in place of any answer: the first of what struck."""
        for rule in self.rules:
            match rule.fault:
                case Fault.TIMEOUT | Fault.DISCONNECT:
                    return Answer(fault=rule.fault.value)
                case Fault.CAPTIVE_PORTAL:
                    return Answer(302, b"", {"location": PORTAL_PATH, "content-type": "text/html"})
                case fault if fault in REFUSALS:
                    refusal = self.refuse(rule, rule.status or STATUSES.get(fault))
                    return replace(refusal, status=200) if fault is Fault.ERROR_IN_BODY else refusal
        return None

    def distort(self, answer: Answer) -> Answer:
        """Return an answer as it arrives."""
        if self.plan.expects(Fault.PATCH_ENTRY) and answer.body:
            answer = self._patched(answer)
        rule = self.rule(Fault.GARBAGE)
        if rule:
            kept = len(answer.body) - round(len(answer.body) * rule.share)
            answer = replace(answer, body=answer.body[:kept])
        answer = self._spoil(answer)
        rule = self.rule(Fault.GZIP_BOMB)
        if rule:
            headers = {**answer.headers, "content-encoding": "gzip"}
            answer = replace(answer, body=compress_bomb(answer.body, rule.size), headers=headers)
        rule = self.rule(Fault.DRIP_HEADERS, Fault.DRIP_BODY)
        if rule:
            seconds = DRIP_INTERVAL_SECONDS if rule.seconds is None else rule.seconds
            answer = replace(answer, drip=Drip(seconds, rule.fault is Fault.DRIP_HEADERS))
        return answer

    def _spoil(self, answer: Answer) -> Answer:
        """Return the content of a file as it arrives."""
        if self.rule(Fault.FLIP_BIT) and answer.body:
            body = bytearray(answer.body)
            body[len(body) // 2] ^= 1
            answer = replace(answer, body=bytes(body))
        rule = self.rule(Fault.TRUNCATE, Fault.RESET)
        if rule and answer.body:
            kept = len(answer.body) - max(1, round(len(answer.body) * rule.share))
            answer = replace(answer, cut=Cut(kept, reset=rule.fault is Fault.RESET))
        return answer

    def lose(self, entries: list[Entry], rule: Rule) -> list[Entry]:
        """Return entries without the share that a rule takes, at least one of them."""
        lost = min(len(entries), max(1, round(len(entries) * rule.share)))
        taken = set(self.plan.random.sample(range(len(entries)), lost))
        return [entry for index, entry in enumerate(entries) if index not in taken]

    def _patched(self, answer: Answer) -> Answer:
        try:
            document = json.loads(answer.body)
        except ValueError:
            return answer
        struck = self.plan.strike(
            self.operation,
            {Fault.PATCH_ENTRY},
            self.request,
            fits=lambda rule: entry_of(document, rule.entry) is not None,
        )
        for rule, entry in [(rule, entry_of(document, rule.entry)) for rule in struck]:
            for operation in rule.patch:
                apply_patch(entry, operation["op"], operation["path"], operation.get("value"))
        # The library's own json writes half a surrogate pair too, as an escape.
        return replace(answer, body=json.dumps(document).encode()) if struck else answer


def retry_after(rule: Rule, default_seconds: float | None = None) -> dict[str, str]:
    """Return the header that says how long to wait, if a rule or the provider says so: in seconds or as a date."""
    seconds = default_seconds if rule.seconds is None else rule.seconds
    if seconds is None:
        return {}
    if not rule.dated:
        return {"retry-after": f"{seconds:g}"}
    return {"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)}


def entry_of(document: Any, wanted: str) -> Any:
    """Return the entry of an answer that has a text as a field of its own or one level below; None if there is none.

    Entries are the objects in the lists of an answer, or the answer itself. Without a text it is the first one.
    """
    for entry in _entries(document):
        if not wanted or wanted in _texts(entry):
            return entry
    return None


def _entries(document: Any) -> Iterator[dict[str, Any]]:
    lists = document.values() if isinstance(document, dict) else [document]
    for entries in lists:
        if isinstance(entries, list):
            yield from (entry for entry in entries if isinstance(entry, dict))
    if isinstance(document, dict):
        yield document


def _texts(entry: dict[str, Any]) -> list[Any]:
    inner = [value for below in entry.values() if isinstance(below, dict) for value in below.values()]
    return [value for value in (*entry.values(), *inner) if isinstance(value, str)]


def apply_patch(document: Any, operation: str, path: str, value: Any = None) -> None:
    """Do one operation of JSON Patch: add, replace or remove. Objects on the way to what is added are made."""
    *names, last = [name.replace("~1", "/").replace("~0", "~") for name in path.split("/")[1:]]
    for name in names:
        document = document[int(name)] if isinstance(document, list) else document.setdefault(name, {})
    if isinstance(document, list):
        position = len(document) if last == "-" else int(last)
        document[position : position + (operation != "add")] = [] if operation == "remove" else [value]
    elif operation == "remove":
        document.pop(last, None)
    else:
        document[last] = value


@lru_cache(maxsize=4)
def compress_bomb(body: bytes, size: int) -> bytes:
    """Return a body followed by as much white space as makes it `size` bytes, compressed by gzip."""
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = b" " * BOMB_BLOCK_BYTES
    padding = (squeeze.compress(block[: size - start]) for start in range(len(body), size, len(block)))
    return b"".join([squeeze.compress(body), *padding, squeeze.flush()])
