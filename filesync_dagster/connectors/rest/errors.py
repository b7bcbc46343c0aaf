"""What an answer means that refuses: one classification, driven by a table for each store.

A code of the store decides where its table has it, else the status; what no table knows is the store's failure (5xx)
or an answer that nobody expected.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from filesync_dagster.connectors.rest.fields import instant_of
from filesync_dagster.core.errors import AccessDenied, ProtocolViolation, SourceError, TemporarilyDown, Throttled

CHECK_ADDRESS = "Check the address, the network and the certificate."
ASK_LATER = "Nothing is lost: the next sync goes on from the last page."
SERVER_ERROR = 500  # and above: the store failed, not the request

Meaning: TypeAlias = tuple[type[SourceError], str]
"""An error, and the hint that says what to do."""

COMMON: Final[Mapping[int, Meaning]] = {408: (TemporarilyDown, ASK_LATER), 429: (Throttled, ASK_LATER)}
"""What a status means in every store whose table does not say otherwise."""


class BadRequest(ProtocolViolation):
    """A parameter is not accepted. Where that is a page token, it is no longer good."""


class Forbidden(AccessDenied):
    """This one entry is refused; others may not be."""


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """What the refusals of one store mean.

    A key of `statuses` is a status, or a kind of call and a status. `codeless` are statuses that mean the same whatever
    the code. `unknown_hint` is for an answer of which nothing is known.
    """

    codes: Mapping[str, Meaning]
    statuses: Mapping[int | tuple[str, int], Meaning]
    unknown_hint: str
    codeless: Container[int] = frozenset()
    names_status: bool = False  # messages name the status beside the code


def classify(status: int, code: str, table: ErrorTable, call: str = "") -> Meaning:
    """Return what a refusal means; `call` is the kind of call that was refused."""
    by_code = None if status in table.codeless else table.codes.get(code)
    by_status = table.statuses.get((call, status)) or table.statuses.get(status) or COMMON.get(status)
    unknown = (TemporarilyDown, ASK_LATER) if status >= SERVER_ERROR else (ProtocolViolation, table.unknown_hint)
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
