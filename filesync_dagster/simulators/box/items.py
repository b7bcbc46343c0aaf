"""Calls that read items: one of them, those of a folder or of the trash, and who may see them."""

from collections.abc import Sequence
from typing import Any

from filesync_dagster.simulators.box.call import BoxCall, bad_request, refuse_marker
from filesync_dagster.simulators.box.resources import collaboration, describe, user
from filesync_dagster.simulators.box.store import KINDS, BoxItem
from filesync_dagster.simulators.kit.paging import OrderedListing, PageTokens
from filesync_dagster.simulators.kit.people import inherited_grants

DEFAULT_LIMIT, LIMIT_MAX, OFFSET_MAX = 100, 1000, 10_000
NOTHING_MORE: tuple[dict[str, str | None], ...] = ({"next_marker": None}, {"next_marker": ""}, {})
"""How Box says that a page is the last one."""


def get_me(call: BoxCall) -> dict[str, Any]:
    """Answer who asks."""
    return {**user(call.store.account), "status": "active", "language": "en", "space_used": 0}


def get_item(kind: str) -> Any:
    """Return the call that reads an item of a kind."""
    return lambda call: describe(call.store, call.item(kind), call.request.parameter("fields"))


def get_trashed(kind: str) -> Any:
    """Return the call that reads an item of a kind in the trash."""
    return lambda call: describe(call.store, call.item(kind, trashed=True), call.request.parameter("fields"))


def list_folder(call: BoxCall) -> dict[str, Any]:
    """Answer what is in a folder."""
    folder = call.item("folder")
    return _list(call, call.store.children(folder), f"items {folder.id}")


def list_trash(call: BoxCall) -> dict[str, Any]:
    """Answer what is in the trash: what was trashed itself."""
    found = [entry for entry in call.store.entries.values() if entry.trashed_at and entry.seen]
    return _list(call, sorted(found, key=lambda entry: entry.order), "trash")


def _list(call: BoxCall, entries: Sequence[BoxItem], question: str) -> dict[str, Any]:
    limit = call.number("limit", DEFAULT_LIMIT, 1, LIMIT_MAX)
    if not call.says("usemarker"):
        return _list_by_offset(call, entries, limit)
    if call.request.parameter("offset") not in {"", "0"}:
        raise bad_request("'offset' cannot be combined with 'usemarker'")
    refuse_marker(call)
    listing = OrderedListing(question, lambda at: (one for one in entries if one.order > at), lambda one: one.order)
    try:
        page = listing.page(call.request.parameter("marker"), limit, PageTokens(call.store.clock), call.faults)
    except ValueError as error:
        raise bad_request(f"'marker' is invalid: {error}") from error
    end = NOTHING_MORE[len(question) % 3] if page.next_token is None else {"next_marker": page.next_token}
    return {"entries": _described(call, page.entries), "limit": limit, **end}


def _list_by_offset(call: BoxCall, entries: Sequence[BoxItem], limit: int) -> dict[str, Any]:
    offset = call.number("offset", 0, 0, OFFSET_MAX + 1)
    if offset > OFFSET_MAX:
        raise bad_request("'offset' is too large: use markers")
    ordered = sorted(entries, key=lambda one: (KINDS.index(one.kind) != 1, KINDS.index(one.kind), one.name))
    described = _described(call, ordered[offset : offset + limit])
    order = [{"by": "type", "direction": "ASC"}, {"by": "name", "direction": "ASC"}]
    return {"total_count": len(entries), "entries": described, "offset": offset, "limit": limit, "order": order}


def _described(call: BoxCall, entries: Sequence[BoxItem]) -> list[dict[str, Any]]:
    fields = call.request.parameter("fields")
    return [describe(call.store, entry, fields, mini=True) for entry in entries]


def list_collaborations(kind: str) -> Any:
    """Return the call that reads who may see an item of a kind: by itself, or through a folder above it."""

    def run(call: BoxCall) -> dict[str, Any]:
        item = call.item(kind)
        found = [(each, grant) for grant, each in inherited_grants(item)]
        listing = OrderedListing(
            f"collaborations {item.id}", lambda at: range(at + 1, len(found) + 1), lambda place: place
        )
        limit = call.number("limit", DEFAULT_LIMIT, 1, LIMIT_MAX)
        refuse_marker(call)
        try:
            page = listing.page(call.request.parameter("marker"), limit, PageTokens(call.store.clock), call.faults)
        except ValueError as error:
            raise bad_request(f"'marker' is invalid: {error}") from error
        entries = [collaboration(*found[place - 1]) for place in page.entries]
        return {"entries": entries, "limit": limit, "next_marker": page.next_token}

    return run
