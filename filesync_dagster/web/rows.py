"""Rows of the inventory, the journal and the reports, page by page."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from filesync_dagster.core.errors import UnknownEndpoint
from filesync_dagster.core.path_filter import PathFilter
from filesync_dagster.monitoring.reports import CATALOGUE
from filesync_dagster.monitoring.reports.pictures import Grid, Ranking
from filesync_dagster.monitoring.reports.writer import ReportSession
from filesync_dagster.storage.database.row_streams import parse_change
from filesync_dagster.storage.database.search import FileKey, FileQuery
from filesync_dagster.sync.search import search_page
from filesync_dagster.web.cursors import InvalidQuery, decode_cursor, encode_cursor
from filesync_dagster.web.row_messages import (
    ChangeList,
    ChangeOut,
    FileList,
    FileOut,
    PictureSeries,
    ReportKind,
    ReportKinds,
    ReportPicture,
    ReportRows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from filesync_dagster.monitoring.reports.pictures import Picture
    from filesync_dagster.web.row_messages import ChangesQuery, FilesQuery, ReportQuery, SearchQuery
    from filesync_dagster.web.site import Site


class UnknownReport(UnknownEndpoint):
    """A report that there is not."""


def files(site: Site, name: str, query: FilesQuery) -> FileList:
    """Return live files of an endpoint, by path. Raises UnknownEndpoint, InvalidQuery."""
    return _found(site, lambda: FileQuery(path=_place(query.path)), [name], query.cursor, query.limit)


def search(site: Site, query: SearchQuery) -> FileList:
    """Return live files of all endpoints that are looked for. Raises UnknownEndpoint, InvalidQuery."""

    def build_query() -> FileQuery:
        return FileQuery(
            text=query.q,
            path=_place(query.path),
            owner=query.owner,
            content_hash=query.hash,
            min_size=query.min_size,
            max_size=query.max_size,
            modified_after=query.modified_after,
            modified_before=query.modified_before,
        )

    return _found(site, build_query, query.endpoint, query.cursor, query.limit)


def changes(site: Site, name: str, query: ChangesQuery) -> ChangeList:
    """Return the journal of an endpoint, oldest first. Raises UnknownEndpoint, InvalidQuery."""
    place = decode_cursor(query.cursor, int)
    with site.current.acquire() as filesync:
        endpoint_id = filesync.runtime.register(filesync.config.endpoint(name))
        rows = filesync.runtime.metadata.search.changes(
            endpoint_id,
            after_seq=place[0] if place else 0,
            since=query.since,
            until=query.until,
            limit=query.limit + 1,
        ).to_pylist()
    shown = rows[: query.limit]
    more = encode_cursor(shown[-1]["seq"]) if len(rows) > query.limit else None
    return ChangeList(items=[ChangeOut(**parse_change(row)) for row in shown], next_cursor=more)


def report_kinds() -> ReportKinds:
    """Return which reports there are."""
    return ReportKinds(
        items=[ReportKind(name=name, title=one.title, about=one.about) for name, one in CATALOGUE.items()]
    )


def report(site: Site, name: str, query: ReportQuery) -> ReportRows:
    """Return rows of a report about a day. Raises UnknownReport, NothingKnown, InvalidQuery."""
    _require_report(name)
    place = decode_cursor(query.cursor, int)
    first = max(0, place[0]) if place else 0
    with site.current.acquire() as filesync:
        session = ReportSession(filesync.runtime, query.day)
        whole = session.report(name, 0) if query.picture else None
        rows = [row for batch in session.rows(name, first + query.limit + 1) for row in batch.to_pylist()][first:]
        return ReportRows(
            report=name,
            day=session.day.date,
            notes=list(session.notes(name)),
            numbers=whole.numbers if whole else None,
            picture=_picture(whole.picture) if whole else None,
            items=rows[: query.limit],
            next_cursor=encode_cursor(first + query.limit) if len(rows) > query.limit else None,
        )


def _picture(picture: Picture) -> ReportPicture:
    if isinstance(picture, Grid):
        series = dict(zip(picture.rows, picture.values, strict=True))
        return _drawn("grid", picture.columns, series, picture.unit)
    if isinstance(picture, Ranking):
        return _drawn("ranking", picture.names, picture.series, picture.unit, alarming=picture.alarming)
    return _drawn("stacks", picture.labels, picture.series, picture.unit)


def _drawn(
    kind: Literal["ranking", "stacks", "grid"],
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    unit: str,
    *,
    alarming: bool = False,
) -> ReportPicture:
    rows = [PictureSeries(name=name, values=list(values)) for name, values in series.items()]
    return ReportPicture(kind=kind, labels=list(labels), series=rows, unit=unit, alarming=alarming)


def report_pages(site: Site, name: str, day: date | None) -> tuple[list[str], Iterator[list[dict[str, Any]]]]:
    """Return the columns of a report and all its rows, some at a time. Raises UnknownReport, NothingKnown."""
    _require_report(name)

    def pages() -> Iterator[list[dict[str, Any]]]:
        with site.current.acquire() as filesync:
            for batch in ReportSession(filesync.runtime, day).rows(name):
                columns.extend(batch.schema.names if not columns else ())
                yield batch.to_pylist()

    columns: list[str] = []
    found = pages()
    first = next(found)  # what cannot be asked is told before anything is sent
    return columns, chain([first], found)


def _require_report(name: str) -> None:
    if name not in CATALOGUE:
        raise UnknownReport(f"There is no report {name!r}.", hint=f"There are: {', '.join(CATALOGUE)}.")


def _found(
    site: Site, build_query: Callable[[], FileQuery], names: list[str] | None, cursor: str | None, limit: int
) -> FileList:
    place = decode_cursor(cursor, int, str, str)
    try:
        query = build_query()
    except ValueError as error:
        raise InvalidQuery(f"{error}.") from None
    with site.current.acquire() as filesync:
        page = search_page(filesync.runtime, query, names, after=FileKey(*place) if place else None, limit=limit)
    more = encode_cursor(*page.after) if page.after else None
    return FileList(items=[FileOut(**row) for row in page.rows.to_pylist()], next_cursor=more)


def _place(path: str | None) -> PathFilter | None:
    return PathFilter(path) if path else None
