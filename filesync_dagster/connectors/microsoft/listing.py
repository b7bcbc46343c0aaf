"""Every item of a drive, page after page of its delta; every item below a folder, folder by folder.

Only a delta is complete while people write; but it tells of the whole drive, whatever folder it is asked of.
"""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from filesync_dagster.connectors.microsoft.api import GraphApi, has_id
from filesync_dagster.connectors.microsoft.layout import DriveScope, Entry, Roots, is_root, parent_of
from filesync_dagster.connectors.microsoft.rows import kind_of
from filesync_dagster.connectors.rest.answers import Answer, ids_in
from filesync_dagster.connectors.rest.crawl import RESTARTS_MAX, Branch, FolderPage, FolderTree, Stopped
from filesync_dagster.connectors.rest.errors import BadRequest
from filesync_dagster.connectors.rest.fields import gap_without
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import Kind, ListingGap, canonical_json

END = ""  # as a link: everything was yielded


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Items, and the checkpoint that covers them and all before."""

    entries: Sequence[Entry]
    checkpoint: str | None
    gaps: tuple[ListingGap, ...] = ()


def list_drive(api: GraphApi, scope: DriveScope, roots: Roots, checkpoint: str | None) -> Generator[ItemPage]:
    """Yield every item of a drive, or raise SourceError. Resumes after `checkpoint` if it can."""
    link = _resume_from(checkpoint, scope)
    for _ in range(RESTARTS_MAX):
        chain = PageChain[str](api.where, link)
        try:
            while link != END:
                page = api.delta(scope.drive_id, link)
                roots.learn(scope.drive_id, page.entries)
                entries, gaps = _items_of(page.entries, scope)
                link = chain.advance(page.following, ids_in(page.entries)) or END
                yield ItemPage(entries, canonical_json({"scope": scope.name, "link": link}), gaps)
        except BadRequest:
            if link is None:  # it is not the link that is refused
                raise
            link = None  # it was too old, and Graph wants everything to be read anew
        else:
            return
    raise BadRequest(f"{api.where} refused its own links {RESTARTS_MAX} times.", hint="Sync again.")


def tree_of(api: GraphApi, scope: DriveScope, top: str) -> FolderTree[Answer]:
    """Return the folders of a drive as a tree to crawl."""

    def read(branch: Branch, stopped: Stopped) -> FolderPage[Answer]:
        page = api.children(scope.drive_id, branch.folder, branch.token, stopped)
        entries = [entry for entry in page.entries if has_id(entry)]
        gaps = [_without("an id", entry, scope, branch.path) for entry in page.entries if not has_id(entry)]
        placed = [
            entry if parent_of(entry) else {**entry, "parentReference": {"id": branch.folder}} for entry in entries
        ]
        folders = [(entry["id"], str(entry.get("name"))) for entry in entries if kind_of(entry) is Kind.FOLDER]
        return FolderPage(placed, folders, page.following, tuple(gaps))

    def exists(folder: str) -> bool:
        try:
            api.item(scope.drive_id, folder)
        except NotFound:
            return False
        return True

    return FolderTree(api.where, scope.name, top, read, exists, itemgetter("id"))


def _items_of(found: Sequence[Answer], scope: DriveScope) -> tuple[list[Answer], tuple[ListingGap, ...]]:
    """Return the items of a page, of those that come twice the last, and what cannot be told from others or placed."""
    gaps = [_without("an id", entry, scope) for entry in found if not has_id(entry)]
    latest = {entry["id"]: entry for entry in found if has_id(entry)}
    entries = []
    for entry in latest.values():
        if is_root(entry) and scope.library is None:
            continue
        if entry.get("deleted") is None and parent_of(entry) is None and not is_root(entry):
            gaps.append(_without("a folder", entry, scope))
        else:
            entries.append({**entry, "parentReference": {}} if entry.get("deleted") is not None else entry)
    return entries, tuple(gaps)


def _without(what: str, entry: Answer, scope: DriveScope, path: str = "") -> ListingGap:
    return gap_without(what, entry, scope=scope.name, path=path)


def _resume_from(checkpoint: str | None, scope: DriveScope) -> str | None:
    """Return where to go on; None is the first page."""
    try:
        state = json.loads(checkpoint or "{}")
        link = state["link"]
        return link if state["scope"] == scope.name and isinstance(link, str) else None
    except (ValueError, KeyError, TypeError):
        return None
