"""Every call to a store goes through `Calls`: it waits as long as the store asked (429), and is repeated if that helps.

The stack, from the outside: the tenant's pause, the quota of the class of call, the count, the call. What a call
raises decides what follows: whether to ask again is a property of the error.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, NoReturn, TypeVar

import tenacity

from filesync_dagster.connectors.rest.limits import Tenant, spread_seconds, tenant_of
from filesync_dagster.connectors.rest.retry import CallClock, RetryPolicy, count, never
from filesync_dagster.core.errors import AuthenticationFailed, SourceError, Throttled, Unreachable
from filesync_dagster.core.interruption import check_stop
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import Meter

__all__ = ["Calls", "RetryPolicy", "Tenant", "never", "tenant_of"]

Answer = TypeVar("Answer")

POLL_SECONDS = 0.1  # how soon a call that waits notices that nobody wants it any more


class Calls:
    """Makes the calls of one opened source. Thread-safe. One for each meter: time that was waited is counted once.

    `renew` mints credentials anew. It may call through this object itself; other calls do not wait for it unless
    they were refused too.
    """

    def __init__(
        self,
        meter: Meter,
        tenant: Tenant,
        policy: RetryPolicy | None = None,
        renew: Callable[[], None] | None = None,
    ) -> None:
        self.meter = meter
        self.tenant = tenant
        self.policy = policy or RetryPolicy()
        self.renewal = _Renewal(renew, tenant.name)
        self.waiting = _Waiting(meter, tenant.clock)

    def __call__(self, call: Callable[[], Answer], *, quota: str = "", stopped: Callable[[], bool] = never) -> Answer:
        """Return `call()`, repeated while it raises a SourceError that is `retryable`; then the last error is raised.

        `call` is one request, safe to repeat. After AuthenticationFailed it is repeated once, with credentials minted
        anew. A throttled call pauses the tenant. Once `stopped()` is true nothing is waited for and no further attempt
        is made: the last error is raised, and SourceError when there was no attempt yet. Once the process is to stop,
        KeyboardInterrupt is raised instead, in whichever thread.
        """
        return _RepeatedCall(self, call, quota, stopped).answer()


class _Renewal:
    """Mints credentials once for all calls that were refused with the same ones. Thread-safe."""

    def __init__(self, renew: Callable[[], None] | None, tenant: str) -> None:
        self._renew = renew
        self._tenant = tenant
        self._lock = threading.RLock()
        self._untried = False  # minted, and no call has succeeded since
        self.generation = 0

    def note_success(self, generation: int) -> None:
        """Note that a call succeeded which began with the credentials of this generation."""
        if self._untried and generation == self.generation:
            self._untried = False

    def renew(self, generation: int) -> bool:
        """Mint newer credentials than those of this generation, unless there are some; say whether there are."""
        if self._renew is None:
            return False
        with self._lock:
            if generation != self.generation:
                return True
            if self._untried:
                return False
            self._untried = True
            self._renew()
            self._untried = True  # that the minting itself succeeded proves nothing
            self.generation += 1
        event("source.renewed", tenant=self._tenant)
        return True


class _Waiting:
    """Measures the time in which at least one call was held back. Eight that wait for a second make one second."""

    def __init__(self, meter: Meter, clock: CallClock) -> None:
        self._meter = meter
        self._clock = clock
        self._lock = threading.Lock()
        self._calls = 0
        self._since = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._calls:
                self._since = self._clock.now()
            self._calls += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._calls -= 1
            if self._calls:
                return
            seconds = self._clock.now() - self._since
        count(self._meter, throttled_seconds=seconds)
        event("source.held_back", level=logging.DEBUG, seconds=round(seconds, 3))


@dataclass(slots=True)
class _RepeatedCall(Generic[Answer]):
    """One call until it is answered or given up."""

    calls: Calls
    call: Callable[[], Answer]
    quota: str
    stopped: Callable[[], bool]
    attempts: int = 0
    began: float = 0.0  # the first attempt
    generation: int = 0
    unreachable: int = 0
    renewed: bool = False  # has been repeated with new credentials
    paid: bool = False  # the last repetition cost something
    place: float = 0.0  # among those that come back after a wait
    last: SourceError | None = None

    def answer(self) -> Answer:
        repeated = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self.again),
            stop=self.over,
            wait=self.rest,
            before_sleep=self.note,
            sleep=self.sleep,
            reraise=True,
        )
        try:
            answer = repeated(self.attempt)
        finally:
            # tenacity ties a call to itself: what this one sent would stay until garbage is collected.
            self.call = _answered
        self.calls.renewal.note_success(self.generation)
        self.calls.tenant.budget.note_success(after_retry=self.paid)
        return answer

    def attempt(self) -> Answer:
        check_stop()
        self.place = self.calls.tenant.clock.chance()
        if self.last is not None and self.stopped():
            raise self.last
        self.await_admission()
        now = self.calls.tenant.clock.now()
        self.began = self.began if self.attempts else now
        self.attempts += 1
        self.generation = self.calls.renewal.generation
        count(self.calls.meter, api_calls=1)
        try:
            return self.call()
        except Throttled as error:
            # Even when this call is not repeated: the store told all of them.
            self.calls.tenant.pause(self.pause_for(error), error.message)
            raise

    def await_admission(self) -> None:
        """Wait until the tenant lets this call through."""
        tenant = self.calls.tenant
        seconds = tenant.admit(self.quota, self.place)
        if not seconds:
            return
        with self.calls.waiting:
            while seconds:
                check_stop()
                if self.stopped():
                    raise self.last or SourceError("A call was not made: nobody waits for its answer any more.")
                tenant.clock.sleep(min(seconds, POLL_SECONDS))
                seconds = tenant.admit(self.quota, self.place)

    def again(self, error: BaseException) -> bool:
        """Whether asking again can help."""
        self.last = error if isinstance(error, SourceError) else None
        if isinstance(error, AuthenticationFailed) and not self.renewed and not self.stopped():
            self.renewed = True
            return self.calls.renewal.renew(self.generation)
        self.unreachable += isinstance(error, Unreachable)
        return (
            isinstance(error, SourceError)
            and error.retryable
            and self.unreachable < self.calls.policy.unreachable_attempts
            and not self.stopped()
        )

    def rest(self, state: tenacity.RetryCallState) -> float:
        """Return how long this call rests. A throttled one does not: the pause of its tenant holds it back."""
        error, policy = _error(state), self.calls.policy
        if isinstance(error, Throttled | AuthenticationFailed):
            return 0.0
        if error.retry_after is None:
            return policy.backoff(state)
        seconds = policy.clamp(error.retry_after)
        return seconds + self.place * spread_seconds(seconds)

    def pause_for(self, error: Throttled) -> float:
        policy = self.calls.policy
        return policy.pause(self.attempts) if error.retry_after is None else policy.clamp(error.retry_after)

    def over(self, state: tenacity.RetryCallState) -> bool:
        """Whether patience, time or the budget is at its end."""
        tenant, policy = self.calls.tenant, self.calls.policy
        wait = max(state.upcoming_sleep, tenant.paused_for)
        late = tenant.clock.now() - self.began + wait > policy.timeout
        return self.attempts >= policy.attempts or late or not self.affordable(_error(state))

    def affordable(self, error: SourceError) -> bool:
        """Pay for the repetition. One that the store asked for or that we caused costs nothing: it hammers nobody."""
        self.paid = False
        if isinstance(error, Throttled | AuthenticationFailed):
            return True
        self.paid = self.calls.tenant.budget.spend()
        if not self.paid:
            event("source.retries_exhausted", level=logging.WARNING, tenant=self.calls.tenant.name, error=str(error))
        return self.paid

    def note(self, state: tenacity.RetryCallState) -> None:
        count(self.calls.meter, retries=1)
        seconds = round(max(state.upcoming_sleep, self.calls.tenant.paused_for), 3)
        event("source.retried", attempt=state.attempt_number, seconds=seconds, error=str(_error(state)))

    def sleep(self, seconds: float) -> None:
        """Rest before the next attempt, until somebody asks to stop."""
        clock = self.calls.tenant.clock
        until = clock.now() + seconds
        while (left := until - clock.now()) > 0 and not self.stopped():
            check_stop()
            clock.sleep(min(left, POLL_SECONDS))


def _answered() -> NoReturn:
    raise AssertionError  # nobody asks again


def _error(state: tenacity.RetryCallState) -> SourceError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, SourceError)  # nothing else is repeated
    return error
