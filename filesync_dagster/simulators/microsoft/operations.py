"""The operations: what each answers, by the name that plans and counts know it by."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

from filesync_dagster.simulators.kit.content import answer_content
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault
from filesync_dagster.simulators.kit.journal import FeedPage, FeedPosition, feed_page
from filesync_dagster.simulators.kit.paging import OrderedListing, PageTokens
from filesync_dagster.simulators.kit.service import ANY_CALL, Route, ServiceCall
from filesync_dagster.simulators.kit.tokens import random_token
from filesync_dagster.simulators.kit.wire import Answer
from filesync_dagster.simulators.microsoft import resources
from filesync_dagster.simulators.microsoft.items import GraphDrive, GraphItem
from filesync_dagster.simulators.microsoft.refusals import JSON, RESYNC_CODES, GraphRefusal, not_found, resync
from filesync_dagster.simulators.microsoft.store import GraphStore, is_shown

API = "/v1.0"
DOWNLOAD = "download"
"""The name of a GET of a content's own address in plans and counts; it is no operation of Graph."""

DOWNLOAD_PATH = "/_layouts/15/download.aspx/"
GOOD_SECONDS = 3600
PAGE_SIZE = 200
PAGE_SIZE_MAX = 1000
PATH_SAFE = "/:!,@"

Call = ServiceCall[GraphStore]


@dataclass(frozen=True)
class DeltaToken:
    """Where a reader of deltas is: in the enumeration of everything, or in the log of what happened since.

    `began` is the position of the log when an enumeration began: its delta link goes on from there.
    """

    began: str = ""
    page: str = ""
    feed: str = ""

    @classmethod
    def parse(cls, text: str) -> "DeltaToken":
        """Return the position of a token. Raises ValueError."""
        kind, _, rest = text.partition(".")
        if kind == "feed" and rest:
            return cls(feed=rest)
        if kind == "all" and rest:
            return cls(*rest.split(".", 1))
        raise ValueError(f"{text!r} is no token")


def get_site(call: Call) -> dict[str, Any]:
    """Answer a GET of a site."""
    found = call.store.sites.get(call.ids["site"])
    if found is None:
        raise not_found()
    return resources.site(found)


def list_drives(call: Call) -> dict[str, Any]:
    """Answer a GET of the libraries of a site."""
    found = call.store.sites.get(call.ids["site"])
    if found is None:
        raise not_found()
    drives = [call.store.drives[one] for one in found.drives]
    listing = OrderedListing("drives", lambda at: drives[at:], lambda one: drives.index(one) + 1)
    return _page(call, listing, resources.drive)


def get_drive(call: Call) -> dict[str, Any]:
    """Answer a GET of a drive."""
    return resources.drive(drive_of(call))


def get_item(call: Call) -> dict[str, Any]:
    """Answer a GET of an item."""
    return _selected(call, resources.item(call.store, item_of(call), download=_address(call, item_of(call))))


def list_children(call: Call) -> dict[str, Any]:
    """Answer a GET of what lies in a folder."""
    folder = item_of(call)

    def after(position: int) -> list[GraphItem]:
        return [child for child in folder.children or () if child.order > position and is_shown(child)]

    listing = OrderedListing(f"children {folder.id}", after, lambda child: child.order)
    return _page(call, listing, lambda child: _selected(call, resources.item(call.store, child)))


def list_permissions(call: Call) -> dict[str, Any]:
    """Answer a GET of who may do what with an item."""
    return {"value": resources.permissions(call.store, item_of(call))}


def delta(call: Call) -> dict[str, Any]:
    """Answer a GET of what changed in a drive; without a token of everything in it."""
    drive = drive_of(call)
    token = call.request.parameter("token")
    lost = call.faults.rule(Fault.LOSE_CURSOR, Fault.EXPIRE_PAGE)
    if lost is not None and token:
        if lost.status not in {None, 410}:
            raise GraphRefusal(lost.status or 0, lost.reason or "")
        raise resync(_link(call, drive), lost.reason or RESYNC_CODES[lost.done % len(RESYNC_CODES)])
    if token == "latest":  # noqa: S105 - Graph's word
        return _answer(call, [], **{"@odata.deltaLink": _link(call, drive, f"feed.{drive.log.end}")})
    try:
        at = DeltaToken.parse(token) if token else DeltaToken(str(drive.log.end))
        return _told(call, drive, at) if at.feed else _everything(call, drive, at)
    except ValueError:
        raise resync(_link(call, drive), RESYNC_CODES[0]) from None


def get_content(call: Call) -> Answer:
    """Answer a GET of a content: with where it can be had."""
    return Answer(302, b"", {"location": _address(call, item_of(call)) or _raise(not_found())})


def download(call: Call) -> Answer:
    """Serve the content at an address that needs no token, and takes none."""
    if "authorization" in call.request.headers:
        return Answer(401, b"unauthenticated", {"content-type": "text/plain"})
    item_id, until = call.store.links.get(call.ids["link"], ("", 0.0))
    item = call.store.entries.get(item_id)
    if until < call.store.clock.seconds():
        return Answer(401, b"The address has expired.", {"content-type": "text/plain"})
    if item is None or not is_shown(item):
        return Answer(404, b"404 FILE NOT FOUND", {"content-type": "text/plain"})
    headers = {"content-type": "application/octet-stream", "etag": f'"{{{item.guid.upper()}}},{item.version}"'}
    answer = answer_content(call.request, item.content, headers)
    return answer or Answer(416, b"", {"content-range": f"bytes */{len(item.content)}"})


def create_folder(call: Call) -> Answer:
    """Answer a POST of a new folder."""
    payload = call.payload()
    if "folder" not in payload:
        raise GraphRefusal(400, detail="Only folders are created like this.")
    made = call.store.add(str(payload.get("name", "")), item_of(call), is_folder=True)
    return Answer(201, orjson.dumps(resources.item(call.store, made)), JSON)


def upload(call: Call) -> Answer:
    """Answer a PUT of a whole content, of a file that is there or of a new one."""
    store, item, name = call.store, item_of(call), call.ids.get("name")
    if name is None:
        store.edit(item.id, call.request.body)
        return Answer(200, orjson.dumps(resources.item(store, item)), JSON)
    made = store.add(name, item, content=call.request.body)
    return Answer(201, orjson.dumps(resources.item(store, made)), JSON)


def update_item(call: Call) -> dict[str, Any]:
    """Answer a PATCH: another name, another folder."""
    item, payload = item_of(call), call.payload()
    folder = (payload.get("parentReference") or {}).get("id")
    if folder:
        if folder not in call.store.entries:
            raise not_found()
        call.store.move(item.id, folder)
    if payload.get("name") not in {None, item.name}:
        call.store.rename(item.id, str(payload["name"]))
    return resources.item(call.store, item)


def delete_item(call: Call) -> None:
    """Answer a DELETE: into the recycle bin."""
    call.store.trash(item_of(call).id)


def drive_of(call: Call) -> GraphDrive:
    """Return the drive that a call names. Raises Refusal."""
    found = call.store.drives.get(call.ids["drive"])
    if found is None:
        raise not_found()
    if found.locked:
        raise GraphRefusal(423, "resourceLocked", "The resource you are attempting to access is locked.")
    return found


def item_of(call: Call) -> GraphItem:
    """Return the item that a call names. Raises Refusal."""
    drive, found = drive_of(call), call.store.entries.get(call.ids["item"])
    if found is None or found.drive != drive.id or not is_shown(found):
        raise not_found()
    return found


def base_of(headers: Mapping[str, str]) -> str:
    """Return where a client reached the service. With a port it is a simulator that is served, without TLS."""
    host = headers.get("host", "graph.microsoft.com")
    return f"http{'' if ':' in host else 's'}://{host}"


def _everything(call: Call, drive: GraphDrive, at: DeltaToken) -> dict[str, Any]:
    def after(position: int) -> Iterator[GraphItem]:
        first = bisect_right(drive.items, position, key=lambda item: item.order)
        top = [drive.root] if drive.root.order > position else []
        return (item for item in chain(top, islice(drive.items, first, None)) if is_shown(item))

    listing = OrderedListing(f"all {drive.id}", after, lambda item: item.order)
    page = listing.page(at.page, _size(call), _tokens(call), call.faults)
    told = [_selected(call, resources.item(call.store, item, in_delta=True)) for item in page.entries]
    if page.next_token:
        return _answer(call, told, **{"@odata.nextLink": _link(call, drive, f"all.{at.began}.{page.next_token}")})
    return _answer(call, told, **{"@odata.deltaLink": _link(call, drive, f"feed.{at.began}")})


def _told(call: Call, drive: GraphDrive, at: DeltaToken) -> dict[str, Any]:
    page: FeedPage = feed_page(drive.log, FeedPosition.parse(at.feed), _size(call), call.faults)
    told: list[dict[str, Any]] = []
    parents: dict[str, GraphItem] = {}
    for entry in page.entries:
        item = call.store.entries.get(entry.id)
        if item is None or not is_shown(item) or item.drive != drive.id:
            told.append(resources.tombstone(entry.id, drive.id))
            continue
        told.append(_selected(call, resources.item(call.store, item, in_delta=True)))
        parents |= {above.id: above for above in item.above()}
    named = {entry.id for entry in page.entries}
    # Of what changed Graph tells the folders above, too: after it, so that children come before parents.
    told += [
        _selected(call, resources.item(call.store, one, in_delta=True))
        for one in parents.values()
        if one.id not in named
    ]
    name = "@odata.nextLink" if page.more else "@odata.deltaLink"
    return _answer(call, told, **{name: _link(call, drive, f"feed.{page.after}")})


def _page(call: Call, listing: OrderedListing[Any], word: Any) -> dict[str, Any]:
    if call.faults.rule(Fault.EXPIRE_PAGE) and call.request.parameter("$skiptoken"):
        raise GraphRefusal(400, detail="The skip token is no longer good.")
    try:
        page = listing.page(call.request.parameter("$skiptoken"), _size(call), _tokens(call), call.faults)
    except ValueError:
        raise GraphRefusal(400, detail="The skip token cannot be read.") from None
    answer = _answer(call, [word(one) for one in page.entries])
    if page.next_token:
        asked = [(name, value) for name, value in call.request.query if name != "$skiptoken"]
        query = urlencode([*asked, ("$skiptoken", page.next_token)], safe="$")
        answer["@odata.nextLink"] = f"{base_of(call.request.headers)}{quote(call.request.path, safe=PATH_SAFE)}?{query}"
    return answer


def _answer(call: Call, entries: list[dict[str, Any]], **links: str) -> dict[str, Any]:
    context = f"{base_of(call.request.headers)}{API}/$metadata#Collection(driveItem)"
    return {"@odata.context": context, **links, "value": entries}


def _link(call: Call, drive: GraphDrive, token: str = "") -> str:
    asked = [(name, value) for name, value in call.request.query if name != "token"]
    query = urlencode([*asked, ("token", token)] if token else asked, safe="$")
    return f"{base_of(call.request.headers)}{API}/drives/{drive.id}/root/delta" + (f"?{query}" if query else "")


def _size(call: Call) -> int:
    given = call.request.parameter("$top", str(PAGE_SIZE))
    if not given.isdecimal() or not 1 <= int(given) <= PAGE_SIZE_MAX:
        raise GraphRefusal(400, detail="The value of $top is not good.")
    return int(given)


def _tokens(call: Call) -> PageTokens:
    return PageTokens(call.store.clock)


def _selected(call: Call, described: dict[str, Any]) -> dict[str, Any]:
    wanted = call.request.parameter("$select")
    if not wanted:
        described.pop("sharepointIds", None)
        return described
    names = set(wanted.split(","))
    return {name: value for name, value in described.items() if name in names}


def _address(call: Call, item: GraphItem) -> str:
    if not item.has_content:
        return ""
    secret = random_token("", 16)
    call.store.links[secret] = item.id, call.store.clock.seconds() + GOOD_SECONDS
    base = base_of(call.request.headers)
    if base.startswith("https:"):  # not served here: contents are at a host of their own
        base = f"https://{urlsplit(call.store.drives[item.drive].url).hostname}"
    return f"{base}{DOWNLOAD_PATH}{secret}"


def _raise(refusal: GraphRefusal) -> str:
    raise refusal


DOWNLOAD_FAULTS = ANY_CALL | CONTENT_FAULTS | {Fault.EXPIRE_TOKEN, Fault.DENY}

OPERATIONS = (
    Route("sites.get", "GET", f"{API}/sites/{{site}}", get_site),
    Route("sites.drives", "GET", f"{API}/sites/{{site}}/drives", list_drives),
    Route("drives.get", "GET", f"{API}/drives/{{drive}}", get_drive),
    Route("items.delta", "GET", f"{API}/drives/{{drive}}/items/{{item}}/delta", delta),
    Route("items.get", "GET", f"{API}/drives/{{drive}}/items/{{item}}", get_item),
    Route("items.children", "GET", f"{API}/drives/{{drive}}/items/{{item}}/children", list_children),
    Route("items.permissions", "GET", f"{API}/drives/{{drive}}/items/{{item}}/permissions", list_permissions),
    Route("items.content", "GET", f"{API}/drives/{{drive}}/items/{{item}}/content", get_content),
    Route(DOWNLOAD, "GET", f"{DOWNLOAD_PATH}{{link}}", download, DOWNLOAD_FAULTS),
    Route("items.create", "POST", f"{API}/drives/{{drive}}/items/{{item}}/children", create_folder),
    Route("items.upload", "PUT", f"{API}/drives/{{drive}}/items/{{item}}/content", upload),
    Route("items.update", "PATCH", f"{API}/drives/{{drive}}/items/{{item}}", update_item),
    Route("items.delete", "DELETE", f"{API}/drives/{{drive}}/items/{{item}}", delete_item),
)
