"""Files as they were at a moment, and what became of them between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from filesync_dagster.sync.past_inventory import browse_at, children_at, diff_moments, files_at
from filesync_dagster.web.browse_messages import (
    BrowsePage,
    BrowseRow,
    Difference,
    FolderEntryOut,
    FolderListing,
    MomentComparison,
)
from filesync_dagster.web.cursors import InvalidQuery, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from filesync_dagster.api import Filesync
    from filesync_dagster.config import Endpoint
    from filesync_dagster.storage.database.browse import BrowseQuery
    from filesync_dagster.web.browse_messages import ComparisonQuery, FileFilter, FilesPageQuery, TreeQuery
    from filesync_dagster.web.site import Site


def files(site: Site, given: FilesPageQuery, query: BrowseQuery, as_of: datetime) -> BrowsePage:
    """Return a page of files as they were. Raises UnknownEndpoint, InvalidQuery, NothingKnown."""
    _require_live(given)
    place = decode_cursor(given.cursor, int)
    offset = max(0, place[0]) if place else given.offset
    with site.current.acquire() as filesync:
        found = browse_at(filesync.runtime, _endpoints(filesync, given.endpoint), query, as_of, offset, given.limit)
    after = offset + len(found.rows)
    return BrowsePage(
        items=[_row(row) for row in found.rows],
        next_cursor=encode_cursor(after) if after < found.total else None,
        total=found.total,
        total_bytes=found.bytes,
        total_is_exact=True,
        endpoints_unknown=list(found.unknown),
    )


def _require_live(given: FileFilter) -> None:
    if given.deleted:
        raise InvalidQuery(
            "What was gone at a moment is not listed.", hint="Leave `deleted` out, or compare two moments."
        )


def _endpoints(filesync: Filesync, names: Sequence[str]) -> list[Endpoint]:
    return [filesync.config.endpoint(name) for name in dict.fromkeys(names)] or list(filesync.config.endpoints)


def _row(row: dict[str, Any]) -> BrowseRow:
    return BrowseRow(**row, deleted_at=None, gone_reason=None)


def export_rows(site: Site, given: FileFilter, query: BrowseQuery, as_of: datetime) -> Iterator[list[BrowseRow]]:
    """Yield all files as they were, some at a time. Raises UnknownEndpoint, InvalidQuery, NothingKnown."""
    _require_live(given)
    with site.current.acquire() as filesync:
        found = files_at(filesync.runtime, _endpoints(filesync, given.endpoint), query, as_of)
        is_empty = True
        for batch in found:
            is_empty = False
            yield [_row(row) for row in batch.to_pylist()]
    if is_empty:
        yield []


def tree(site: Site, given: TreeQuery, as_of: datetime) -> FolderListing:
    """Return what lay right in a folder. Raises UnknownEndpoint, InvalidQuery, NothingKnown."""
    place = decode_cursor(given.cursor, int)
    offset, folder = max(0, place[0]) if place else 0, (given.parent or "").strip("/")
    with site.current.acquire() as filesync:
        endpoint = filesync.config.endpoint(given.endpoint)
        rows = children_at(
            filesync.runtime, endpoint, folder, as_of, offset, given.limit + 1, folders_only=given.folders
        )
    start = f"{folder}/" if folder else ""
    return FolderListing(
        items=[
            FolderEntryOut(
                name=name,
                path=f"{start}{name}",
                is_folder=is_folder,
                external_id=None,
                files=number if is_folder else None,
                files_is_exact=True,
            )
            for name, is_folder, number in rows[: given.limit]
        ],
        next_cursor=encode_cursor(offset + given.limit) if len(rows) > given.limit else None,
    )


def compare(site: Site, given: ComparisonQuery) -> MomentComparison:
    """Return what became of an inventory. Raises UnknownEndpoint, InvalidQuery, NothingKnown."""
    if given.before and given.after and given.after < given.before:
        raise InvalidQuery("`after` has to come after `before`.")
    place = decode_cursor(given.cursor, int)
    offset = max(0, place[0]) if place else 0
    with site.current.acquire() as filesync:
        found = diff_moments(
            filesync.runtime,
            filesync.config.endpoint(given.endpoint),
            given.before,
            given.after,
            offset,
            given.limit,
            kinds=given.kind,
            folder=given.folder.strip("/") if given.folder else None,
        )
    after = offset + len(found.rows)
    return MomentComparison(
        before=found.before,
        after=found.after,
        counts=found.counts,
        items=[Difference(**row) for row in found.rows],
        next_cursor=encode_cursor(after) if after < sum(found.counts.values()) else None,
    )
