"""How replications are doing, for everything that tells of syncs, and whether one can be launched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filesync_dagster.core.errors import SyncError, SyncInProgress
from filesync_dagster.web.messages import ReplicationState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filesync_dagster.api import Filesync


class SwitchedOff(SyncError):
    """A sync of an endpoint, or a run of a replication, that is not active."""


def replication_states(filesync: Filesync, names: Sequence[str] | None = None) -> list[ReplicationState]:
    """Return how replications are doing, all of them when none is named."""
    return [
        ReplicationState(**{name: getattr(one, name) for name in ReplicationState.model_fields})
        for one in filesync.replications.status()
        if names is None or one.name in names
    ]


def require_idle(filesync: Filesync, names: Sequence[str]) -> None:
    """Raise SwitchedOff for replications that are not active, SyncInProgress for those that somebody is at."""
    chosen = [filesync.config.replication(name) for name in names]
    off = [one.name for one in chosen if not one.is_active]
    if off:
        raise SwitchedOff(f"Switched off: {', '.join(off)}.", hint="Set is_active in endpoints.yaml.")
    at_it = {lease.endpoint for lease in filesync.runtime.metadata.replication_leases.current()}.intersection(names)
    if at_it:
        raise SyncInProgress(f"A run is at it already: {', '.join(sorted(at_it))}.", hint="Ask again when it is over.")
