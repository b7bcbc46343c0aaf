"""People: who they are, who may do what with an item, and how Drive describes that."""

from collections.abc import Iterator
from typing import Any

from filesync_dagster.simulators.google_drive.items import ROLES, DriveGrant, DriveItem, permission_id
from filesync_dagster.simulators.google_drive.state import State


def user(state: State, email: str) -> dict[str, Any]:
    """Return a person."""
    name, _, _ = email.partition("@")
    return {
        "kind": "drive#user",
        "displayName": name.replace(".", " ").title(),
        "me": email == state.account,
        "permissionId": permission_id(email),
        "emailAddress": email,
    }


def role_of(state: State, item: DriveItem) -> str:
    """Return the most that the account may do with an item."""
    found = ["reader"]
    for above in item.above():
        if above.owner == state.account:
            found.append("owner")
        found += [grant.role for grant in (above.grants or {}).values() if grant.email == state.account]
    if item.drive in state.drives and state.drives[item.drive].member:
        found.append(state.drives[item.drive].role)
    return max(found, key=ROLES.index)


def may_edit(state: State, item: DriveItem) -> bool:
    """Tell whether the account may change an item."""
    return ROLES.index(role_of(state, item)) >= ROLES.index("writer")


def grants_of(state: State, item: DriveItem) -> Iterator[tuple[DriveGrant, DriveItem | None]]:
    """Yield who may do what with an item, and the item above that this comes from (None: given on the item itself)."""
    known = set()
    if item.drive in state.drives:
        drive = state.drives[item.drive]
        if drive.member:
            member = user(state, state.account)
            known.add(member["permissionId"])
            yield DriveGrant(member["permissionId"], drive.role, "user", state.account), drive.root
    elif item.owner:
        owner = user(state, item.owner)
        known.add(owner["permissionId"])
        yield DriveGrant(owner["permissionId"], "owner", "user", item.owner), None
    for above in item.above():
        for grant in (above.grants or {}).values():
            if grant.id not in known:
                known.add(grant.id)
                yield grant, None if above is item else above


def permission(state: State, item: DriveItem, grant: DriveGrant, source: DriveItem | None) -> dict[str, Any]:
    """Return a permission of an item."""
    detail: dict[str, Any] = {"permissionType": "file", "role": grant.role, "inherited": source is not None}
    if source is not None and item.drive:
        detail |= {"inheritedFrom": source.id}
        if source.parent is None:
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


def permissions(state: State, item: DriveItem) -> list[dict[str, Any]]:
    """Return every permission of an item."""
    return [permission(state, item, grant, source) for grant, source in grants_of(state, item)]
