"""Syncs that were asked for from outside: when they are begun, and when they are done.

A request waits until a sync that began after it is committed. Whatever comes in between (the store fails or is left
alone, another sync runs, the process is killed), it still waits, and is begun again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from filesync_dagster.core.model import SyncMode, SyncResult
from filesync_dagster.storage.database import RequestRecord
from filesync_dagster.sync.events.receive import SETTLED
from filesync_dagster.sync.pool import sync_each
from filesync_dagster.sync.progress import Progress, ignore
from filesync_dagster.sync.run import sync
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.status import resting_endpoints

RETRY_PAUSE, RETRY_PAUSE_MAX = timedelta(minutes=2), timedelta(hours=1)
"""From when a request was begun until it is begun again, while it is not done."""

CLOCK_SKEW_MAX = timedelta(seconds=5)
"""By which the clocks of this machine and of the database may differ."""


def due(runtime: Runtime, at: datetime) -> dict[str, bool]:
    """Return the endpoints that somebody asked for, and whether their syncs may begin at a moment.

    Not while another sync runs, or the store is left alone; and not at once after one that failed.
    """
    waiting = runtime.metadata.requests.read()
    if not waiting:
        return {}
    not_now = {lease.endpoint for lease in runtime.metadata.leases.current()} | resting_endpoints(runtime, at).keys()
    not_now |= {request.endpoint for request in waiting if at < _retry_at(request)}
    return {request.endpoint: request.endpoint not in not_now for request in waiting}


def _retry_at(request: RequestRecord) -> datetime:
    """Return from when a request may be begun. The older it is, the longer it waits after each time."""
    if request.taken_at is None:
        return request.requested_at
    return request.taken_at + min(max(request.taken_at - request.requested_at, RETRY_PAUSE), RETRY_PAUSE_MAX)


class ClaimedRequests:
    """The requests that a run sets about, from its begin: what is asked for later waits for the next one."""

    def __init__(self, runtime: Runtime, names: Iterable[str]) -> None:
        self._metadata = runtime.metadata
        self._waiting: dict[str, list[RequestRecord]] = defaultdict(list)
        for request in self._metadata.requests.take(names):
            self._waiting[request.endpoint].append(request)
        ids = self._metadata.endpoints.ids() if self._waiting else {}
        begun = {name: self._metadata.checkpoints.of(ids[name]) for name in self._waiting if name in ids}
        self._listings = {name: min(one.started_at for one in found) for name, found in begun.items() if found}

    @property
    def names(self) -> list[str]:
        """The endpoints that are asked for."""
        return list(self._waiting)

    @property
    def full(self) -> set[str]:
        """Those of them that shall list everything anew; not where a listing that began later can be resumed."""
        requests = (request for some in self._waiting.values() for request in some if request.full)
        return {request.endpoint for request in requests if not self._is_before_the_listing(request)}

    def note(self, result: SyncResult) -> None:
        """Take in how a sync ended: what it did is done, the rest waits."""
        if result.status not in SETTLED:
            return
        requests = self._waiting.get(result.endpoint, ())
        if done := [request.id for request in requests if self._is_done(request, result)]:
            self._metadata.requests.settle(done)

    def _is_done(self, request: RequestRecord, result: SyncResult) -> bool:
        """Tell whether a committed sync did all that was asked for, and looked at nothing before it was."""
        as_asked = result.mode is SyncMode.FULL or not request.full
        return as_asked and (not result.resumed or self._is_before_the_listing(request))

    def _is_before_the_listing(self, request: RequestRecord) -> bool:
        """Tell whether something was asked for before the listing began that is not finished."""
        began = self._listings.get(request.endpoint)
        return began is not None and request.requested_at + CLOCK_SKEW_MAX < began


def sync_requested(
    runtime: Runtime, *, run_id: str | None = None, on_progress: Callable[[Progress], None] | None = None
) -> Iterator[SyncResult]:
    """Sync the endpoints that somebody asked for, yielding each result as it is there."""
    config = runtime.config
    claimed = ClaimedRequests(runtime, [endpoint.name for endpoint in config.active])

    def one(name: str) -> SyncResult:
        full = name in claimed.full
        return sync(
            runtime,
            config.endpoint(name),
            full=full,
            ignore_breaker=False,
            run_id=run_id,
            on_progress=on_progress or ignore,
        )

    for result in sync_each(config.settings.concurrency, claimed.names, one):
        claimed.note(result)
        yield result
