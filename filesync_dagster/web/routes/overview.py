"""The product at one glance, and what the pages of endpoints and of held syncs need besides."""

from typing import TYPE_CHECKING, Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request, Security
from starlette.responses import StreamingResponse

from filesync_dagster.core.logging import event
from filesync_dagster.web import overview as pages
from filesync_dagster.web.overview_messages import (
    ConnectionOut,
    EventsQuery,
    Growth,
    HeldItems,
    Overview,
    PastSyncs,
    SyncsQuery,
)
from filesync_dagster.web.requests import TOKEN, ReadRoute, WriteRoute, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.routes.endpoints import Name
from filesync_dagster.web.site import Site

if TYPE_CHECKING:
    from filesync_dagster.web.change_stream import ChangeStreams

reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=WriteRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)


@reads.get(
    "/api/overview",
    summary="The product at one glance",
    description="What needs a person, totals, and the changes of the last 24 hours.",
    response_description="Done.",
    responses=problems(401, 503),
)
async def overview(request: Request) -> Overview:
    """Tell what the first page shows; of many who ask at once, one is answered."""
    found: Overview = await run_sync(request.app.state.overview)
    return found


@reads.get(
    "/api/growth",
    summary="How much there was, day by day",
    description="Files and bytes of all endpoints at the end of each of the last 30 days, as syncs left them.",
    response_description="Done.",
    responses=problems(401, 503),
)
async def growth(request: Request) -> Growth:
    """Tell how much there was."""
    found: Growth = await run_sync(request.app.state.growth)
    return found


@reads.get(
    "/api/held",
    summary="What waits for a decision",
    description="Held syncs of endpoints, and held plans of replications.",
    response_description="Done.",
    responses=problems(401, 503),
)
def held_items(site: Site = SITE) -> HeldItems:
    """Tell what is held."""
    return pages.held_items(site)


@reads.get(
    "/api/syncs",
    summary="Past syncs of an endpoint",
    description="The last one first: how long each took, what it found, and how it ended.",
    response_description="Done.",
    responses=problems(400, 401, 404, 409, 503),
)
def past_syncs(query: Annotated[SyncsQuery, Query()], site: Site = SITE) -> PastSyncs:
    """List syncs."""
    return pages.past_syncs(site, query)


@reads.get(
    "/api/events",
    summary="That something changed",
    description="Server-sent events while somebody listens: `hello` at once, `changed` with the subjects of which "
    "something changed (`endpoints`, `changes`, `replications`, `alerts`, `sessions`), a comment at least every 15 "
    "seconds. Ends after ten minutes; whoever comes back with the id of the last event is told what changed meanwhile.",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Done.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **problems(400, 401, 503),
    },
)
async def events(request: Request, query: Annotated[EventsQuery, Query()]) -> StreamingResponse:
    """Tell what changes."""
    streams: ChangeStreams = request.app.state.change_streams
    return await streams.open(request.headers.get("last-event-id") or query.since)


@writes.post(
    "/endpoints/{name}/check",
    summary="Look whether a store can be reached",
    description="As `filesync test`: connects, and tells what can be seen. Nothing is synced.",
    response_description="Done.",
    responses=problems(401, 403, 404, 409, 503),
)
def check(name: Name, site: Site = SITE) -> ConnectionOut:
    """Connect to a store."""
    found = pages.check(site, name)
    event("rest.checked", endpoint=name)
    return found
