"""Shared drives, who has access to what, and the account itself: drives.*, permissions.*, about.get."""

from itertools import islice
from typing import Any

from filesync_dagster.simulators.google_drive.call import DriveCall, document, next_batch
from filesync_dagster.simulators.google_drive.items import ROLES, DriveItem, SharedDrive
from filesync_dagster.simulators.google_drive.masks import Mask, apply_mask, parse_mask
from filesync_dagster.simulators.google_drive.people import grants_of, permission, permissions, user
from filesync_dagster.simulators.google_drive.problems import (
    DriveRefusal,
    bad_request,
    file_not_found,
    forbidden,
    invalid,
    permission_not_found,
    required_parameter,
)
from filesync_dagster.simulators.google_drive.resources import (
    DEFAULT_DRIVE,
    DEFAULT_PERMISSION,
    EXPORT_TYPES,
    EXPORTS,
    shared_drive,
)
from filesync_dagster.simulators.kit.paging import OrderedListing
from filesync_dagster.simulators.kit.people import AccessGrant

DRIVE_LIST: Mask = {"kind": None, "nextPageToken": None, "drives": DEFAULT_DRIVE}
PERMISSION_LIST: Mask = {"kind": None, "nextPageToken": None, "permissions": DEFAULT_PERMISSION}
TYPES = ("user", "group", "domain", "anyone")
MAX_PERMISSIONS_PAGE = 100  # entries of a page of permissions in a shared drive


def get_about(call: DriveCall) -> dict[str, Any]:
    """Answer about.get."""
    if not call["fields"]:
        raise required_parameter("fields", "The 'fields' parameter is required for this method.")
    usage = sum(item.size or 0 for item in call.store.corpora[None] if item.owner == call.store.account)
    described = {
        "kind": "drive#about",
        "user": user(call.store, call.store.account),
        "storageQuota": {
            "limit": str(15 * 2**30),
            "usage": str(usage),
            "usageInDrive": str(usage),
            "usageInDriveTrash": "0",
        },
        "canCreateDrives": True,
        "appInstalled": True,
        "maxUploadSize": str(5 * 2**40),
        "exportFormats": {mime: [EXPORT_TYPES[one] for one in formats] for mime, (_, formats) in EXPORTS.items()},
    }
    selected: dict[str, Any] = apply_mask(described, parse_mask(call["fields"], "About"))
    return selected


def list_drives(call: DriveCall) -> dict[str, Any]:
    """Answer drives.list."""
    if call["useDomainAdminAccess"]:
        message = (
            "The requesting user does not have the administrator privilege required to list or manage all shared "
            "drives."
        )
        raise DriveRefusal(403, "noListTeamDrivesAdministratorPrivilege", message)
    if call["q"]:
        raise invalid("q")
    drives = [drive for drive in call.store.drives.values() if drive.member]
    listing = OrderedListing(
        "drives", lambda at: [d for d in drives if d.root.order > at], lambda drive: drive.root.order
    )
    batch = next_batch(call, call["pageSize"], listing)
    described = [shared_drive(drive) for drive in batch.entries]
    return document(call.mask(DRIVE_LIST), kind="drive#driveList", nextPageToken=batch.next_token, drives=described)


def get_drive(call: DriveCall) -> dict[str, Any]:
    """Answer drives.get."""
    return _drive(call, _member(call))


def create_drive(call: DriveCall) -> dict[str, Any]:
    """Answer drives.create."""
    name = call.body().get("name")
    if not name:
        raise bad_request("The name of a shared drive is required.")
    if call["requestId"] in call.store.requests:
        raise DriveRefusal(409, "duplicate", "A shared drive was already created with this request ID.")
    call.store.requests.add(call["requestId"])
    return _drive(call, call.store.drives[call.store.shared_drive(str(name))])


def update_drive(call: DriveCall) -> dict[str, Any]:
    """Answer drives.update."""
    drive = _member(call)
    name = call.body().get("name")
    if name:
        call.store.rename_drive(drive.id, str(name))
    return _drive(call, drive)


def delete_drive(call: DriveCall) -> None:
    """Answer drives.delete."""
    drive = _member(call)
    if any(not item.trashed for item in call.store.corpora[drive.id]):
        raise DriveRefusal(
            403, "cannotDeleteResourceWithChildren", "A shared drive that holds items cannot be deleted."
        )
    call.store.remove_drive(drive.id)


def list_permissions(call: DriveCall) -> dict[str, Any]:
    """Answer permissions.list."""
    if call["useDomainAdminAccess"]:
        raise file_not_found(call["fileId"])  # the account is no administrator
    item = call.editable()
    everything = permissions(call.store, item)
    size = call["pageSize"] or (MAX_PERMISSIONS_PAGE if item.drive else len(everything))
    numbered = list(enumerate(everything, 1))
    listing = OrderedListing(f"permissions {item.id}", lambda at: islice(numbered, at, None), lambda entry: entry[0])
    batch = next_batch(call, size, listing)
    described = [one for _, one in batch.entries]
    return document(
        call.mask(PERMISSION_LIST), kind="drive#permissionList", nextPageToken=batch.next_token, permissions=described
    )


def get_permission(call: DriveCall) -> dict[str, Any]:
    """Answer permissions.get."""
    return _permission(call, call.editable(), call["permissionId"])


def create_permission(call: DriveCall) -> dict[str, Any]:
    """Answer permissions.create."""
    item, body = call.editable(), call.body()
    for name in ("type", "role"):
        if name not in body:
            raise required_parameter(f"permission.{name}", f"The permission {name} field is required.")
    if body["type"] not in TYPES or body["role"] not in ROLES:
        raise invalid("permission")
    who = {"domain": body.get("domain"), "anyone": "anyone"}.get(body["type"], body.get("emailAddress"))
    if not who:
        raise bad_request("The permission names nobody.")
    return _permission(call, item, call.store.share(item.id, str(who), str(body["role"])))


def update_permission(call: DriveCall) -> dict[str, Any]:
    """Answer permissions.update."""
    item = call.editable()
    grant = _granted_here(call, item)
    role = call.body().get("role", grant.role)
    if role not in ROLES:
        raise invalid("role")
    call.store.share(item.id, grant.email or grant.domain or "anyone", role)
    return _permission(call, item, grant.id)


def delete_permission(call: DriveCall) -> None:
    """Answer permissions.delete."""
    item = call.editable()
    grant = _granted_here(call, item)
    call.store.unshare(item.id, grant.email or grant.domain or "anyone")


def _member(call: DriveCall) -> SharedDrive:
    found = call.drive_id()
    assert found is not None  # part of the path
    return call.store.drives[found]


def _drive(call: DriveCall, drive: SharedDrive) -> dict[str, Any]:
    return document(call.mask(DEFAULT_DRIVE), **shared_drive(drive))


def _permission(call: DriveCall, item: DriveItem, permission_id: str) -> dict[str, Any]:
    for grant, source in grants_of(call.store, item):
        if grant.id == permission_id:
            return document(call.mask(DEFAULT_PERMISSION), **permission(call.store, item, grant, source))
    raise permission_not_found(permission_id)


def _granted_here(call: DriveCall, item: DriveItem) -> AccessGrant:
    """Return the grant of the call, which must have been given on this very item."""
    known = {grant.id for grant, _ in grants_of(call.store, item)}
    own = (item.grants or {}).get(call["permissionId"])
    if own is None:
        raise forbidden(item.id) if call["permissionId"] in known else permission_not_found(call["permissionId"])
    return own
