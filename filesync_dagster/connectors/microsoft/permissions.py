"""Who may do what with items: one question for each."""

from collections.abc import Sequence
from typing import Any, Final

from filesync_dagster.connectors.microsoft.api import GraphApi
from filesync_dagster.connectors.microsoft.layout import Entry
from filesync_dagster.connectors.microsoft.rows import part_of
from filesync_dagster.connectors.rest.errors import Forbidden
from filesync_dagster.core.errors import NotFound, ProtocolViolation, SourceError, TemporarilyDown
from filesync_dagster.core.model import ListingGap, canonical_json

ROLES: Final = {"read": "reader", "write": "writer", "owner": "owner", "sp.full control": "owner"}
LINKS: Final = {"anonymous": "anyone", "organization": "organization"}
"""Whom a sharing link lets in that names nobody, by its scope."""


UNKNOWN: Final = (Forbidden, NotFound)
"""An item may be seen, but not who else may see it; or it is gone by now."""

FAILED: Final = (TemporarilyDown, ProtocolViolation)
REMARK: Final = "microsoft.permissions"


def permissions_of(
    api: GraphApi, scope: str, drive_id: str, entries: Sequence[Entry]
) -> tuple[list[str | None], tuple[ListingGap, ...]]:
    """Return the permissions of each item as canonical JSON, and those that could not be told.

    They are null where the app may not know them, which a remark tells. Raises SourceError when none can be told.
    """
    found = api.each(lambda entry: _ask_for(api, drive_id, str(entry["id"])), entries)
    hidden = [one for one in found if isinstance(one, UNKNOWN)]
    failures = [one for one in found if isinstance(one, FAILED)]
    if failures and len(failures) == len(found) > 1:
        raise failures[0]
    if hidden:
        api.calls.calls.meter.remarks[REMARK] = f"The permissions of some items are not known, hence null. {hidden[0]}"
    gaps = [
        ListingGap(scope, str(entry.get("name") or entry["id"]), f"Its permissions cannot be read. {one}")
        for entry, one in zip(entries, found, strict=True)
        if isinstance(one, FAILED)
    ]
    return [one if isinstance(one, str) else None for one in found], tuple(gaps)


def _ask_for(api: GraphApi, drive_id: str, item_id: str) -> str | SourceError:
    try:
        told = [grant for one in api.permissions(drive_id, item_id) for grant in _grants(one)]
    except (*UNKNOWN, *FAILED) as error:
        return error
    return canonical_json(sorted(told, key=canonical_json))


def _grants(told: Entry) -> list[dict[str, Any]]:
    """Return a permission as one grant for each whom it lets in, in the words that other stores have for them."""
    role = next((ROLES[one] for one in told.get("roles") or () if one in ROLES), "writer")
    grant: dict[str, Any] = {"role": role, "inherited": "inheritedFrom" in told}
    scope = part_of(told, "link").get("scope")
    if scope in LINKS:
        return [{**grant, "type": LINKS[scope]}]
    identities = [part_of(told, "grantedToV2") or part_of(told, "grantedTo")]
    identities += told.get("grantedToIdentitiesV2") or told.get("grantedToIdentities") or []
    return [{**grant, **_grantee(kind, who)} for one in identities for kind, who in one.items() if who]


def _grantee(kind: str, who: Entry) -> dict[str, Any]:
    address = who.get("email") or str(who.get("loginName") or "").rpartition("|")[2]
    told = {"type": kind, "id": who.get("id"), "name": who.get("displayName")}
    return {**told, "emailAddress": address} if "@" in str(address) else told
