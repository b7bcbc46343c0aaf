"""What the API does about replications: tell, plan, launch in Dagster, decide about held plans."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from filesync_dagster.core.errors import NothingHeld, PlanOutdated, UnknownEndpoint
from filesync_dagster.orchestration.tags import PLAN_TAG
from filesync_dagster.web.cursors import decode_cursor, encode_cursor
from filesync_dagster.web.messages import LaunchedRuns, ReplicationState
from filesync_dagster.web.replication_messages import (
    OperationList,
    OperationOut,
    PlanList,
    PlannedOperation,
    PlanOut,
    PlanPreviewOut,
    PlanProblemOut,
    ProblemList,
    ProblemOut,
    RejectedPlan,
    ReplicaFile,
    ReplicaFileList,
    ReplicationStates,
)
from filesync_dagster.web.replication_states import replication_states, require_idle
from filesync_dagster.web.rest import LAUNCHED_BY

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.replication.replications import PlanPreview
    from filesync_dagster.web.cursors import PageQuery
    from filesync_dagster.web.replication_messages import OperationsQuery, PlanOrder
    from filesync_dagster.web.site import Site


class NoPlan(UnknownEndpoint):
    """A plan that there is not, or that is not held."""


def replications(site: Site) -> ReplicationStates:
    """Return how every replication is doing."""
    with site.current.acquire() as filesync:
        return ReplicationStates(replications=replication_states(filesync))


def replication(site: Site, name: str) -> ReplicationState:
    """Return how one is doing. Raises UnknownEndpoint, ConfigError."""
    with site.current.acquire() as filesync:
        [found] = replication_states(filesync, [filesync.config.replication(name).name])
    return found


def preview(site: Site, name: str, order: PlanOrder) -> PlanPreviewOut:
    """Return what a run would do now. Raises UnknownEndpoint, NothingKnown, SourceError."""
    from filesync_dagster.replication.model import PlanScope

    scope = PlanScope(order.scope) if order.scope else None
    with site.current.acquire() as filesync:
        return _preview(filesync.replications.plan(name, scope=scope, limit=order.limit))


def held(site: Site, name: str) -> PlanPreviewOut:
    """Return the plan that waits for a decision. Raises UnknownEndpoint, NoPlan."""
    with site.current.acquire() as filesync:
        try:
            return _preview(filesync.replications.held(name))
        except NothingHeld as error:
            raise NoPlan(error.message, hint=error.hint) from error


def _preview(found: PlanPreview) -> PlanPreviewOut:
    fields = PlannedOperation.model_fields
    return PlanPreviewOut(
        replication=found.replication,
        plan_id=found.plan_id,
        scope=found.scope.value,
        counts=asdict(found.counts),
        objections=list(found.objections),
        problems=[
            PlanProblemOut(kind=one.kind, paths=list(one.paths), sentence=one.sentence) for one in found.problems
        ],
        operations=[PlannedOperation(**{name: row[name] for name in fields}) for row in found.operations],
        missing=found.missing,
        changed=found.changed,
    )


def plans(site: Site, name: str, query: PageQuery) -> PlanList:
    """Return the plans of a replication, newest first. Raises UnknownEndpoint, InvalidQuery."""
    place = decode_cursor(query.cursor, int)
    with site.current.acquire() as filesync:
        rows = filesync.replications.plans(name, limit=query.limit + 1, before=place[0] if place else None)
    shown = rows[: query.limit]
    return PlanList(
        items=[PlanOut(**{field: getattr(row, field) for field in PlanOut.model_fields}) for row in shown],
        next_cursor=encode_cursor(shown[-1].id) if len(rows) > query.limit else None,
    )


def operations(site: Site, name: str, plan_id: int, query: OperationsQuery) -> OperationList:
    """Return operations of a plan, in its order. Raises UnknownEndpoint, NoPlan, InvalidQuery."""
    place = decode_cursor(query.cursor, int)
    with site.current.acquire() as filesync:
        if not any(row.id == plan_id for row in filesync.replications.plans(name, limit=1, before=plan_id + 1)):
            raise NoPlan(f"{name!r} has no plan {plan_id}.", hint="Plans go after `retention.journal_days`.")
        rows = filesync.replications.operations(
            name, plan_id, after=place[0] if place else -1, limit=query.limit + 1, states=query.state or None
        )
    shown = rows[: query.limit]
    return OperationList(
        items=[OperationOut(**{field: getattr(row, field) for field in OperationOut.model_fields}) for row in shown],
        next_cursor=encode_cursor(shown[-1].position) if len(rows) > query.limit else None,
    )


def problem_list(site: Site, name: str, query: PageQuery) -> ProblemList:
    """Return the files that are not as they should be, by path. Raises UnknownEndpoint, InvalidQuery."""
    place = decode_cursor(query.cursor, str, str)
    with site.current.acquire() as filesync:
        after = (place[0], place[1]) if place else None
        rows = filesync.replications.problems(name, limit=query.limit + 1, after=after)
    shown = rows[: query.limit]
    return ProblemList(
        items=[ProblemOut(**{field: getattr(row, field) for field in ProblemOut.model_fields}) for row in shown],
        next_cursor=encode_cursor(shown[-1].path, shown[-1].external_id) if len(rows) > query.limit else None,
    )


def replica_files(site: Site, name: str, query: PageQuery) -> ReplicaFileList:
    """Return what a destination has from us, by path. Raises UnknownEndpoint, InvalidQuery."""
    place = decode_cursor(query.cursor, str)
    with site.current.acquire() as filesync:
        found = filesync.replications.files(name, after=place[0] if place else None, limit=query.limit + 1)
        rows = found.to_arrow().to_pylist()
    shown = rows[: query.limit]
    return ReplicaFileList(
        items=[ReplicaFile.of(row) for row in shown],
        next_cursor=encode_cursor(shown[-1]["dest_path"]) if len(rows) > query.limit else None,
    )


def run(site: Site, name: str) -> LaunchedRuns:
    """Launch a run of a replication. Raises UnknownEndpoint, SwitchedOff, SyncInProgress, DagsterUnreachable."""
    with site.current.acquire() as filesync:
        return _launch(site, filesync, name, {})


def approve(site: Site, name: str, plan_id: int) -> LaunchedRuns:
    """Launch a run that does a held plan. Raises UnknownEndpoint, NothingHeld, PlanOutdated, DagsterUnreachable."""
    with site.current.acquire() as filesync:
        waiting = filesync.replications.held(name, limit=0).plan_id
        if waiting != plan_id:
            raise PlanOutdated(f"What is held of {name!r} is the plan {waiting}, not {plan_id}.", hint="Look again.")
        return _launch(site, filesync, name, {PLAN_TAG: str(plan_id)})


def reject(site: Site, name: str, plan_id: int) -> RejectedPlan:
    """Throw a held plan away. Raises UnknownEndpoint, NothingHeld, SyncInProgress."""
    with site.current.acquire() as filesync:
        return RejectedPlan(replication=name, plan_id=filesync.replications.reject(name, plan_id=plan_id))


def _launch(site: Site, filesync: Filesync, name: str, tags: dict[str, str]) -> LaunchedRuns:
    require_idle(filesync, [name])
    today = filesync.config.settings.partitions.today()
    run_ids = site.dagster.launch([name], day=today, tags={**LAUNCHED_BY, **tags})
    urls = [f"{site.dagster.url}/runs/{run_id}" for run_id in run_ids]
    return LaunchedRuns(run_ids=run_ids, endpoints=[name], urls=urls)
