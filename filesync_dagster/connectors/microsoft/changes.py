"""What changed: the delta of each drive, as the sync takes it."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace

from filesync_dagster.connectors.microsoft.api import GraphApi, GraphPage, has_id
from filesync_dagster.connectors.microsoft.errors import FULL_SYNC, concerns_account
from filesync_dagster.connectors.microsoft.layout import DriveScope, Entry, GraphLayout, Roots, is_root
from filesync_dagster.connectors.rest.answers import ids_in
from filesync_dagster.connectors.rest.errors import PART_FAILURES, BadRequest, Forbidden
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core.errors import CursorLost, NotFound, SourceError
from filesync_dagster.core.model import canonical_json

LINK_LOST = (BadRequest, Forbidden, NotFound)
UNREAD = "unread"  # as a link
PERMISSIONS = "permissions"  # in a cursor; no scope has this name


@dataclass(frozen=True)
class GraphCursor:
    """The delta link of each scope, as Graph gave it, with the drive and the folder that it is about, and its name.

    `permissions`: whether the rows that are known have them. No delta tells those of what did not change.
    """

    links: Mapping[str, Mapping[str, str]]
    permissions: bool = False

    def as_text(self) -> str:
        """Return the cursor as the sync keeps it."""
        return canonical_json({**self.links, PERMISSIONS: {}} if self.permissions else self.links)

    def at(self, scope: DriveScope, link: str) -> "GraphCursor":
        """Return this cursor with the delta of one scope read up to a link."""
        return replace(self, links={**self.links, scope.name: {**_about(scope), "link": link}})

    def link(self, scope: DriveScope) -> str:
        """Return where a scope goes on."""
        return self.links[scope.name]["link"]

    def names_anew(self, scope: DriveScope) -> bool:
        """Whether a library has another name than when its link was stored: no delta tells that."""
        return self.links[scope.name].get("name") != _about(scope)["name"]


@dataclass(slots=True)
class DeltaPage:
    """What one page tells, and where it goes on. `order` has a number for each of `entries`."""

    following: GraphCursor
    entries: list[Entry] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)


def cursor_from(text: str, layout: GraphLayout, *, permissions: bool) -> GraphCursor:
    """Return a stored cursor. Raises CursorLost when it is not one of these scopes and of rows like these."""
    try:
        links = json.loads(text)
    except ValueError:
        links = None
    if not isinstance(links, dict) or not all(_is_entry(name, link) for name, link in links.items()):
        raise CursorLost("The stored cursor is none of Microsoft Graph.", hint=FULL_SYNC)
    if (links.pop(PERMISSIONS, None) is not None) != permissions:
        raise CursorLost(f"Permissions are {'' if permissions else 'not '}recorded from now on.", hint=FULL_SYNC)
    if set(links) != set(layout.names):
        raise CursorLost("Libraries were added or went away since the cursor was made.", hint=FULL_SYNC)
    for scope in layout.scopes:
        known, about = links[scope.name], _about(scope)
        if (known.get("drive"), known.get("folder")) != (about["drive"], about["folder"]):
            raise CursorLost(f"{scope.name} is another drive or folder by now.", hint=FULL_SYNC)
    return GraphCursor(links, permissions)


def first_page(api: GraphApi, scope: DriveScope, cursor: GraphCursor) -> GraphPage | SourceError:
    """Return a page of a scope's delta, or why this drive cannot be read."""
    try:
        if cursor.link(scope) == UNREAD:
            api.latest(scope.drive_id)
            raise CursorLost(f"The changes of {scope.name} can be read again.", hint=FULL_SYNC)
        return page_of(api, scope, cursor.link(scope))
    except PART_FAILURES as error:
        if concerns_account(error):
            raise
        return error


def page_of(api: GraphApi, scope: DriveScope, link: str) -> GraphPage:
    """Return a page of a scope's delta. Raises CursorLost when Graph does not accept the link (any more).

    A drive that is refused whatever the link is no cursor that is lost: then Graph's own error is raised.
    """
    try:
        return api.delta(scope.drive_id, link)
    except LINK_LOST as error:
        if scope.library is not None:  # one drive of several
            api.latest(scope.drive_id)
        raise CursorLost(f"The changes cannot be gone on with: {error.message}", hint=FULL_SYNC) from error


def read_delta(
    api: GraphApi, scope: DriveScope, roots: Roots, cursor: GraphCursor, first: GraphPage
) -> Generator[DeltaPage, None, GraphCursor]:
    """Yield what a scope's delta tells, beginning with a page of it; return the cursor after it."""
    answer, chain, told = first, PageChain(api.where, cursor.link(scope)), 0
    told_anew = cursor.names_anew(scope)
    while True:
        link = chain.advance(answer.following, ids_in(answer.entries, "id", "eTag"))
        roots.learn(scope.drive_id, answer.entries)
        cursor = cursor.at(scope, link or str(answer.last))
        page = DeltaPage(cursor)
        if told_anew:
            page.entries, page.order = [api.root(scope.drive_id)], [0]
            told_anew = False
        for moment, entry in enumerate(answer.entries, start=told + 1):
            _take(entry, api, scope, page, moment)
        told += len(answer.entries)
        yield page
        if link is None:
            return cursor
        answer = page_of(api, scope, link)


def _take(entry: Entry, api: GraphApi, scope: DriveScope, page: DeltaPage, moment: int) -> None:
    if not has_id(entry):
        raise CursorLost(f"{api.where} told a change without saying of what.", hint=FULL_SYNC)
    if is_root(entry) or entry["id"] == scope.folder:
        return
    if entry.get("deleted") is not None:
        page.removed[entry["id"]] = moment
    else:
        page.entries.append(entry)
        page.order.append(moment)


def _about(scope: DriveScope) -> dict[str, str]:
    name = str((scope.library or {}).get("name") or "")
    return {"drive": scope.drive_id, "folder": scope.folder or "", "name": name}


def _is_entry(name: object, link: object) -> bool:
    return name == PERMISSIONS or (isinstance(link, dict) and isinstance(link.get("link"), str))
