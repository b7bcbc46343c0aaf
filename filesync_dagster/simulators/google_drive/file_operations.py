"""files.get, create, update, copy and delete: one file at a time, its metadata."""

from typing import Any

from filesync_dagster.simulators.google_drive.call import DriveCall
from filesync_dagster.simulators.google_drive.items import FOLDER, ROLES, SHORTCUT, DriveItem
from filesync_dagster.simulators.google_drive.people import role_of
from filesync_dagster.simulators.google_drive.problems import (
    DriveRefusal,
    bad_request,
    file_not_found,
    forbidden,
    invalid,
    not_writable,
)
from filesync_dagster.simulators.google_drive.query import milliseconds
from filesync_dagster.simulators.google_drive.resources import DEFAULT_FILE, file

SETTABLE = frozenset({"name", "mimeType", "description", "starred", "modifiedTime", "trashed"})
AT_CREATION = frozenset({"parents", "createdTime", "shortcutDetails"}) | SETTABLE - {"trashed"}
HARMLESS = frozenset({"kind", "properties", "appProperties", "contentHints", "folderColorRgb", "writersCanShare"})
"""May be set, and the simulator forgets them."""


def get_file(call: DriveCall) -> dict[str, Any]:
    """Answer files.get."""
    return _described(call, call.file())


def create_file(call: DriveCall) -> dict[str, Any]:
    """Answer files.create."""
    body = _body(call, AT_CREATION)
    folder = _folder(call, body.get("parents"))
    mime = str(body.get("mimeType") or "application/octet-stream")
    target = (body.get("shortcutDetails") or {}).get("targetId")
    if (mime == SHORTCUT) != bool(target):
        raise bad_request("The shortcutDetails.targetId field is required for shortcuts, and for nothing else.")
    name = str(body.get("name") or "Untitled")
    if target:
        call.file(target)
    made = call.store.create(name, folder.id, mime_type=mime, target=target)
    item = call.store.item(made)
    item.description = body.get("description")
    item.starred = bool(body.get("starred"))
    item.created = _time(body, "createdTime", item.created)
    item.modified = _time(body, "modifiedTime", item.modified)
    return _described(call, item)


def update_file(call: DriveCall) -> dict[str, Any]:
    """Answer files.update."""
    if "parents" in call.body():
        raise not_writable(
            "The parents field is not directly writable in update requests. "
            "Use the addParents and removeParents parameters instead."
        )
    body = _body(call, SETTABLE)
    item = call.editable()
    folder = _new_folder(call, item)
    if folder is not None:
        call.store.move(item.id, folder.id)
    if "trashed" in body and bool(body["trashed"]) != bool(item.trashed_at):
        (call.store.trash if body["trashed"] else call.store.restore)(item.id)
    if body.keys() - {"trashed"}:
        with call.store.record_change(item):
            item.name = str(body.get("name", item.name))
            item.mime_type = str(body.get("mimeType", item.mime_type)) if item.is_binary else item.mime_type
            item.description = body.get("description", item.description)
            item.starred = bool(body.get("starred", item.starred))
            item.modified = _time(body, "modifiedTime", item.modified)
    return _described(call, item)


def copy_file(call: DriveCall) -> dict[str, Any]:
    """Answer files.copy."""
    original = call.file()
    if original.is_folder:
        raise DriveRefusal(403, "cannotCopyFile", "This file cannot be copied by the user.")
    body = _body(call, AT_CREATION)
    folder = _folder(call, body.get("parents") or ([original.parent.id] if original.parent else None))
    name = str(body.get("name") or f"Copy of {original.name}")
    copied = call.store.item(call.store.create(name, folder.id, mime_type=original.mime_type))
    copied.size, copied.target, copied.content = original.size, original.target, original.content
    if original.is_binary:
        copied.digests = tuple(original.checksum(which) for which in range(3))  # type: ignore[assignment]  # three
    return _described(call, copied)


def delete_file(call: DriveCall) -> None:
    """Answer files.delete."""
    item = call.file()
    least = "organizer" if item.drive else "owner"
    if ROLES.index(role_of(call.store, item)) < ROLES.index(least) or item.parent is None:
        raise forbidden(item.id)
    call.store.delete(item.id)


def _described(call: DriveCall, item: DriveItem) -> dict[str, Any]:
    return file(call.store, item, call.mask(DEFAULT_FILE))


def _body(call: DriveCall, settable: frozenset[str]) -> dict[str, Any]:
    body = call.body()
    if body.keys() - settable - HARMLESS:
        raise not_writable()
    return {name: value for name, value in body.items() if name in settable}


def _folder(call: DriveCall, parents: list[str] | None) -> DriveItem:
    """Return the folder that a new file shall lie in."""
    if parents is not None and len(parents) > 1:
        raise DriveRefusal(400, "invalid", "A file cannot have more than one parent.", location="parents")
    folder = call.file(parents[0] if parents else "root")
    if folder.mime_type != FOLDER:
        raise DriveRefusal(403, "parentNotAFolder", "The specified parent is not a folder.")
    return call.editable(folder.id)


def _new_folder(call: DriveCall, item: DriveItem) -> DriveItem | None:
    """Return the folder that a file is to be moved to, if it is."""
    added = [one for one in (call["addParents"] or "").split(",") if one]
    removed = [one for one in (call["removeParents"] or "").split(",") if one]
    here = item.parent
    for one in removed:
        if here is None or call.store.items.get(call.store.root_id if one == "root" else one) is not here:
            raise file_not_found(one)
    if not added:
        return call.store.item("root") if removed else None
    folder = _folder(call, added)
    if folder is here:
        return None
    _check_move(item, folder, taken_out=bool(removed))
    return folder


def _check_move(item: DriveItem, folder: DriveItem, *, taken_out: bool) -> None:
    if item.parent is None:
        raise forbidden(item.id)
    if item.parent.seen and not taken_out and not item.drive and not folder.drive:
        raise DriveRefusal(403, "cannotAddParent", "Increasing the number of parents is not allowed")
    if item in folder.above():
        raise DriveRefusal(403, "cyclicMembership", "The specified parent would create a cycle in the directory graph.")
    if item.is_folder and folder.drive and item.drive != folder.drive:
        message = "Moving folders into shared drives is not supported."
        raise DriveRefusal(403, "teamDrivesFolderMoveInNotSupported", message)


def _time(body: dict[str, Any], name: str, otherwise: int) -> int:
    if name not in body:
        return otherwise
    try:
        return milliseconds(str(body[name]))
    except ValueError:
        raise invalid(name) from None
