"""Items, people and collaborations as Box describes them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from filesync_dagster.simulators.box.store import ROOT, BoxItem, BoxStore
from filesync_dagster.simulators.kit.people import AccessGrant, person_id, person_name

Document = dict[str, Any]
Field = Callable[[BoxStore, BoxItem], Any]

PACIFIC = timezone(timedelta(hours=-8))  # Box tells times in a zone of its own, in whole seconds
PURGE_SECONDS = 30 * 86_400
ROLES = {"reader": "viewer", "writer": "editor", "owner": "co-owner"}
BASE, MINI = ("type", "id", "etag"), ("type", "id", "sequence_id", "etag", "name")


def time_text(milliseconds: int) -> str:
    """Return a time as Box writes it.

    >>> time_text(1767600000001)
    '2026-01-05T00:00:00-08:00'
    """
    return datetime.fromtimestamp(milliseconds // 1000, UTC).astimezone(PACIFIC).isoformat()


def user(email: str) -> Document:
    """Return a person."""
    return {"type": "user", "id": person_id(email), "name": person_name(email), "login": email}


def describe(store: BoxStore, item: BoxItem, fields: str = "", *, mini: bool = False) -> Document:
    """Return an item: the fields that were asked for, else those that are told unasked."""
    if fields:
        names: tuple[str, ...] = (*BASE, *(name for name in fields.split(",") if name not in BASE))
    else:
        names = (*MINI, "sha1", "file_version", "url") if mini else STANDARD
    told = {name: FIELDS[name](store, item) for name in names if name in FIELDS}
    return {name: value for name, value in told.items() if value is not ABSENT}


def mini_folder(item: BoxItem) -> Document:
    """Return a folder as others name it."""
    numbered = None if item.id == ROOT else str(item.version - 1)
    return {"type": "folder", "id": item.number, "sequence_id": numbered, "etag": numbered, "name": item.name}


def collaboration(item: BoxItem, grant: AccessGrant) -> Document:
    """Return somebody's access to an item."""
    since = time_text(grant.since)
    group = grant.email is None
    who = {"type": "group", "id": grant.id, "name": grant.domain or grant.role} if group else user(grant.email or "")
    return {
        "type": "collaboration",
        "id": f"{item.number[-6:]}{grant.id[:9]}",
        "created_by": user(item.owner or ""),
        "created_at": since,
        "modified_at": since,
        "expires_at": None,
        "status": "accepted",
        "accessible_by": who,
        "invite_email": None,
        "role": ROLES.get(grant.role, grant.role),
        "acknowledged_at": since,
        "item": {**mini_folder(item), "type": item.kind},
    }


ABSENT = object()


def _of(*kinds: str) -> Callable[[Field], Field]:
    return lambda value: lambda store, item: value(store, item) if item.kind in kinds else ABSENT


def _when(milliseconds: Callable[[BoxItem], int]) -> Field:
    return lambda store, item: None if item.id == ROOT or not milliseconds(item) else time_text(milliseconds(item))


def _numbered(store: BoxStore, item: BoxItem) -> str | None:
    return None if item.id == ROOT else str(item.version - 1)


def _path(store: BoxStore, item: BoxItem) -> Document:
    above = []
    folder = store.seen_parent(item)
    while folder is not None:
        above.append(mini_folder(folder))
        folder = store.seen_parent(folder)
    return {"total_count": len(above), "entries": above[::-1]}


def _parent(store: BoxStore, item: BoxItem) -> Document | None:
    folder = store.seen_parent(item)
    return None if folder is None else mini_folder(folder)


def _shared_link(store: BoxStore, item: BoxItem) -> Document | None:
    if item.link is None or item.trashed:
        return None
    return {
        "url": f"https://app.box.com/s/{item.kind[:2]}{item.number}",
        "download_url": None if item.kind == "folder" else f"https://app.box.com/shared/static/{item.number}",
        "vanity_url": None,
        "vanity_name": None,
        "access": item.link,
        "effective_access": item.link,
        "effective_permission": "can_download",
        "unshared_at": None,
        "is_password_enabled": False,
        "permissions": {"can_preview": True, "can_download": True, "can_edit": False},
        "download_count": item.version,
        "preview_count": item.version,
    }


def _version(store: BoxStore, item: BoxItem) -> Document:
    return {"type": "file_version", "id": item.version_id, "sha1": item.sha1}


def _person(store: BoxStore, item: BoxItem) -> Document:
    return user(item.owner or store.account)


_FILE, _CONTENT = _of("file"), _of("file", "folder")
FIELDS: Mapping[str, Field] = {
    "type": lambda store, item: item.kind,
    "id": lambda store, item: item.number,
    "file_version": _FILE(_version),
    "sequence_id": _numbered,
    "etag": _numbered,
    "sha1": _FILE(lambda store, item: item.sha1),
    "name": lambda store, item: item.name,
    "description": lambda store, item: "",
    "size": _CONTENT(lambda store, item: item.size or 0),
    "url": _of("web_link")(lambda store, item: item.url),
    "path_collection": _path,
    "created_at": _when(lambda item: item.created),
    "modified_at": _when(lambda item: item.modified),
    "trashed_at": _when(lambda item: item.trashed_at),
    "purged_at": _when(lambda item: item.trashed_at and item.trashed_at + PURGE_SECONDS * 1000),
    "content_created_at": _CONTENT(_when(lambda item: item.created)),
    "content_modified_at": _CONTENT(_when(lambda item: item.modified)),
    "created_by": _person,
    "modified_by": _person,
    "owned_by": _person,
    "shared_link": _shared_link,
    "parent": _parent,
    "item_status": lambda store, item: "trashed" if item.trashed else "active",
    "has_collaborations": _CONTENT(lambda store, item: bool(item.grants)),
}
STANDARD = tuple(name for name in FIELDS if name != "has_collaborations")
