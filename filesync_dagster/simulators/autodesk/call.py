"""One call of an operation: who asks what, and what it may see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from filesync_dagster.simulators.autodesk.documents import Documents, Resource
from filesync_dagster.simulators.autodesk.entries import AutodeskFolder, AutodeskItem, Hub, HubProject
from filesync_dagster.simulators.autodesk.fault_injection import ApsFaults
from filesync_dagster.simulators.autodesk.ids import version_of
from filesync_dagster.simulators.autodesk.item_encoder import Encoder
from filesync_dagster.simulators.autodesk.pages import Cuts, links, page
from filesync_dagster.simulators.autodesk.questions import Question
from filesync_dagster.simulators.autodesk.refusals import bad_input, forbidden, not_found
from filesync_dagster.simulators.autodesk.store import HubStore
from filesync_dagster.simulators.autodesk.tokens import TokenGrant
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import Request

VERSION = {"version": "1.0"}
Known = TypeVar("Known", Hub, HubProject, AutodeskFolder, AutodeskItem)


@dataclass
class AutodeskCall:
    """What an operation works with. It holds the store's lock."""

    store: HubStore
    documents: Documents
    request: Request
    grant: TokenGrant
    question: Question
    ids: dict[str, str]
    cuts: Cuts
    encoder: Encoder
    faults: ApsFaults
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def has_user(self) -> bool:
        """Whether it is asked for a person: with a person's token, or on behalf of one."""
        return self.grant.person or "x-user-id" in self.request.headers

    @property
    def url(self) -> str:
        """Where it was asked, without the query."""
        return self.documents.base + self.request.path.replace(":", "%3A").replace("?", "%3F").replace("=", "%3D")

    def hub(self) -> Hub:
        """Return the hub that is asked about."""
        hub = self.store.hubs.get(self.ids["hub_id"])
        if hub is None:
            raise not_found(f"The hub {self.ids['hub_id']}")
        return self._allowed(hub)

    def project(self) -> HubProject:
        """Return the project that is asked about."""
        project = self.store.projects.get(self.ids["project_id"])
        if project is None or not project.active or project.hub != self.ids.get("hub_id", project.hub):
            raise not_found(f"The project {self.ids['project_id']}")
        return self._allowed(project)

    def folder(self, folder_id: str | None = None) -> AutodeskFolder:
        """Return the folder that is asked about, or another one of its project."""
        folder = self.store.folders.get(folder_id or self.ids["folder_id"])
        if folder is None or folder.project != self.project().id:
            raise not_found(f"The folder {folder_id or self.ids['folder_id']}")
        return self._allowed(folder)

    def item(self, item_id: str | None = None) -> AutodeskItem:
        """Return the item that is asked about, or another one of its project."""
        item = self.store.items.get(item_id or self.ids["item_id"])
        if item is None or item.project != self.project().id:
            raise not_found(f"The item {item_id or self.ids['item_id']}")
        return self._allowed(item)

    def version(self, version_id: str | None = None) -> tuple[AutodeskItem, int]:
        """Return the item and the position of the version that is asked about."""
        version_id = version_id or self.ids["version_id"]
        try:
            item_id, number = version_of(version_id)
        except ValueError as error:
            raise bad_input(f"The version id {version_id} is invalid.") from error
        item = self.item(item_id)
        if not 1 <= number <= len(item.versions):
            raise not_found(f"The version {version_id}")
        return item, number - 1

    def one(self, resource: Resource, **more: Any) -> dict[str, Any]:
        """Return a document of one resource."""
        return {"jsonapi": VERSION, "links": {"self": {"href": self.url}}, "data": resource, **more}

    def many(self, resources: Sequence[Resource]) -> dict[str, Any]:
        """Return a document of resources that come all at once."""
        return {"jsonapi": VERSION, "links": {"self": {"href": self.url}}, "data": resources}

    def page_of(self, entries: Sequence[Any], resource: Callable[[Any], Resource]) -> dict[str, Any]:
        """Return a document of a page. Filters apply to the page, so that it may come out empty though more follow."""
        listing = f"{self.url} {self.question.filters} {self.question.limit}"
        cuts = self.cuts.of(listing, self.question.number)
        chosen, more = page(entries, self.question, cuts)
        served = self.faults.entries_to_serve(len(chosen))
        if self.faults.rule(Fault.REPEAT_PAGE):
            self.cuts.cut(listing, self.question.number, self.question.limit)
            more = True
        elif served < len(chosen):
            self.cuts.cut(listing, self.question.number, self.question.limit - served)
            chosen, more = chosen[:served], True
        data = [found for found in map(resource, chosen) if self.question.holds(found)]
        return {
            "jsonapi": VERSION,
            "links": links(self.url, self.request.query, self.question, more=more),
            "data": data,
        }

    def payload(self) -> dict[str, Any]:
        """Return what was sent. Raises Refusal if it is no JSON:API document."""
        kind = self.request.headers.get("content-type", "").partition(";")[0]
        if kind not in {"application/vnd.api+json", "application/json"}:
            raise bad_input("The content-type must be application/vnd.api+json.")
        try:
            payload = orjson.loads(self.request.body)
        except orjson.JSONDecodeError as error:
            raise bad_input("The request body is no JSON.") from error
        if not isinstance(payload, dict) or not isinstance(payload.get("data"), dict):
            raise bad_input("The request body has no data.")
        return payload

    def _allowed(self, known: Known) -> Known:
        if self.store.is_denied(known.id):
            raise forbidden()
        return known
