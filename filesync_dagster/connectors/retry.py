"""Ask again when the error says that asking again can help. The only retry loop of the connectors."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from filesync_dagster.errors import SourceError, Throttled, Unreachable
from filesync_dagster.model import Meter

Answer = TypeVar("Answer")

_TALLY = threading.Lock()  # one Meter is shared by the threads of a listing, and `+=` is not atomic


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to keep asking. Waits grow exponentially with full jitter; all times in seconds."""

    attempts: int = 7
    unreachable_attempts: int = 4  # a wrong address stays wrong: the user shall know soon
    timeout: float = 900.0  # no new attempt starts after this
    wait_initial: float = 0.3
    wait_max: float = 30.0
    retry_after_max: float = 300.0  # a store that asks for more gets this


def never() -> bool:
    """Say that nobody asked to stop."""
    return False


def count(meter: Meter, *, api_calls: int = 0, retries: int = 0, throttled_seconds: float = 0.0) -> None:
    """Add to a meter that several threads share."""
    with _TALLY:
        meter.api_calls += api_calls
        meter.retries += retries
        meter.throttled_seconds += throttled_seconds


def retrying(
    call: Callable[[], Answer],
    meter: Meter,
    policy: RetryPolicy | None = None,
    *,
    stopped: Callable[[], bool] = never,
) -> Answer:
    """Return `call()`, repeated while it raises a SourceError that is `retryable`; then the last error is raised.

    `call` must be safe to repeat. A `retry_after` of the error is waited for (clamped) instead of the backoff.
    Once `stopped()` is true, no further attempt is made.
    """
    policy = policy or RetryPolicy()
    throttled_at: float | None = None
    unreachable = 0

    def again(error: Exception) -> bool | float:
        nonlocal throttled_at, unreachable
        unreachable += isinstance(error, Unreachable)
        if (
            not (isinstance(error, SourceError) and error.retryable)
            or stopped()
            or unreachable >= policy.unreachable_attempts
        ):
            return False
        if isinstance(error, Throttled):
            throttled_at = time.monotonic()
        if error.retry_after is None:
            return True
        return min(max(error.retry_after, 0.0), policy.retry_after_max)

    for attempt in stamina.retry_context(
        on=again,
        attempts=policy.attempts,
        timeout=policy.timeout,
        wait_initial=policy.wait_initial,
        wait_max=policy.wait_max,
        wait_jitter=policy.wait_initial,
    ):
        with attempt:
            if attempt.num > 1:
                waited = time.monotonic() - throttled_at if throttled_at is not None else 0.0
                throttled_at = None
                count(meter, retries=1, throttled_seconds=waited)
            return call()
    raise AssertionError  # stamina ends with an answer or an error
