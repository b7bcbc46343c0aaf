"""What an answer means that refuses: one classification, driven by a table for each store.

A code of the store decides where its table has it, else the status; what no table knows is the store's failure (5xx)
or an answer that nobody expected.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from filesync_dagster.connectors.rest.fields import instant_of
from filesync_dagster.core.errors import (
    AccessDenied,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Throttled,
    Unreachable,
)

CHECK_ADDRESS = (
    "Check the address, the network, the certificate, and the proxy where HTTPS_PROXY or HTTP_PROXY names one."
)
CHECK_PORTAL = (
    "Something else answers in place of the store, most often the sign-in page of a network or a proxy: open any web "
    "page from this machine and sign in, or set the proxy (HTTPS_PROXY), and check the address."
)
CHECK_CLOCK = (
    "The clock of this machine is wrong, by more than the store accepts: set it (a time server keeps it right). In a "
    "container it is the clock of the host."
)
ASK_LATER = "Nothing is lost: the next sync goes on from the last page."
REDIRECTION = range(300, 400)  # an API answers itself: what leads elsewhere is something before it
SERVER_ERROR = 500  # and above: the store failed, not the request

Meaning: TypeAlias = tuple[type[SourceError], str]
"""An error, and the hint that says what to do."""

PART_FAILURES: Final = (AccessDenied, NotFound, TemporarilyDown, ProtocolViolation)
"""What may be wrong with one part of a store (a folder, a project, a drive) while the others are well: that is a gap,
after the retries. Credentials that are refused, the network and a throttle are no part."""

CLOCK_WORDS: Final = re.compile(r"\b(iat|exp|nbf|clock|timeframe|issued in the future)\b", re.IGNORECASE)

COMMON: Final[Mapping[int, Meaning]] = {
    408: (TemporarilyDown, ASK_LATER),
    429: (Throttled, ASK_LATER),
    511: (Unreachable, CHECK_PORTAL),
}
"""What a status means in every store whose table does not say otherwise."""


class BadRequest(ProtocolViolation):
    """A parameter is not accepted. Where that is a page token, it is no longer good."""


class Forbidden(AccessDenied):
    """This one entry is refused; others may not be."""


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """What the refusals of one store mean.

    A key of `statuses` is a status, or a kind of call and a status. `codeless` are statuses that mean the same whatever
    the code. `unknown_hint` is for an answer of which nothing is known. `wait_at` are names that lead to the seconds to
    wait in the body of a throttle, for stores that tell them there.
    """

    codes: Mapping[str, Meaning]
    statuses: Mapping[int | tuple[str, int], Meaning]
    unknown_hint: str
    codeless: Container[int] = frozenset()
    names_status: bool = False  # messages name the status beside the code
    wait_at: tuple[str, ...] = ()


def classify(status: int, code: str, table: ErrorTable, call: str = "") -> Meaning:
    """Return what a refusal means; `call` is the kind of call that was refused."""
    by_code = None if status in table.codeless else table.codes.get(code)
    by_status = table.statuses.get((call, status)) or table.statuses.get(status) or COMMON.get(status)
    if status in REDIRECTION:
        unknown: Meaning = (ProtocolViolation, CHECK_PORTAL)
    elif status >= SERVER_ERROR:
        unknown = (TemporarilyDown, ASK_LATER)
    else:
        unknown = (ProtocolViolation, table.unknown_hint)
    return by_code or by_status or unknown


def error_for(
    where: str,
    status: int,
    table: ErrorTable,
    *,
    code: str = "",
    message: str = "",
    call: str = "",
    retry_after: str | None = None,
) -> SourceError:
    """Return the error for an answer that refuses; `where` names what was asked, `retry_after` is the header."""
    kind, hint = classify(status, code, table, call)
    numbered = f"HTTP {status}" if table.names_status or not code else ""
    said = ": ".join(part for part in (numbered, code, message) if part)
    seconds = retry_after_seconds(retry_after) if kind.retryable else None
    return kind(f"{where} answered {said.rstrip('.')}.", hint=hint, retry_after=seconds)


def retry_after_seconds(header: str | None) -> float | None:
    """Return a Retry-After header, seconds or date, as seconds from now; None if it says nothing usable."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    moment = instant_of(header)
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())


def concerns_clock(message: str) -> bool:
    """Whether a token service refuses because of the time in what it was sent."""
    return CLOCK_WORDS.search(message) is not None
