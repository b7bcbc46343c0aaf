"""What one project tells: a page of a folder, an entry as it is now, who may do what with a folder.

Permissions come from the document management API of ACC and BIM 360, folder by folder. What the app may not know is
null and a remark on the sync: an inventory is no less complete for it.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from filesync_dagster.connectors.autodesk.api import Api, Trail
from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.autodesk.errors import REPORT
from filesync_dagster.connectors.autodesk.hubs import Hubs
from filesync_dagster.connectors.autodesk.listing import TOP, Ask, Contents, Open, join_path
from filesync_dagster.connectors.autodesk.rows import Child, Entries, batch_of, parent_of, tips_of
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.rest.fields import text_of
from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation
from filesync_dagster.core.model import OUTSIDE, Meter, Page, canonical_json

PROJECT_SCOPE = "project:"
SIGNS = {".lineage:": "items", ".folder:": "folders"}
DOCS = "b."
"""How ids of projects of ACC and BIM 360 begin; document management knows them without it."""

REMARK = "autodesk.permissions"


class Permissions:
    """Asks who may do what with the folders of one endpoint. Thread-safe."""

    def __init__(self, api: Api, meter: Meter) -> None:
        self._api = api
        self._meter = meter
        self._lock = threading.Lock()
        self._unknown = 0
        self._first = ""

    def of(self, project_id: str, folder: Child, above: str, stopped: Callable[[], bool]) -> str | None:
        """Return the permissions of a folder as canonical JSON; None, and a remark, where they may not be known."""
        if not project_id.startswith(DOCS):
            self._remark(f"Project {project_id} is none of ACC or BIM 360, whose folders alone tell their permissions.")
            return None
        where = f"Folder {join_path(above, folder.name)} of project {project_id}, asked for its permissions,"
        place = ("bim360", "docs", "v1", "projects", project_id.removeprefix(DOCS), "folders", folder.id, "permissions")
        try:
            found = self._api.objects("permissions", self._api.url(*place), where, stopped=stopped)
        except (AccessDenied, NotFound) as error:
            self._remark(str(error))
            return None
        return permissions_json(found, where)

    @property
    def remark(self) -> str:
        """What could not be known so far, "" if nothing."""
        return self._meter.remarks.get(REMARK, "")

    def _remark(self, reason: str) -> None:
        with self._lock:
            self._unknown += 1
            self._first = self._first or reason
            several = f"{self._unknown:,} folders are" if self._unknown > 1 else "a folder are"
            self._meter.remarks[REMARK] = f"The permissions of {several} not known, hence null. {self._first}"


class Reader:
    """Reads the folders of one project. Thread-safe."""

    def __init__(
        self, details: AutodeskDetails, api: Api, hubs: Hubs, permissions: Permissions | None, scope: str
    ) -> None:
        self._api = api
        self._hubs = hubs
        self._page_size = details.page_size
        self.scope = scope
        self.project_id = scope.removeprefix(PROJECT_SCOPE)
        self.top = None if details.only_project is not None else self.project_id
        """The parent of the top folders."""
        self.ask: Ask | None = partial(permissions.of, self.project_id) if permissions else None
        """Asks who may do what with a folder; None when nobody wants to know."""

    def permit(self, entries: Entries, above: str = "") -> None:
        """Note who may do what with the few folders of an answer, one by one, if that is wanted."""
        if self.ask is not None:
            entries.permit({child.id: self.ask(child, above, never) for child in entries.folders})

    def begin(self) -> Open:
        """Return the top of the project. Raises SourceError when the name of the project cannot be told."""
        return Open(TOP, "" if self.top is None else self._hubs.project(self.project_id).name or self.project_id)

    def read(self, folder: Open, trail: Trail | None, stopped: Callable[[], bool] = never) -> Contents:
        """Return a page of a folder: the first one, or the one that a trail leads to. Raises SourceError."""
        if folder.id == TOP:
            return self._read_top(stopped)
        where = f"Folder {folder.path or folder.id} of project {self.project_id}"
        place = ("data", "v1", "projects", self.project_id, "folders", folder.id, "contents")
        trail = trail or Trail(self._api.url(*place, page__limit=self._page_size), where)
        found = self._api.get("contents", trail.url, where, stopped=stopped)
        more = trail.advance(found)
        entries, tips = Entries(self.scope), tips_of(found.document)
        entries.note_odd(found.odd)
        for resource in found.readable:
            entries.add(resource, folder.id, tips)
        return Contents(entries, trail if more else None, found.at)

    def entry(self, entry_id: str, kind: str) -> Entries:
        """Return one entry as it is now, nothing if it is deleted; `kind` is folders or items. Raises SourceError."""
        where = f"Entry {entry_id} of project {self.project_id}"
        url = self._api.url("data", "v1", "projects", self.project_id, kind, entry_id)
        found = self._api.get(kind, url, where)
        entries = Entries(self.scope)
        resource = found.document.get("data")
        if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
            raise ProtocolViolation(f"{where} was sent without `data`.", hint=REPORT)
        entries.add(resource, parent_of(resource) or OUTSIDE, tips_of(found.document))
        if entries.gaps:
            raise ProtocolViolation(f"{where} cannot be told. {entries.gaps[0]}", hint=REPORT)
        self.permit(entries)
        return entries

    def _read_top(self, stopped: Callable[[], bool]) -> Contents:
        project = self._hubs.project(self.project_id)
        where = f"Project {self.project_id}, asked for its top folders,"
        url = self._api.url(
            "project", "v1", "hubs", project.hub, "projects", project.id, "topFolders", excludeDeleted="true"
        )
        entries, at = Entries(self.scope), None
        if self.top is not None:
            entries.add_project(project.id, project.name or project.id)
        for found in self._api.all("topFolders", url, where, stopped=stopped):
            at = at or found.at
            entries.note_odd(found.odd)
            for resource in found.readable:
                entries.add(resource, self.top, {})
        assert at is not None
        return Contents(entries, None, at)


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


def permissions_json(found: Sequence[Mapping[str, Any]], where: str) -> str:
    """Return permissions as canonical JSON, in the words that Google Drive has for what is the same."""
    return canonical_json(sorted((_one(each, where) for each in found), key=lambda one: (one["type"], one["id"])))


def role_of(actions: Collection[str]) -> str:
    """Return what actions come to.

    >>> role_of({"VIEW", "COLLABORATE"}), role_of({"PUBLISH", "VIEW", "DOWNLOAD"}), role_of({"PUBLISH"})
    ('reader', 'writer', 'uploader')
    """
    if "CONTROL" in actions:
        return "organizer"
    if "VIEW" not in actions:
        return "uploader" if "PUBLISH" in actions else "none"
    if "PUBLISH" in actions or "EDIT" in actions:
        return "writer"
    return "commenter" if "PUBLISH_MARKUP" in actions else "reader"


def _one(permission: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return one permission. Whether somebody was invited yet, or is blocked, is left out: it is not the folder's."""
    subject, kind = permission.get("subjectId"), permission.get("subjectType")
    if not isinstance(subject, str) or not isinstance(kind, str):
        raise ProtocolViolation(f"{where} sent a permission of nobody.")
    own, inherited = _actions(permission.get("actions")), _actions(permission.get("inheritActions"))
    told = {
        "id": subject,
        "type": kind.lower(),
        "role": role_of(own | inherited),
        "actions": sorted(own | inherited),
        "inherited": not own,
    }
    named = {"name": text_of(permission.get("name")), "emailAddress": text_of(permission.get("email"))}
    return told | {name: value for name, value in named.items() if value}


def _actions(found: object) -> set[str]:
    return {action for action in found if isinstance(action, str)} if isinstance(found, list) else set()
