"""What all calls with one credential share: until when they pause, the store's quotas and the retry budget.

A store that throttles counts the calls of a credential, not those of one thread or one endpoint. So a throttle
answer to one of them holds back all of them.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from filesync_dagster.connectors.rest.retry import CallClock, RetryBudget
from filesync_dagster.core.logging import event

CLOCK: Final = CallClock()
QUOTA_WINDOW_SECONDS = 60.0
SPREAD_MAX_SECONDS = 10.0

Shared = TypeVar("Shared")


def spread_seconds(seconds: float) -> float:
    """Return over how many seconds those come back that waited so long, so that they do not come all at once."""
    return min(seconds * 0.25, SPREAD_MAX_SECONDS)


@dataclass(slots=True)
class Quota:
    """So many calls in any minute. Not thread-safe."""

    calls_per_minute: int
    _made_at: deque[float] = field(default_factory=deque)  # the calls of the last minute, oldest first

    def reserve(self, now: float) -> float:
        """Count a call at this moment and return 0; or return the seconds until there is room for one."""
        while self._made_at and self._made_at[0] <= now - QUOTA_WINDOW_SECONDS:
            self._made_at.popleft()
        if len(self._made_at) < self.calls_per_minute:
            self._made_at.append(now)
            return 0.0
        return self._made_at[-self.calls_per_minute] + QUOTA_WINDOW_SECONDS - now


class Tenant:
    """One credential at one store, as this process knows it. Thread-safe.

    `quotas` are calls a minute for each class of call.
    """

    def __init__(self, name: str, quotas: Mapping[str, int] | None = None, clock: CallClock = CLOCK) -> None:
        self.name = name
        self.clock = clock
        self.budget = RetryBudget(clock)
        self._lock = threading.Lock()
        self._until = clock.now()  # when the pause is over
        self._spread = 0.0
        self._quotas: dict[str, Quota] = {}
        self._shared: dict[type[object], dict[str, object]] = {}
        self.limit(quotas or {})

    def limit(self, quotas: Mapping[str, int]) -> None:
        """Take over the quotas of classes that have none yet, or another one."""
        with self._lock:
            for quota, calls in quotas.items():
                known = self._quotas.get(quota)
                if known is None or known.calls_per_minute != calls:
                    self._quotas[quota] = Quota(calls)

    def share(self, kind: type[Shared], name: str) -> Shared:
        """Return what all sources with this credential share under a name, such as its token; made when first asked."""
        with self._lock:
            found = self._shared.setdefault(kind, {})
            if name not in found:
                found[name] = kind()
            shared = found[name]
        assert isinstance(shared, kind)
        return shared

    def pause(self, seconds: float, reason: str) -> None:
        """Hold back all calls for so long; a pause that is already longer stays."""
        with self._lock:
            now = self.clock.now()
            begins = now >= self._until
            if now + seconds > self._until:
                self._until, self._spread = now + seconds, spread_seconds(seconds)
        if begins:
            event("source.paused", tenant=self.name, seconds=round(seconds, 3), reason=reason)

    @property
    def paused_for(self) -> float:
        """Seconds until the pause is over; 0 when there is none."""
        return max(0.0, self._until - self.clock.now())

    def admit(self, quota: str, place: float) -> float:
        """Count a call that may be made now and return 0; else return the seconds to wait before asking again.

        `place` (0 to 1) is where the call stands among those that come back after a pause.
        """
        with self._lock:
            now = self.clock.now()
            until = self._until + place * self._spread
            if now < until:
                return until - now
            known = self._quotas.get(quota)
            return 0.0 if known is None else known.reserve(now)


_TENANTS: dict[str, Tenant] = {}  # kept while the process lives: a pause outlasts the sync that was throttled
_REGISTRY = threading.Lock()


def tenant_of(key: str, quotas: Mapping[str, int] | None = None) -> Tenant:
    """Return the tenant of this process for a key: a hash of the store's address and the credential, no secret."""
    with _REGISTRY:
        known = _TENANTS.get(key)
        if known is None:
            known = _TENANTS[key] = Tenant(key[:8], quotas)
    known.limit(quotas or {})
    return known


def forget_tenants() -> None:
    """Forget all tenants: tokens, pauses, what their retries have cost. Those in use stay as they are."""
    with _REGISTRY:
        _TENANTS.clear()
