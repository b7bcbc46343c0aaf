"""Data sources: the kinds there are, tests, those that are saved or stand in the file, and reads of them."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Path, Request, Response, Security

from filesync_dagster.api import Filesync
from filesync_dagster.core.errors import SourceRefused, TableError
from filesync_dagster.tables.catalog.directory import KnownSource, SourceDirectory
from filesync_dagster.tables.catalog.edits import SourceEdit
from filesync_dagster.web import sources as pages
from filesync_dagster.web.requests import TOKEN, ReadRoute, WriteRoute, principal_of_route, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.site import Site
from filesync_dagster.web.source_messages import (
    NAME_PATTERN,
    ConnectionIn,
    ConnectionTest,
    Connectors,
    Discovery,
    HeldDecision,
    ReadOrder,
    ReadOut,
    Reads,
    SourceHistory,
    SourceIn,
    SourceOut,
    SourcePatch,
    SourceRevisionOut,
    Sources,
)
from filesync_dagster.web.users import address_of, limiter_of, user_of

reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=WriteRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
EVERYTHING = ReadOrder()
MINUTE_SECONDS = 60.0
READS_MAX_COUNT = 20
Name = Annotated[str, Path(description="Of a source.", pattern=NAME_PATTERN)]
ReadId = Annotated[str, Path(description="Of a read.", pattern="^read_[0-9a-f]{32}$")]
IfMatch = Annotated[
    str,
    Header(
        pattern=r'^(\*|(W/)?"?[0-9]{1,9}"?)$',
        description="The `ETag` or `revision` that the change was made for; 412 when it is another one by now.",
    ),
]
SAVED = problems(400, 401, 403, 404, 409, 412, 413, 415, 503)
ETAG = {"ETag": {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}}


@reads.get(
    "/api/connectors/available",
    summary="Kinds of data sources",
    description="What each is, what it needs, and the form of its configuration as JSON Schema.",
    response_description="Done.",
    responses=problems(401),
)
def available_connectors() -> Connectors:
    """Tell which kinds of sources there are."""
    return pages.connectors()


@writes.post(
    "/api/connectors/test",
    summary="Try a data source",
    description="A type with a configuration, or a source by its name. It is answered within ten seconds with what "
    "works, table by table, or with the field to correct. So many times a minute: `/api/limits`.",
    response_description="It was tried: `status` says how it went.",
    responses=problems(400, 401, 403, 413, 415, 429, 503),
)
def try_connection(request: Request, given: Annotated[ConnectionIn, Body()], site: Site = SITE) -> ConnectionTest:
    """Try a source."""
    with site.current.acquire() as filesync:
        _take_test(request, filesync)
        found = pages.try_connection(filesync, given, may_refer=_is_admin(request))
        details = {"type": found.type, "status": found.status, "code": found.code}
        _note(request, filesync, "source.tested", given.source or "", details)
        return found


@writes.post(
    "/api/connectors/discover",
    summary="The tables of a data source",
    description="Columns, keys and relations as far as the source tells them without rows. It counts as a test.",
    response_description="Done.",
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
)
def discover_tables(request: Request, given: Annotated[ConnectionIn, Body()], site: Site = SITE) -> Discovery:
    """Tell which tables a source has."""
    with site.current.acquire() as filesync:
        _take_test(request, filesync)
        _note(request, filesync, "source.discovered", given.source or "", {"type": given.type})
        return pages.discover(filesync, given, may_refer=_is_admin(request))


@reads.get(
    "/api/sources",
    summary="Every data source",
    description="Those of endpoints.yaml, with their lines, and those that were saved here; never their secrets.",
    response_description="Done.",
    responses=problems(401, 503),
)
def list_sources(site: Site = SITE) -> Sources:
    """Tell of every source."""
    with site.current.acquire() as filesync:
        latest = filesync.runtime.metadata.read_jobs.latest_by_source()
        held = filesync.runtime.metadata.source_reads.held_by_source()
        known = SourceDirectory(filesync.runtime).all()
        return Sources(sources=[pages.source_out(each, latest.get(each.name), held.get(each.name)) for each in known])


@writes.post(
    "/api/sources",
    status_code=201,
    summary="Save a data source",
    description="Its secrets are encrypted, and never told again. It is not asked: test it.",
    response_description="Saved.",
    responses={**problems(400, 401, 403, 409, 413, 415, 503)},
)
def create_source(
    request: Request, response: Response, given: Annotated[SourceIn, Body()], site: Site = SITE
) -> SourceOut:
    """Save a source."""
    with site.current.acquire() as filesync:
        edit = SourceEdit(given.type, given.config, given.description, may_refer=_is_admin(request))
        source = SourceDirectory(filesync.runtime).add(given.name, edit, user_of(request))
        _note(request, filesync, "source.created", source.name, {"type": source.type})
        return _told(response, filesync, source)


@reads.get(
    "/api/sources/{name}",
    summary="A data source",
    description="Its configuration without secrets, what its last test said, and its last read. Its `ETag` is for "
    "`If-Match`.",
    response_description="Done.",
    responses=problems(400, 401, 404, 503),
)
def show_source(response: Response, name: Name, site: Site = SITE) -> SourceOut:
    """Tell of a source."""
    with site.current.acquire() as filesync:
        return _told(response, filesync, SourceDirectory(filesync.runtime).show(name))


@writes.put(
    "/api/sources/{name}",
    summary="Configure a data source anew",
    description='All of it. A secret that is null or missing stays, one that is "" is removed. One that stands in '
    "endpoints.yaml is changed there: 409.",
    response_description="Saved.",
    responses=SAVED,
)
def replace_source(  # noqa: PLR0917  # what a request has
    request: Request,
    response: Response,
    name: Name,
    given: Annotated[SourceIn, Body()],
    if_match: IfMatch = "*",
    site: Site = SITE,
) -> SourceOut:
    """Give a source another configuration."""
    edit = SourceEdit(given.type, given.config, given.description)
    return _change(request, response, site, name, edit, if_match, given.name)


@writes.patch(
    "/api/sources/{name}",
    summary="Change a data source",
    description="Only what is given: a name, a description, fields of the configuration.",
    response_description="Saved.",
    responses=SAVED,
)
def change_source(  # noqa: PLR0917  # what a request has
    request: Request,
    response: Response,
    name: Name,
    given: Annotated[SourcePatch, Body()],
    if_match: IfMatch = "*",
    site: Site = SITE,
) -> SourceOut:
    """Change some of a source."""
    edit = SourceEdit(None, given.config, given.description, is_partial=True)
    return _change(request, response, site, name, edit, if_match, given.name)


@writes.delete(
    "/api/sources/{name}",
    status_code=204,
    summary="Remove a data source",
    description="With its secrets. Its history and the tables that were read of it stay as long as retention keeps "
    "them.",
    response_description="Removed.",
    responses=problems(400, 401, 403, 404, 409, 412, 503),
)
def delete_source(request: Request, name: Name, if_match: IfMatch = "*", site: Site = SITE) -> Response:
    """Remove a source."""
    with site.current.acquire() as filesync:
        SourceDirectory(filesync.runtime).remove(name, user_of(request), _revision(if_match))
        _note(request, filesync, "source.removed", name, {})
        return Response(status_code=204)


@reads.get(
    "/api/sources/{name}/history",
    summary="The configurations that a source had",
    description="Who changed it, when, and what it was then, without secrets.",
    response_description="Done.",
    responses=problems(400, 401, 404, 503),
)
def source_history(name: Name, site: Site = SITE) -> SourceHistory:
    """Tell of the past of a source."""
    with site.current.acquire() as filesync:
        found = SourceDirectory(filesync.runtime).history(name)
        return SourceHistory(
            revisions=[
                SourceRevisionOut(
                    revision=one.revision,
                    action=one.action,  # type: ignore[arg-type]  # the repository has no other
                    name=one.name,
                    type=one.type,
                    config=dict(one.config),
                    secrets_set=list(one.secrets_set),
                    changed_by=one.changed_by,
                    changed_at=one.changed_at,
                )
                for one in found
            ]
        )


@writes.post(
    "/api/sources/{name}/read",
    status_code=202,
    summary="Read a data source",
    description="Its tables come to /api/tables with profile, keys and relations: all that are wanted, or none. "
    "409 while it is being read already.",
    response_description="Accepted: it is read now, or when it is its turn.",
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
)
def read_source(
    request: Request, name: Name, order: Annotated[ReadOrder, Body()] = EVERYTHING, site: Site = SITE
) -> ReadOut:
    """Have a source read."""
    with site.current.acquire() as filesync:
        source = SourceDirectory(filesync.runtime).get(name)
        if source.declared is not None and order.limit is not None:
            raise SourceRefused(
                f"{name} stands in endpoints.yaml, and is read as it is configured there.",
                hint="Set `limit` in its config.",
                code="unsupported",
                field="limit",
            )
        found = site.reads.ask(filesync.runtime, name, user_of(request), order.tables, order.limit)
        _note(request, filesync, "source.read", name, {"read": found.id, "tables": order.tables})
        return pages.read_out(found)


@writes.post(
    "/api/sources/{name}/approve",
    summary="Let a held read be current",
    description="All tables of the read that the guard held, and of no other: `read_id` is that of `held`.",
    response_description="Decided.",
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
def approve_read(request: Request, name: Name, given: Annotated[HeldDecision, Body()], site: Site = SITE) -> SourceOut:
    """Approve what is held of a source."""
    return _decide(request, site, name, given.read_id, approve=True)


@writes.post(
    "/api/sources/{name}/reject",
    summary="Let go of a held read",
    description="The tables from before stay current.",
    response_description="Decided.",
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
def reject_read(request: Request, name: Name, given: Annotated[HeldDecision, Body()], site: Site = SITE) -> SourceOut:
    """Reject what is held of a source."""
    return _decide(request, site, name, given.read_id, approve=False)


@reads.get(
    "/api/sources/{name}/reads",
    summary="Reads of a source",
    description="The newest first.",
    response_description="Done.",
    responses=problems(400, 401, 503),
)
def source_reads(name: Name, site: Site = SITE) -> Reads:
    """Tell of the reads of a source."""
    with site.current.acquire() as filesync:
        site.reads.tidy(filesync.runtime)
        found = filesync.runtime.metadata.read_jobs.newest(name, READS_MAX_COUNT)
        return Reads(reads=[pages.read_out(record) for record in found])


@reads.get(
    "/api/reads/{read_id}",
    summary="A read of a source",
    description="How far it is, and what became of it.",
    response_description="Done.",
    responses=problems(400, 401, 404, 503),
)
def show_read(read_id: ReadId, site: Site = SITE) -> ReadOut:
    """Tell of a read."""
    with site.current.acquire() as filesync:
        site.reads.tidy(filesync.runtime)
        return pages.read_out(filesync.runtime.metadata.read_jobs.get(read_id))


@writes.post(
    "/api/reads/{read_id}/cancel",
    summary="Cancel a read",
    description="It ends within five seconds, and nothing of it is kept. One that has ended stays as it is.",
    response_description="Done.",
    responses=problems(400, 401, 403, 404, 503),
)
def cancel_read(request: Request, read_id: ReadId, site: Site = SITE) -> ReadOut:
    """Cancel a read."""
    with site.current.acquire() as filesync:
        found = filesync.runtime.metadata.read_jobs.ask_cancel(read_id)
        _note(request, filesync, "read.cancelled", found.source, {"read": read_id})
        return pages.read_out(found)


def _change(  # noqa: PLR0917  # what a request has, in its order
    request: Request,
    response: Response,
    site: Site,
    name: str,
    edit: SourceEdit,
    if_match: str,
    new_name: str | None,
) -> SourceOut:
    is_admin = _is_admin(request)
    with site.current.acquire() as filesync:
        allowed = SourceEdit(
            edit.type, edit.config, edit.description, edit.is_partial, may_refer=is_admin, may_redirect=is_admin
        )
        source = SourceDirectory(filesync.runtime).change(
            name, allowed, user_of(request), revision=_revision(if_match), new_name=new_name
        )
        _note(request, filesync, "source.changed", source.name, {"before": name})
        return _told(response, filesync, source)


def _decide(request: Request, site: Site, name: str, read_id: str, *, approve: bool) -> SourceOut:
    with site.current.acquire() as filesync:
        source = SourceDirectory(filesync.runtime).show(name)
        held = filesync.runtime.metadata.source_reads.held(name)
        if held is None or held.id != read_id:
            raise TableError("This read waits for no decision.", hint="Look again at what is held.", code="not_held")
        filesync.runtime.metadata.source_reads.decide(read_id, approve=approve)
        _note(request, filesync, "read.approved" if approve else "read.rejected", name, {"read": read_id})
        return _told(Response(), filesync, source)


def _told(response: Response, filesync: Filesync, source: KnownSource) -> SourceOut:
    if source.record is not None:
        response.headers["etag"] = f'"{source.record.revision}"'
    newest = filesync.runtime.metadata.read_jobs.newest(source.name, 1)
    held = filesync.runtime.metadata.source_reads.held(source.name)
    return pages.source_out(source, newest[0] if newest else None, held)


def _revision(if_match: str) -> int | None:
    """Return the revision that a change was made for; None for whichever there is."""
    return None if if_match == "*" else int(if_match.removeprefix("W/").strip('"'))


def _is_admin(request: Request) -> bool:
    return principal_of_route(request).may("admin")


def _take_test(request: Request, filesync: Filesync) -> None:
    most = filesync.config.settings.tables.tests_per_minute
    limiter_of(request).take(user_of(request), "tests of connections", most, MINUTE_SECONDS)


def _note(request: Request, filesync: Filesync, what: str, subject: str, details: Mapping[str, object]) -> None:
    filesync.runtime.metadata.audit.add(user_of(request), what, subject, address_of(request), details)
