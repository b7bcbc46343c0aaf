"""Tables that were read: a list, profiles, rows, what people decide about them; files that were sent; the limits."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response, Security

from filesync_dagster.api import Filesync
from filesync_dagster.tables.catalog import relations
from filesync_dagster.web import table_sets
from filesync_dagster.web import tables as pages
from filesync_dagster.web.admission import require_role
from filesync_dagster.web.limits import limits_of
from filesync_dagster.web.requests import TOKEN, ReadRoute, WriteRoute, principal_of_route, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.site import Site
from filesync_dagster.web.table_messages import (
    ContentQuery,
    Limits,
    RelationDecision,
    RevealQuery,
    RowPage,
    RowsQuery,
    TableList,
    TableOut,
    TablesQuery,
    TablesTogether,
    TogetherOrder,
    UploadContent,
)
from filesync_dagster.web.users import address_of, user_of

reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=WriteRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
TableId = Annotated[str, Path(description="Of a table.", pattern="^table_[0-9a-f]{32}$")]
Filename = Annotated[str, Path(description="What an upload is stored under.", pattern=r"^[0-9A-Za-z_.-]{1,100}$")]
ARROW = {pages.ARROW_STREAM: {"schema": {"type": "string", "format": "binary"}}}
DECIDED = problems(400, 401, 403, 404, 409, 413, 415, 503)


@reads.get(
    "/api/tables",
    summary="Tables that were read",
    description="Of sources and of uploads, the newest first.",
    response_description="Done.",
    responses=problems(400, 401, 503),
)
def list_tables(query: Annotated[TablesQuery, Query()], site: Site = SITE) -> TableList:
    """List tables."""
    with site.current.acquire() as filesync:
        return pages.table_list(filesync, query)


@reads.get(
    "/api/tables/{table_id}",
    summary="A table",
    description="Its columns with their profile, its keys, the tables that it belongs to, and where it comes from. "
    "What is about people is hidden unless an operator asks with `reveal`.",
    response_description="Done.",
    responses=problems(400, 401, 403, 404, 503),
)
def show_table(
    request: Request, table_id: TableId, query: Annotated[RevealQuery, Query()], site: Site = SITE
) -> TableOut:
    """Tell of a table."""
    require_reveal(request, reveal=query.reveal)
    with site.current.acquire() as filesync:
        record = filesync.runtime.metadata.tables.get(table_id)
        if query.reveal:
            note_reading(request, filesync, "table.revealed", record.id, {"table": record.name})
        return pages.table_out(filesync, record, reveal=query.reveal)


@reads.get(
    "/api/tables/{table_id}/rows",
    summary="Rows of a table",
    description="A page of them as JSON, or as an Arrow stream where `Accept` says so. What is about people is hidden "
    "unless an operator asks with `reveal`, and rows are not looked for by it. Who read what is noted.",
    response_description="Done.",
    response_model=RowPage,
    responses={
        200: {"content": ARROW, "headers": {"Filesync-Matching-Rows": {"schema": {"type": "integer"}}}},
        **problems(400, 401, 403, 404, 503),
    },
)
def table_rows(
    request: Request, table_id: TableId, query: Annotated[RowsQuery, Query()], site: Site = SITE
) -> RowPage | Response:
    """Send rows."""
    require_reveal(request, reveal=query.reveal)
    with site.current.acquire() as filesync:
        record = filesync.runtime.metadata.tables.get(table_id)
        page = pages.load_page(filesync, record, query)
        details = {"table": record.name, "rows": page.rows.num_rows, "offset": query.offset, "reveal": query.reveal}
        note_reading(request, filesync, "rows.read", record.id, details)
        if pages.ARROW_STREAM not in request.headers.get("accept", ""):
            return pages.row_page(record, page, query.offset)
        headers = {"cache-control": "no-store", "filesync-matching-rows": str(page.matching_rows)}
        return Response(pages.arrow_page(page), media_type=pages.ARROW_STREAM, headers=headers)


@writes.post(
    "/api/tables/together",
    summary="Tables as one data set",
    description="Of several uploads and sources: what their columns are for, how they belong together, and which rules "
    "all rows obey. Files that nobody read yet are read: 409 `busy` while that takes longer, ask again then.",
    response_description="Done.",
    responses=problems(400, 401, 403, 404, 409, 410, 413, 415, 422, 503),
)
def show_tables_together(
    request: Request, order: Annotated[TogetherOrder, Body()], site: Site = SITE
) -> TablesTogether:
    """Tell how tables belong together."""
    with site.current.acquire() as filesync:
        records = table_sets.chosen_tables(filesync, site.upload_tables, order)
        for record in records:
            note_reading(request, filesync, "table.profiled", record.id, {"table": record.name})
        return table_sets.show_together(filesync, records)


@writes.post(
    "/api/tables/{table_id}/relations",
    summary="Confirm or refuse a relation",
    description="Of a table to one that was read with it: proposed, detected, or known to nobody but you. Later reads "
    "keep to it: what was refused is not proposed again.",
    response_description="Decided.",
    responses=DECIDED,
)
def decide_relation(
    request: Request, table_id: TableId, given: Annotated[RelationDecision, Body()], site: Site = SITE
) -> TableOut:
    """Decide about a relation."""
    with site.current.acquire() as filesync:
        record = filesync.runtime.metadata.tables.get(table_id)
        wanted = pages.wanted_relation(record, given)
        decided = relations.decide_relation(filesync.runtime, record, wanted, user_of(request))
        note_reading(request, filesync, "relation.decided", record.id, given.model_dump(mode="json"))
        return pages.table_out(filesync, decided, reveal=False)


@reads.get(
    "/api/limits",
    summary="What may be asked for",
    description="Of uploads, sources and generations: `settings.tables` of endpoints.yaml.",
    response_description="Done.",
    responses=problems(401, 503),
)
def show_limits(site: Site = SITE) -> Limits:
    """Tell the limits."""
    with site.current.acquire() as filesync:
        return limits_of(filesync)


def require_reveal(request: Request, *, reveal: bool) -> None:
    """Raise NotAllowed for somebody who asks for what is about people and may not."""
    if reveal:
        require_role(principal_of_route(request), "operator")


def note_reading(request: Request, filesync: Filesync, what: str, subject: str, details: Mapping[str, object]) -> None:
    """Note in the audit log what somebody does."""
    filesync.runtime.metadata.audit.add(user_of(request), what, subject, address_of(request), details)


@reads.get(
    "/api/upload/file/{filename}/content",
    summary="Rows of a file that was sent",
    description="The first few, as JSON. The file is read when somebody asks for the first time: 409 while that takes "
    "longer, 422 with the line and the reason when it cannot be read. What is about people is hidden.",
    response_description="Done.",
    responses=problems(400, 401, 403, 404, 409, 410, 422, 503),
)
def upload_content(
    request: Request, filename: Filename, query: Annotated[ContentQuery, Query()], site: Site = SITE
) -> UploadContent:
    """Send rows of an upload."""
    require_reveal(request, reveal=query.reveal)
    with site.current.acquire() as filesync:
        upload = filesync.runtime.metadata.uploads.of_name(filename)
        found = site.upload_tables.of_upload(filesync.runtime, upload)
        details = {"rows": query.max_rows, "offset": query.offset, "reveal": query.reveal}
        note_reading(request, filesync, "upload.read", upload.id, details)
        return pages.upload_content(filesync, upload, found, query)
