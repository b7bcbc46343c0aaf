"""Which projects an endpoint has, and in which hub each of them is."""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filesync_dagster.connectors.autodesk.api import Api, ApsAnswer
from filesync_dagster.connectors.autodesk.details import PAGE_MAX, AutodeskDetails
from filesync_dagster.connectors.autodesk.errors import CHECK_PROJECT, INTEGRATE, REPORT
from filesync_dagster.connectors.rest.errors import ASK_LATER, PART_FAILURES
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation, SourceError, TemporarilyDown

FORBIDDEN = frozenset({"401", "403"})
REGION = re.compile(r"\b(US|EMEA|AUS|CAN|DEU|IND|JPN|GBR|APAC)\b")
ALSO_CALLED = {"APAC": "AUS"}


@dataclass(frozen=True, slots=True)
class AutodeskProject:
    """A project and its hub. The name is None where it was not asked for."""

    id: str
    hub: str
    name: str | None = None


class Hubs:
    """Knows the projects of one endpoint; asks once. Thread-safe."""

    def __init__(self, details: AutodeskDetails, api: Api) -> None:
        self._details = details
        self._api = api
        self._lock = threading.Lock()
        self._listed: dict[str, AutodeskProject] | None = None
        self._unread: dict[str, SourceError] = {}

    def ids(self) -> tuple[str, ...]:
        """Return the projects of the endpoint, sorted; those that were named are not looked for."""
        found = tuple(sorted(self._details.project_ids or self._projects()))
        if not found and not self._unread:
            raise NotFound("The app sees no active project.", hint=INTEGRATE)
        return found

    def unread(self) -> Mapping[str, SourceError]:
        """Return why the projects of some hubs could not be listed, by hub; nothing where projects are named."""
        if self._details.project_ids:
            return {}
        self._projects()
        return self._unread

    def forget(self) -> None:
        """Look for the projects again when they are needed."""
        with self._lock:
            self._listed = None

    def project(self, project_id: str) -> AutodeskProject:
        """Return a project. Raises NotFound when the app does not see it."""
        if self._details.hub_id is not None and self._details.only_project is not None:
            return AutodeskProject(project_id, self._details.hub_id)
        found = self._projects().get(project_id)
        if found is None and self._unread:
            raise next(iter(self._unread.values()))
        if found is None:
            raise NotFound(f"The app sees no active project {project_id}.", hint=CHECK_PROJECT)
        return found

    def hubs(self) -> dict[str, str]:
        """Return the names of the hubs that are looked through, by id."""
        return {hub["id"]: str(_attributes(hub).get("name") or hub["id"]) for hub in self._hubs()}

    def _projects(self) -> Mapping[str, AutodeskProject]:
        with self._lock:
            if self._listed is None:
                self._listed = {project.id: project for project in self._list_projects()}
            return self._listed

    def _list_projects(self) -> list[AutodeskProject]:
        """Return the projects of all hubs, noting those that do not tell all of theirs. Raises when none tells any."""
        hub_id = self._details.hub_id
        hubs = [hub_id] if hub_id is not None else [each["id"] for each in self._hubs()]
        projects: list[AutodeskProject] = []
        self._unread = {}
        for hub in hubs:
            try:
                projects += self._projects_of(hub)
            except PART_FAILURES as error:
                self._unread[hub] = error
        if len(self._unread) == len(hubs) and not projects:
            raise next(iter(self._unread.values()))
        return projects

    def _projects_of(self, hub: str) -> Iterator[AutodeskProject]:
        url = self._api.url("project", "v1", "hubs", hub, "projects", page__limit=PAGE_MAX)
        for found in self._api.all("projects", url, f"Hub {hub}, asked for its projects,"):
            if found.odd:
                self._unread[hub] = ProtocolViolation(f"Hub {hub} told a project without an id.", hint=REPORT)
            for project in found.readable:
                yield AutodeskProject(project["id"], hub, _attributes(project).get("name"))

    def _hubs(self) -> list[dict[str, Any]]:
        wanted, region = self._details.hub_id, self._details.region
        if wanted is not None:
            found = self._api.get("hubs", self._api.url("project", "v1", "hubs", wanted), f"Hub {wanted}")
            return ApsAnswer({"data": [found.document.get("data")]}, found.at).entries
        hubs: list[dict[str, Any]] = []
        missing: list[Mapping[str, Any]] = []  # what is said of hubs that are not told
        where = "Autodesk, asked for the hubs of the app,"
        for found in self._api.all("hubs", self._api.url("project", "v1", "hubs"), where):
            missing += [each for each in _warnings(found.document) if _concerns(each, region)]
            hubs += found.entries
        if missing and not self._details.project_ids:
            raise _incomplete(missing, hubs)
        if not hubs:
            raise AccessDenied("The app sees no hub at all.", hint=INTEGRATE)
        return [hub for hub in hubs if region is None or _attributes(hub).get("region") in {None, region}]


def _attributes(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found = resource.get("attributes")
    return found if isinstance(found, Mapping) else {}


def _warnings(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a good answer says of hubs that are missing in it: Autodesk asks several services for them."""
    meta = document.get("meta")
    found = meta.get("warnings") if isinstance(meta, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _concerns(warning: Mapping[str, Any], region: str | None) -> bool:
    """Whether hubs may be missing that are wanted: a region that the app has no part in refuses, always."""
    named = REGION.search(str(warning.get("Title")))
    return region is None or named is None or ALSO_CALLED.get(named[0], named[0]) == region


def _incomplete(warnings: Sequence[Mapping[str, Any]], hubs: Sequence[Mapping[str, Any]]) -> SourceError:
    """Return the error for an answer that names only some hubs: the others are not gone."""
    said = "; ".join(str(each.get("Title") or each.get("Detail") or each).rstrip(".") for each in warnings)
    message = f"Autodesk could not tell all hubs of the app: {said}."
    if not all(str(each.get("HttpStatusCode")) in FORBIDDEN for each in warnings):
        return TemporarilyDown(message, hint=ASK_LATER)
    seen = ", ".join(f"{hub['id']} ({_attributes(hub).get('name')})" for hub in hubs) or "none is seen"
    return AccessDenied(message, hint=f"Say which ones are wanted with `region`, or with `hub_id`: {seen}.")
