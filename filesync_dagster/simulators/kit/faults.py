"""What goes wrong, and when: a plan that a simulator consults at every call."""

import random
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from filesync_dagster.simulators.kit.wire import Request


class Fault(StrEnum):
    """What can go wrong. Which of these a provider can do is its simulator's business."""

    THROTTLE = "throttle"  # the provider's own way to say: slow down (`seconds`: Retry-After, `reason`: the body's)
    SERVER_ERROR = "server_error"  # 500, 502, 503 or 504 (`status`)
    TIMEOUT = "timeout"
    BREAK_UPLOAD = "break_upload"  # the connection breaks in the middle of a file that is sent
    LOSE_ANSWER = "lose_answer"  # it is done, and then the connection breaks, or an error (`status`) is all that comes
    DISCONNECT = "disconnect"  # the connection breaks in the middle of the answer
    GARBAGE = "garbage"  # 200 with a body that is cut off (`share` of it is missing; 1: all)
    DRIP_HEADERS = "drip_headers"  # the answer comes a byte at a time (`seconds` between two), and never ends
    DRIP_BODY = "drip_body"  # likewise, after headers that come at once
    GZIP_BOMB = "gzip_bomb"  # a small answer that is decoded to a large one (`size` bytes)
    CAPTIVE_PORTAL = "captive_portal"  # 302 to an HTML page, as a network asks for a login
    REFUSE = "refuse"  # any refusal of the provider (`status`, 404 unless it says so)
    ERROR_IN_BODY = "error_in_body"  # 200 with the body of a refusal (`status`, 503 unless it says so)
    PATCH_ENTRY = "patch_entry"  # one entry of the answer (`entry`) has other fields (`patch`)
    EXPIRE_TOKEN = "expire_token"  # noqa: S105 - the access token is no longer good: 401 until another is minted
    EXPIRE_PAGE = "expire_page"  # the page token of this call is no longer accepted
    LOSE_CURSOR = "lose_cursor"  # the stored change cursor of this call is no longer accepted (`status`)
    INCOMPLETE = "incomplete"  # the answer says that it is not complete, and is not
    SHORT_PAGE = "short_page"  # fewer entries than asked for, and there are more
    EMPTY_PAGE = "empty_page"  # none, and there are more
    SHORT_ANSWER = "short_answer"  # some entries are missing and the answer claims to be complete
    REPEAT_TOKEN = "repeat_token"  # noqa: S105 - the next page token is the one of this call
    REPEAT_PAGE = "repeat_page"  # the next page token is a fresh one, and leads to this page again
    DENY = "deny"  # 403, not a throttle
    MUTATE = "mutate"  # something changes in the store just after this call
    LOSE_CHANGE = "lose_change"  # entries of the change feed are lost for good
    DUPLICATE_CHANGE = "duplicate_change"
    REORDER_CHANGES = "reorder_changes"
    TRUNCATE = "truncate"  # the content of a file ends early, in the middle (`share` of it is missing)
    RESET = "reset"  # the connection is reset in the middle of the content of a file
    FLIP_BIT = "flip_bit"  # one bit of the content of a file is another one


CONTENT_FAULTS: Final = frozenset({Fault.TRUNCATE, Fault.RESET, Fault.FLIP_BIT})
"""What happens to contents of files only."""


@dataclass
class Rule:
    """One thing that goes wrong. `operation` is the provider's name of a call ("files.list"); "*" is any.

    `part` confines it to calls that name a part of the store: the id of a folder, a drive or a project, anywhere in
    the request.
    """

    fault: Fault
    operation: str = "*"
    after: int = 0  # calls of the operation that go well first
    times: int = 1  # how often it happens; -1: for ever
    chance: float = 1.0
    seconds: float | None = None
    status: int | None = None
    reason: str | None = None
    share: float = 0.5  # of the entries that a lossy fault takes
    dated: bool = False  # Retry-After is a date instead of seconds
    part: str = ""
    entry: str = ""  # what the patched entry has as id, name or another field; empty: the first one of an answer
    patch: Sequence[Mapping[str, Any]] = ()  # operations of JSON Patch (RFC 6902): add, replace and remove
    size: int = 2**28  # bytes that a bomb is decoded to
    seen: int = field(default=0, repr=False)
    done: int = field(default=0, repr=False)


class FaultPlan:
    """Rules, asked in their order at every call. Thread-safe; the same seed and calls give the same faults."""

    def __init__(self, rules: Sequence[Rule] = (), seed: int = 0) -> None:
        self.rules = list(rules)
        self.random = random.Random(seed)  # noqa: S311 - faults, not secrets
        self._lock = threading.Lock()

    def add(self, fault: Fault, operation: str = "*", **how: object) -> Rule:
        """Plan one more thing to go wrong."""
        rule = Rule(fault, operation, **how)  # type: ignore[arg-type]  # the fields of Rule
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """From now on nothing goes wrong."""
        self.rules.clear()

    def strike(
        self,
        operation: str,
        able: Collection[Fault] = tuple(Fault),
        request: Request | None = None,
        fits: Callable[[Rule], bool] = lambda rule: True,
    ) -> list[Rule]:
        """Count a call of an operation and return what goes wrong with it.

        A fault that is not `able` to happen to this very call waits for one to which it is: its rule does not count it.
        So does a rule that does not fit, or is about a part of the store that the request does not name.
        """
        struck = []
        with self._lock:
            for rule in self.rules:
                if rule.operation not in ("*", operation) or rule.fault not in able or rule.done == rule.times:
                    continue
                if (rule.part and not (request and request.names(rule.part))) or not fits(rule):
                    continue
                rule.seen += 1
                if rule.seen > rule.after and self.random.random() < rule.chance:
                    rule.done += 1
                    struck.append(rule)
        return struck

    def expects(self, fault: Fault) -> bool:
        """Tell whether a fault may still happen."""
        return any(rule.fault is fault and rule.done != rule.times for rule in self.rules)
