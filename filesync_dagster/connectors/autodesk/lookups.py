"""Entries as they are now, asked for one by one."""

from collections.abc import Iterator, Sequence
from functools import partial

from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.autodesk.reader import Reader
from filesync_dagster.connectors.autodesk.rows import Entries, batch_of
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import Page

SIGNS = {".lineage:": "items", ".folder:": "folders"}


def lookup_entries(ids: Sequence[str], reader: Reader, details: AutodeskDetails) -> Iterator[Page]:
    """Yield those of these entries that exist and are not deleted.

    The parent of a top folder is the project, or none, whatever Autodesk has above it: so the top is read as well.
    """
    if not ids:
        return
    begin = reader.begin()
    top = reader.read(begin, None).entries
    top.folders = [folder for folder in top.folders if folder.id in ids]
    reader.permit(top, begin.path)
    tops = {row["external_id"]: row for row in top.rows}
    known = [tops[id_] for id_ in ids if id_ in tops]
    if known:
        yield Page(batch_of(known, reader.scope))
    unknown = [id_ for id_ in ids if id_ not in tops and id_ != reader.project_id]
    with thread_pool(details.list_workers, "autodesk") as pool:
        for start in range(0, len(unknown), details.page_size):
            some = unknown[start : start + details.page_size]
            rows = [row for entries in pool.map(partial(_find_entry, reader), some) for row in entries.rows]
            if rows:
                yield Page(batch_of(rows, reader.scope))


def _find_entry(reader: Reader, entry_id: str) -> Entries:
    for kind in _kinds(entry_id):
        try:
            return reader.entry(entry_id, kind)
        except NotFound:
            continue
    return Entries(reader.scope)


def _kinds(entry_id: str) -> tuple[str, ...]:
    """Return what an id can be of. Autodesk's ids differ between regions: of one that tells nothing both are tried."""
    said = [kind for sign, kind in SIGNS.items() if sign in entry_id]
    return tuple(said) or tuple(SIGNS.values())
