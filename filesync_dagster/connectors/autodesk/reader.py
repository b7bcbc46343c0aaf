"""One page of one folder of one project: asked for, and turned into rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from filesync_dagster.connectors.autodesk.answers import REPORT
from filesync_dagster.connectors.autodesk.api import Api, Trail
from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.autodesk.frontier import TOP, Open
from filesync_dagster.connectors.autodesk.hubs import Hubs
from filesync_dagster.connectors.autodesk.permissions import Ask, Permissions
from filesync_dagster.connectors.autodesk.rows import Entries, parent_of, tips_of
from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.model import OUTSIDE

PROJECT_SCOPE = "project:"


@dataclass(frozen=True, slots=True)
class Contents:
    """A page of a folder."""

    entries: Entries
    following: Trail | None  # to the next page
    at: datetime  # when it was told


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
