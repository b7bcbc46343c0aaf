"""How patient the connectors are, and how many retries a store that fails may cost. `calls` applies both."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from filesync_dagster.core.model import Meter

RETRY_COST = 5  # successful calls that earn one retry
BUDGET_TOKENS = 200 * RETRY_COST  # what failing retries may cost before anything was earned
TOKENS_PER_SECOND = 1.0  # an outage of an hour ago shall not count against a store that is back

_TALLY = threading.Lock()  # one Meter is shared by the threads of a listing, and `+=` is not atomic


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to keep asking. Backoffs grow exponentially with full jitter; all times in seconds."""

    attempts: int = 7
    unreachable_attempts: int = 4  # a wrong address stays wrong: the user shall know soon
    timeout: float = 900.0  # no new attempt starts after this
    wait_initial: float = 0.3
    wait_max: float = 30.0
    pause_initial: float = 1.0  # after being throttled without a Retry-After; it doubles up to wait_max
    retry_after_min: float = 1.0  # a store that asks for less, or more, gets these
    retry_after_max: float = 600.0

    def backoff(self, state: tenacity.RetryCallState) -> float:
        """Return how long a call rests that failed."""
        return tenacity.wait_random_exponential(multiplier=self.wait_initial, max=self.wait_max)(state)

    def pause(self, attempt: int) -> float:
        """Return how long a store is left alone that throttled a call for the n-th time without a Retry-After."""
        return min(self.pause_initial * 2.0 ** (attempt - 1), self.wait_max)

    def clamp(self, asked: float) -> float:
        """Return a Retry-After as it is heeded."""
        return min(max(asked, self.retry_after_min), self.retry_after_max)


@dataclass(frozen=True, slots=True)
class CallClock:
    """Time, and chance (0 ≤ x < 1) to spread waits with. Tests bring their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class RetryBudget:
    """What retries may cost, so that many threads do not hammer a store that is down. Thread-safe.

    A retry costs RETRY_COST and gives it back when it helps; a call that succeeds at once earns 1, a second
    TOKENS_PER_SECOND. So the retries that were of no use are never more than 200, plus a fifth of the calls that
    succeeded, plus one every five seconds.
    """

    def __init__(self, clock: CallClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(BUDGET_TOKENS)
        self._at = clock.now()

    def spend(self) -> bool:
        """Take what a retry costs; False when that is not there."""
        with self._lock:
            self._earn(0.0)
            affordable = self._left >= RETRY_COST
            self._left -= RETRY_COST if affordable else 0
            return affordable

    def note_success(self, *, after_retry: bool) -> None:
        """Note that a call succeeded, at once or after a retry that was paid for."""
        with self._lock:
            self._earn(RETRY_COST if after_retry else 1)

    def _earn(self, tokens: float) -> None:
        now = self._clock.now()
        self._left = min(BUDGET_TOKENS, self._left + tokens + (now - self._at) * TOKENS_PER_SECOND)
        self._at = now


def never() -> bool:
    """Say that nobody asked to stop."""
    return False


def count(meter: Meter, *, api_calls: int = 0, retries: int = 0, throttled_seconds: float = 0.0) -> None:
    """Add to a meter that several threads share."""
    with _TALLY:
        meter.api_calls += api_calls
        meter.retries += retries
        meter.throttled_seconds += throttled_seconds
