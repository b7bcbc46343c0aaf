"""Files, folders and changes, as somebody walks through them."""

import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Security
from starlette.responses import StreamingResponse

from filesync_dagster.web import browse, past
from filesync_dagster.web.browse_messages import (
    BrowsePage,
    BrowseRow,
    ChangeHistogram,
    ComparisonQuery,
    FileDetails,
    FilesExportQuery,
    FilesPageQuery,
    FolderListing,
    HistogramQuery,
    JournalFilter,
    JournalPage,
    JournalQuery,
    JournalRow,
    MomentComparison,
    TreeQuery,
)
from filesync_dagster.web.csv_answer import csv_answer
from filesync_dagster.web.requests import TOKEN, ReadRoute, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.site import Site

router = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])

SITE = Depends(site_of)
LISTED = problems(400, 401, 404, 409, 503)
BINARY = {"schema": {"type": "string", "format": "binary"}}
JOURNAL_COLUMNS = [name for name in JournalRow.model_fields if name != "paths"]


@router.get(
    "/api/files",
    summary="Files of all endpoints, page by page",
    description="Live files and folders, and with `deleted` those that are gone, in any order, from any place on; and "
    "how many there are.",
    response_description="Done.",
    responses=LISTED,
)
def browse_files(query: Annotated[FilesPageQuery, Query()], site: Site = SITE) -> BrowsePage:
    """List files."""
    return browse.files(site, query)


@router.get(
    "/api/files/export",
    summary="Files of all endpoints, as one file",
    description="All that `GET /api/files` would list, in its order.",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Done.",
            "content": {"text/csv": BINARY, "application/vnd.apache.arrow.stream": BINARY},
        },
        **LISTED,
    },
)
def export_files(query: Annotated[FilesExportQuery, Query()], site: Site = SITE) -> StreamingResponse:
    """Export files."""
    pages = browse.export_rows(site, query)
    first = next(pages)  # what cannot be asked is told before anything is sent
    rows = chain([first], pages)
    if query.format == "csv":
        values = ([row.model_dump(mode="json") for row in page] for page in rows)
        return csv_answer("files.csv", list(BrowseRow.model_fields), values)
    headers = {"content-disposition": 'attachment; filename="files.arrow"', "cache-control": "no-store"}
    return StreamingResponse(_arrow(rows), headers=headers, media_type="application/vnd.apache.arrow.stream")


def _arrow(pages: Iterable[list[BrowseRow]]) -> Iterator[bytes]:
    import pyarrow as pa

    moment = pa.timestamp("us", "UTC")
    kinds = {"size": pa.int64(), "modified_at": moment, "deleted_at": moment}
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in BrowseRow.model_fields])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        for rows in pages:
            writer.write_table(pa.Table.from_pylist([row.model_dump() for row in rows], schema=schema))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


@router.get(
    "/api/files/tree",
    summary="What lies right in a folder",
    description="Folders, whether the store has them or they are only the beginning of paths, and files; by path.",
    response_description="Done.",
    responses=LISTED,
)
def folder_children(query: Annotated[TreeQuery, Query()], site: Site = SITE) -> FolderListing:
    """List a folder."""
    return browse.tree(site, query)


@router.get(
    "/api/files/{endpoint}/{external_id:path}",
    summary="A file",
    description="All that is known of it, live or gone: its copies by contents, and what happened to it.",
    response_description="Done.",
    responses=problems(400, 401, 404, 409, 503),
)
def file_details(
    endpoint: Annotated[str, Path(description="Of an endpoint.")],
    external_id: Annotated[str, Path(description="Of the file, as the store has it.", max_length=10_000)],
    site: Site = SITE,
) -> FileDetails:
    """Tell of one file."""
    return browse.file(site, endpoint, external_id)


@router.get(
    "/api/changes",
    summary="Changes of all endpoints",
    description="The journal, the last change first.",
    response_description="Done.",
    responses=LISTED,
)
def browse_changes(query: Annotated[JournalQuery, Query()], site: Site = SITE) -> JournalPage:
    """List changes."""
    return browse.changes(site, query)


@router.get(
    "/api/changes/histogram",
    summary="Changes over time",
    description="How many of each kind each hour had; each day, of more than a week.",
    response_description="Done.",
    responses=LISTED,
)
def change_histogram(query: Annotated[HistogramQuery, Query()], site: Site = SITE) -> ChangeHistogram:
    """Count changes."""
    return browse.histogram(site, query)


@router.get(
    "/api/compare",
    summary="Two moments of an endpoint",
    description="What became of its files between them, by path: what was added and removed again in between is in "
    "the journal only.",
    response_description="Done.",
    responses=LISTED,
)
def compare(query: Annotated[ComparisonQuery, Query()], site: Site = SITE) -> MomentComparison:
    """Compare two moments."""
    return past.compare(site, query)


@router.get(
    "/api/changes/export",
    summary="Changes of all endpoints, as one file",
    description="All that `GET /api/changes` would list, in its order, as CSV; no text in it is a formula.",
    response_class=StreamingResponse,
    responses={200: {"description": "Done.", "content": {"text/csv": BINARY}}, **LISTED},
)
def export_changes(query: Annotated[JournalFilter, Query()], site: Site = SITE) -> StreamingResponse:
    """Export changes."""
    pages = browse.export_changes(site, query)
    first = next(pages)
    return csv_answer("changes.csv", JOURNAL_COLUMNS, chain([first], pages))
