"""People: who they are, who may do what with an item, and how Drive describes that."""

from collections.abc import Iterator
from typing import Any

from filesync_dagster.simulators.google_drive.items import ROLES, DriveItem
from filesync_dagster.simulators.google_drive.store import DriveStore
from filesync_dagster.simulators.kit.people import AccessGrant, inherited_grants, person_id, person_name


def user(state: DriveStore, email: str) -> dict[str, Any]:
    """Return a person."""
    return {
        "kind": "drive#user",
        "displayName": person_name(email),
        "me": email == state.account,
        "permissionId": person_id(email),
        "emailAddress": email,
    }


def role_of(state: DriveStore, item: DriveItem) -> str:
    """Return the most that the account may do with an item."""
    found = ["reader"]
    for above in item.above():
        if above.owner == state.account:
            found.append("owner")
        found += [grant.role for grant in (above.grants or {}).values() if grant.email == state.account]
    if item.drive in state.drives and state.drives[item.drive].member:
        found.append(state.drives[item.drive].role)
    return max(found, key=ROLES.index)


def may_edit(state: DriveStore, item: DriveItem) -> bool:
    """Tell whether the account may change an item."""
    return ROLES.index(role_of(state, item)) >= ROLES.index("writer")


def grants_of(state: DriveStore, item: DriveItem) -> Iterator[tuple[AccessGrant, DriveItem | None]]:
    """Yield who may do what with an item, and the item above that this comes from (None: given on the item itself)."""
    first, place = None, None
    if item.drive in state.drives:
        drive = state.drives[item.drive]
        if drive.member:
            first, place = AccessGrant(person_id(state.account), drive.role, "user", state.account), drive.root
    elif item.owner:
        first = AccessGrant(person_id(item.owner), "owner", "user", item.owner)
    if first:
        yield first, place
    for grant, above in inherited_grants(item):
        if not first or grant.id != first.id:
            yield grant, None if above is item else above


def permission(state: DriveStore, item: DriveItem, grant: AccessGrant, source: DriveItem | None) -> dict[str, Any]:
    """Return a permission of an item."""
    detail: dict[str, Any] = {"permissionType": "file", "role": grant.role, "inherited": source is not None}
    if source is not None and item.drive:
        detail |= {"inheritedFrom": source.id}
        if not source.parents:
            detail |= {"permissionType": "member"}
    described: dict[str, Any] = {
        "kind": "drive#permission",
        "id": grant.id,
        "type": grant.type,
        "role": grant.role,
        "permissionDetails": [detail],
    }
    if grant.email:
        described |= {
            "emailAddress": grant.email,
            "displayName": user(state, grant.email)["displayName"],
            "deleted": False,
        }
        if not item.drive:
            described["pendingOwner"] = False
    if grant.domain:
        described |= {"domain": grant.domain, "displayName": grant.domain}
    if grant.type in {"domain", "anyone"}:
        described["allowFileDiscovery"] = False
    return described


def permissions(state: DriveStore, item: DriveItem) -> list[dict[str, Any]]:
    """Return every permission of an item."""
    return [permission(state, item, grant, source) for grant, source in grants_of(state, item)]
