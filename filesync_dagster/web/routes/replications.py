"""Replications: how they are doing, what they would do and did, and what is decided about held plans."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Security

from filesync_dagster.core.logging import event
from filesync_dagster.web import replications as pages
from filesync_dagster.web.cursors import PageQuery
from filesync_dagster.web.messages import LaunchedRuns, ReplicationState
from filesync_dagster.web.replication_messages import (
    MAX_ID,
    OperationList,
    OperationsQuery,
    PlanDecision,
    PlanList,
    PlanOrder,
    PlanPreviewOut,
    ProblemList,
    RejectedPlan,
    ReplicaFileList,
    ReplicationStates,
)
from filesync_dagster.web.requests import TOKEN, ReadRoute, WriteRoute, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.site import Site

reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=WriteRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
DEFAULT_PLAN = PlanOrder()
Name = Annotated[str, Path(description="Of a replication.", json_schema_extra={"pattern": "^[a-z][a-z0-9_]{0,62}$"})]
PlanId = Annotated[int, Path(ge=1, le=MAX_ID, description="Of a plan.")]
LISTED = problems(400, 401, 404, 409, 503)
CHANGED = problems(400, 401, 403, 404, 409, 413, 415, 503)


@reads.get(
    "/replications",
    summary="Every replication",
    description="How the destinations are doing, as `filesync status` tells it.",
    response_description="Done.",
    responses=problems(401, 503),
)
def replications(site: Site = SITE) -> ReplicationStates:
    """Tell of every replication."""
    return pages.replications(site)


@reads.get(
    "/replications/{name}",
    summary="A replication",
    description="How one destination is doing.",
    response_description="Done.",
    responses=problems(401, 404, 409, 503),
)
def replication(name: Name, site: Site = SITE) -> ReplicationState:
    """Tell of one."""
    return pages.replication(site, name)


@reads.get(
    "/replications/{name}/held",
    summary="What a held plan would do",
    description="Counts, the first operations, and the `plan_id` for `approve` and `reject`. 404 when none is held.",
    response_description="Done.",
    responses=problems(401, 404, 409, 503),
)
def held_plan(name: Name, site: Site = SITE) -> PlanPreviewOut:
    """Tell what waits for a decision."""
    return pages.held(site, name)


@reads.get(
    "/replications/{name}/plans",
    summary="The plans of a replication",
    description="Newest first; they go after `retention.journal_days`.",
    response_description="Done.",
    responses=LISTED,
)
def plans(name: Name, query: Annotated[PageQuery, Query()], site: Site = SITE) -> PlanList:
    """List plans."""
    return pages.plans(site, name, query)


@reads.get(
    "/replications/{name}/plans/{plan_id}/operations",
    summary="The operations of a plan",
    description="What was to be done to each file, in its order, and what became of it.",
    response_description="Done.",
    responses=LISTED,
)
def operations(
    name: Name, plan_id: PlanId, query: Annotated[OperationsQuery, Query()], site: Site = SITE
) -> OperationList:
    """List operations."""
    return pages.operations(site, name, plan_id, query)


@reads.get(
    "/replications/{name}/problems",
    summary="Files that could not be kept",
    description="What is not at the destination as it should be, by path, and why.",
    response_description="Done.",
    responses=LISTED,
)
def replication_problems(name: Name, query: Annotated[PageQuery, Query()], site: Site = SITE) -> ProblemList:
    """List problems."""
    return pages.problem_list(site, name, query)


@reads.get(
    "/replications/{name}/files",
    summary="The files of a replica",
    description="What the destination has from filesync, by path, and how it is known to be right.",
    response_description="Done.",
    responses=LISTED,
)
def replica_files(name: Name, query: Annotated[PageQuery, Query()], site: Site = SITE) -> ReplicaFileList:
    """List files."""
    return pages.replica_files(site, name, query)


@writes.post(
    "/replications/{name}/plan",
    summary="What a run would do now",
    description="As `filesync plan`: nothing is written. The destination is asked where it has to be.",
    response_description="Done.",
    responses=CHANGED,
)
def plan(name: Name, order: Annotated[PlanOrder, Body()] = DEFAULT_PLAN, site: Site = SITE) -> PlanPreviewOut:
    """Plan."""
    return pages.preview(site, name, order)


@writes.post(
    "/replications/{name}/run",
    status_code=202,
    summary="Replicate now",
    description="Launches a Dagster run that brings the destination up to date. 409 while a run is at it.",
    response_description="Accepted: it will be done.",
    responses=problems(401, 403, 404, 409, 503),
)
def replicate(name: Name, site: Site = SITE) -> LaunchedRuns:
    """Launch a run."""
    launched = pages.run(site, name)
    event("rest.launched", run_ids=launched.run_ids, replication=name)
    return launched


@writes.post(
    "/replications/{name}/approve",
    status_code=202,
    summary="Do a held plan",
    description="Launches a Dagster run that does the plan that was looked at, and no other.",
    response_description="Accepted: it will be done.",
    responses=CHANGED,
)
def approve_plan(name: Name, decision: Annotated[PlanDecision, Body()], site: Site = SITE) -> LaunchedRuns:
    """Launch a run that does what is held."""
    launched = pages.approve(site, name, decision.plan_id)
    event("rest.approved", run_ids=launched.run_ids, replication=name, plan=decision.plan_id)
    return launched


@writes.post(
    "/replications/{name}/reject",
    summary="Throw a held plan away",
    description="As `filesync reject`: nothing of it is done.",
    response_description="Done.",
    responses=CHANGED,
)
def reject_plan(name: Name, decision: Annotated[PlanDecision, Body()], site: Site = SITE) -> RejectedPlan:
    """Throw away what is held."""
    return pages.reject(site, name, decision.plan_id)
