"""Endpoints: what there is, and what is decided about held syncs."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Security

from filesync_dagster.web import rest
from filesync_dagster.web.messages import Approval, Decision, Endpoints, HeldQuery, HeldSyncPage, Rejection
from filesync_dagster.web.requests import TOKEN, ReadRoute, WriteRoute, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.site import Site

reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=WriteRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
WHATEVER, WHICHEVER = Approval(), Rejection()
Name = Annotated[str, Path(description="Of an endpoint.", json_schema_extra={"pattern": "^[a-z][a-z0-9_]{0,62}$"})]


@reads.get(
    "/endpoints",
    summary="Every endpoint",
    description="The entries of endpoints.yaml, without secrets.",
    response_description="Done.",
    responses=problems(401, 503),
)
def endpoints(site: Site = SITE) -> Endpoints:
    """Tell of every endpoint."""
    return rest.endpoints(site)


@reads.get(
    "/endpoints/{name}/held",
    summary="What a held sync would change",
    description="As `filesync changes NAME --held`: why it is held, counts, the folders with the most changes, and the "
    "changes page by page. 404 when nothing is held.",
    response_description="Done.",
    responses=problems(400, 401, 404, 409, 503),
)
def held(name: Name, query: Annotated[HeldQuery, Query()], site: Site = SITE) -> HeldSyncPage:
    """Tell what waits for a decision."""
    return rest.held(site, name, query.limit, query.offset)


@writes.post(
    "/endpoints/{name}/approve",
    summary="Commit a held sync",
    description="As `filesync approve`: what the guard held is committed as it was observed; with a `digest`, only "
    "what was looked at.",
    response_description="Done.",
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
def approve(name: Name, approval: Annotated[Approval, Body()] = WHATEVER, site: Site = SITE) -> Decision:
    """Commit what is held."""
    return rest.approve(site, name, approval.digest, approval.sync_id)


@writes.post(
    "/endpoints/{name}/reject",
    summary="Forget a held sync",
    description="As `filesync reject`: the inventory stays as it is.",
    response_description="Done.",
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
def reject(name: Name, rejection: Annotated[Rejection, Body()] = WHICHEVER, site: Site = SITE) -> Decision:
    """Forget what is held."""
    return rest.reject(site, name, rejection.sync_id)
