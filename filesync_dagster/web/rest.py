"""What the API does: tell how endpoints are doing, launch syncs in Dagster, decide about held ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from filesync_dagster.core.errors import ConfigError, HeldSyncOutdated, NothingHeld, UnknownEndpoint
from filesync_dagster.orchestration.client import UNFINISHED
from filesync_dagster.orchestration.run_selection import active_by_endpoint
from filesync_dagster.web.messages import (
    Decision,
    EndpointOut,
    Endpoints,
    HeldFolder,
    HeldSyncPage,
    LaunchedRuns,
    RunState,
    SyncStates,
    WaitingChange,
)
from filesync_dagster.web.messages import SyncState as State
from filesync_dagster.web.replication_states import SwitchedOff, replication_states, require_idle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from filesync_dagster.api import Filesync
    from filesync_dagster.config import Config, Endpoint
    from filesync_dagster.orchestration.client import DagsterClient, DagsterRun
    from filesync_dagster.sync.status import EndpointStatus
    from filesync_dagster.web.site import Site

LAUNCHED_BY = {"filesync/launched_by": "rest"}
"""Tags of the runs, for who looks at them in the Dagster UI."""

REST = "rest"
"""Who asks, in the table of requests."""


def endpoints(site: Site) -> Endpoints:
    """Return every entry of the configuration, with how it is doing."""
    with site.current.acquire() as filesync:
        problems = {entry.name: list(entry.problems) for entry in filesync.config.broken}
        known = [_endpoint(filesync.config, one, problems.get(one.name, [])) for one in filesync.status()]
    return Endpoints(endpoints=known)


def _endpoint(config: Config, one: EndpointStatus, problems: list[str]) -> EndpointOut:
    configured = config.by_name.get(one.name) if one.state != "broken" else None
    return EndpointOut(
        name=one.name,
        title=one.title,
        type=one.type,
        is_active=configured is not None and configured.is_active,
        schedule=configured.schedule.value if configured else "",
        project_id=configured.project_id if configured else None,
        user_id=configured.user_id if configured else None,
        endpoint_details=configured.public_details() if configured else {},
        state=one.state,
        files_total=one.files_total,
        bytes_total=one.bytes_total,
        problems=problems,
    )


def sync_status(site: Site, names: Sequence[str], run_ids: Sequence[str]) -> SyncStates:
    """Return how endpoints are doing, all of them when none is named, and what became of some runs.

    Raises UnknownEndpoint; DagsterUnreachable when there are runs to ask about.
    """
    with site.current.acquire() as filesync:
        replicated = {one.name for one in filesync.config.replications}
        for name in names:
            if name not in replicated:
                _known(filesync, name)
        wanted = frozenset(names)
        states = [State.of(one) for one in filesync.status() if not wanted or one.name in wanted]
        replicas = replication_states(filesync, names or None)
    return SyncStates(
        endpoints=states, replications=replicas, runs=[_run(site.dagster, run_id) for run_id in dict.fromkeys(run_ids)]
    )


def _known(filesync: Filesync, name: str) -> None:
    """Raise UnknownEndpoint for a name that is nowhere in the file."""
    if name not in {entry.name for entry in filesync.config.broken}:
        filesync.config.endpoint(name)


def _run(dagster: DagsterClient, run_id: str) -> RunState:
    run = dagster.run(run_id)
    if run is None:
        raise UnknownRun(f"Dagster knows no run {run_id!r}.", hint="It may have been deleted.")
    return _run_state(run, f"{dagster.url}/runs/{run.id}")


def _run_state(run: DagsterRun, url: str) -> RunState:
    return RunState(
        run_id=run.id,
        status=run.status,
        endpoints=list(run.endpoints),
        replications=list(run.replications),
        full=run.is_full,
        created_at=run.created,
        started_at=run.started,
        ended_at=run.ended,
        url=url,
    )


class UnknownRun(UnknownEndpoint):
    """A run that Dagster does not know."""


def launch(site: Site, names: Sequence[str] | None, *, full: bool) -> LaunchedRuns:
    """Launch a sync of endpoints, of all active ones when none is named; ask for one of those that are being synced.

    Names may be of replications: what is named together is one run, in which they come after the syncs.

    Raises UnknownEndpoint, ConfigError (a broken entry), SwitchedOff, SyncInProgress (of a replication),
    DagsterUnreachable, DagsterRefused.
    """
    with site.current.acquire() as filesync:
        replicated = {one.name for one in filesync.config.replications}.intersection(names or ())
        require_idle(filesync, sorted(replicated))
        others = None if names is None else [name for name in names if name not in replicated]
        wanted = _wanted(filesync.config, others)
        if not wanted and not replicated:
            raise SwitchedOff("There is no active endpoint.", hint="Add one to endpoints.yaml.")
        today = filesync.config.settings.partitions.today()
        at_it = _busy(site, filesync, wanted, today) if wanted else set()
        free = [*(name for name in wanted if name not in at_it), *sorted(replicated)]
        run_ids = site.dagster.launch(free, day=today, full=full, tags=LAUNCHED_BY) if free else []
        waiting = [name for name in wanted if name in at_it]
        for name in waiting:
            filesync.request(name, REST, full=full)
    urls = [f"{site.dagster.url}/runs/{run_id}" for run_id in run_ids]
    return LaunchedRuns(run_ids=run_ids, endpoints=free, waiting=waiting, urls=urls)


def _busy(site: Site, filesync: Filesync, wanted: Sequence[str], today: date) -> set[str]:
    """Return which endpoints are synced now, or will be by a run that waits: another run of them would fail."""
    at_it = {lease.endpoint for lease in filesync.runtime.metadata.leases.current()}.intersection(wanted)
    if len(at_it) == len(wanted):
        return at_it
    going = site.dagster.runs(None, statuses=UNFINISHED)
    return at_it.union(
        active_by_endpoint(
            going, wanted, f"{today}", filesync.runtime.metadata.syncs.outcomes([run.id for run in going])
        )
    )


def _wanted(config: Config, names: Sequence[str] | None) -> list[str]:
    if names is None:
        return [endpoint.name for endpoint in config.active]
    chosen: list[Endpoint] = [config.endpoint(name) for name in dict.fromkeys(names)]
    off = [endpoint.name for endpoint in chosen if not endpoint.is_active]
    if off:
        raise SwitchedOff(f"Switched off: {', '.join(off)}.", hint="Set is_active in endpoints.yaml.")
    return [endpoint.name for endpoint in chosen]


class NothingWaits(UnknownEndpoint):
    """An endpoint of which no sync is held."""


def held(site: Site, name: str, limit: int, offset: int) -> HeldSyncPage:
    """Return what waits for a decision, with a page of its changes. Raises UnknownEndpoint, NothingWaits."""
    with site.current.acquire() as filesync:
        try:
            found = filesync.held(name)
            rows = filesync.held_changes(name, limit=limit, offset=offset).to_arrow().to_pylist()
        except NothingHeld as error:
            raise NothingWaits(error.message, hint=error.hint) from error
    after = offset + len(rows)
    return HeldSyncPage(
        endpoint=name,
        sync_id=found.record.id,
        held_at=found.record.sync_completed,
        observed_at=found.observed,
        reason=found.reason,
        digest=found.digest,
        counts=dict(found.counts),
        folders=[HeldFolder(folder=one.folder, counts=dict(one.counts)) for one in found.folders],
        changes=[_held_change(row) for row in rows],
        total=found.total,
        next_offset=after if after < found.total else None,
        **found.record.numbers(),
    )


def _held_change(row: dict[str, Any]) -> WaitingChange:
    before, after = (json.loads(row[side] or "null") for side in ("before", "after"))
    return WaitingChange(
        change=row["change"], path=row["path"], external_id=row["external_id"], before=before, after=after
    )


def approve(site: Site, name: str, digest: str | None, sync_id: str | None = None) -> Decision:
    """Commit the held sync of an endpoint. Raises UnknownEndpoint, NothingHeld, HeldSyncOutdated, SyncInProgress."""
    with site.current.acquire() as filesync:
        _require_held(filesync, name, sync_id)
        result = filesync.approve(name, digest=digest)
    return Decision(
        endpoint=name,
        decision="approved",
        sync_id=result.sync_id,
        warnings=list(result.warnings),
        **result.numbers(),
    )


def _require_held(filesync: Filesync, name: str, sync_id: str | None) -> None:
    """Raise HeldSyncOutdated when another sync is held than the one that was looked at; none is told by who decides."""
    state = filesync.runtime.metadata.endpoints.state(filesync.runtime.register(filesync.config.endpoint(name)))
    if sync_id is not None and state.held_sync_id not in {None, sync_id}:
        raise HeldSyncOutdated(
            f"What is held of {name!r} is the sync {state.held_sync_id}, not {sync_id}.", hint="Look again."
        )


def reject(site: Site, name: str, sync_id: str | None = None) -> Decision:
    """Forget the held sync of an endpoint. Raises UnknownEndpoint, NothingHeld, HeldSyncOutdated, SyncInProgress."""
    with site.current.acquire() as filesync:
        _require_held(filesync, name, sync_id)
        return Decision(endpoint=name, decision="rejected", sync_id=filesync.reject(name))


def hint(site: Site, name: str, source: str, *, full: bool) -> bool:
    """Ask for a sync of an endpoint, unless it is asked for already; tell which. Raises ConfigError, DatabaseError."""
    with site.current.acquire() as filesync:
        return filesync.request(name, source, full=full)


def endpoint_of(site: Site, name: str) -> Endpoint | None:
    """Return an endpoint, or None where the file has none of this name that can be used."""
    with site.current.acquire() as filesync:
        try:
            return filesync.config.endpoint(name)
        except (UnknownEndpoint, ConfigError):
            return None
