"""Box's answers: items, folders page by page, events, who may see an item, where a content is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import httpx

from filesync_dagster.connectors.box.credentials import BoxTokenMint, identity_of, tenant_key
from filesync_dagster.connectors.box.details import BoxDetails
from filesync_dagster.connectors.box.errors import REPORT, TABLE, read_refusal
from filesync_dagster.connectors.rest.answers import Answer, ids_in, list_in
from filesync_dagster.connectors.rest.client import pooled_client
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.rest.json_api import JsonApi, read_answer
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls
from filesync_dagster.connectors.rest.paging import follow_pages
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.downloads import Downloader
from filesync_dagster.core.errors import NotFound, ProtocolViolation, TemporarilyDown
from filesync_dagster.core.model import Meter

FIELDS: Final = (
    "type,id,sequence_id,etag,name,size,sha1,file_version,created_at,modified_at,content_modified_at,item_status,"
    "parent,owned_by,shared_link,url,has_collaborations"
)
KINDS: Final = ("file", "folder", "web_link")
ACTIVE: Final = "active"
COLLABORATIONS_LIMIT, EVENTS_LIMIT = 1000, 500
DIGITS = 18  # of a number that fits 64 bits

Item = TypeVar("Item")
Found = TypeVar("Found")


class BoxApi:
    """Asks Box with the credentials of one endpoint. Thread-safe."""

    def __init__(
        self, details: BoxDetails, meter: Meter, policy: RetryPolicy | None, wire: httpx.BaseTransport | None
    ) -> None:
        self.where = "Box" if details.folder_id == "0" else f"Box folder {details.folder_id}"
        self._address = f"{details.base_url}/2.0"
        self._page_size = details.page_size
        self._workers = details.list_workers
        self.client = pooled_client(details, connections=details.list_workers + 2, wire=wire)
        self.downloads = Downloader(self.client)
        self.calls = AuthorizedCalls(
            meter,
            tenant_of(tenant_key(details)),
            BoxTokenMint(details, self.client).mint,
            identity_of(details),
            policy=policy,
        )
        self._api = JsonApi(self.client, self.calls, TABLE, read_refusal)

    def account(self) -> Answer:
        """Return the account that asks."""
        return self._get("users/me", {"fields": "id,login,name"})

    def item(self, external_id: str, least: int = 0) -> Answer | None:
        """Return an item as it is now; None when it is gone, in the trash, or not for this account.

        An answer that knows less than an event with the sequence number `least` is old: it is asked for again.
        """
        kind, number = kind_and_number(external_id)

        def send() -> httpx.Response:
            return self.client.get(
                self.url(f"{kind}s/{number}"), params={"fields": FIELDS}, headers=self.calls.headers()
            )

        def ask() -> Answer:
            found = read_answer(send, self.where, TABLE, read_refusal)
            if (found.get("type"), found.get("id")) != (kind, number):
                raise ProtocolViolation(f"{self.where} sent something else than {external_id}.", hint=REPORT)
            known = sequence_of(found)
            if known is not None and known < least:
                raise TemporarilyDown(f"{self.where} told an older state of {external_id} than its event.")
            return found

        try:
            found = self.calls(ask)
        except NotFound:
            return None
        return found if found.get("item_status", ACTIVE) == ACTIVE else None

    def children(self, number: str, marker: str | None, *, stopped: Callable[[], bool] = never) -> Answer:
        """Return a page of what is in a folder."""
        asked = {"usemarker": "true", "limit": str(self._page_size), "fields": FIELDS}
        return self._get(f"folders/{number}/items", {**asked, **({"marker": marker} if marker else {})}, stopped)

    def events(self, stream: str, position: str) -> Answer:
        """Return what a stream of events has after a position."""
        asked = {"stream_type": stream, "stream_position": position, "limit": str(EVENTS_LIMIT)}
        return self._get("events", asked)

    def collaborations(self, external_id: str) -> list[Answer]:
        """Return who was given access to a file or a folder."""
        kind, number = kind_and_number(external_id)

        def ask(marker: str | None) -> Answer:
            page = {"limit": str(COLLABORATIONS_LIMIT), **({"marker": marker} if marker else {})}
            return self._get(f"{kind}s/{number}/collaborations", page)

        pages = follow_pages(ask, self.next_marker, lambda page: ids_in(self.entries(page)), self.where)
        return [entry for page in pages for entry in self.entries(page)]

    def entries(self, answer: Answer) -> list[Answer]:
        """Return the list that an answer must have. Raises ProtocolViolation."""
        return list_in(answer, "entries", self.where, REPORT)

    def next_marker(self, answer: Answer) -> str | None:
        """Return the marker of the page after an answer; None at the end, which Box says in three ways."""
        marker = answer.get("next_marker")
        if marker is not None and not isinstance(marker, str):
            raise ProtocolViolation(f"{self.where} sent a page whose next_marker cannot be read.", hint=REPORT)
        return marker or None

    def each(self, ask: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        """Return the answer for each item, in their order; several are asked for at once."""
        with thread_pool(min(self._workers, len(items)), "box") as pool:
            return list(pool.map(ask, items))

    def url(self, path: str) -> str:
        """Return the address of a call."""
        return f"{self._address}/{path}"

    def close(self) -> None:
        """Release the connections."""
        self.downloads.close()
        self.client.close()

    def _get(self, path: str, params: Mapping[str, str], stopped: Callable[[], bool] = never) -> Answer:
        return self._api.get(self.url(path), self.where, params=params, stopped=stopped)


def kind_and_number(external_id: str) -> tuple[str, str]:
    """Return what an item is and the id that Box has it under, which an item of another kind may have too.

    >>> kind_and_number("web_link_12")
    ('web_link', '12')
    """
    kind, _, number = external_id.rpartition("_")
    return kind, number


def id_of(item: Mapping[str, Any]) -> str | None:
    """Return the id that tells an item from all others; None where it cannot be told."""
    kind, number = item.get("type"), item.get("id")
    if kind not in KINDS or not isinstance(number, str) or not number.isalnum():
        return None
    return f"{kind}_{number}"


def sequence_of(item: Mapping[str, Any]) -> int | None:
    """Return the number of the last change of an item; None where it is not told."""
    told = item.get("sequence_id")
    return int(told) if isinstance(told, str) and told.isascii() and told.isdigit() and len(told) <= DIGITS else None
