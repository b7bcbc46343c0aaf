"""One call of an operation: who asks what, and what it may see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from filesync_dagster.simulators.autodesk.entries import AutodeskEntry, Hub, HubProject, Version, version_of
from filesync_dagster.simulators.autodesk.questions import Question
from filesync_dagster.simulators.autodesk.refusals import JSON, JSON_API, bad_input, forbidden, not_found
from filesync_dagster.simulators.autodesk.resources import Resource, Resources, quote_urn
from filesync_dagster.simulators.autodesk.store import HubStore
from filesync_dagster.simulators.autodesk.tokens import TokenGrant
from filesync_dagster.simulators.kit.fault_injection import CallFaults
from filesync_dagster.simulators.kit.paging import NumberedPages
from filesync_dagster.simulators.kit.wire import Request

Document = dict[str, Any]
Known = TypeVar("Known", Hub, HubProject, AutodeskEntry)


@dataclass
class AutodeskCall:
    """What an operation works with. It holds the store's lock."""

    store: HubStore
    resources: Resources
    request: Request
    grant: TokenGrant
    question: Question
    ids: dict[str, str]
    pages: NumberedPages
    faults: CallFaults
    now: float = 0.0  # seconds, of the clock that tokens go by
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def has_user(self) -> bool:
        """Whether it is asked for a person: with a person's token, or on behalf of one."""
        return self.grant.person or "x-user-id" in self.request.headers

    @property
    def url(self) -> str:
        """Where it was asked, without the query."""
        return self.resources.base + quote_urn(self.request.path)

    def hub(self) -> Hub:
        """Return the hub that is asked about."""
        return _allowed(self.store.hubs.get(self.ids["hub_id"]), f"The hub {self.ids['hub_id']}")

    def project(self) -> HubProject:
        """Return the project that is asked about."""
        project = self.store.projects.get(self.ids["project_id"])
        if project and not (project.active and project.hub.id == self.ids.get("hub_id", project.hub.id)):
            project = None
        return _allowed(project, f"The project {self.ids['project_id']}")

    def folder(self, folder_id: str | None = None) -> AutodeskEntry:
        """Return the folder that is asked about, or another one of its project."""
        folder_id = folder_id or self.ids["folder_id"]
        return self._of_project(self.store.folders.get(folder_id), f"The folder {folder_id}")

    def item(self, item_id: str | None = None) -> AutodeskEntry:
        """Return the item that is asked about, or another one of its project."""
        item_id = item_id or self.ids["item_id"]
        return self._of_project(self.store.items.get(item_id), f"The item {item_id}")

    def version(self, version_id: str | None = None) -> tuple[AutodeskEntry, Version]:
        """Return the version that is asked about, and its item."""
        version_id = version_id or self.ids["version_id"]
        try:
            item_id, number = version_of(version_id)
        except ValueError as error:
            raise bad_input(f"The version id {version_id} is invalid.") from error
        item = self.item(item_id)
        if not 1 <= number <= len(item.versions):
            raise not_found(f"The version {version_id}")
        return item, item.versions[number - 1]

    def document(self, data: Any, **more: Any) -> Document:
        """Return a document of one resource, or of several that come all at once."""
        return {"jsonapi": {"version": "1.0"}, "links": {"self": {"href": self.url}}, "data": data, **more}

    def page_of(self, entries: Sequence[Any], resource: Callable[[Any], Resource]) -> Document:
        """Return a document of a page. Filters apply to the page, so that it may come out empty though more follow."""
        asked = self.question
        listing = f"{self.url} {asked.filters} {asked.limit}"
        page, more = self.pages.page(listing, entries, asked.number, asked.limit, self.faults)
        data = [found for found in map(resource, page) if asked.holds(found)]
        return {**self.document(data), "links": asked.links(self.url, self.request.query, more=more)}

    def payload(self) -> Document:
        """Return what was sent. Raises Refusal if it is no JSON:API document."""
        if self.request.headers.get("content-type", "").partition(";")[0] not in {JSON_API, JSON}:
            raise bad_input("The content-type must be application/vnd.api+json.")
        try:
            payload = orjson.loads(self.request.body)
        except orjson.JSONDecodeError as error:
            raise bad_input("The request body is no JSON.") from error
        if not isinstance(payload, dict) or not isinstance(payload.get("data"), dict):
            raise bad_input("The request body has no data.")
        return payload

    def _of_project(self, entry: AutodeskEntry | None, what: str) -> AutodeskEntry:
        return _allowed(entry if entry and entry.project is self.project() else None, what)


def _allowed(known: Known | None, what: str) -> Known:
    if known is None:
        raise not_found(what)
    if known.barred:
        raise forbidden()
    return known
