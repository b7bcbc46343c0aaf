"""What all calls with one credential share: the pause that the store asked for, its quotas and the retry budget.

A store that throttles counts the calls of a credential, not those of one thread or one endpoint. So a throttle
answer to one of them holds back all of them.
"""

import threading
from collections.abc import Mapping
from typing import Final, TypeVar

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

from filesync_dagster.connectors.retry import Clock, RetryBudget
from filesync_dagster.core.logging import event

CLOCK: Final = Clock()

Kept = TypeVar("Kept")


def spread(seconds: float) -> float:
    """Return over how many seconds those come back that waited so long, so that they do not come all at once."""
    return min(seconds * 0.25, 10.0)


class Tenant:
    """One credential at one store, as this process knows it. Thread-safe.

    `quotas` are calls a minute for each class of call.
    """

    def __init__(self, name: str, quotas: Mapping[str, int] | None = None, clock: Clock = CLOCK) -> None:
        self.name = name
        self.clock = clock
        self.budget = RetryBudget(clock)
        self._lock = threading.Lock()
        self._until = clock.now()  # when the pause is over
        self._spread = 0.0
        self._quotas: dict[str, InMemoryBucket] = {}
        self._kept: dict[type[object], dict[str, object]] = {}
        self.limit(quotas or {})

    def limit(self, quotas: Mapping[str, int]) -> None:
        """Take over the quotas of classes that have none yet, or another one."""
        with self._lock:
            for quota, calls in quotas.items():
                known = self._quotas.get(quota)
                if known is None or known.rates[0].limit != calls:
                    self._quotas[quota] = InMemoryBucket([Rate(calls, Duration.MINUTE)])

    def kept(self, kind: type[Kept], name: str) -> Kept:
        """Return what all sources with this credential share under a name, such as its token; made when first asked."""
        with self._lock:
            found = self._kept.setdefault(kind, {})
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
                self._until, self._spread = now + seconds, spread(seconds)
        if begins:
            event("source.paused", tenant=self.name, seconds=round(seconds, 3), reason=reason)

    @property
    def paused_for(self) -> float:
        """Seconds until the pause is over; 0 when there is none."""
        return max(0.0, self._until - self.clock.now())

    def held_back(self, quota: str, place: float) -> float:
        """Return how many seconds a call must wait before it asks here again; 0 when it may be made, and is counted.

        `place` (0 to 1) is where the call stands among those that come back after a pause.
        """
        with self._lock:
            now = self.clock.now()
            until = self._until + place * self._spread
            if now < until:
                return until - now
            bucket = self._quotas.get(quota)
            if bucket is None:
                return 0.0
            moment = int(now * 1000)
            bucket.leak(moment)
            item = RateItem(quota, moment)
            if bucket.put(item):
                return 0.0
            milliseconds = bucket.waiting(item)
            assert isinstance(milliseconds, int)  # a bucket in memory answers at once
            return max(milliseconds, 1) / 1000


_TENANTS: dict[str, Tenant] = {}  # kept while the process lives: a pause outlasts the sync that was throttled
_REGISTRY = threading.Lock()


def tenant(key: str, quotas: Mapping[str, int] | None = None) -> Tenant:
    """Return the tenant of this process for a key: a hash of the store's address and the credential, no secret."""
    with _REGISTRY:
        known = _TENANTS.get(key)
        if known is None:
            known = _TENANTS[key] = Tenant(key[:8], quotas)
    known.limit(quotas or {})
    return known


def forget() -> None:
    """Forget all tenants: tokens, pauses, what their retries have cost. Those in use stay as they are."""
    with _REGISTRY:
        _TENANTS.clear()
