"""Syncs: how they are doing, and launching them in Dagster."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Security

from filesync_dagster.core.logging import event
from filesync_dagster.web import rest
from filesync_dagster.web.messages import LaunchedRuns, StatusQuery, SyncOrder, SyncStates
from filesync_dagster.web.requests import TOKEN, ReadRoute, WriteRoute, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.site import Site

reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=WriteRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
Order = Annotated[SyncOrder, Body()]
EVERYTHING = SyncOrder()
LAUNCH_PROBLEMS = problems(400, 401, 403, 404, 409, 413, 415, 503)


@reads.get(
    "/sync/status",
    summary="How the syncs are doing",
    description="What `filesync status --json` tells; and, for those who launched runs, what became of them.",
    response_description="Done.",
    responses=problems(400, 401, 404, 503),
)
def sync_status(query: Annotated[StatusQuery, Query()], site: Site = SITE) -> SyncStates:
    """Tell of syncs, and of runs."""
    return rest.sync_status(site, query.endpoint, query.run_id)


@writes.post(
    "/sync/initial",
    status_code=202,
    summary="List everything anew",
    description="Launches a Dagster run that lists endpoints from the start.",
    response_description="Accepted: it will be done.",
    responses=LAUNCH_PROBLEMS,
)
def sync_initial(order: Order = EVERYTHING, site: Site = SITE) -> LaunchedRuns:
    """Launch full syncs."""
    return _launch(site, order, full=True)


@writes.post(
    "/sync/incremental",
    status_code=202,
    summary="Bring endpoints up to date",
    description="Launches a Dagster run that asks stores what changed, or lists those that cannot tell.",
    response_description="Accepted: it will be done.",
    responses=LAUNCH_PROBLEMS,
)
def sync_incremental(order: Order = EVERYTHING, site: Site = SITE) -> LaunchedRuns:
    """Launch syncs."""
    return _launch(site, order, full=False)


def _launch(site: Site, order: SyncOrder, *, full: bool) -> LaunchedRuns:
    launched = rest.launch(site, order.endpoints, full=full)
    event("rest.launched", run_ids=launched.run_ids, endpoints=len(launched.endpoints), full=full)
    return launched
