"""What is in the inventories: files, changes, reports, page by page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Security
from starlette.responses import StreamingResponse

from filesync_dagster.monitoring.reports import CATALOGUE
from filesync_dagster.web import rows
from filesync_dagster.web.csv_answer import csv_answer
from filesync_dagster.web.requests import TOKEN, ReadRoute, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.routes.endpoints import Name
from filesync_dagster.web.row_messages import (
    ChangeList,
    ChangesQuery,
    FileList,
    FilesQuery,
    ReportExportQuery,
    ReportKinds,
    ReportQuery,
    ReportRows,
    SearchQuery,
)
from filesync_dagster.web.site import Site

router = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
ReportName = Annotated[str, Path(description="Of a report.", json_schema_extra={"enum": list(CATALOGUE)})]


@router.get(
    "/endpoints/{name}/files",
    summary="The files of an endpoint",
    description="Live files and folders by path, as `filesync files` lists them.",
    response_description="Done.",
    responses=problems(400, 401, 404, 409, 503),
)
def files(name: Name, query: Annotated[FilesQuery, Query()], site: Site = SITE) -> FileList:
    """List files."""
    return rows.files(site, name, query)


@router.get(
    "/endpoints/{name}/changes",
    summary="The journal of an endpoint",
    description="What happened to its files, oldest first, as `filesync changes` lists it.",
    response_description="Done.",
    responses=problems(400, 401, 404, 409, 503),
)
def changes(name: Name, query: Annotated[ChangesQuery, Query()], site: Site = SITE) -> ChangeList:
    """List changes."""
    return rows.changes(site, name, query)


@router.get(
    "/search",
    summary="Files of all endpoints",
    description="Live files by name, place, owner, hash, size or date, as `filesync search` finds them.",
    response_description="Done.",
    responses=problems(400, 401, 404, 409, 503),
)
def search(query: Annotated[SearchQuery, Query()], site: Site = SITE) -> FileList:
    """Find files."""
    return rows.search(site, query)


@router.get(
    "/reports",
    summary="Every report",
    description="What can be asked about all endpoints.",
    response_description="Done.",
    responses=problems(401),
)
def reports() -> ReportKinds:
    """Tell which reports there are."""
    return rows.report_kinds()


@router.get(
    "/reports/{name}",
    summary="A report",
    description="The rows of a report about a day, as `filesync report` writes them.",
    response_description="Done.",
    responses=problems(400, 401, 404, 409, 503),
)
def report(name: ReportName, query: Annotated[ReportQuery, Query()], site: Site = SITE) -> ReportRows:
    """Write a report."""
    return rows.report(site, name, query)


@router.get(
    "/reports/{name}/export",
    summary="A report as one file",
    description="All rows of a report about a day, as CSV; no text in it is a formula.",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Done.", "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}},
        **problems(400, 401, 404, 409, 503),
    },
)
def export_report(
    name: ReportName, query: Annotated[ReportExportQuery, Query()], site: Site = SITE
) -> StreamingResponse:
    """Export a report."""
    columns, pages = rows.report_pages(site, name, query.day)
    return csv_answer(f"{name}.csv", columns, pages)
