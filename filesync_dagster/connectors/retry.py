"""Ask again when the error says that asking again can help. The only retry loop of the connectors."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from filesync_dagster.errors import SourceError, Throttled, Unreachable
from filesync_dagster.model import Meter
from filesync_dagster.observability import event

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
    unreachable = 0

    def again(error: BaseException) -> bool:
        nonlocal unreachable
        unreachable += isinstance(error, Unreachable)
        return (
            isinstance(error, SourceError)
            and error.retryable
            and unreachable < policy.unreachable_attempts
            and not stopped()
        )

    backoff = tenacity.wait_random_exponential(multiplier=policy.wait_initial, max=policy.wait_max)

    def wait(state: tenacity.RetryCallState) -> float:
        asked = _error(state).retry_after
        return backoff(state) if asked is None else min(max(asked, 0.0), policy.retry_after_max)

    def note(state: tenacity.RetryCallState) -> None:
        error, seconds = _error(state), state.upcoming_sleep
        count(meter, retries=1, throttled_seconds=seconds if isinstance(error, Throttled) else 0.0)
        event("source.retried", attempt=state.attempt_number, seconds=round(seconds, 3), error=str(error))

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(again),
        stop=tenacity.stop_after_attempt(policy.attempts) | tenacity.stop_before_delay(policy.timeout),
        wait=wait,
        before_sleep=note,
        reraise=True,
    )(call)


def _error(state: tenacity.RetryCallState) -> SourceError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, SourceError)  # nothing else is retried
    return error
