"""Rate limits: so many calls of a class in each minute, then 429 until the minute is over."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SECONDS_IN_A_MINUTE = 60


@dataclass
class Quotas:
    """Counts calls of each class. A class without a limit is free. Thread-safe."""

    limits: Mapping[str, int]
    now: Callable[[], float]
    _counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spend(self, quota: str) -> float | None:
        """Count a call and return None, or the seconds until there may be another one."""
        if quota not in self.limits:
            return None
        minute, past = divmod(self.now(), SECONDS_IN_A_MINUTE)
        with self._lock:
            counted_in, count = self._counts.get(quota, (int(minute), 0))
            count = count + 1 if counted_in == int(minute) else 1
            self._counts[quota] = int(minute), count
        return SECONDS_IN_A_MINUTE - past if count > self.limits[quota] else None
