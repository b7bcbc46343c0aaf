"""Resources as Drive describes them: a file, a shared drive.

A function for each field; one that answers None is absent from the resource, as Drive leaves out what does not apply.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from filesync_dagster.simulators.google_drive.items import SHORTCUT, DriveItem, SharedDrive
from filesync_dagster.simulators.google_drive.masks import Mask, apply_mask
from filesync_dagster.simulators.google_drive.people import grants_of, may_edit, permissions, user
from filesync_dagster.simulators.google_drive.store import DriveStore
from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.people import AccessGrant

EXPORTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "application/vnd.google-apps.document": ("document", ("docx", "pdf", "txt", "odt")),
    "application/vnd.google-apps.spreadsheet": ("spreadsheets", ("xlsx", "pdf", "csv", "ods")),
    "application/vnd.google-apps.presentation": ("presentation", ("pptx", "pdf", "txt", "odp")),
    "application/vnd.google-apps.drawing": ("drawings", ("png", "pdf", "svg", "jpeg")),
}
EXPORT_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "csv": "text/csv",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/x-vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "png": "image/png",
    "svg": "image/svg+xml",
    "jpeg": "image/jpeg",
}

DEFAULT_FILE: Mask = dict.fromkeys(("kind", "id", "name", "mimeType", "teamDriveId", "driveId"))
"""What a file shows when nobody asks for fields."""
DEFAULT_DRIVE: Mask = dict.fromkeys(("kind", "id", "name"))
DEFAULT_PERMISSION: Mask = dict.fromkeys(("kind", "id", "type", "role"))

Field = Callable[[DriveStore, DriveItem], Any]


def shared_drive(drive: SharedDrive) -> dict[str, Any]:
    """Return a shared drive."""
    return {
        "kind": "drive#drive",
        "id": drive.id,
        "name": drive.name,
        "createdTime": utc_text(drive.created),
        "hidden": drive.hidden,
        "capabilities": {"canListChildren": True, "canEdit": drive.role in {"writer", "fileOrganizer", "organizer"}},
        "restrictions": {"adminManagedRestrictions": False, "domainUsersOnly": False, "driveMembersOnly": False},
    }


def _parents(state: DriveStore, item: DriveItem) -> list[str] | None:
    return [parent.id for parent in item.parents if parent.seen] or None


def _shortcut(state: DriveStore, item: DriveItem) -> dict[str, str] | None:
    if item.mime_type != SHORTCUT or item.target is None:
        return None
    return {"targetId": item.target.id, "targetMimeType": item.target.mime_type}


def _exports(state: DriveStore, item: DriveItem) -> dict[str, str] | None:
    if item.mime_type not in EXPORTS:
        return None
    kind, formats = EXPORTS[item.mime_type]
    return {
        EXPORT_TYPES[one]: f"https://docs.google.com/{kind}/export?id={item.id}&exportFormat={one}" for one in formats
    }


def _link(state: DriveStore, item: DriveItem) -> str:
    if item.is_folder:
        return f"https://drive.google.com/drive/folders/{item.id}"
    if item.mime_type in EXPORTS:
        return f"https://docs.google.com/{EXPORTS[item.mime_type][0]}/d/{item.id}/edit?usp=drivesdk"
    return f"https://drive.google.com/file/d/{item.id}/view?usp=drivesdk"


def _shared_with_me(state: DriveStore, item: DriveItem) -> AccessGrant | None:
    if item.drive or item.owner == state.account:
        return None
    return next((grant for grant in (item.grants or {}).values() if grant.email == state.account), None)


def _capabilities(state: DriveStore, item: DriveItem) -> dict[str, bool]:
    edit = may_edit(state, item)
    return {
        "canAddChildren": edit and item.is_folder,
        "canCopy": not item.is_folder,
        "canDelete": edit and (item.drive is not None or item.owner == state.account),
        "canDownload": not item.is_folder and item.id not in state.undownloadable,
        "canEdit": edit,
        "canListChildren": item.is_folder,
        "canRename": edit,
        "canShare": edit,
        "canTrash": edit,
        "canUntrash": edit,
    }


def _mine(value: Field) -> Field:
    """Of items in My Drive; it is not populated in shared drives."""
    return lambda state, item: None if item.drive else value(state, item)


def _drives(value: Field) -> Field:
    """Of items in shared drives only."""
    return lambda state, item: value(state, item) if item.drive else None


def _binary(value: Field) -> Field:
    """Of files with content of their own."""
    return lambda state, item: value(state, item) if item.is_binary else None


def _shared(state: DriveStore, item: DriveItem) -> bool:
    if item.owner != state.account:
        return True
    return any(above.grants for above in item.above())


def _extension(state: DriveStore, item: DriveItem) -> str:
    return item.name.rpartition(".")[2] if "." in item.name else ""


FILE_FIELDS: Mapping[str, Field] = {
    "kind": lambda state, item: "drive#file",
    "id": lambda state, item: item.id,
    "name": lambda state, item: item.name,
    "mimeType": lambda state, item: item.mime_type,
    "description": lambda state, item: item.description,
    "starred": lambda state, item: item.starred,
    "trashed": lambda state, item: item.trashed,
    "explicitlyTrashed": lambda state, item: bool(item.trashed_at),
    "trashingUser": _drives(lambda state, item: user(state, state.account) if item.trashed_at else None),
    "trashedTime": _drives(lambda state, item: utc_text(item.trashed_at) if item.trashed_at else None),
    "parents": _parents,
    "spaces": lambda state, item: ["drive"],
    "version": lambda state, item: str(item.version),
    "webContentLink": _binary(
        lambda state, item: f"https://drive.google.com/uc?id={item.id}&export=download",
    ),
    "webViewLink": _link,
    "iconLink": lambda state, item: f"https://drive-thirdparty.googleusercontent.com/16/type/{item.mime_type}",
    "hasThumbnail": lambda state, item: False,
    "viewedByMe": lambda state, item: False,
    "createdTime": lambda state, item: utc_text(item.created),
    "modifiedTime": lambda state, item: utc_text(item.modified),
    "modifiedByMe": _mine(lambda state, item: item.owner == state.account),
    "sharedWithMeTime": lambda state, item: utc_text(grant.since) if (grant := _shared_with_me(state, item)) else None,
    "sharingUser": lambda state, item: user(state, item.owner or "") if _shared_with_me(state, item) else None,
    "owners": _mine(lambda state, item: [user(state, item.owner or state.account)]),
    "teamDriveId": lambda state, item: item.drive,
    "driveId": lambda state, item: item.drive,
    "lastModifyingUser": lambda state, item: user(state, item.owner or state.account),
    "shared": _mine(_shared),
    "ownedByMe": _mine(lambda state, item: item.owner == state.account),
    "capabilities": _capabilities,
    "viewersCanCopyContent": lambda state, item: True,
    "copyRequiresWriterPermission": lambda state, item: False,
    "writersCanShare": _mine(lambda state, item: True),
    "permissions": _mine(lambda state, item: permissions(state, item) if may_edit(state, item) else None),
    "permissionIds": lambda state, item: [grant.id for grant, _ in grants_of(state, item)],
    "hasAugmentedPermissions": _drives(lambda state, item: bool(item.grants)),
    "inheritedPermissionsDisabled": lambda state, item: False,
    "originalFilename": _binary(lambda state, item: item.name),
    "fullFileExtension": _binary(_extension),
    "fileExtension": _binary(_extension),
    "md5Checksum": _binary(lambda state, item: item.checksum(0)),
    "sha1Checksum": _binary(lambda state, item: item.checksum(1)),
    "sha256Checksum": _binary(lambda state, item: item.checksum(2)),
    "size": _binary(lambda state, item: str(item.size)),
    "quotaBytesUsed": lambda state, item: str(item.size or 0),
    "headRevisionId": _binary(lambda state, item: f"0B{item.id[1:]}{item.revision:04}PQ"),
    "isAppAuthorized": lambda state, item: False,
    "shortcutDetails": _shortcut,
    "exportLinks": _exports,
    "thumbnailVersion": lambda state, item: "0",
}


def file(state: DriveStore, item: DriveItem, mask: Mask) -> dict[str, Any]:
    """Return what a mask selects of a file."""
    described = {}
    for name in FILE_FIELDS if mask is None else mask:
        value = FILE_FIELDS[name](state, item) if name in FILE_FIELDS else None
        if value is not None:
            described[name] = value if mask is None else apply_mask(value, mask[name])
    return described


def encode_item(state: DriveStore, item: DriveItem, mask: Mask) -> bytes:
    """Return what a mask selects of a file as JSON, from memory when nothing changed since the last time."""
    if item.encoded is not None and item.encoded[0] is mask:
        return item.encoded[1]
    # A copy: orjson leaves a hole of kilobytes behind each text that is kept.
    text = bytes(memoryview(orjson.dumps(file(state, item, mask))))
    item.encoded = (mask, text)
    return text
