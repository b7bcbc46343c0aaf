"""How every endpoint is doing, as data: what `filesync status`, schedules, alerts, metrics and REST go by."""

from dataclasses import dataclass, replace
from datetime import datetime

from filesync_dagster.config import Broken, Endpoint, next_due
from filesync_dagster.core import clock
from filesync_dagster.core.model import SyncStatus
from filesync_dagster.storage.database import BreakerRecord, EndpointState, LeaseRecord, SyncRecord
from filesync_dagster.sync.circuit_breaker import CLOSED, is_resting
from filesync_dagster.sync.held_record import digest_of
from filesync_dagster.sync.runtime import Runtime


@dataclass(frozen=True)
class EndpointStatus:
    """How one endpoint is doing."""

    name: str
    title: str
    type: str
    state: str  # ok, partial, held, breaker open, failed, running, never synced, disabled, broken
    last_sync: SyncRecord | None = None
    last_success: datetime | None = None
    next_due: datetime | None = None
    held_sync_id: str | None = None
    running_since: datetime | None = None
    files_total: int = 0
    bytes_total: int = 0
    error: str | None = None
    breaker: BreakerRecord | None = None  # None: its last sync found the store well
    last_full: SyncRecord | None = None  # the last committed sync that listed everything
    expect_empty: bool = False
    held: SyncRecord | None = None  # what waits for a decision
    held_digest: str | None = None  # of what it would change
    misconfigured: str | None = None  # why its entry, or another one of its name, is not what runs

    @property
    def is_empty(self) -> bool:
        """Whether it was synced, has no file, and nobody said that this is meant."""
        return self.last_success is not None and not self.files_total and not self.expect_empty


def endpoint_statuses(runtime: Runtime) -> list[EndpointStatus]:
    """Return how every configured endpoint is doing, in the order of the configuration."""
    metadata = runtime.metadata
    states = metadata.endpoints.states()
    running = {lease.endpoint: lease for lease in metadata.leases.current() if lease.purpose == "sync"}
    proofs = metadata.syncs.last_full()
    failing = {number: breaker for number, breaker in metadata.endpoints.breakers().items() if breaker.failures}
    latest = metadata.syncs.latest()
    broken = {entry.name: entry for entry in runtime.config.broken if entry.is_endpoint}
    found = []
    for endpoint in runtime.config.endpoints:
        state = states.get(endpoint.name)
        if state is None:
            known = _unknown_status(runtime, endpoint)
        else:
            lease, breaker = running.get(endpoint.name), failing.get(state.endpoint_id)
            known = _status(runtime, endpoint, state, latest.get(state.endpoint_id), lease, breaker)
            known = replace(known, last_full=proofs.get(state.endpoint_id))
            if state.held_sync_id:
                known = _with_held(runtime, known, state)
            elif known.state == SyncStatus.REJECTED:  # then the inventory is as the last commit left it
                partial = known.last_full is not None and known.last_full.sync_status is SyncStatus.PARTIAL
                known = replace(known, state="partial" if partial else "ok")
        entry = broken.pop(endpoint.name, None)  # what it said before is what runs, or another entry has its name
        found.append(replace(known, misconfigured=" ".join(entry.problems) if entry else None))
    return found + [_broken_status(entry) for entry in broken.values()]


def _with_held(runtime: Runtime, status: EndpointStatus, state: EndpointState) -> EndpointStatus:
    last = status.last_sync
    held = last if last and last.id == state.held_sync_id else runtime.metadata.syncs.get(str(state.held_sync_id))
    return replace(status, held=held, held_digest=digest_of(state, held) if held else None)


def resting_endpoints(runtime: Runtime, at: datetime) -> dict[str, datetime]:
    """Return which endpoints are left alone at a moment because their stores failed too often, and until when."""
    records = {r.endpoint_id: r for r in runtime.metadata.endpoints.breakers().values() if is_resting(r, at)}
    states = runtime.metadata.endpoints.states() if records else {}
    found = {name: records[s.endpoint_id].probe_at for name, s in states.items() if s.endpoint_id in records}
    return {name: until for name, until in found.items() if until is not None}


def _broken_status(entry: Broken) -> EndpointStatus:
    return EndpointStatus(entry.name, entry.name, "?", "broken", error=" ".join(entry.problems))


def _unknown_status(runtime: Runtime, endpoint: Endpoint) -> EndpointStatus:
    return EndpointStatus(
        endpoint.name,
        endpoint.label,
        endpoint.type,
        "never synced" if endpoint.is_active else "disabled",
        next_due=next_due(endpoint, None, runtime.config.settings.partitions.zone, clock.utc_now()),
    )


def _status(  # noqa: PLR0917  # what the database knows of it, table by table
    runtime: Runtime,
    endpoint: Endpoint,
    state: EndpointState,
    last: SyncRecord | None,
    lease: LeaseRecord | None,
    breaker: BreakerRecord | None,
) -> EndpointStatus:
    zone, now = runtime.config.settings.partitions.zone, clock.utc_now()
    due = next_due(endpoint, last.sync_started if last else None, zone, now)
    if due and breaker and breaker.probe_at:
        due = max(due, breaker.probe_at)
    return EndpointStatus(
        name=endpoint.name,
        title=endpoint.label,
        type=endpoint.type,
        state=_state(endpoint, state, last, lease, breaker),
        last_sync=last,
        last_success=state.as_of,
        next_due=due,
        held_sync_id=state.held_sync_id,
        running_since=lease.acquired_at if lease else None,
        files_total=state.files_total,
        bytes_total=state.bytes_total,
        error=last.error_message if last and last.sync_status is not SyncStatus.REJECTED else None,
        breaker=breaker,
        expect_empty=endpoint.expect_empty,
    )


def _state(
    endpoint: Endpoint,
    state: EndpointState,
    last: SyncRecord | None,
    lease: LeaseRecord | None,
    breaker: BreakerRecord | None,
) -> str:
    if not endpoint.is_active:
        return "disabled"
    if lease:
        return "running"
    if state.held_sync_id:
        return "held"
    if breaker and breaker.state != CLOSED:
        return "breaker open"
    if last is None:
        return "never synced"
    return "ok" if last.sync_status is SyncStatus.COMPLETED else last.sync_status.value
