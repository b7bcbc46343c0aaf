"""Files, folders and changes as the console walks through them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from filesync_dagster.core.errors import UnknownEndpoint
from filesync_dagster.core.path_filter import PathFilter
from filesync_dagster.storage.database.browse import COUNTED_MAX_ROWS, KEY_TYPES, BrowseQuery, key_of
from filesync_dagster.storage.database.search import FileQuery
from filesync_dagster.web import past
from filesync_dagster.web.browse_messages import (
    CHILDREN_COUNTED_MAX_FILES,
    BrowsePage,
    BrowseRow,
    ChangeBar,
    ChangeHistogram,
    FileCopy,
    FileDetails,
    FolderEntryOut,
    FolderListing,
    JournalPage,
    JournalRow,
)
from filesync_dagster.web.cursors import InvalidQuery, decode_cursor, encode_cursor, moment_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from filesync_dagster.api import Filesync
    from filesync_dagster.storage.database.browse import FileCount
    from filesync_dagster.web.browse_messages import (
        FileFilter,
        FilesPageQuery,
        HistogramQuery,
        JournalFilter,
        JournalQuery,
        TreeQuery,
    )
    from filesync_dagster.web.site import Site

COPIES_MAX_COUNT, JOURNAL_MAX_ROWS = 20, 100
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
HISTOGRAM_SPAN = timedelta(days=400)
HOURLY_SPAN = timedelta(days=7, hours=1)


class UnknownRow(UnknownEndpoint):
    """A file that there is not."""


def query_of(given: FileFilter) -> BrowseQuery:
    """Return what is asked for. Raises InvalidQuery for a pattern that is none."""
    try:
        what = FileQuery(
            text=given.q,
            path=PathFilter(given.q) if given.q and "/" in given.q else None,
            owner=given.owner,
            content_hash=given.hash,
            min_size=given.min_size,
            max_size=given.max_size,
            modified_after=given.changed_since,
            modified_before=given.changed_before,
        )
    except ValueError as error:
        raise InvalidQuery(f"{error}.") from None
    return BrowseQuery(
        what=what,
        folder=given.folder.strip("/") or None if given.folder else None,
        is_direct=given.direct,
        kinds=tuple(given.kind),
        with_gone=given.deleted,
        sort=given.sort,
        descending=given.descending,
    )


def names_by_id(filesync: Filesync, names: Collection[str]) -> dict[int, str]:
    """Return the endpoints that are named, all of them when none is. Raises UnknownEndpoint."""
    known = filesync.runtime.metadata.endpoints.states()
    wanted = [filesync.config.endpoint(name).name for name in names] or list(filesync.config.by_name)
    return {known[name].endpoint_id: name for name in wanted if name in known}


def files(site: Site, given: FilesPageQuery) -> BrowsePage:
    """Return a page of files. Raises UnknownEndpoint, InvalidQuery; NothingKnown of a moment before all syncs."""
    query = query_of(given)
    if given.as_of is not None:
        return past.files(site, given, query, given.as_of)
    place = decode_cursor(given.cursor, *KEY_TYPES[query.sort])
    if given.offset and (place or not query.is_exact):
        raise InvalidQuery(
            "Rows of this list have no numbers.", hint="Leave `offset` out, and hand back `next_cursor` instead."
        )
    with site.current.acquire() as filesync:
        endpoints = names_by_id(filesync, given.endpoint)
        browse = filesync.runtime.metadata.browse
        after = None if place is None else _place(query, place)
        rows = browse.page(list(endpoints), query, after=after, offset=given.offset, limit=given.limit + 1)
        counted, is_exact = _count(filesync, endpoints, query, given)
    shown = rows[: given.limit]
    return BrowsePage(
        items=[_row(row, endpoints) for row in shown],
        next_cursor=encode_cursor(*key_of(shown[-1], query.sort)) if len(rows) > given.limit else None,
        total=counted.rows if counted else None,
        total_bytes=counted.bytes if counted and is_exact else None,
        total_is_exact=is_exact,
    )


def _place(query: BrowseQuery, place: list[Any]) -> tuple[Any, ...]:
    if query.sort == "modified":
        return (moment_of(place[0]).isoformat(), *place[1:])
    return tuple(place)


def _count(
    filesync: Filesync, endpoints: dict[int, str], query: BrowseQuery, given: FilesPageQuery
) -> tuple[FileCount | None, bool]:
    if given.count == "none" or not query.is_exact:
        return None, False
    limit = COUNTED_MAX_ROWS + 1 if given.count == "estimate" else None
    counted = filesync.runtime.metadata.browse.count(list(endpoints), query, limit=limit)
    if limit is not None and counted.rows == limit:
        return counted._replace(rows=COUNTED_MAX_ROWS), False
    return counted, True


def _row(row: dict[str, Any], endpoints: dict[int, str]) -> BrowseRow:
    return BrowseRow(**_fields(row, endpoints))


def _fields(row: dict[str, Any], endpoints: dict[int, str]) -> dict[str, Any]:
    same = [name for name in BrowseRow.model_fields if name not in {"endpoint", "modified_at"}]
    return {
        **{name: row[name] for name in same},
        "endpoint": endpoints[row["endpoint_id"]],
        "modified_at": row["date_updated"],
    }


def export_rows(site: Site, given: FileFilter) -> Iterator[list[BrowseRow]]:
    """Yield all files that are asked for, some at a time. Raises UnknownEndpoint, InvalidQuery."""
    query, size = query_of(given), 5_000
    if given.as_of is not None:
        yield from past.export_rows(site, given, query, given.as_of)
        return
    after = None
    while True:
        with site.current.acquire() as filesync:  # not for all of it: an export may take minutes
            endpoints = names_by_id(filesync, given.endpoint)
            rows = filesync.runtime.metadata.browse.page(list(endpoints), query, after=after, limit=size)
        yield [_row(row, endpoints) for row in rows]
        if len(rows) < size:
            return
        after = key_of(rows[-1], query.sort)


def tree(site: Site, given: TreeQuery) -> FolderListing:
    """Return what lies right in a folder. Raises UnknownEndpoint, InvalidQuery."""
    if given.as_of is not None:
        return past.tree(site, given, given.as_of)
    place = decode_cursor(given.cursor, str)
    with site.current.acquire() as filesync:
        known = filesync.runtime.metadata.endpoints.states().get(filesync.config.endpoint(given.endpoint).name)
        if known is None:
            return FolderListing(items=[], next_cursor=None)
        children = list(
            filesync.runtime.metadata.browse.children(
                known.endpoint_id,
                (given.parent or "").strip("/"),
                after=place[0] if place else None,
                limit=given.limit + 1,
                counted=CHILDREN_COUNTED_MAX_FILES,
                folders_only=given.folders,
            )
        )
    shown = children[: given.limit]
    last = shown[-1] if shown else None
    return FolderListing(
        items=[
            FolderEntryOut(
                name=one.name,
                path=one.path,
                is_folder=one.is_folder,
                external_id=one.external_id,
                files=one.files,
                files_is_exact=one.is_exact,
            )
            for one in shown
        ],
        next_cursor=encode_cursor(last.behind) if last and len(children) > given.limit else None,
    )


def file(site: Site, name: str, external_id: str) -> FileDetails:
    """Return all that is known of a file. Raises UnknownEndpoint, UnknownRow."""
    with site.current.acquire() as filesync:
        endpoints = names_by_id(filesync, ())
        [number] = [*names_by_id(filesync, [name])] or [-1]
        browse = filesync.runtime.metadata.browse
        row = browse.file(number, external_id)
        if row is None:
            raise UnknownRow(f"{name!r} has no file with the id {external_id!r}.", hint="It may have been forgotten.")
        found = row["content_hash"]
        copies = browse.copies(found, but=row["id"], limit=COPIES_MAX_COUNT) if found else []
        journal = browse.journal([number], external_id=external_id, limit=JOURNAL_MAX_ROWS)
        below = browse.rows_below(journal[:1], CHILDREN_COUNTED_MAX_FILES)
    link = row["file_link"]
    return FileDetails(
        **_fields(row, endpoints),
        title=row["title"],
        scope=row["scope"],
        mime_type=row["mime_type"],
        link=link if link and link.startswith("https://") else None,
        created_at=row["date_created"],
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        project_id=row["project_id"],
        user_id=row["user_id"],
        permissions=_parsed(row["permissions"]),
        metadata=_parsed(row["file_metadata"]),
        copies=[
            FileCopy(endpoint=endpoints[one["endpoint_id"]], external_id=one["external_id"], path=one["path"])
            for one in copies
            if one["endpoint_id"] in endpoints
        ],
        journal=[_change(one, endpoints, below) for one in journal],
    )


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value


def _change(row: dict[str, Any], endpoints: dict[int, str], below: dict[int, int]) -> JournalRow:
    same = ("seq", "observed_at", "change", "path", "external_id", "sync_id")
    return JournalRow(
        **{name: row[name] for name in same},
        endpoint=endpoints[row["endpoint_id"]],
        before=_parsed(row["before"]),
        after=_parsed(row["after"]),
        paths=below.get(row["seq"]),
    )


def changes(site: Site, given: JournalQuery) -> JournalPage:
    """Return changes, the last one first. Raises UnknownEndpoint, InvalidQuery."""
    place = decode_cursor(given.cursor, int)
    with site.current.acquire() as filesync:
        endpoints = names_by_id(filesync, given.endpoint)
        rows = _journal(filesync, endpoints, given, place[0] if place else None, given.limit + 1)
        shown = rows[: given.limit]
        below = filesync.runtime.metadata.browse.rows_below(shown, CHILDREN_COUNTED_MAX_FILES)
    return JournalPage(
        items=[_change(row, endpoints, below) for row in shown],
        next_cursor=encode_cursor(shown[-1]["seq"]) if len(rows) > given.limit else None,
    )


def export_changes(site: Site, given: JournalFilter) -> Iterator[list[dict[str, Any]]]:
    """Yield all changes that are asked for, the last one first, some at a time. Raises UnknownEndpoint."""
    size, before = 5_000, None
    while True:
        with site.current.acquire() as filesync:
            endpoints = names_by_id(filesync, given.endpoint)
            rows = _journal(filesync, endpoints, given, before, size)
        yield [_change(row, endpoints, {}).model_dump(mode="json") for row in rows]
        if len(rows) < size:
            return
        before = rows[-1]["seq"]


def _journal(
    filesync: Filesync, endpoints: Collection[int], given: JournalFilter, before: int | None, limit: int
) -> list[dict[str, Any]]:
    return filesync.runtime.metadata.browse.journal(
        list(endpoints),
        kinds=given.kind,
        folder=given.folder.strip("/") if given.folder else None,
        since=given.since,
        until=given.until,
        before_seq=before,
        limit=limit,
    )


def histogram(site: Site, given: HistogramQuery) -> ChangeHistogram:
    """Return how many changes each hour or day had. Raises UnknownEndpoint, InvalidQuery."""
    if not timedelta(0) < given.until - given.since <= HISTOGRAM_SPAN:
        raise InvalidQuery("`until` has to come after `since`, and at most 400 days.")
    with site.current.acquire() as filesync:
        return change_histogram(filesync, names_by_id(filesync, given.endpoint), given.since, given.until)


def change_histogram(
    filesync: Filesync, endpoints: Collection[int], since: datetime, until: datetime
) -> ChangeHistogram:
    """Return how many changes of some endpoints each hour had; each day, of more than a week."""
    step = HOUR_SECONDS if until - since <= HOURLY_SPAN else DAY_SECONDS
    bars: dict[float, dict[str, int]] = {}
    moments: dict[float, datetime] = {}
    for moment, change, count in filesync.runtime.metadata.files.activity(endpoints, since, until):
        key = moment.timestamp() // step * step
        moments.setdefault(key, moment.fromtimestamp(key, moment.tzinfo))
        counts = bars.setdefault(key, {})
        counts[change] = counts.get(change, 0) + count
    return ChangeHistogram(
        step_seconds=step, items=[ChangeBar(start=moments[key], counts=bars[key]) for key in sorted(bars)]
    )
