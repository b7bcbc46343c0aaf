"""What every step of one sync needs, and how it tells where it is."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from filesync_dagster.config import Endpoint, location_of
from filesync_dagster.connectors import IncrementalSource, Source
from filesync_dagster.core.model import SyncStatus
from filesync_dagster.storage.database import EndpointState, Lease, SyncStart
from filesync_dagster.sync.progress import Progress, ignore
from filesync_dagster.sync.result import ResultBuilder
from filesync_dagster.sync.runtime import Runtime


@dataclass(frozen=True)
class SyncContext:
    """One sync: what it works on, with what, and for whom."""

    runtime: Runtime
    endpoint: Endpoint
    lease: Lease
    standing: SyncStart
    source: Source
    attempt: ResultBuilder
    fresh: bool = False  # start the listing anew even when an unfinished one could be resumed
    keys: Collection[str] = ()  # external_ids that events named
    on_progress: Callable[[Progress], None] = ignore

    @property
    def endpoint_id(self) -> int:
        """The id of the endpoint."""
        return self.lease.endpoint_id

    @property
    def sync_id(self) -> str:
        """The id of this sync."""
        return self.attempt.sync_id

    @property
    def started(self) -> datetime:
        """When it began."""
        return self.attempt.started

    @property
    def location(self) -> str:
        """Fingerprint of what is listed."""
        return location_of(self.endpoint)

    @property
    def selection(self) -> str:
        """Fingerprint of what the filters select of it."""
        return self.endpoint.filters.fingerprint()

    @property
    def feed(self) -> IncrementalSource | None:
        """The source, where it can tell what changed."""
        return self.source if isinstance(self.source, IncrementalSource) else None

    def is_elsewhere(self, state: EndpointState) -> bool:
        """Tell whether the last commit listed another place than the endpoint does now."""
        return state.location not in (None, self.location)

    def is_rescoped(self, state: EndpointState) -> bool:
        """Tell whether the filters or the place were edited since the last commit."""
        return self.is_elsewhere(state) or state.selection != self.selection

    def known_gaps(self) -> tuple[str, ...]:
        """Return what the last full sync could not read.

        No feed tells what is there, so the inventory is partial until another full sync can.
        """
        last = self.runtime.metadata.syncs.last_full(self.endpoint_id).get(self.endpoint_id)
        return last.warnings if last and last.sync_status is SyncStatus.PARTIAL else ()

    def report(self, phase: str, files: int, pages: int = 0) -> None:
        """Tell the watcher where the sync is."""
        self.on_progress(Progress(self.endpoint.name, phase, files, pages))
