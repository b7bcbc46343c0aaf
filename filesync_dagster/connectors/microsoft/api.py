"""Requests to Microsoft Graph: held back, counted, repeated, with a token that is good; and what its pages hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from filesync_dagster.connectors.microsoft.details import GraphDetails
from filesync_dagster.connectors.microsoft.errors import REPORT, TABLE, odd_answer, read_refusal, require_no_refusal
from filesync_dagster.connectors.microsoft.tokens import GraphTokenMint, identity_of
from filesync_dagster.connectors.rest.answers import Answer, ids_in, list_in, text_in
from filesync_dagster.connectors.rest.client import pooled_client
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.rest.json_api import JsonApi
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls, credential_hash
from filesync_dagster.connectors.rest.paging import follow_pages, next_token_in
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.downloads import Downloader
from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.model import Meter

VERSION: Final = "/v1.0/"
ITEM: Final = (
    "id,name,eTag,cTag,size,webUrl,createdDateTime,lastModifiedDateTime,createdBy,lastModifiedBy,parentReference,"
    "fileSystemInfo,file,folder,package,remoteItem,root,deleted,malware,sharepointIds"
)
DRIVE: Final = "id,name,webUrl,createdDateTime,driveType"
NEXT, LAST = "@odata.nextLink", "@odata.deltaLink"
SHARING: Final = (
    "hierarchicalsharing,deltashowremovedasdeleted,deltatraversepermissiongaps,deltashowsharingchanges"  # in Prefer
)
AGENT: Final = "NONISV|filesync|filesync/1.0"
"""Microsoft asks applications to say who they are in this form, and throttles those that do not sooner."""

Item = TypeVar("Item")
Found = TypeVar("Found")
Stopped = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class GraphPage:
    """Items, and the link to the next page or, after the last page of a delta, to what will have changed."""

    entries: list[Answer]
    following: str | None
    last: str | None = None


class GraphApi:
    """Asks Graph with the credentials of one endpoint. Thread-safe. `where` names the endpoint in messages."""

    def __init__(
        self,
        details: GraphDetails,
        meter: Meter,
        where: str,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.where = where
        self._names: dict[str, str] = {}
        self._base = details.base_url
        self._workers = details.list_workers
        self._top = {} if details.page_size is None else {"$top": str(details.page_size)}
        self._sharing = {"prefer": SHARING} if details.include_permissions else {}
        self._client = pooled_client(details, connections=details.list_workers + 2, wire=wire)
        tenant = tenant_of(credential_hash(details.base_url, details.tenant_id, details.client_id))
        mint = GraphTokenMint(details, self._client).mint
        self.calls = AuthorizedCalls(meter, tenant, mint, identity_of(details), policy=policy)
        self.downloads = Downloader(self._client)
        self._api = JsonApi(self._client, self.calls, TABLE, read_refusal)

    def name(self, drive_id: str, name: str) -> None:
        """Note what messages call a drive, where an endpoint has several."""
        self._names[drive_id] = f"{self.where}, library {name},"

    def place(self, drive_id: str) -> str:
        """Return what messages call a drive."""
        return self._names.get(drive_id, self.where)

    def drives(self, site: str) -> list[Answer]:
        """Return the libraries of a site, those without an id left out."""
        path = f"sites/{quote(site, safe=':/,')}/drives"
        pages = follow_pages(
            lambda link: self.get(link or path, {"$select": DRIVE}),
            lambda page: next_token_in(page, NEXT, self.where),
            lambda page: ids_in(self.entries(page)),
            self.where,
        )
        return [drive for page in pages for drive in self.entries(page) if has_id(drive)]

    def drive_of(self, user: str) -> Answer:
        """Return the OneDrive of a user. Raises NotFound."""
        return self._identified(f"users/{quote(user, safe='@')}/drive", DRIVE)

    def delta(self, drive_id: str, link: str | None) -> GraphPage:
        """Return a page of what a link of Graph leads to, None: of everything in a drive."""
        answer = self.get(
            link or f"drives/{drive_id}/root/delta", {"$select": ITEM, **self._top}, headers=self._sharing
        )
        page = GraphPage(self.entries(answer), self.next_link(answer), next_token_in(answer, LAST, self.where))
        if (page.following is None) == (page.last is None):
            raise odd_answer(self.where, "a link to what follows")
        return page

    def latest(self, drive_id: str) -> str:
        """Return the link to what will have changed from now on."""
        asked = {"token": "latest", "$select": ITEM, **self._top}
        return text_in(self.get(f"drives/{drive_id}/root/delta", asked, headers=self._sharing), LAST, self.where)

    def children(self, drive_id: str, folder: str, link: str | None, stopped: Stopped = never) -> GraphPage:
        """Return a page of what lies in a folder."""
        path = f"drives/{drive_id}/items/{quote(folder, safe='')}/children"
        answer = self.get(link or path, {"$select": ITEM, **self._top}, stopped=stopped)
        return GraphPage(self.entries(answer), self.next_link(answer))

    def item(self, drive_id: str, item_id: str) -> Answer:
        """Return an item. Raises NotFound."""
        return self._identified(f"drives/{drive_id}/items/{quote(item_id, safe='')}", ITEM)

    def item_with_address(self, drive_id: str, item_id: str) -> Answer:
        """Return an item with all that Graph tells, the address of its content too. Raises NotFound."""
        return self._identified(f"drives/{drive_id}/items/{quote(item_id, safe='')}")

    def root(self, drive_id: str) -> Answer:
        """Return the folder that a drive begins with."""
        return self._identified(f"drives/{drive_id}/root", ITEM)

    def item_at(self, drive_id: str, path: str) -> Answer:
        """Return the item at a path. Raises NotFound."""
        return self._identified(f"drives/{drive_id}/root:/{quote(path, safe='/')}", ITEM)

    def permissions(self, drive_id: str, item_id: str) -> list[Answer]:
        """Return who may do what with an item."""
        path = f"drives/{drive_id}/items/{quote(item_id, safe='')}/permissions"
        pages = follow_pages(
            lambda link: self.get(link or path), self.next_link, lambda page: ids_in(self.entries(page)), self.where
        )
        return [permission for page in pages for permission in self.entries(page)]

    def each(self, ask: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        """Return the answer for each item, in their order; several are asked for at once."""
        with thread_pool(min(self._workers, len(items)), "graph") as pool:
            return list(pool.map(ask, items))

    def content_url(self, drive_id: str, item_id: str) -> str:
        """Return where Graph tells where a content is."""
        return f"{self._base}{VERSION}drives/{drive_id}/items/{quote(item_id, safe='')}/content"

    def get(
        self,
        path: str,
        asked: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        stopped: Stopped = never,
    ) -> Answer:
        """Return the answer to a GET of a path of Graph, or of a link, which has its own parameters."""
        where = self.place(path.rpartition("drives/")[2].partition("/")[0])
        url, params = f"{self._base}{VERSION}{path}", asked
        if "://" in path:
            url, params = self._here(path), None
        sent = {"user-agent": AGENT, **(headers or {})}
        answer = self._api.get(url, where, params=params, headers=sent, stopped=stopped)
        require_no_refusal(answer, where)
        return answer

    def entries(self, answer: Answer) -> list[Answer]:
        """Return the list that an answer is. Raises ProtocolViolation."""
        return list_in(answer, "value", self.where, REPORT)

    def next_link(self, answer: Answer) -> str | None:
        """Return the link to the next page, None at the end. Raises ProtocolViolation."""
        return next_token_in(answer, NEXT, self.where)

    def close(self) -> None:
        """Release the connections."""
        self.downloads.close()
        self._client.close()

    def _identified(self, path: str, select: str = "") -> Answer:
        answer = self.get(path, {"$select": select} if select else None)
        text_in(answer, "id", self.where)
        return answer

    def _here(self, link: str) -> str:
        """Return a link of Graph as it is asked for at `base_url`: a token goes nowhere else, and a proxy knows it not.

        Raises ProtocolViolation for one that is none of Graph's.
        """
        try:
            parts = urlsplit(link)
        except ValueError:
            parts = urlsplit("")
        if not parts.path.startswith(VERSION):
            raise ProtocolViolation(f"{self.where} leads away from Graph for its next page.", hint=REPORT)
        return f"{self._base}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def has_id(entry: Mapping[str, Any]) -> bool:
    """Whether an entry can be told from others."""
    found = entry.get("id")
    return isinstance(found, str) and bool(found)
